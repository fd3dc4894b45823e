"""Many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest

from inventario.catalogue.repository import products
from inventario.catalogue.schemas import PriceCreate, ProductCreate, ProductEdit
from inventario.catalogue.service import Catalogue
from inventario.errors import Busy, Conflict
from inventario.platform.postgres import Database

pytest_plugins = ["catalogue_shop"]

Add = Callable[..., Any]


async def test_of_twenty_who_create_one_sku_one_wins_and_nineteen_are_told(api: httpx.AsyncClient) -> None:
    sent = [
        {"sku": "A", "name": f"Name {number}", "unit": "unit", "category": "New/Newer", "barcodes": ["X"], "price": "1"}
        for number in range(20)
    ]
    answers = await asyncio.gather(*(api.post("/products", json=body) for body in sent))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    winner = next(answer.json() for answer in answers if answer.status_code == 201)
    assert (await api.get("/barcodes/X")).json()["product"]["name"] == winner["name"]
    assert all(
        {error["field"] for error in answer.json()["errors"]} == {"sku", "barcodes.0"} for answer in answers if answer.status_code == 409
    )


async def test_of_two_editors_of_one_version_one_wins(api: httpx.AsyncClient, add: Add) -> None:
    await add("A")
    answers = await asyncio.gather(*(api.patch("/products/A", json={"name": f"Name {n}"}, headers={"If-Match": '"1"'}) for n in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    now = (await api.get("/products/A")).json()
    assert (now["name"], now["version"]) == (winner["name"], 2)


async def test_twelve_edits_that_start_again_when_they_are_late_are_all_in_effect(catalogue: Catalogue, add: Add) -> None:
    await add("A", barcodes=["START"])

    async def keep_adding(code: str) -> None:
        while True:
            product = await catalogue.get_product("A")
            try:
                await catalogue.edit_product("A", ProductEdit(barcodes=[*(one.code for one in product.barcodes), code]), product.version)
            except Conflict:
                continue
            return

    await asyncio.gather(*(keep_adding(f"C{number}") for number in range(12)))
    product = await catalogue.get_product("A")
    assert (len(product.barcodes), product.version) == (13, 13)


async def test_categories_that_many_need_at_once_are_made_once(catalogue: Catalogue) -> None:
    await asyncio.gather(
        *(
            catalogue.create_product(ProductCreate(sku=f"P{n}", name="x", unit="unit", category=path))
            for n, path in enumerate(["A/B/C", "a/b", "Á/b/D", "A"] * 5)
        )
    )
    assert len(await catalogue.list_categories()) == 4


async def test_prices_set_at_once_leave_one_in_force(catalogue: Catalogue, add: Add) -> None:
    await add("A", price="1")
    await asyncio.gather(*(catalogue.set_price("A", PriceCreate(amount=Decimal(n))) for n in range(10)))
    prices = (await catalogue.list_prices("A")).items
    assert [price.valid_until for price in prices] == [None, *(price.valid_from for price in prices[:-1])]


async def test_codes_that_trade_places_do_not_lock_each_other_out(catalogue: Catalogue, add: Add) -> None:
    await add("A", barcodes=["X1", "X2"])
    await add("B", barcodes=["Y1", "Y2"])
    results = await asyncio.gather(
        catalogue.edit_product("A", ProductEdit(barcodes=["Y1", "Z1"]), 1),
        catalogue.edit_product("B", ProductEdit(barcodes=["X1", "Z1"]), 1),
        return_exceptions=True,
    )
    assert all(isinstance(result, Conflict) for result in results)


async def test_a_lock_that_somebody_holds_too_long_is_busy_and_not_a_crash(catalogue: Catalogue, add: Add, database: Database) -> None:
    await add("A")
    async with database.connection() as connection, connection.transaction():
        await products.lock(connection, "A")
        with pytest.raises(Busy):
            await catalogue.edit_product("A", ProductEdit(name="B"), 1)
    assert (await catalogue.get_product("A")).name == "Something"


async def test_new_words_of_an_import_under_way_hold_nobody_up(catalogue: Catalogue, add: Add, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url) as importing:
        await importing.execute("INSERT INTO products (sku, name) VALUES ('IMPORTED', 'Novedades nunca vistas')")
        await add("A", "Novedades nunca vistas")
        await importing.commit()
    assert {product.sku for product in (await catalogue.list_products(q="novdades")).items} == {"A", "IMPORTED"}


async def test_a_product_can_be_sold_while_it_is_edited(add: Add, database: Database, database_url: str) -> None:
    await add("A")
    async with database.connection() as connection, connection.transaction():
        await products.lock(connection, "A")
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True, options="-c lock_timeout=200ms") as till:
            await till.execute("INSERT INTO stores (code, name, time_zone) VALUES ('S', 'S', 'UTC')")
            await till.execute("INSERT INTO stock_levels (store_id, product_id) SELECT stores.id, products.id FROM stores, products")
