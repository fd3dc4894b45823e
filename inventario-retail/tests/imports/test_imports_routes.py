"""Imports over HTTP, through the whole application."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from inventario.errors import DependencyUnavailable
from inventario.imports import routes, uploads
from inventario.platform.postgres import Database

Api = httpx.AsyncClient
GOOD = "sucursal;sku;tipo;cantidad\nCENTRO;A;compra;10\nCENTRO;B;compra;5\n"
BAD = "sucursal;sku;tipo;cantidad\nCENTRO;Z;compra;x\nNORTE;A;venta;1\n"


async def send(api: Api, text: str | bytes, *, name: str = "lista.csv", **fields: str) -> httpx.Response:
    content = text.encode() if isinstance(text, str) else text
    return await api.post("/imports", files={"file": (name, content, "text/csv")}, data=fields)


async def on_hand(api: Api) -> dict[str, str]:
    return {item["sku"]: item["on_hand"] for item in (await api.get("/stock")).json()["items"]}


async def test_a_file_is_applied(api: Api, data_directory: Path) -> None:
    answer = await send(api, GOOD)

    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/imports/{body['id']}"
    assert (body["state"], body["kind"], body["file_name"], body["rows"], body["applied"]) == ("applied", "movements", "lista.csv", 2, 2)
    assert {column["header"]: column["field"] for column in body["columns"]} == {
        "sucursal": "store",
        "sku": "sku",
        "tipo": "kind",
        "cantidad": "quantity",
    }
    assert await on_hand(api) == {"A": "10.000", "B": "5.000"}
    assert list((data_directory / "uploads").iterdir()) == []


async def test_a_dry_run_is_shown_and_then_applied(api: Api) -> None:
    answer = await send(api, GOOD, dry_run="true")
    shown = answer.json()
    assert (answer.status_code, shown["state"], shown["errors"]) == (200, "checked", [])
    assert shown["movements"]["groups"] == [{"store": "CENTRO", "kind": "receipt", "rows": 2, "quantity": "15.000"}]
    assert await on_hand(api) == {}

    applied = await api.post(f"/imports/{shown['id']}:apply")

    assert (applied.status_code, applied.json()["state"]) == (201, "applied")
    assert await on_hand(api) == {"A": "10.000", "B": "5.000"}


async def test_a_dry_run_with_errors_is_an_answer(api: Api) -> None:
    answer = await send(api, BAD, dry_run="true")

    body = answer.json()
    assert (answer.status_code, body["state"], body["error_total"]) == (200, "failed", 4)
    assert [(error["line"], error["column"], error["value"]) for error in body["errors"]] == [
        (2, "cantidad", "x"),
        (2, "sku", "Z"),
        (3, "cantidad", "1"),
        (3, "sucursal", "NORTE"),
    ]
    assert all(error["detail"] and error["remedy"] for error in body["errors"])


async def test_a_real_run_with_errors_is_a_problem_with_all_of_them(api: Api) -> None:
    answer = await send(api, BAD)

    body = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"].endswith("import-failed")
    assert (body["error_total"], len(body["errors"])) == (4, 4)
    assert body["errors"][0]["field"] == "line 2, cantidad"
    assert set(body["errors"][0]) == {"field", "line", "column", "value", "detail", "remedy"}
    assert (await api.get(f"/imports/{body['import']}")).json()["state"] == "failed"
    assert (await api.post(f"/imports/{body['import']}:apply")).status_code == 422


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n1234", b"color;talle\nrojo;1\n", b"PK\x03\x04...."])
async def test_what_is_no_table_is_a_problem_also_in_a_dry_run(api: Api, content: bytes) -> None:
    answer = await send(api, content, dry_run="true")

    body = answer.json()
    assert answer.status_code == 422
    assert body["type"].endswith("import-failed")
    assert body["errors"][0]["remedy"]


async def test_the_same_content_again_is_a_conflict_that_names_the_first(api: Api) -> None:
    first = (await send(api, GOOD)).json()

    answer = await send(api, GOOD, name="copia.csv")

    body = answer.json()
    assert (answer.status_code, body["import"]) == (409, first["id"])
    assert body["type"].endswith("already-imported")
    assert "again=true" in body["remedy"]
    assert (await send(api, GOOD, again="true")).status_code == 201
    assert await on_hand(api) == {"A": "20.000", "B": "10.000"}


async def test_an_import_is_taken_back(api: Api) -> None:
    done = (await send(api, GOOD)).json()

    answer = await api.post(f"/imports/{done['id']}:reverse")

    assert (answer.status_code, answer.json()["state"], answer.json()["reversal"]["reversed"]) == (200, "reversed", 2)
    assert await on_hand(api) == {"A": "0.000", "B": "0.000"}
    assert (await api.post(f"/imports/{done['id']}:reverse")).status_code == 409


async def test_imports_are_listed_and_looked_up(api: Api) -> None:
    ids = [(await send(api, GOOD + f"CENTRO;A;compra;{number}\n", dry_run="true")).json()["id"] for number in range(1, 4)]

    page = (await api.get("/imports", params={"limit": 2})).json()
    rest = (await api.get("/imports", params={"limit": 2, "cursor": page["next"]})).json()

    assert [item["id"] for item in page["items"] + rest["items"]] == ids[::-1]
    assert (await api.get(f"/imports/{ids[0]}")).json()["progress"] == {
        "phase": "waiting",
        "running": False,
        "percent": 100,
        "rows_read": 3,
        "rows_expected": 3,
    }
    assert (await api.get(f"/imports/{uuid4()}")).status_code == 404
    assert (await api.post(f"/imports/{uuid4()}:apply")).status_code == 404
    assert (await api.get("/imports", params={"cursor": "x"})).status_code == 422


async def test_all_wrong_fields_are_named(api: Api, data_directory: Path) -> None:
    answer = await send(api, GOOD, kind="invoices", decimal="semicolon", colour="red")

    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"kind", "decimal", "colour"}
    assert list((data_directory / "uploads").iterdir()) == []


@pytest.mark.parametrize("field", ["sheet", "store", "kind", "dry_run"])
async def test_a_nul_in_a_field_is_refused(api: Api, data_directory: Path, field: str) -> None:
    answer = await send(api, GOOD, **{field: "a\0b"})

    assert answer.status_code == 422
    assert [(error["field"], error["remedy"]) for error in answer.json()["errors"]] == [(field, "leave that out")]
    assert list((data_directory / "uploads").iterdir()) == []


async def test_empty_fields_of_a_form_say_nothing(api: Api) -> None:
    answer = await send(api, "sku;cantidad\nA;3\n", store="CENTRO", movement="opening", kind="", decimal="", unsigned="")

    assert answer.status_code == 201
    assert await on_hand(api) == {"A": "3.000"}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "application/json"),
        (b'--x\r\nContent-Disposition: form-data; name="kind"\r\n\r\nproducts\r\n--x--\r\n', "multipart/form-data; boundary=x"),
        (b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nsku', "multipart/form-data; boundary=x"),
        (b"nonsense", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
        (
            b"--x\r\n" + b'Content-Disposition: form-data; name="kind"\r\n\r\n' + b"p" * 20_000 + b"\r\n--x--\r\n",
            "multipart/form-data; boundary=x",
        ),
        (b"--" + b"x" * 300 + b"--", "multipart/form-data; boundary=" + "x" * 300),
        (b"--x\r\nX-Long: " + b"h" * 2_000_000, "multipart/form-data; boundary=x"),
        (b"--x\r\n" + b"X-Many: " * 1_000 + (b"\r\nX: " + b"h" * 4_000) * 6, "multipart/form-data; boundary=x"),
    ],
)
async def test_a_body_that_is_no_form_with_a_file_is_refused(api: Api, data_directory: Path, content: bytes, kind: str) -> None:
    answer = await api.post("/imports", content=content, headers={"Content-Type": kind})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["file"]
    assert not (data_directory / "uploads").exists() or list((data_directory / "uploads").iterdir()) == []


async def test_two_files_at_once_are_refused(api: Api) -> None:
    answer = await api.post("/imports", files=[("file", ("a.csv", b"sku;nombre\n")), ("file", ("b.csv", b"sku;nombre\n"))])

    assert answer.status_code == 422
    assert "several files" in answer.json()["detail"]


async def test_too_large_a_file_is_refused_before_it_is_read(api: Api) -> None:
    answer = await api.post(
        "/imports", content=b"", headers={"Content-Length": str(300 * 2**20), "Content-Type": "multipart/form-data; boundary=x"}
    )

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_client_that_goes_away_leaves_no_file(data_directory: Path) -> None:
    async def cut_off() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nsku;nombre\n'
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await uploads.receive(cut_off(), "multipart/form-data; boundary=x", data_directory)
    assert not any(data_directory.iterdir())  # noqa: ASYNC240 - one look at an empty directory


async def test_a_full_disk_is_told_and_leaves_no_file(data_directory: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        yield b"sku;nombre\n" * 100_000
        yield b"\r\n--x--\r\n"

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(DependencyUnavailable, match="cannot be written"):
            await uploads.receive(body(), "multipart/form-data; boundary=x", data_directory)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not any(data_directory.iterdir())  # noqa: ASYNC240


async def test_only_the_name_of_a_file_is_kept(api: Api) -> None:
    assert (await send(api, GOOD, name="..\\..\\secreto\\lista.csv", dry_run="true")).json()["file_name"] == "lista.csv"


async def test_what_takes_longer_goes_on_by_itself(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "_WITHIN", 0.0)
    answer = await send(api, "sucursal;sku;tipo;cantidad\n" + "CENTRO;A;compra;1\n" * 20_000)
    body = answer.json()
    assert answer.status_code == 202
    assert body["progress"]["running"]

    async with asyncio.timeout(60):
        while (found := (await api.get(answer.headers["location"].removeprefix("/api/v1"))).json())["progress"]["running"]:
            assert found["state"] in {"staging", "checked", "applying", "applied"}

    assert (found["state"], found["applied"]) == ("applied", 20_000)
    assert await on_hand(api) == {"A": "20000.000"}


async def test_a_schema_stands_in_the_documentation(api: Api) -> None:
    document: dict[str, Any] = (await api.get("/openapi.json")).json()

    form = document["paths"]["/api/v1/imports"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert {"file", "kind", "dry_run", "store", "decimal", "date_order"} <= set(form["properties"])
    assert "$ref" in document["paths"]["/api/v1/imports"]["post"]["responses"]["201"]["content"]["application/json"]["schema"]


async def test_a_read_only_key_may_look_and_not_import(api: Api, shop: Database) -> None:
    del shop
    assert (await api.get("/imports", headers={"X-API-Key": "wrong"})).status_code == 401
    assert (await api.post("/imports", headers={"X-API-Key": "wrong"})).status_code == 401
