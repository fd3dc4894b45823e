"""Products with their barcodes, and the current price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import DictRow

from inventario.catalogue.rules import barcode_kind
from inventario.catalogue.schemas import Barcode, BarcodeMatch, Product
from inventario.platform.postgres import Connection

__all__ = [
    "Holder",
    "Locked",
    "as_it_stands",
    "barcode_holders",
    "by_barcode",
    "by_ids",
    "by_sku",
    "insert",
    "lock",
    "replace_barcodes",
    "sku_holder",
    "touch",
    "update",
]

# One product a row, as the API shows it. The caller adds FROM products AS p, these joins, and the condition.
COLUMNS: LiteralString = """
    p.id, p.sku, p.name, p.unit, category.path AS category, supplier.code AS supplier, p.cost, p.vat_rate, p.reorder_point, p.reorder_quantity,
    p.allow_oversell, p.status, p.version, p.created_at, p.updated_at,
    (SELECT amount FROM prices WHERE prices.product_id = p.id AND prices.valid @> now()) AS price,
    ARRAY(SELECT code FROM barcodes WHERE barcodes.product_id = p.id ORDER BY code) AS barcodes
"""
JOINS: LiteralString = """
    LEFT JOIN categories AS category ON category.id = p.category_id
    LEFT JOIN suppliers AS supplier ON supplier.id = p.supplier_id
"""
_SELECT: LiteralString = "SELECT " + COLUMNS + " FROM products AS p " + JOINS
_BY_SKU: LiteralString = _SELECT + """ WHERE upper(p.sku) COLLATE "C" = upper(%(sku)s) """
_BY_IDS: LiteralString = _SELECT + " WHERE p.id = ANY(%(ids)s::bigint[])"
# now() is when the transaction began: a price that somebody else has set while this one waited for the lock would seem not to be in force yet, and must not
# begin after the one that replaces it.
_LOCKED: LiteralString = (
    "SELECT clock_timestamp() AS at, "
    + COLUMNS.replace("now()", "clock_timestamp()")
    + " FROM products AS p "
    + JOINS
    + " WHERE p.id = %(id)s"
)
_BY_BARCODE: LiteralString = _SELECT + " JOIN barcodes AS scanned ON scanned.product_id = p.id WHERE scanned.code = %(code)s"


@dataclass(frozen=True, slots=True)
class Locked:
    """A product that nobody else can change until the transaction ends, and the time at which that was so."""

    id: int
    product: Product
    at: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """The product that a SKU or a barcode belongs to already."""

    key: str
    sku: str
    name: str


def to_product(row: Mapping[str, Any]) -> Product:
    """Make a product of a row of `COLUMNS`."""
    values = {name: row[name] for name in Product.__slots__}
    values["barcodes"] = [Barcode(code, barcode_kind(code) or "internal") for code in row["barcodes"]]
    return Product(**values)


async def by_sku(connection: Connection, sku: str) -> Product | None:
    """Return the product, whatever the case of the letters in *sku*."""
    row = await (await connection.execute(_BY_SKU, {"sku": sku})).fetchone()
    return None if row is None else to_product(row)


async def by_ids(connection: Connection, ids: Sequence[int]) -> list[Product]:
    """Return the products in the order of *ids*; one that is gone is left out."""
    rows = await (await connection.execute(_BY_IDS, {"ids": list(ids)})).fetchall()
    found = {row["id"]: to_product(row) for row in rows}
    return [found[product_id] for product_id in ids if product_id in found]


async def by_barcode(connection: Connection, code: str) -> BarcodeMatch | None:
    """Return the product that *code*, in its canonical form, belongs to."""
    row = await (await connection.execute(_BY_BARCODE, {"code": code})).fetchone()
    return None if row is None else BarcodeMatch(code, barcode_kind(code) or "internal", to_product(row))


async def lock(connection: Connection, sku: str) -> Locked | None:
    """Return the product and keep others from changing it until the transaction ends. Movements of it go on: they do not change its row."""
    row = await (
        await connection.execute('SELECT id FROM products WHERE upper(sku) COLLATE "C" = upper(%s) FOR NO KEY UPDATE', [sku])
    ).fetchone()
    if row is None:
        return None
    # A second statement, because the first one's snapshot is older than the lock.
    found = _present(await (await connection.execute(_LOCKED, {"id": row["id"]})).fetchone())
    return Locked(found["id"], to_product(found), found["at"])


async def as_it_stands(connection: Connection, product_id: int) -> Product:
    """Return a locked product with the price of this moment, and not of the moment at which the transaction began."""
    return to_product(_present(await (await connection.execute(_LOCKED, {"id": product_id})).fetchone()))


async def touch(connection: Connection, product_id: int) -> None:
    """Count up the version of a locked product whose price changes."""
    await connection.execute("UPDATE products SET version = version + 1, updated_at = clock_timestamp() WHERE id = %s", [product_id])


async def insert(connection: Connection, values: Mapping[str, Any]) -> int:
    """Add a product with its barcodes and its price from now on, in one statement; return its id.

    Args:
        connection: In any mode.
        values: The fields of a product; ``category_id`` and ``supplier_id`` instead of path and code, ``barcodes`` a list of canonical codes.

    Raises:
        psycopg.errors.UniqueViolation: The SKU or a barcode is taken.
    """
    row = await (
        await connection.execute(
            """
            WITH product AS (
                INSERT INTO products (sku, name, category_id, supplier_id, unit, cost, vat_rate, reorder_point, reorder_quantity, allow_oversell)
                VALUES (%(sku)s, %(name)s, %(category_id)s, %(supplier_id)s, %(unit)s, %(cost)s, %(vat_rate)s, %(reorder_point)s,
                    %(reorder_quantity)s, %(allow_oversell)s)
                RETURNING id
            ), codes AS (
                INSERT INTO barcodes (code, product_id, kind)
                SELECT code, id, barcode_kind(code) FROM product, unnest(%(barcodes)s::text[]) AS code ORDER BY code
            ), price AS (
                INSERT INTO prices (product_id, amount, valid)
                SELECT id, %(price)s::numeric, tstzrange(now(), NULL) FROM product WHERE %(price)s::numeric IS NOT NULL
            )
            SELECT id FROM product
            """,
            values,
        )
    ).fetchone()
    return int(_present(row)["id"])


async def update(connection: Connection, product_id: int, values: Mapping[str, Any]) -> None:
    """Write the fields of a locked product that are in its own row, and count its version up."""
    await connection.execute(
        """
        UPDATE products SET name = %(name)s, category_id = %(category_id)s, supplier_id = %(supplier_id)s, unit = %(unit)s, cost = %(cost)s,
            vat_rate = %(vat_rate)s, reorder_point = %(reorder_point)s, reorder_quantity = %(reorder_quantity)s,
            allow_oversell = %(allow_oversell)s, status = %(status)s, version = version + 1, updated_at = clock_timestamp()
        WHERE id = %(id)s
        """,
        {**values, "id": product_id},
    )


async def replace_barcodes(connection: Connection, product_id: int, codes: Sequence[str]) -> None:
    """Give a locked product exactly these *codes*.

    Raises:
        psycopg.errors.UniqueViolation: One belongs to another product.
    """
    parameters = {"id": product_id, "codes": list(codes)}
    await connection.execute("DELETE FROM barcodes WHERE product_id = %(id)s AND code <> ALL(%(codes)s::text[])", parameters)
    await connection.execute(
        """
        INSERT INTO barcodes (code, product_id, kind) SELECT code, %(id)s, barcode_kind(code) FROM unnest(%(codes)s::text[]) AS code
        WHERE NOT EXISTS (SELECT FROM barcodes AS kept WHERE kept.code = code.code AND kept.product_id = %(id)s)
        ORDER BY code
        """,
        parameters,
    )


async def sku_holder(connection: Connection, sku: str) -> Holder | None:
    """Return the product that *sku* belongs to, whatever the case of its letters."""
    row = await (
        await connection.execute('SELECT sku AS key, sku, name FROM products WHERE upper(sku) COLLATE "C" = upper(%s)', [sku])
    ).fetchone()
    return None if row is None else Holder(**row)


async def barcode_holders(connection: Connection, codes: Sequence[str]) -> list[Holder]:
    """Return the products that any of the canonical *codes* belong to."""
    rows = await (
        await connection.execute(
            """
            SELECT barcodes.code AS key, products.sku, products.name FROM barcodes JOIN products ON products.id = barcodes.product_id
            WHERE barcodes.code = ANY(%s::text[]) ORDER BY barcodes.code
            """,
            [list(codes)],
        )
    ).fetchall()
    return [Holder(**row) for row in rows]


def _present(row: DictRow | None) -> DictRow:
    if row is None:
        raise RuntimeError("the statement returned no row, which it cannot do")
    return row
