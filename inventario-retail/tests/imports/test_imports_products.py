"""Products from a file to the catalogue, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from inventario.catalogue.schemas import ProductEdit
from inventario.catalogue.service import Catalogue
from inventario.imports.failures import ImportFailed
from inventario.imports.schemas import Import
from inventario.imports.service import Imports
from inventario.platform.postgres import Database

Run = Callable[..., Awaitable[Import]]

HEADERS = "sku;nombre;rubro;precio;proveedor;ean\n"
COLA = "COLA-225;Gaseosa cola 2,25 l;Bebidas/Gaseosas;1.850,50;BEBIDAS;7790895000997\n"


def changes(found: Import) -> list[tuple[str, str, dict[str, tuple[str | None, str | None]]]]:
    """Return sku, what becomes of it, and its fields before and after."""
    assert found.products is not None
    return [(item.sku, item.change, {field.field: (field.before, field.after) for field in item.fields}) for item in found.products.items]


@pytest.fixture
def catalogue(shop: Database) -> Catalogue:
    return Catalogue(shop)


async def test_a_new_product_comes_with_its_category_price_and_barcode(run: Run, catalogue: Catalogue) -> None:
    done = await run(HEADERS + COLA)

    product = await catalogue.get_product("COLA-225")
    assert (done.state, done.applied) == ("applied", 1)
    assert (product.name, product.category, product.supplier, product.price) == (
        "Gaseosa cola 2,25 l",
        "Bebidas/Gaseosas",
        "BEBIDAS",
        Decimal("1850.50"),
    )
    assert (await catalogue.find_barcode("7790895000997")).product.sku == "COLA-225"


async def test_a_dry_run_shows_fields_before_and_after_and_changes_nothing(run: Run, catalogue: Catalogue) -> None:
    await run(HEADERS + COLA)

    shown = await run("sku,nombre,precio\nCOLA-225,Gaseosa cola,1990.00\nA,Producto 1,\nNUEVO,Nuevo,10.00\n", dry_run=True)

    assert shown.state == "checked"
    assert shown.products is not None
    assert (shown.products.created, shown.products.changed, shown.products.unchanged) == (1, 1, 1)
    assert changes(shown) == [
        ("COLA-225", "changed", {"name": ("Gaseosa cola 2,25 l", "Gaseosa cola"), "price": ("1850.50", "1990.00")}),
        ("NUEVO", "created", {"name": (None, "Nuevo"), "price": (None, "10.00")}),
    ]
    assert (await catalogue.get_product("COLA-225")).price == Decimal("1850.50")


async def test_empty_cells_leave_a_product_as_it_is(run: Run, catalogue: Catalogue) -> None:
    await run(HEADERS + COLA)

    await run(HEADERS + "COLA-225;;;2.000,50;;\n")

    product = await catalogue.get_product("COLA-225")
    assert (product.name, product.supplier, product.price, len(product.barcodes)) == (
        "Gaseosa cola 2,25 l",
        "BEBIDAS",
        Decimal("2000.50"),
        1,
    )


async def test_all_that_contradicts_the_shop_or_the_file_itself_comes_together(run: Run) -> None:
    await run(HEADERS + COLA)
    text = (
        HEADERS
        + "NEU-1;;Varios;1,5;;\n"
        + "NEU-2;Dos;;;NADIE;7790895000997\n"
        + "NEU-3;Tres;;;;7791234567898\n"
        + "neu-3;Tres bis;;;;\n"
        + "NEU-4;Cuatro;;;bebidas;7791234567898\n"
        + "NEU-5;Cinco;;-1;;123\n"
    )

    shown = await run(text, dry_run=True)

    assert [(error.line, error.column, error.detail) for error in shown.errors] == [
        (2, "nombre", "NEU-1 is a new product, and has no name."),
        (3, "ean", "The barcode belongs to COLA-225 (Gaseosa cola 2,25 l)."),
        (3, "proveedor", "There is no supplier NADIE."),
        (5, "sku", "The product stands in line 4 already."),
        (6, "ean", "The barcode stands in line 4 already."),
        (7, "precio", "-1 is below zero."),
    ]
    assert shown.products is not None
    with pytest.raises(ImportFailed):
        await run(text)


async def test_a_barcode_may_move_within_a_file(run: Run, catalogue: Catalogue) -> None:
    await run(HEADERS + COLA)

    await run("sku;nombre;ean\nCOLA-225;Gaseosa cola;INT-1\nCOLA-300;Gaseosa cola 3 l;7790895000997\n")

    assert (await catalogue.find_barcode("7790895000997")).product.sku == "COLA-300"


async def test_codes_are_known_whatever_their_capitals(run: Run, catalogue: Catalogue) -> None:
    await run(HEADERS + COLA)

    done = await run("sku;precio\ncola-225;2.100,00\n")

    assert done.products is not None
    assert done.products.created == 0
    assert (await catalogue.get_product("COLA-225")).price == Decimal("2100.00")


async def test_an_import_is_taken_back_as_one(run: Run, imports: Imports, catalogue: Catalogue) -> None:
    await run(HEADERS + COLA)
    done = await run("sku;nombre;precio\nCOLA-225;Otra;2.100,00\nNUEVO;Nuevo;10,00\n")

    back = await imports.reverse(done.id, actor="owner")

    assert back.reversal is not None
    assert (back.state, back.reversal.restored, back.reversal.deleted, back.reversal.left) == ("reversed", 1, 1, [])
    product = await catalogue.get_product("COLA-225")
    assert (product.name, product.price) == ("Gaseosa cola 2,25 l", Decimal("1850.50"))


async def test_what_was_edited_since_is_left_alone_and_named(run: Run, imports: Imports, catalogue: Catalogue) -> None:
    done = await run(HEADERS + COLA)
    product = await catalogue.get_product("COLA-225")
    await catalogue.edit_product("COLA-225", ProductEdit(name="Corregida"), product.version)

    back = await imports.reverse(done.id, actor="owner")

    assert back.reversal is not None
    assert back.reversal.left == ["COLA-225"]
    assert (await catalogue.get_product("COLA-225")).name == "Corregida"


async def test_a_barcode_taken_between_check_and_apply_changes_nothing(run: Run, imports: Imports, shop: Database) -> None:
    shown = await run(HEADERS + COLA, dry_run=True)
    await shop.fetch(
        "INSERT INTO barcodes (code, product_id, kind) SELECT '7790895000997', id, 'ean13' FROM products WHERE sku = 'A' RETURNING code"
    )

    with pytest.raises(ImportFailed) as failed:
        await imports.apply(shown.id, actor="owner")

    assert failed.value.report is not None
    assert [error.column for error in failed.value.report.errors] == ["ean"]
    assert (await imports.get(shown.id)).state == "failed"


async def test_fifty_thousand_products(run: Run, shop: Database) -> None:
    rows = "".join(
        f"P-{number};Producto número {number};Rubro {number % 50};{number % 1000},{number % 100:02};;\n" for number in range(50_000)
    )

    shown = await run(HEADERS + rows, dry_run=True)
    done = await run(HEADERS + rows)

    assert shown.products is not None
    assert (shown.products.created, len(shown.products.items)) == (50_000, 200)
    assert done.applied == 50_000
    found: list[Any] = await shop.fetch("SELECT count(*) AS products FROM products WHERE sku LIKE 'P-%%'", ())
    assert found[0]["products"] == 50_000
