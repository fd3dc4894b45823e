"""Imports of products from staged rows: what they would change, changing it, and taking it back."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from inventario.catalogue.schemas import FieldChange, ImportCounts, ImportDifference, ImportUndone, PriceCreate, ProductEdit
from inventario.catalogue.service import Catalogue
from inventario.platform.clock import new_id
from inventario.platform.postgres import Database

pytest_plugins = ["catalogue_shop"]

Add = Callable[..., Any]


class Shop:
    """Stages rows and carries imports out, each in one transaction."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self.database, self.catalogue = database, catalogue

    async def stage(self, *rows: dict[str, Any]) -> UUID:
        """Write *rows* as an import's; what is left out is NULL."""
        import_id = new_id()
        async with self.database.connection() as connection:
            for line, row in enumerate(rows, start=2):
                values = {"import_id": import_id, "line": line, **row}
                columns, blanks = ", ".join(values), ", ".join(f"%({name})s" for name in values)
                await connection.execute(f"INSERT INTO import_products ({columns}) VALUES ({blanks})", values)
        return import_id

    async def difference(self, import_id: UUID, limit: int = 200) -> ImportDifference:
        async with self.database.connection() as connection:
            return await self.catalogue.import_difference(connection, import_id, limit)

    async def apply(self, import_id: UUID) -> ImportCounts:
        async with self.database.connection() as connection, connection.transaction():
            return await self.catalogue.apply_import(connection, import_id)

    async def undo(self, import_id: UUID) -> ImportUndone:
        async with self.database.connection() as connection, connection.transaction():
            return await self.catalogue.undo_import(connection, import_id)

    async def everything(self) -> list[dict[str, Any]]:
        """What the catalogue holds, without what only says when."""
        async with self.database.connection() as connection:
            cursor = await connection.execute(
                """
                SELECT p.sku, p.name, c.path, s.code, p.unit, p.cost, p.vat_rate, p.reorder_point, p.reorder_quantity, p.status,
                    (SELECT amount FROM prices WHERE product_id = p.id AND valid @> clock_timestamp()) AS price,
                    ARRAY(SELECT code FROM barcodes WHERE product_id = p.id ORDER BY code) AS codes
                FROM products AS p LEFT JOIN categories AS c ON c.id = category_id LEFT JOIN suppliers AS s ON s.id = supplier_id ORDER BY p.sku
                """
            )
            return list(await cursor.fetchall())

    async def sql(self, query: str) -> None:
        async with self.database.connection() as connection:
            await connection.execute(query)


@pytest.fixture
async def shop(database: Database, catalogue: Catalogue) -> Shop:
    shop = Shop(database, catalogue)
    await shop.sql("INSERT INTO suppliers (code, name) VALUES ('S1', 'One'), ('S2', 'Two')")
    return shop


FULL: dict[str, Any] = {
    "sku": "NEW",
    "name": "New thing",
    "category": "Almacén/Té",
    "unit": "kg",
    "cost": "1.5",
    "price": "3",
    "vat_rate": "10.5",
    "reorder_point": "2",
    "reorder_quantity": "4",
    "supplier": "S1",
    "barcodes": ["ean13:7790895000997", "internal:X"],
    "status": "active",
}


async def test_a_row_with_a_name_makes_a_product(shop: Shop, catalogue: Catalogue) -> None:
    assert await shop.apply(await shop.stage(FULL, {"sku": "BARE", "name": "Bare"})) == ImportCounts(created=2, changed=0, unchanged=0)
    made = await catalogue.get_product("NEW")
    assert [made.category, made.unit, made.cost, made.price, made.vat_rate, made.supplier] == [
        "Almacén/Té",
        "kg",
        Decimal("1.5"),
        3,
        Decimal("10.5"),
        "S1",
    ]
    assert [barcode.kind for barcode in made.barcodes] == ["ean13", "internal"]
    bare = await catalogue.get_product("BARE")
    assert [bare.unit, bare.vat_rate, bare.price, bare.status, bare.version] == ["unit", 21, None, "active", 1]


async def test_what_the_file_does_not_say_stays(shop: Shop, catalogue: Catalogue, add: Add) -> None:
    await add("A", "Old", category="Old", supplier="S1", cost="1", price="2", barcodes=["X", "Y"], reorder_point="3")
    assert await shop.apply(await shop.stage({"sku": "A", "price": "5"})) == ImportCounts(created=0, changed=1, unchanged=0)
    product = await catalogue.get_product("A")
    assert [product.name, product.category, product.supplier, product.cost, product.price] == ["Old", "Old", "S1", 1, 5]
    assert [len(product.barcodes), product.reorder_point, product.version] == [2, 3, 2]
    assert [price.amount for price in (await catalogue.list_prices("A")).items] == [5, 2]


async def test_barcodes_of_the_file_replace_those_of_the_product(shop: Shop, catalogue: Catalogue, add: Add) -> None:
    await add("A", barcodes=["X", "Y"])
    await shop.apply(await shop.stage({"sku": "A", "barcodes": ["internal:Y", "internal:Z"]}))
    assert [barcode.code for barcode in (await catalogue.get_product("A")).barcodes] == ["Y", "Z"]


async def test_the_same_file_again_changes_nothing(shop: Shop, catalogue: Catalogue) -> None:
    await shop.apply(await shop.stage(FULL))
    again = await shop.stage(FULL | {"category": "almacen/te", "sku": "new", "cost": "1.5000"})
    assert await shop.apply(again) == ImportCounts(created=0, changed=0, unchanged=1)
    assert (await catalogue.get_product("NEW")).version == 1


async def test_the_difference_is_told_before_and_is_what_happens(shop: Shop, add: Add) -> None:
    await add("A", "Old", cost="1", price="2", barcodes=["X"])
    await add("B", "Same")
    import_id = await shop.stage(
        {"sku": "A", "name": "New", "price": "2", "barcodes": ["internal:Y"], "supplier": "S2"}, FULL, {"sku": "B", "name": "Same"}
    )
    told = await shop.difference(import_id)
    assert (told.created, told.changed, told.unchanged) == (1, 1, 1)
    changed, created = told.items
    assert (changed.line, changed.sku, changed.name, changed.change) == (2, "A", "Old", "changed")
    assert changed.fields == [FieldChange("name", "Old", "New"), FieldChange("supplier", None, "S2"), FieldChange("barcodes", "X", "Y")]
    assert (created.line, created.sku, created.change) == (3, "NEW", "created")
    assert FieldChange("price", None, "3.00") in created.fields
    assert await shop.apply(import_id) == ImportCounts(told.created, told.changed, told.unchanged)


async def test_as_many_differences_are_told_as_asked_for_and_all_are_counted(shop: Shop) -> None:
    told = await shop.difference(await shop.stage(*({"sku": f"P{n}", "name": "x"} for n in range(5))), limit=2)
    assert (told.created, [item.sku for item in told.items]) == (5, ["P0", "P1"])


async def test_telling_the_difference_changes_nothing(shop: Shop) -> None:
    await shop.difference(await shop.stage(FULL))
    assert await shop.everything() == []


async def test_taking_an_import_back_brings_everything_back(shop: Shop, catalogue: Catalogue, add: Add) -> None:
    await add("A", "Old", category="Old", supplier="S1", cost="1", price="2", barcodes=["X", "Y"], reorder_point="3")
    await add("B", "Bare")
    before = await shop.everything()
    import_id = await shop.stage(
        FULL | {"sku": "A", "barcodes": ["internal:Z"]},
        FULL | {"sku": "B", "barcodes": ["internal:X"]},
        FULL | {"sku": "C", "barcodes": ["internal:Y"]},
    )
    assert await shop.apply(import_id) == ImportCounts(created=1, changed=2, unchanged=0)
    assert await shop.undo(import_id) == ImportUndone(restored=2, deleted=1, discontinued=0, left=[])
    assert await shop.everything() == before
    assert [price.amount for price in (await catalogue.list_prices("A")).items] == [2, 3, 2]


async def test_what_was_created_and_has_moved_is_discontinued(shop: Shop, catalogue: Catalogue) -> None:
    import_id = await shop.stage(FULL)
    await shop.apply(import_id)
    await shop.sql("INSERT INTO stores (code, name, time_zone) VALUES ('T', 'T', 'UTC')")
    await shop.sql("INSERT INTO stock_levels (store_id, product_id) SELECT stores.id, products.id FROM stores, products")
    assert await shop.undo(import_id) == ImportUndone(restored=0, deleted=0, discontinued=1, left=[])
    assert (await catalogue.get_product("NEW")).status == "discontinued"


async def test_what_was_edited_since_is_left_and_named(shop: Shop, catalogue: Catalogue, add: Add) -> None:
    await add("A", "Old")
    import_id = await shop.stage(FULL, {"sku": "A", "name": "Imported"})
    await shop.apply(import_id)
    await catalogue.edit_product("A", ProductEdit(name="By hand"), 2)
    await catalogue.set_price("NEW", PriceCreate(amount=Decimal(9)))
    assert await shop.undo(import_id) == ImportUndone(restored=0, deleted=0, discontinued=0, left=["A", "NEW"])
    assert (await catalogue.get_product("A")).name == "By hand"


async def test_what_cannot_have_its_barcode_back_is_left_and_so_is_what_depends_on_it(shop: Shop, catalogue: Catalogue, add: Add) -> None:
    await add("A", "Old", barcodes=["X"])
    await add("B", "Old", barcodes=["Y"])
    import_id = await shop.stage({"sku": "A", "barcodes": ["internal:Y"]}, {"sku": "B", "barcodes": ["internal:Z"]})
    await shop.apply(import_id)
    await add("C", barcodes=["X"])
    # A cannot get X back and keeps Y; so B cannot get Y back.
    assert await shop.undo(import_id) == ImportUndone(restored=0, deleted=0, discontinued=0, left=["A", "B"])


async def test_a_price_that_is_planned_stays_planned(shop: Shop, catalogue: Catalogue, add: Add) -> None:
    from datetime import UTC, datetime, timedelta

    await add("A", price="1")
    planned = await catalogue.set_price("A", PriceCreate(amount=Decimal(7), valid_from=datetime.now(UTC) + timedelta(days=1)))
    import_id = await shop.stage({"sku": "A", "price": "3"})
    await shop.apply(import_id)
    await shop.undo(import_id)
    prices = (await catalogue.list_prices("A")).items
    assert [price.amount for price in prices] == [7, 1, 3, 1]
    assert prices[0] == planned
    assert prices[1].valid_until == planned.valid_from


async def test_a_barcode_that_was_taken_meanwhile_undoes_the_whole_import(shop: Shop, add: Add) -> None:
    await add("OTHER", barcodes=["X"])
    before = await shop.everything()
    with pytest.raises(psycopg.errors.UniqueViolation):
        await shop.apply(await shop.stage({"sku": "B", "name": "B"}, FULL))
    assert await shop.everything() == before


async def test_an_import_is_found_by_the_search(shop: Shop, catalogue: Catalogue) -> None:
    await shop.apply(await shop.stage(FULL | {"name": "Manteca pastelera"}))
    assert [product.sku for product in (await catalogue.list_products(q="mantcea")).items] == ["NEW"]
    assert (await catalogue.find_barcode("7790895000997")).product.sku == "NEW"
