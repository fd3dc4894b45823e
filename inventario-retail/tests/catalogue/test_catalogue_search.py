"""Search: what is found, and in which order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from inventario.catalogue.repository import search as sql
from inventario.catalogue.rules.search import Terms
from inventario.catalogue.schemas import ProductEdit
from inventario.catalogue.search import FEW
from inventario.catalogue.service import Catalogue
from inventario.platform.postgres import Database

pytest_plugins = ["catalogue_shop"]

Add = Callable[..., Any]

SHELF = {
    "AZ-1": "Azúcar común 1 kg",
    "LE-1": "Leche descremada La Serena 1 l",
    "LE-2": "Leche entera La Serena 1 l",
    "DU-1": "Dulce de leche clásico 400 g",
    "CH-1": "Chocolate con leche y almendras",
    "LE-3": "Lechuga mantecosa",
    "CO-1": "Coca-Cola 2,25L",
    "GA-1": "Gaseosa cola 1,5 l",
    "YE-1": "Yerba mate suave 500g",
    "PA-1": "Pan lactal",
    "QU-1": "Queso cremoso La Serena",
    "NA-1": "Ñandú en escabeche",
    "7U-1": "7up lima 500 ml",
}


@pytest.fixture
async def shelf(catalogue: Catalogue, add: Add) -> Callable[..., Any]:
    """A shelf, and what a query finds on it: the SKUs in order."""
    for sku, name in SHELF.items():
        await add(sku, name)

    async def find(q: str, **more: Any) -> list[str]:
        return [product.sku for product in (await catalogue.list_products(q=q, **more)).items]

    return find


Find = Callable[..., Any]


async def test_a_query_finds_what_was_meant(shelf: Find) -> None:
    meant = {
        "azucar": "AZ-1",
        "AZÚCAR": "AZ-1",
        "lech desc": "LE-1",
        "desc lech": "LE-1",
        "cocacla": "CO-1",
        "cocacola": "CO-1",
        "coca cola": "CO-1",
        "coca-cola 2.25 l": "CO-1",
        "cola 2,25l": "CO-1",
        "yerba 500 g": "YE-1",
        "yerab": "YE-1",
        "azuacr": "AZ-1",
        "descremda": "LE-1",
        "nandu": "NA-1",
        "7 up": "7U-1",
        "chcolate almndras": "CH-1",
        "le-2": "LE-2",
        "qu-": "QU-1",
    }
    # One shelf for all of them: they only look.
    assert {query: (await shelf(query))[:1] for query in meant} == {query: [sku] for query, sku in meant.items()}


async def test_a_transposed_common_word_finds_what_has_it(shelf: Find) -> None:
    assert set(await shelf("lehce")) == {"LE-1", "LE-2", "DU-1", "CH-1"}


async def test_names_that_begin_with_the_query_come_before_names_that_hold_it_and_words_that_begin_so_come_last(shelf: Find) -> None:
    assert await shelf("leche") == ["LE-1", "LE-2", "CH-1", "DU-1"]
    assert await shelf("lech") == ["LE-1", "LE-2", "LE-3", "CH-1", "DU-1"]


async def test_an_exact_sku_comes_first_then_skus_that_begin_so_then_names(catalogue: Catalogue, add: Add) -> None:
    await add("COLA-2", "Another")
    await add("B", "Cola light")
    await add("COLA", "Yet another")
    await add("C", "Gaseosa cola")
    assert [product.sku for product in (await catalogue.list_products(q="cola")).items] == ["COLA", "COLA-2", "B", "C"]


@pytest.mark.parametrize("query", ["7790895000997", "7790895 000997", "779-0895-000997", "77908950", "0779089"])
async def test_a_barcode_is_found_whole_and_by_its_beginning(catalogue: Catalogue, add: Add, query: str) -> None:
    await add("OTHER", "Something 77")
    await add("A", "Something", barcodes=["7790895000997", "7790895001000"])
    found = [product.sku for product in (await catalogue.list_products(q=query)).items]
    assert found == (["A"] if query != "0779089" else [])


@pytest.mark.parametrize("query", ["036000291452", "0036000291452", "0360002", "36000291452"])
async def test_a_upca_is_found_as_it_is_printed(catalogue: Catalogue, add: Add, query: str) -> None:
    await add("A", "Something", barcodes=["036000291452"])
    found = [product.sku for product in (await catalogue.list_products(q=query)).items]
    assert found == (["A"] if query[0] == "0" else [])


async def test_signs_break_nothing(shelf: Find) -> None:
    for query in ("%", "_", "'", '"', "\\", "!!!", "a'b & c | !d:*", "\0", "%s", "😀", "(", "x" * 200, "a " * 90, "-", "..."):
        assert isinstance(await shelf(query), list)


async def test_a_query_of_white_space_is_none(shelf: Find) -> None:
    assert len(await shelf("  ")) == len(SHELF)


async def test_what_is_far_from_everything_finds_nothing(shelf: Find) -> None:
    assert await shelf("xyzzy plugh") == []


async def test_a_number_is_not_corrected(shelf: Find) -> None:
    assert await shelf("yerba 600 g") == []


async def test_where_enough_is_found_typos_are_not_looked_for(catalogue: Catalogue, add: Add) -> None:
    for number in range(FEW):
        await add(f"P{number}", "Cama")
    await add("NEAR", "Coma")
    assert len((await catalogue.list_products(q="cama")).items) == FEW
    await catalogue.edit_product("P0", ProductEdit(name="Mesa"), 1)
    assert [product.sku for product in (await catalogue.list_products(q="cama")).items][-1] == "NEAR"


async def test_a_renamed_product_is_found_by_its_new_name_only(catalogue: Catalogue, shelf: Find) -> None:
    await catalogue.edit_product("PA-1", ProductEdit(name="Bizcochos"), 1)
    assert await shelf("bizcohcos") == ["PA-1"]
    assert await shelf("lactal") == []


async def test_a_search_is_filtered(catalogue: Catalogue, shelf: Find) -> None:
    await catalogue.edit_product("LE-1", ProductEdit(category="Lácteos/Leches"), 1)
    await catalogue.edit_product("DU-1", ProductEdit(category="Lácteos", status="discontinued"), 1)
    for query in ("leche", "lech", "lehce"):
        assert sorted(await shelf(query, category="lacteos")) == ["DU-1", "LE-1"]
        assert await shelf(query, category="lacteos", status="discontinued") == ["DU-1"]
    assert await shelf("le-1", category="Lácteos/Leches") == ["LE-1"]
    assert await shelf("le-2", category="Lácteos") == []


async def test_pages_hold_each_hit_once_in_the_order_of_the_whole(catalogue: Catalogue, database: Database) -> None:
    names = ["leche", "lechuga", "leche entera", "dulce de leche", "la leche", "le", "pan lactal", "lecha"]
    async with database.connection() as connection:
        await connection.execute(
            """
            WITH made AS (
                INSERT INTO products (sku, name)
                SELECT CASE WHEN n %% 5 = 0 THEN 'LE' ELSE 'P' END || n, name || ' ' || n / 8
                FROM unnest(%s::text[]) WITH ORDINALITY AS given(name, i)
                CROSS JOIN LATERAL (SELECT i * 3 + k AS n FROM generate_series(0, 2) AS k) AS many
                RETURNING id, sku)
            INSERT INTO barcodes SELECT '779-' || sku || '-' || k, id, 'internal' FROM made CROSS JOIN generate_series(0, 1) AS k WHERE id %% 3 = 0
            """,
            [names],
        )
    for query, limit in itertools.product([None, "leche", "lech", "lehce", "le", "la", "779", "p1"], [1, 2, 3, 7]):
        whole = [product.sku for product in (await catalogue.list_products(q=query, limit=200)).items]
        paged = await _paged(catalogue, query, limit)
        assert (query, limit, paged) == (query, limit, whole)
        assert len(set(paged)) == len(paged) > 0


async def _paged(catalogue: Catalogue, query: str | None, limit: int) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await catalogue.list_products(q=query, limit=limit, cursor=cursor)
        found += [product.sku for product in page.items]
        assert len(page.items) == limit or page.next is None
        cursor = page.next
        if cursor is None:
            return found


async def test_no_more_candidates_than_said_are_looked_at(
    catalogue: Catalogue, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "CANDIDATES", 5)
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO products (sku, name) SELECT 'P' || n, 'Dulce de leche ' || n FROM generate_series(1, 20) AS n"
        )
    assert len((await catalogue.list_products(q="leche")).items) == 5
    assert len((await catalogue.list_products(q="dulce de leche")).items) == 20


async def test_the_plans_are_bounded_whatever_the_planner_knows(catalogue: Catalogue, database: Database) -> None:
    """Two common words that never stand together must not be looked for by walking the table."""
    async with database.connection() as connection:
        await connection.execute(
            """
            INSERT INTO products (sku, name)
            SELECT 'P' || n, CASE WHEN n % 2 = 0 THEN 'sal fina ' ELSE 'pan negro ' END || n FROM generate_series(1, 20000) AS n
            """
        )
        await connection.execute("ANALYZE products")
        # A million products, as far as the planner knows.
        await connection.execute("UPDATE pg_class SET reltuples = 1000000 WHERE oid = 'products'::regclass")
        seen: list[str] = []
        connection.add_notice_handler(lambda diagnostic: seen.append(diagnostic.message_primary or ""))
        await connection.execute("LOAD 'auto_explain'")
        for setting in ("auto_explain.log_min_duration = 0", "client_min_messages = log"):
            await connection.execute(f"SET {setting}")
        terms = Terms("pan sal", ("pan", "sal"), None, (), ())
        for source in (sql.Source.NAME, sql.Source.WORDS, sql.Source.PREFIXES):
            queries = [terms.whole if source is sql.Source.WORDS else terms.prefixes]
            found = await sql.find(connection, source, terms, sql.Filters(), after=sql.start(source, terms), limit=51, queries=queries)
            assert found == []
    plans = [message for message in seen if "plan:" in message]
    assert len(plans) == 3
    assert not any("Seq Scan" in plan for plan in plans)
