"""Suppliers over HTTP, through the whole application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.ar import cuit

from inventario.app import create_app
from inventario.purchasing import rules
from inventario.settings import Settings

Api = httpx.AsyncClient
LACTEOS = {"code": "LACTEOS", "name": "Lácteos Aurel S.R.L."}


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """A client with a key, speaking to the whole application."""
    app = create_app(Settings.model_validate({"database_url": database_url, "dashboard_api_key": "k", "inventario_data": tmp_path}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1", headers={"X-API-Key": "k"}) as client:
            yield client


def problems(answer: httpx.Response) -> dict[str, str]:
    body = answer.json()
    assert all(error["remedy"] for error in body.get("errors", []))
    assert body.get("remedy") or body.get("errors")
    return {error["field"]: error["detail"] for error in body.get("errors", [])}


async def test_code_and_name_are_enough(api: Api) -> None:
    answer = await api.post("/suppliers", json=LACTEOS)
    assert (answer.status_code, answer.headers["location"], answer.headers["etag"]) == (201, "/api/v1/suppliers/LACTEOS", '"1"')
    assert answer.json() == (await api.get("/suppliers/lacteos")).json()


async def test_a_cuit_is_kept_compact_and_shown_with_dashes(api: Api) -> None:
    made = await api.post(
        "/suppliers", json=LACTEOS | {"cuit": "20 05536168 2", "phone": "+54  11 4321-0000", "email": " a@b.com.ar ", "lead_time_days": 3}
    )
    body = made.json()
    assert (body["cuit"], body["phone"], body["email"], body["lead_time_days"]) == ("20-05536168-2", "+54 11 4321-0000", "a@b.com.ar", 3)


async def test_everything_wrong_is_told_at_once(api: Api) -> None:
    sent = {"code": "ñ", "name": "", "cuit": "20-05536168-3", "email": "nobody", "phone": "call me", "lead_time_days": 400}
    answer = await api.post("/suppliers", json=sent)
    assert answer.status_code == 422
    found = problems(answer)
    assert set(found) == {"code", "name", "cuit", "email", "phone", "lead_time_days"}
    assert "2 would be right" in found["cuit"]


async def test_a_taken_code_and_cuit_are_named_with_who_has_them(api: Api) -> None:
    await api.post("/suppliers", json=LACTEOS)
    await api.post("/suppliers", json={"code": "B", "name": "Otro", "cuit": "20055361682"})
    answer = await api.post("/suppliers", json=LACTEOS | {"code": "lacteos", "cuit": "20-05536168-2"})
    assert answer.status_code == 409
    found = problems(answer)
    assert set(found) == {"code", "cuit"}
    assert "Lácteos Aurel" in found["code"]
    assert "Otro" in found["cuit"]


async def test_an_edit_changes_what_is_sent(api: Api) -> None:
    await api.post("/suppliers", json=LACTEOS | {"cuit": "20055361682", "phone": "4321"})
    answer = await api.patch("/suppliers/LACTEOS", json={"phone": None, "lead_time_days": 2}, headers={"If-Match": '"1"'})
    body = answer.json()
    assert (answer.status_code, body["phone"], body["lead_time_days"], body["cuit"], body["version"]) == (200, None, 2, "20-05536168-2", 2)


async def test_an_edit_that_changes_nothing_leaves_the_version(api: Api) -> None:
    await api.post("/suppliers", json=LACTEOS | {"cuit": "20055361682"})
    assert (await api.patch("/suppliers/LACTEOS", json={"cuit": "20-05536168-2", "version": 1})).json()["version"] == 1


async def test_a_stale_edit_is_told_what_differs(api: Api) -> None:
    await api.post("/suppliers", json=LACTEOS)
    await api.patch("/suppliers/LACTEOS", json={"name": "B", "version": 1})
    answer = await api.patch("/suppliers/LACTEOS", json={"name": "C", "cuit": "20055361682", "version": 1})
    assert answer.status_code == 409
    assert answer.json()["differences"] == [
        {"field": "name", "current": "B", "yours": "C"},
        {"field": "cuit", "current": None, "yours": "20-05536168-2"},
    ]
    assert (await api.patch("/suppliers/LACTEOS", json={"name": "C"}, headers={"If-Match": '"1"'})).status_code == 412


async def test_an_edit_without_a_version_or_of_nobody_says_so(api: Api) -> None:
    await api.post("/suppliers", json=LACTEOS)
    assert (await api.patch("/suppliers/LACTEOS", json={"name": "B"})).status_code == 428
    assert (await api.patch("/suppliers/NOBODY", json={"name": "B", "version": 1})).status_code == 404
    assert (await api.get("/suppliers/NOBODY")).status_code == 404


async def test_a_cuit_of_somebody_else_is_a_conflict(api: Api) -> None:
    await api.post("/suppliers", json=LACTEOS)
    await api.post("/suppliers", json={"code": "B", "name": "Otro", "cuit": "20055361682"})
    answer = await api.patch("/suppliers/LACTEOS", json={"cuit": "20055361682", "version": 1})
    assert (answer.status_code, set(problems(answer))) == (409, {"cuit"})


async def test_suppliers_are_paged_by_code(api: Api) -> None:
    for code in ("b", "A", "c"):
        await api.post("/suppliers", json={"code": code, "name": code})
    first = (await api.get("/suppliers", params={"limit": 2})).json()
    second = (await api.get("/suppliers", params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["code"] for item in [*first["items"], *second["items"]]] == ["A", "b", "c"]


async def test_of_many_who_create_one_supplier_one_wins(api: Api) -> None:
    answers = await asyncio.gather(*(api.post("/suppliers", json=LACTEOS) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


@given(st.sampled_from(["20", "23", "24", "27", "30", "33", "34", "50", "51", "55"]), st.text("0123456789", min_size=8, max_size=8))
def test_a_cuit_is_right_exactly_where_its_check_digit_is(kind: str, number: str) -> None:
    body = kind + number
    for digit in "0123456789":
        if cuit.is_valid(body + digit):
            assert rules.canonical_cuit(f"{kind}-{number}-{digit}") == body + digit
            assert rules.canonical_cuit(rules.shown_cuit(body + digit)) == body + digit
        else:
            with pytest.raises(ValueError, match=r"^[^;]+; \w+"):
                rules.canonical_cuit(body + digit)


@given(st.text(), st.sampled_from([rules.canonical_cuit, rules.checked_email, rules.checked_phone]))
def test_nonsense_is_refused_with_a_remedy_or_kept_as_it_is(text: str, check: Callable[[str], str]) -> None:
    try:
        kept = check(text)
    except ValueError as error:
        detail, _, remedy = str(error).partition("; ")
    else:
        assert check(kept) == kept
        return
    assert detail
    assert remedy
