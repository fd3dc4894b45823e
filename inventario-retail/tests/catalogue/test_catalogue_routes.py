"""The catalogue over HTTP, through the whole application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from inventario.catalogue.schemas import StoreCreate, StoreEdit
from inventario.catalogue.service import Catalogue
from inventario.errors import Invalid

pytest_plugins = ["catalogue_shop"]

Api = httpx.AsyncClient
Add = Callable[..., Any]
COLA = {"sku": "COLA-225", "name": "Gaseosa cola 2,25 l", "unit": "unit"}


def problems(answer: httpx.Response) -> dict[str, str]:
    """What is wrong with each field; every one has a remedy."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert all(error["remedy"] for error in body.get("errors", []))
    assert body.get("remedy") or body.get("errors")
    return {error["field"]: error["detail"] for error in body.get("errors", [])}


# Creating


async def test_sku_name_and_unit_are_enough(api: Api) -> None:
    answer = await api.post("/products", json=COLA)
    assert answer.status_code == 201
    assert (answer.headers["location"], answer.headers["etag"]) == ("/api/v1/products/COLA-225", '"1"')
    body = answer.json()
    assert {
        name: body[name] for name in ("category", "supplier", "cost", "price", "reorder_point", "reorder_quantity", "allow_oversell")
    } == dict.fromkeys(("category", "supplier", "cost", "price", "reorder_point", "reorder_quantity", "allow_oversell"))
    assert (body["vat_rate"], body["barcodes"], body["status"], body["version"]) == ("21.00", [], "active", 1)


async def test_a_whole_product_comes_back_as_it_was_sent(api: Api) -> None:
    await api.post("/suppliers", json={"code": "BEBIDAS", "name": "Distribuidora"})
    sent = COLA | {
        "category": "Bebidas / Gaseosas",
        "supplier": "bebidas",
        "cost": "980.5",
        "price": "1850",
        "vat_rate": "10.5",
        "barcodes": ["779-0895-00099-7", "036000291452", "cola"],
        "reorder_point": "12",
        "reorder_quantity": "24",
        "allow_oversell": False,
    }
    created = (await api.post("/products", json=sent)).json()
    assert created == (await api.get("/products/COLA-225")).json() | {"updated_at": created["updated_at"]}
    assert created["barcodes"] == [
        {"code": "0036000291452", "kind": "upca"},
        {"code": "7790895000997", "kind": "ean13"},
        {"code": "COLA", "kind": "internal"},
    ]
    shown = {
        name: created[name]
        for name in ("category", "supplier", "cost", "price", "vat_rate", "reorder_point", "reorder_quantity", "allow_oversell")
    }
    assert shown == {
        "category": "Bebidas/Gaseosas",
        "supplier": "BEBIDAS",
        "cost": "980.5000",
        "price": "1850.00",
        "vat_rate": "10.50",
        "reorder_point": "12.000",
        "reorder_quantity": "24.000",
        "allow_oversell": False,
    }


async def test_everything_wrong_is_told_at_once(api: Api) -> None:
    sent = {
        "sku": "ä b",
        "name": " ",
        "unit": "litro",
        "price": "-1",
        "cost": "1.23456",
        "vat_rate": "101",
        "category": "a//b",
        "barcodes": ["7790895000991", "COLA"],
        "reorder_quantity": "0",
        "colour": "red",
    }
    answer = await api.post("/products", json=sent)
    assert answer.status_code == 422
    found = problems(answer)
    assert set(found) == {"sku", "name", "unit", "price", "cost", "vat_rate", "category", "barcodes.0", "reorder_quantity", "colour"}
    assert "7 would be right" in found["barcodes.0"]
    assert (await api.get("/products")).json()["items"] == []


@pytest.mark.parametrize("price", ["1e400", "NaN", "Infinity", True, [], {}, "1.000,50", "12345678901234567"])
async def test_a_price_that_is_none_is_refused(api: Api, price: Any) -> None:
    answer = await api.post("/products", json=COLA | {"price": price})
    assert answer.status_code == 422
    assert set(problems(answer)) == {"price"}


@pytest.mark.parametrize("name", ["a\u0000b", "\ud800", "x" * 301])
async def test_a_name_that_cannot_be_kept_is_refused(api: Api, name: str) -> None:
    # httpx would not encode half a character; JSON can write it.
    import json

    answer = await api.post("/products", content=json.dumps(COLA | {"name": name}), headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert set(problems(answer)) == {"name"}


async def test_an_unknown_supplier_is_refused_and_nothing_is_left_behind(api: Api) -> None:
    answer = await api.post("/products", json=COLA | {"supplier": "NOBODY", "category": "New"})
    assert answer.status_code == 422
    assert set(problems(answer)) == {"supplier"}
    assert (await api.get("/categories")).json()["items"] == []


async def test_a_taken_sku_and_taken_barcodes_are_named_with_who_has_them(api: Api) -> None:
    await api.post("/products", json=COLA | {"barcodes": ["7790895000997"]})
    await api.post("/products", json=COLA | {"sku": "OTHER", "name": "Other thing", "barcodes": ["X1"]})
    answer = await api.post("/products", json=COLA | {"sku": "cola-225", "barcodes": ["NEW", "x1", "7790895000997"]})
    assert answer.status_code == 409
    found = problems(answer)
    assert set(found) == {"sku", "barcodes.1", "barcodes.2"}
    assert "Gaseosa cola 2,25 l" in found["sku"]
    assert "OTHER" in found["barcodes.1"]
    assert "COLA-225" in found["barcodes.2"]
    assert (await api.get("/barcodes/NEW")).status_code == 404


async def test_categories_that_differ_in_accents_and_case_are_one(api: Api) -> None:
    await api.post("/products", json=COLA | {"category": "Almacén/Yerba"})
    again = (await api.post("/products", json=COLA | {"sku": "B", "category": "ALMACEN/Té"})).json()
    assert again["category"] == "Almacén/Té"
    assert [item["path"] for item in (await api.get("/categories")).json()["items"]] == ["Almacén", "Almacén/Té", "Almacén/Yerba"]


async def test_a_category_that_exists_is_a_conflict(api: Api) -> None:
    first = await api.post("/categories", json={"path": "Bebidas/Gaseosas"})
    assert (first.status_code, first.json()) == (201, {"path": "Bebidas/Gaseosas", "name": "Gaseosas", "parent": "Bebidas"})
    second = await api.post("/categories", json={"path": "bebidas/gaseosas"})
    assert second.status_code == 409
    assert "Bebidas/Gaseosas" in problems(second)["path"]


# Reading


async def test_a_product_is_found_whatever_the_case_of_its_sku(api: Api) -> None:
    await api.post("/products", json=COLA)
    assert (await api.get("/products/cola-225")).json()["sku"] == "COLA-225"


@pytest.mark.parametrize("sku", ["NOBODY", "a%00b", "%F0%9F%98%80", "x" * 500])
async def test_an_unknown_product_is_404_with_a_remedy(api: Api, sku: str) -> None:
    answer = await api.get(f"/products/{sku}")
    assert answer.status_code == 404
    problems(answer)


async def test_a_barcode_leads_to_its_product_and_price(api: Api) -> None:
    await api.post("/products", json=COLA | {"price": "10.5", "barcodes": ["036000291452"]})
    for scanned in ("036000291452", "0036000291452", "0-36000-29145-2", "0 36000 29145 2"):
        answer = await api.get(f"/barcodes/{scanned}")
        assert answer.status_code == 200
        body = answer.json()
        assert (body["code"], body["kind"], body["product"]["sku"], body["product"]["price"]) == (
            "0036000291452",
            "upca",
            "COLA-225",
            "10.50",
        )


async def test_an_unknown_barcode_is_404_with_a_remedy(api: Api) -> None:
    answer = await api.get("/barcodes/7790895000997")
    assert answer.status_code == 404
    assert "7790895000997" in answer.json()["detail"]
    problems(answer)


async def test_a_misread_barcode_is_told_the_right_check_digit(api: Api) -> None:
    answer = await api.get("/barcodes/7790895000991")
    assert answer.status_code == 422
    assert "7 would be right" in problems(answer)["code"]


# Editing


async def test_an_edit_by_if_match_changes_what_is_sent_and_counts_the_version(api: Api) -> None:
    await api.post("/products", json=COLA | {"cost": "1", "category": "A"})
    answer = await api.patch("/products/COLA-225", json={"name": "Cola", "cost": None, "category": "B/C"}, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    body = answer.json()
    assert (body["name"], body["cost"], body["category"], body["unit"], body["version"]) == ("Cola", None, "B/C", "unit", 2)
    assert body == (await api.get("/products/COLA-225")).json()


async def test_an_edit_by_version_in_the_body(api: Api) -> None:
    await api.post("/products", json=COLA)
    assert (await api.patch("/products/COLA-225", json={"status": "discontinued", "version": 1})).json()["status"] == "discontinued"


@pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}])
async def test_an_edit_without_a_version_is_428(api: Api, headers: dict[str, str]) -> None:
    await api.post("/products", json=COLA)
    answer = await api.patch("/products/COLA-225", json={"name": "Cola"}, headers=headers)
    assert answer.status_code == 428
    problems(answer)


@pytest.mark.parametrize("tag", ["3", '"x"', '"1", "2"', '""'])
async def test_an_entity_tag_that_is_not_ours_is_refused(api: Api, tag: str) -> None:
    await api.post("/products", json=COLA)
    answer = await api.patch("/products/COLA-225", json={"name": "Cola"}, headers={"If-Match": tag})
    assert answer.status_code == 422
    assert set(problems(answer)) == {"If-Match"}


async def test_two_versions_that_contradict_each_other_are_refused(api: Api) -> None:
    await api.post("/products", json=COLA)
    answer = await api.patch("/products/COLA-225", json={"name": "Cola", "version": 2}, headers={"If-Match": '"1"'})
    assert answer.status_code == 422
    assert set(problems(answer)) == {"version"}


@pytest.mark.parametrize(("by", "status"), [("header", 412), ("body", 409)])
async def test_a_stale_edit_is_told_the_version_and_the_fields_that_differ(api: Api, by: str, status: int) -> None:
    await api.post("/products", json=COLA | {"price": "10"})
    await api.patch("/products/COLA-225", json={"name": "Cola", "version": 1})
    late = {"name": "Coke", "unit": "unit", "price": "11", "category": "New"} | ({"version": 1} if by == "body" else {})
    answer = await api.patch("/products/COLA-225", json=late, headers={"If-Match": '"1"'} if by == "header" else {})
    assert answer.status_code == status
    body = answer.json()
    assert body["current_version"] == 2
    assert body["differences"] == [
        {"field": "name", "current": "Cola", "yours": "Coke"},
        {"field": "category", "current": None, "yours": "New"},
        {"field": "price", "current": "10.00", "yours": "11"},
    ] or {difference["field"] for difference in body["differences"]} == {"name", "price", "category"}
    assert set(problems(answer)) == {"name", "price", "category"}
    # What the edit would have made on the way is not there either.
    assert (await api.get("/categories")).json()["items"] == []


async def test_an_edit_that_changes_nothing_leaves_the_version(api: Api) -> None:
    await api.post("/products", json=COLA | {"price": "10", "category": "A", "barcodes": ["X", "Y"]})
    answer = await api.patch("/products/COLA-225", json={"version": 1, "price": "10.00", "category": "a", "barcodes": ["Y", "x"]})
    assert (answer.status_code, answer.json()["version"]) == (200, 1)


async def test_barcodes_are_replaced_as_a_whole(api: Api) -> None:
    await api.post("/products", json=COLA | {"barcodes": ["X", "Y"]})
    sent = {"version": 1, "barcodes": [{"code": "Y", "kind": "internal"}, "Z"]}
    body = (await api.patch("/products/COLA-225", json=sent)).json()
    assert [barcode["code"] for barcode in body["barcodes"]] == ["Y", "Z"]
    assert (await api.get("/barcodes/X")).status_code == 404


async def test_a_barcode_of_another_product_is_a_conflict_and_changes_nothing(api: Api) -> None:
    await api.post("/products", json=COLA | {"barcodes": ["X"]})
    await api.post("/products", json=COLA | {"sku": "B", "name": "B", "barcodes": ["Y"]})
    answer = await api.patch("/products/b", json={"version": 1, "name": "C", "barcodes": ["Y", "X"]})
    assert answer.status_code == 409
    found = problems(answer)
    assert set(found) == {"barcodes.1"}
    assert "COLA-225" in found["barcodes.1"]
    assert (await api.get("/products/B")).json()["name"] == "B"


@pytest.mark.parametrize("field", ["name", "unit", "vat_rate", "barcodes", "status"])
async def test_what_cannot_be_empty_cannot_be_null(api: Api, field: str) -> None:
    await api.post("/products", json=COLA)
    answer = await api.patch("/products/COLA-225", json={"version": 1, field: None})
    assert answer.status_code == 422
    assert set(problems(answer)) == {field}


async def test_the_sku_never_changes(api: Api) -> None:
    await api.post("/products", json=COLA)
    assert set(problems(await api.patch("/products/COLA-225", json={"version": 1, "sku": "B"}))) == {"sku"}


async def test_an_edit_of_an_unknown_product_is_404(api: Api) -> None:
    assert (await api.patch("/products/NOBODY", json={"version": 1, "name": "B"})).status_code == 404


# Lists


async def test_a_list_is_paged_by_name(api: Api, add: Add) -> None:
    for number, name in enumerate(["Ñandú", "azúcar", "Ananá", "Zapallo", "Batata"]):
        await add(f"P{number}", name)
    names, cursor = [], None
    while True:
        page = (await api.get("/products", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == ["Ananá", "azúcar", "Batata", "Ñandú", "Zapallo"]


async def test_a_list_is_filtered_by_category_supplier_and_status(api: Api, add: Add) -> None:
    await api.post("/suppliers", json={"code": "S", "name": "S"})
    await add("A", category="Bebidas/Gaseosas", supplier="S")
    await add("B", category="Bebidas")
    await add("C", category="Bebidas y más", supplier="S")
    await api.patch("/products/B", json={"version": 1, "status": "discontinued"})

    async def found(**params: str) -> list[str]:
        return [item["sku"] for item in (await api.get("/products", params=params)).json()["items"]]

    assert await found(category="bebidas") == ["A", "B"]
    assert await found(category="Bebidas", status="active") == ["A"]
    assert await found(supplier="s") == ["A", "C"]
    assert await found(supplier="s", category="Bebidas") == ["A"]
    assert await found(status="discontinued") == ["B"]
    assert await found(category="Nowhere") == await found(supplier="NOBODY") == []


@pytest.mark.parametrize("path", ["/products", "/stores", "/suppliers", "/categories"])
async def test_a_bad_cursor_says_so(api: Api, path: str) -> None:
    answer = await api.get(path, params={"cursor": "bnVsbA"})
    assert answer.status_code == 422
    assert set(problems(answer)) == {"cursor"}


async def test_a_cursor_of_another_search_says_so(api: Api, add: Add) -> None:
    await add("A", "Leche")
    await add("B", "Leche")
    cursor = (await api.get("/products", params={"q": "leche", "limit": 1})).json()["next"]
    answer = await api.get("/products", params={"q": "yerba", "limit": 1, "cursor": cursor})
    assert answer.status_code == 422
    assert "another" in problems(answer)["cursor"]


@pytest.mark.parametrize("limit", ["0", "201", "x"])
async def test_a_limit_out_of_bounds_says_so(api: Api, limit: str) -> None:
    assert set(problems(await api.get("/products", params={"limit": limit}))) == {"limit"}


# Stores


async def test_code_and_name_are_enough_for_a_store(api: Api) -> None:
    answer = await api.post("/stores", json={"code": "CENTRO", "name": "Local del centro"})
    assert (answer.status_code, answer.headers["location"], answer.headers["etag"]) == (201, "/api/v1/stores/CENTRO", '"1"')
    body = answer.json()
    assert (body["time_zone"], body["allow_oversell"], body["version"]) == ("America/Argentina/Buenos_Aires", True, 1)
    assert body == (await api.get("/stores/centro")).json()


async def test_a_store_in_no_time_zone_is_refused(api: Api) -> None:
    answer = await api.post("/stores", json={"code": "A", "name": "A", "time_zone": "Mars/Olympus"})
    assert answer.status_code == 422
    assert set(problems(answer)) == {"time_zone"}


async def test_a_time_zone_that_only_the_database_does_not_know_is_refused(catalogue: Catalogue) -> None:
    await catalogue.create_store(StoreCreate.model_construct(code="A", name="A", time_zone="UTC", allow_oversell=True))
    for attempt in (
        catalogue.create_store(StoreCreate.model_construct(code="B", name="B", time_zone="Mars/Olympus", allow_oversell=True)),
        catalogue.edit_store("A", StoreEdit.model_construct({"time_zone"}, time_zone="Mars/Olympus"), 1),
    ):
        with pytest.raises(Invalid) as caught:
            await attempt
        assert caught.value.errors[0].field == "time_zone"


async def test_a_taken_store_code_is_a_conflict(api: Api) -> None:
    await api.post("/stores", json={"code": "CENTRO", "name": "Local del centro"})
    answer = await api.post("/stores", json={"code": "centro", "name": "Other"})
    assert answer.status_code == 409
    assert "Local del centro" in problems(answer)["code"]


async def test_a_store_is_edited_with_its_version(api: Api) -> None:
    await api.post("/stores", json={"code": "CENTRO", "name": "A"})
    edited = await api.patch("/stores/centro", json={"name": "B", "allow_oversell": False}, headers={"If-Match": '"1"'})
    assert (edited.status_code, edited.json()["name"], edited.json()["version"]) == (200, "B", 2)
    stale = await api.patch("/stores/CENTRO", json={"name": "C", "version": 1})
    assert (stale.status_code, stale.json()["differences"]) == (409, [{"field": "name", "current": "B", "yours": "C"}])
    assert (await api.patch("/stores/CENTRO", json={"name": "C"})).status_code == 428
    assert (await api.patch("/stores/NOBODY", json={"name": "C", "version": 1})).status_code == 404


async def test_stores_are_paged_by_code(api: Api) -> None:
    for code in ("b", "A", "c"):
        await api.post("/stores", json={"code": code, "name": code})
    first = (await api.get("/stores", params={"limit": 2})).json()
    second = (await api.get("/stores", params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["code"] for item in [*first["items"], *second["items"]]] == ["A", "b", "c"]
    assert second["next"] is None


async def test_categories_are_paged_in_the_order_of_the_tree(api: Api) -> None:
    for path in ("Bebidas/Vinos", "Bebidas y más", "Almacén", "Bebidas/Aguas"):
        await api.post("/categories", json={"path": path})
    seen, cursor = [], None
    while True:
        page = (await api.get("/categories", params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [item["path"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ["Almacén", "Bebidas y más", "Bebidas", "Bebidas/Aguas", "Bebidas/Vinos"]
