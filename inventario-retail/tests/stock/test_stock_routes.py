"""Stock over HTTP, through the whole application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from inventario.app import create_app
from inventario.platform.postgres import Database
from inventario.settings import Settings

pytest_plugins = ["stock_shop"]

KEY = {"X-API-Key": "test-key"}


@pytest.fixture
async def client(shop: Database, database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a key, speaking to the application on the shop's database."""
    app = create_app(Settings.model_validate({"database_url": database_url, "dashboard_api_key": "test-key", "inventario_data": tmp_path}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=KEY) as client:
            yield client


def sale(**more: Any) -> dict[str, Any]:
    return {"store": "CENTRO", "sku": "A", "kind": "sale", "quantity": "-1", **more}


async def test_movement_answers_201_with_what_the_till_needs(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/movements", json=sale(), headers={"Idempotency-Key": "k"})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["sequence"], body["state"], body["on_hand"]) == (1, "applied", "-1.000")
    assert answer.headers["Location"] == f"/api/v1/movements/{body['id']}"
    assert (await client.get(answer.headers["Location"])).json()["reversed_by"] is None


async def test_repeated_request_gets_the_same_body_and_says_so(client: httpx.AsyncClient) -> None:
    first = await client.post("/api/v1/movements", json=sale(), headers={"Idempotency-Key": "k"})
    await client.post(f"/api/v1/movements/{first.json()['id']}:reverse")
    second = await client.post("/api/v1/movements", json=sale(), headers={"Idempotency-Key": "k"})
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


async def test_movement_without_a_key_is_400_and_says_what_to_send(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/movements", json=sale())
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert "UUID" in answer.json()["errors"][0]["remedy"]


async def test_a_missing_key_is_told_before_anything_wrong_with_the_body(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/v1/movements", json={"store": "CENTRO"})).status_code == 400


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"quantity": "1"}, "quantity"),
        ({"quantity": None}, "quantity"),
        ({"counted": "3"}, "counted"),
        ({"kind": "count", "expected": "3"}, "expected"),
        ({"reason": "a\x00b"}, "reason"),
        ({"device": "a\x00b"}, "device"),
        ({"store": "a\x00b"}, "store"),
    ],
)
async def test_what_contradicts_the_kind_is_told_at_its_field(client: httpx.AsyncClient, more: dict[str, Any], field: str) -> None:
    answer = await client.post("/api/v1/movements", json=sale(**more), headers={"Idempotency-Key": "k"})
    assert field in {error["field"] for error in answer.json()["errors"]}


async def test_a_wrong_sign_and_a_wrong_field_are_told_together(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/movements", json=sale(quantity="1", colour="red"), headers={"Idempotency-Key": "k"})
    assert {error["field"] for error in answer.json()["errors"]} == {"quantity", "colour"}


async def test_text_that_is_no_json_is_told_of_the_body(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await client.post("/api/v1/movements", content=b"{", headers=headers)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["body"]


@pytest.mark.parametrize(
    "path",
    ["stock?store=a%00b", "stock?sku=a%00b", "movements?sku=a%00b", "movements?since=%D9%A3", "products/a%00b/history", "movements/a%00b"],
)
async def test_odd_characters_in_an_address_are_an_error_of_the_request(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/api/v1/{path}")).status_code in {404, 422}


async def test_all_wrong_fields_are_named_at_once(client: httpx.AsyncClient) -> None:
    wrong = {"store": "", "sku": "A", "kind": "gift", "quantity": "1,5", "colour": "red", "occurred_at": "2026-03-01T10:00:00"}
    answer = await client.post("/api/v1/movements", json=wrong, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"store", "kind", "quantity", "colour", "occurred_at"}
    assert all(error["remedy"] for error in answer.json()["errors"])


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"quantity": "1"}, "a sale takes goods out"),
        ({"quantity": "0"}, "changes nothing"),
        ({"quantity": None}, "quantity is missing"),
        ({"kind": "receipt"}, "a receipt brings goods in"),
        ({"kind": "count", "quantity": None}, "what lies on the shelf"),
        ({"kind": "count", "counted": "3"}, "quantity of a count"),
        ({"counted": "3"}, "only a count has it"),
        ({"quantity": "-1.0001"}, "decimal places"),
        ({"quantity": "-1e20"}, "digits"),
        ({"quantity": "NaN"}, "finite"),
        ({"reason": "a\x00b"}, "pattern"),
    ],
)
async def test_a_movement_that_makes_no_sense_says_why(client: httpx.AsyncClient, more: dict[str, Any], says: str) -> None:
    answer = await client.post("/api/v1/movements", json=sale(**more), headers={"Idempotency-Key": "k"})
    assert answer.status_code == 422
    assert says in answer.text


async def test_short_stock_is_409_with_what_is_there(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/movements", json=sale(store="STRICT"), headers={"Idempotency-Key": "k"})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("insufficient_stock")
    assert answer.json()["on_hand"] == "0.000"


async def test_batch_answers_each_item(client: httpx.AsyncClient) -> None:
    items = [{**sale(), "key": "1"}, {**sale(sku="NOTHING"), "key": "2"}, {**sale(), "key": "1"}]
    answer = await client.post("/api/v1/movements:batch", json={"movements": items})
    assert answer.status_code == 200
    assert [(item["key"], item["status"], item["replayed"]) for item in answer.json()["items"]] == [
        ("1", 201, False),
        ("2", 422, False),
        ("1", 201, True),
    ]
    assert answer.json()["items"][1]["problem"]["errors"][0]["field"] == "sku"
    undone = await client.post(f"/api/v1/batches/{answer.json()['batch']}:reverse")
    assert undone.json()["reversed"] == 1


async def test_one_item_that_makes_no_sense_does_not_stop_the_others(client: httpx.AsyncClient) -> None:
    items: list[Any] = [{**sale(), "key": "1"}, {**sale(quantity="1"), "key": "2"}, "nonsense", {"store": "CENTRO"}, {**sale(), "key": "3"}]
    answer = await client.post("/api/v1/movements:batch", json={"movements": items})
    assert [(item["key"], item["status"]) for item in answer.json()["items"]] == [
        ("1", 201),
        ("2", 422),
        (None, 422),
        (None, 422),
        ("3", 201),
    ]
    assert answer.json()["items"][1]["problem"]["errors"][0]["field"] == "quantity"


async def test_a_transfer_names_the_line_at_fault(client: httpx.AsyncClient) -> None:
    lines = [{"sku": "A", "quantity": "2"}, {"sku": "NOTHING", "quantity": "1"}]
    body = {"from_store": "CENTRO", "to_store": "STRICT", "lines": lines}
    answer = await client.post("/api/v1/transfers", json=body, headers={"Idempotency-Key": "t"})
    assert answer.status_code == 409
    assert {error["field"] for error in answer.json()["errors"]} == {"lines.0.quantity", "lines.1.sku"}


async def test_a_batch_whose_stock_is_locked_can_be_reversed_later(client: httpx.AsyncClient, shop: Database) -> None:
    answer = await client.post("/api/v1/movements:batch", json={"movements": [{**sale(), "key": "1"}]})
    path = f"/api/v1/batches/{answer.json()['batch']}:reverse"
    async with shop.connection() as other, other.transaction():
        await other.execute("SELECT FROM stock_levels FOR UPDATE")
        refused = await client.post(path)
    assert (refused.status_code, refused.headers["Retry-After"]) == (409, "2")
    assert (await client.post(path)).json()["reversed"] == 1


async def test_a_batch_of_more_than_a_thousand_is_refused(client: httpx.AsyncClient) -> None:
    items = [{**sale(), "key": str(n)} for n in range(1001)]
    answer = await client.post("/api/v1/movements:batch", json={"movements": items})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "movements"


async def test_stock_and_history_and_proof(client: httpx.AsyncClient) -> None:
    await client.post("/api/v1/movements", json=sale(kind="receipt", quantity="12.5"), headers={"Idempotency-Key": "k"})
    [level] = (await client.get("/api/v1/stock", params={"store": "CENTRO", "sku": "A"})).json()["items"]
    assert (level["on_hand"], level["confirmed"], level["pending"]) == ("12.500", "12.500", "0.000")
    assert level["as_of"]
    [history] = (await client.get("/api/v1/products/A/history", params={"days": 7})).json()["items"]
    assert [day["on_hand"] for day in history["days"]][-2:] == ["0.000", "12.500"]
    assert (await client.get("/api/v1/ledger/proof")).json()["mismatches"] == 0


@pytest.mark.parametrize("path", ["/api/v1/stock?store=NO", "/api/v1/movements?sku=NO", "/api/v1/products/NO/history"])
async def test_unknown_names_are_404_with_a_remedy(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json()["remedy"]


async def test_transfer_over_http(client: httpx.AsyncClient) -> None:
    await client.post("/api/v1/movements", json=sale(kind="receipt", quantity="5"), headers={"Idempotency-Key": "k"})
    body = {"from_store": "CENTRO", "to_store": "STRICT", "lines": [{"sku": "A", "quantity": "2"}]}
    assert (await client.post("/api/v1/transfers", json=body)).status_code == 400
    made = await client.post("/api/v1/transfers", json=body, headers={"Idempotency-Key": "t"})
    assert (made.status_code, made.json()["state"]) == (201, "in_transit")
    received = await client.post(f"{made.headers['Location']}:receive")
    assert (received.status_code, received.json()["state"]) == (200, "received")
    again = await client.post(f"{made.headers['Location']}:receive")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert [item["id"] for item in (await client.get("/api/v1/transfers")).json()["items"]] == [made.json()["id"]]


async def test_goods_that_would_overflow_a_level_stay_in_transit_and_say_why(client: httpx.AsyncClient) -> None:
    for store, quantity in (("CENTRO", "2"), ("STRICT", "99999999999.999")):
        body = sale(store=store, kind="receipt", quantity=quantity)
        assert (await client.post("/api/v1/movements", json=body, headers={"Idempotency-Key": store})).status_code == 201
    transfer = {"from_store": "CENTRO", "to_store": "STRICT", "lines": [{"sku": "A", "quantity": "1"}]}
    made = await client.post("/api/v1/transfers", json=transfer, headers={"Idempotency-Key": "t"})
    answer = await client.post(f"{made.headers['Location']}:receive")
    assert answer.status_code == 422
    assert "too large" in answer.json()["detail"]


@pytest.mark.parametrize(
    "place", [["x", "y"], ["99999999999999999999", "y"], ["1", "00000000-0000-0000-0000-00000000000g"], ["1:x"], ["1:9999999999999999999"]]
)
async def test_a_cursor_with_a_place_of_somebody_s_own_is_refused(client: httpx.AsyncClient, place: list[str]) -> None:
    from inventario.paging import Cursor

    for path, of in (
        ("movements", ("movements", None, None, None)),
        ("movements?sku=A", ("movements", None, "A", None)),
        ("transfers", ("transfers", None)),
    ):
        cursor = Cursor(of).write(*place)
        answer = await client.get(f"/api/v1/{path}", params={"cursor": cursor, **({"sku": "A"} if "sku" in path else {})})
        assert answer.status_code == 422, answer.text
