"""Dated prices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventario.catalogue.schemas import PriceCreate, ProductEdit
from inventario.catalogue.service import Catalogue
from inventario.errors import Invalid, NotFound
from inventario.platform.postgres import Database

pytest_plugins = ["catalogue_shop"]

Add = Callable[..., Any]


def later(hours: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours)


async def spans(catalogue: Catalogue, sku: str) -> list[tuple[str, bool]]:
    """Amount of each price, the latest first, and whether it has an end."""
    return [(str(price.amount), price.valid_until is not None) for price in (await catalogue.list_prices(sku)).items]


async def test_a_new_price_closes_the_one_in_force(catalogue: Catalogue, add: Add) -> None:
    await add("A", price="10")
    await catalogue.edit_product("A", ProductEdit(price=Decimal(12)), 1)
    found = (await catalogue.list_prices("A")).items
    assert [(price.amount, price.valid_until) for price in found] == [(Decimal(12), None), (Decimal(10), found[0].valid_from)]


async def test_the_answer_of_an_edit_has_the_new_price(catalogue: Catalogue, add: Add) -> None:
    await add("A", price="10")
    assert (await catalogue.edit_product("A", ProductEdit(price=Decimal(12)), 1)).price == Decimal(12)


async def test_no_price_from_now_on(catalogue: Catalogue, add: Add) -> None:
    await add("A", price="10")
    assert (await catalogue.edit_product("A", ProductEdit(price=None), 1)).price is None
    assert await spans(catalogue, "A") == [("10.00", True)]


async def test_a_planned_price_does_not_change_the_one_in_force_nor_the_version(catalogue: Catalogue, add: Add) -> None:
    await add("A", price="10")
    planned = await catalogue.set_price("A", PriceCreate(amount=Decimal(15), valid_from=later(1)))
    product = await catalogue.get_product("A")
    assert (product.price, product.version, planned.valid_until) == (Decimal(10), 1, None)
    assert await spans(catalogue, "A") == [("15.00", False), ("10.00", True)]


async def test_a_price_holds_until_the_one_that_is_planned_already(catalogue: Catalogue, add: Add) -> None:
    await add("A", price="10")
    planned = await catalogue.set_price("A", PriceCreate(amount=Decimal(15), valid_from=later(2)))
    between = await catalogue.set_price("A", PriceCreate(amount=Decimal(12), valid_from=later(1)))
    assert between.valid_until == planned.valid_from
    assert await spans(catalogue, "A") == [("15.00", False), ("12.00", True), ("10.00", True)]


async def test_a_planned_price_is_replaced_by_one_of_the_same_moment(catalogue: Catalogue, add: Add) -> None:
    await add("A", price="10")
    moment = later(1)
    await catalogue.set_price("A", PriceCreate(amount=Decimal(15), valid_from=moment))
    await catalogue.set_price("A", PriceCreate(amount=Decimal(16), valid_from=moment))
    assert await spans(catalogue, "A") == [("16.00", False), ("10.00", True)]


async def test_a_price_from_now_counts_the_version(catalogue: Catalogue, add: Add) -> None:
    await add("A")
    await catalogue.set_price("A", PriceCreate(amount=Decimal(15)))
    product = await catalogue.get_product("A")
    assert (product.price, product.version) == (Decimal(15), 2)


async def test_a_price_cannot_begin_in_the_past(catalogue: Catalogue, add: Add) -> None:
    await add("A", price="10")
    with pytest.raises(Invalid) as caught:
        await catalogue.set_price("A", PriceCreate(amount=Decimal(15), valid_from=later(-1)))
    assert caught.value.errors[0].field == "valid_from"
    assert await spans(catalogue, "A") == [("10.00", False)]


async def test_a_clock_that_is_a_minute_slow_means_now(catalogue: Catalogue, add: Add) -> None:
    await add("A", price="10")
    await catalogue.set_price("A", PriceCreate(amount=Decimal(15), valid_from=datetime.now(UTC) - timedelta(minutes=1)))
    assert (await catalogue.get_product("A")).price == Decimal(15)


async def test_prices_of_no_product(catalogue: Catalogue) -> None:
    for attempt in (catalogue.list_prices("NOBODY"), catalogue.set_price("NOBODY", PriceCreate(amount=Decimal(1)))):
        with pytest.raises(NotFound):
            await attempt


async def test_prices_over_http(api: httpx.AsyncClient, add: Add) -> None:
    await add("A", price="10")
    made = await api.post("/products/A/prices", json={"amount": "12.5"})
    assert (made.status_code, made.headers["location"], made.json()["amount"]) == (201, "/api/v1/products/A/prices", "12.50")
    for number in range(3):
        await api.post("/products/A/prices", json={"amount": str(number), "valid_from": later(number + 1).isoformat()})
    amounts, cursor = [], None
    while True:
        page = (await api.get("/products/A/prices", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        amounts += [price["amount"] for price in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert amounts == ["2.00", "1.00", "0.00", "12.50", "10.00"]
    late = await api.post("/products/A/prices", json={"amount": "1", "valid_from": "2020-01-01T00:00:00Z"})
    assert (late.status_code, late.json()["errors"][0]["field"]) == (422, "valid_from")
    naive = await api.post("/products/A/prices", json={"amount": "1", "valid_from": "2120-01-01T00:00:00"})
    assert (naive.status_code, naive.json()["errors"][0]["field"]) == (422, "valid_from")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(starts=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 99)), max_size=12))
def test_any_order_of_planning_leaves_the_last_word_for_each_moment(database_url: str, starts: list[tuple[int, int]]) -> None:
    import asyncio

    async def plan() -> None:
        database = Database(database_url)
        await database.open()
        catalogue = Catalogue(database)
        async with database.connection() as connection:
            await connection.execute("DELETE FROM products")
            await connection.execute("INSERT INTO products (sku, name) VALUES ('A', 'A')")
        base = later(10)
        for hour, amount in starts:
            await catalogue.set_price("A", PriceCreate(amount=Decimal(amount), valid_from=base + timedelta(hours=hour)))
        found = list(reversed((await catalogue.list_prices("A")).items))
        assert [(price.valid_from, int(price.amount)) for price in found] == sorted(
            (base + timedelta(hours=hour), amount) for hour, amount in dict(starts).items()
        )
        assert [price.valid_until for price in found] == [*(price.valid_from for price in found[1:]), *([None] if found else [])]
        await database.close()

    asyncio.run(plan())
