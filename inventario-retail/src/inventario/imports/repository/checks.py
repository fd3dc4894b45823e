"""What only the database can tell of staged rows: whether they fit the catalogue, each other, and the stock there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import DictRow

from inventario.imports.rules.headers import Layout
from inventario.platform.postgres import Connection

__all__ = ["check_movements", "check_products", "movement_difference"]

# Each check is a query for (line, column_name, value, detail, remedy). They are counted all, and kept up to a bound.
_KEEP: tuple[LiteralString, LiteralString] = (
    "WITH found AS MATERIALIZED (",
    """), kept AS (
        INSERT INTO import_errors (import_id, stage, line, column_name, value, detail, remedy)
        SELECT %(import_id)s, 'check', line, column_name, left(coalesce(value, ''), 200), detail, remedy FROM found ORDER BY line LIMIT %(room)s
    )
    SELECT count(*) AS found FROM found""",
)

# "centro" in the file is the store CENTRO: nobody has two that differ in capitals only.
_SAME_STORES: LiteralString = """
    UPDATE import_movements AS i SET store = s.code
    FROM (SELECT DISTINCT i.store FROM import_movements AS i WHERE i.import_id = %(import_id)s AND i.store IS NOT NULL) AS used
    JOIN stores AS s ON upper(s.code) COLLATE "C" = upper(used.store) COLLATE "C" AND s.code <> used.store
    WHERE i.import_id = %(import_id)s AND i.store = used.store
"""
_SAME_PRODUCTS: LiteralString = """
    UPDATE import_movements AS i SET sku = p.sku
    FROM (
        SELECT DISTINCT i.sku FROM import_movements AS i LEFT JOIN products AS p USING (sku)
        WHERE i.import_id = %(import_id)s AND p.id IS NULL AND i.sku IS NOT NULL
    ) AS unmatched
    JOIN products AS p ON upper(p.sku) COLLATE "C" = upper(unmatched.sku) COLLATE "C"
    WHERE i.import_id = %(import_id)s AND i.sku = unmatched.sku
"""

_UNKNOWN_STORE: LiteralString = """
    SELECT i.line, %(store)s AS column_name, i.store AS value, format('There is no store %%s.', i.store) AS detail,
        'Add the store first, or correct the code; the stores are ' || coalesce((SELECT string_agg(code, ', ') FROM (
            SELECT code FROM stores ORDER BY code LIMIT 20) AS few), 'none yet') || '.' AS remedy
    FROM import_movements AS i LEFT JOIN stores AS s ON s.code = i.store
    WHERE i.import_id = %(import_id)s AND i.store IS NOT NULL AND s.id IS NULL
"""
_UNKNOWN_PRODUCT: LiteralString = """
    SELECT i.line, %(sku)s AS column_name, i.sku AS value, format('There is no product %%s.', i.sku) AS detail,
        'Add the product first, or correct the code.' AS remedy
    FROM import_movements AS i LEFT JOIN products AS p ON p.sku = i.sku
    WHERE i.import_id = %(import_id)s AND i.sku IS NOT NULL AND p.id IS NULL
"""
_KEY_TWICE: LiteralString = """
    SELECT line, %(key)s AS column_name, key AS value, format('The key stands in line %%s already.', first) AS detail,
        'Give every movement of a store a key of its own.' AS remedy
    FROM (
        SELECT line, key, min(line) OVER (PARTITION BY store, key) AS first FROM import_movements
        WHERE import_id = %(import_id)s AND key IS NOT NULL
    ) AS keyed
    WHERE line > first
"""
# The same balance as the ledger will work out: in the order of time, then of lines; a count sets it. One error a level, at the row where it
# first happens, since the rows after it only follow.
_NOT_ENOUGH: LiteralString = """
    SELECT DISTINCT ON (store, sku) line, %(quantity)s AS column_name, quantity::text AS value,
        format('%%s has %%s of %%s at that moment, and may not fall below zero.', store, trim_scale(after - quantity), sku) AS detail,
        'Correct the quantity, add the receipt that is missing, or allow the product to be oversold.' AS remedy
    FROM (
        SELECT *, coalesce(max(counted) OVER segment_so_far, on_hand) + coalesce(sum(quantity) OVER segment_so_far, 0) AS after
        FROM (
            SELECT i.*, coalesce(l.on_hand, 0) AS on_hand,
                count(i.counted) OVER (PARTITION BY i.store, i.sku ORDER BY i.occurred_at, i.line) AS segment
            FROM import_movements AS i
            JOIN stores AS s ON s.code = i.store
            JOIN products AS p ON p.sku = i.sku
            LEFT JOIN stock_levels AS l ON l.store_id = s.id AND l.product_id = p.id
            WHERE i.import_id = %(import_id)s AND NOT coalesce(p.allow_oversell, s.allow_oversell)
                AND NOT EXISTS (SELECT FROM movement_keys AS k WHERE k.store_id = s.id AND k.key = i.key)
        ) AS segmented
        WINDOW segment_so_far AS (PARTITION BY store, sku, segment ORDER BY occurred_at, line)
    ) AS balanced
    WHERE after < 0 AND quantity < 0 AND kind IN ('sale', 'waste', 'adjustment')
    ORDER BY store, sku, occurred_at, line
"""

_GROUPS: LiteralString = """
    SELECT store, kind, count(*) AS rows, sum(quantity) AS quantity, min(occurred_at) AS first, max(occurred_at) AS last
    FROM import_movements WHERE import_id = %(import_id)s GROUP BY store, kind ORDER BY store, kind
"""
_LEVELS: LiteralString = """
    WITH last_count AS (
        SELECT DISTINCT ON (store, sku) store, sku, counted, coalesce(occurred_at, 'infinity') AS occurred_at, line
        FROM import_movements WHERE import_id = %(import_id)s AND counted IS NOT NULL
        ORDER BY store, sku, coalesce(occurred_at, 'infinity') DESC, line DESC
    ),
    moved AS (
        SELECT i.store, i.sku, max(c.counted) AS counted, coalesce(sum(i.quantity) FILTER (
            WHERE c.line IS NULL OR (coalesce(i.occurred_at, 'infinity'), i.line) > (c.occurred_at, c.line)), 0) AS change
        FROM import_movements AS i LEFT JOIN last_count AS c USING (store, sku)
        WHERE i.import_id = %(import_id)s GROUP BY i.store, i.sku
    ),
    levels AS MATERIALIZED (
        SELECT m.store, m.sku, coalesce(l.on_hand, 0) AS on_hand, coalesce(m.counted, l.on_hand, 0) + m.change AS after
        FROM moved AS m
        LEFT JOIN stores AS s ON s.code = m.store
        LEFT JOIN products AS p ON p.sku = m.sku
        LEFT JOIN stock_levels AS l ON l.store_id = s.id AND l.product_id = p.id
    )
    SELECT (SELECT count(DISTINCT sku) FROM levels) AS products, (SELECT count(*) FROM levels WHERE after < 0) AS below_zero,
        (SELECT coalesce(json_agg(lowest), '[]') FROM (
            SELECT store, sku, on_hand::text, after::text FROM levels WHERE after < 0 ORDER BY levels.after, store, sku LIMIT 50) AS lowest) AS items
"""
_ALREADY_RECORDED: LiteralString = """
    SELECT count(*) AS known FROM import_movements AS i
    JOIN stores AS s ON s.code = i.store JOIN movement_keys AS k ON k.store_id = s.id AND k.key = i.key
    WHERE i.import_id = %(import_id)s AND i.key IS NOT NULL
"""

_SAME_SKUS: LiteralString = """
    UPDATE import_products AS i SET sku = p.sku FROM products AS p
    WHERE i.import_id = %(import_id)s AND upper(p.sku) COLLATE "C" = upper(i.sku) COLLATE "C" AND p.sku <> i.sku
"""
_SAME_SUPPLIERS: LiteralString = """
    UPDATE import_products AS i SET supplier = s.code FROM suppliers AS s
    WHERE i.import_id = %(import_id)s AND upper(s.code) COLLATE "C" = upper(i.supplier) COLLATE "C" AND s.code <> i.supplier
"""
_SKU_TWICE: LiteralString = """
    SELECT line, %(sku)s AS column_name, sku AS value, format('The product stands in line %%s already.', first) AS detail,
        'Keep one line for each product.' AS remedy
    FROM (
        SELECT line, sku, min(line) OVER (PARTITION BY upper(sku) COLLATE "C") AS first FROM import_products
        WHERE import_id = %(import_id)s AND sku IS NOT NULL
    ) AS skus
    WHERE line > first
"""
_NO_NAME: LiteralString = """
    SELECT i.line, %(name)s AS column_name, '' AS value, format('%%s is a new product, and has no name.', i.sku) AS detail,
        'Give it a name, or correct the code if the product is known under another one.' AS remedy
    FROM import_products AS i LEFT JOIN products AS p ON p.sku = i.sku
    WHERE i.import_id = %(import_id)s AND i.sku IS NOT NULL AND i.name IS NULL AND p.id IS NULL
        AND NOT EXISTS (SELECT FROM import_errors AS e WHERE e.import_id = i.import_id AND e.line = i.line AND e.column_name = %(name)s)
"""
_UNKNOWN_SUPPLIER: LiteralString = """
    SELECT i.line, %(supplier)s AS column_name, i.supplier AS value, format('There is no supplier %%s.', i.supplier) AS detail,
        'Add the supplier first, or correct the code.' AS remedy
    FROM import_products AS i LEFT JOIN suppliers AS s ON s.code = i.supplier
    WHERE i.import_id = %(import_id)s AND i.supplier IS NOT NULL AND s.id IS NULL
"""
_BARCODE_TWICE: LiteralString = """
    SELECT line, %(barcodes)s AS column_name, code AS value, format('The barcode stands in line %%s already.', first) AS detail,
        'Leave it with the product that has it on the package.' AS remedy
    FROM (
        SELECT line, code, min(line) OVER (PARTITION BY code) AS first
        FROM import_products AS i CROSS JOIN LATERAL (SELECT split_part(barcode, ':', 2) AS code FROM unnest(i.barcodes) AS barcode) AS codes
        WHERE i.import_id = %(import_id)s
    ) AS codes
    WHERE line > first
"""
_BARCODE_TAKEN: LiteralString = """
    SELECT i.line, %(barcodes)s AS column_name, b.code AS value, format('The barcode belongs to %%s (%%s).', p.sku, p.name) AS detail,
        'Correct the barcode, or take it away from that product first.' AS remedy
    FROM import_products AS i
    CROSS JOIN LATERAL (SELECT split_part(barcode, ':', 2) AS code FROM unnest(i.barcodes) AS barcode) AS codes
    JOIN barcodes AS b ON b.code = codes.code COLLATE "C"
    JOIN products AS p ON p.id = b.product_id
    WHERE i.import_id = %(import_id)s AND p.sku IS DISTINCT FROM i.sku
        -- The file may itself take it away from the other product: a row's barcodes are all that its product has.
        AND NOT EXISTS (
            SELECT FROM import_products AS other WHERE other.import_id = i.import_id AND other.sku = p.sku
                AND NOT codes.code = ANY (SELECT split_part(barcode, ':', 2) FROM unnest(other.barcodes) AS barcode) AND other.barcodes IS NOT NULL)
"""


async def check_movements(connection: Connection, import_id: UUID, layout: Layout, room: int) -> int:
    """Look for movements that fit neither the catalogue nor each other, nor the stock; return how many. Up to *room* of them are kept."""
    keyed = layout.has("key")
    strict = await _one(
        connection,
        "SELECT EXISTS (SELECT FROM stores WHERE NOT allow_oversell) OR EXISTS (SELECT FROM products WHERE NOT allow_oversell) AS strict",
        {},
    )
    await connection.execute(_SAME_STORES, {"import_id": import_id})
    await connection.execute(_SAME_PRODUCTS, {"import_id": import_id})
    checks = [_UNKNOWN_STORE, _UNKNOWN_PRODUCT, *([_KEY_TWICE] if keyed else []), *([_NOT_ENOUGH] if strict["strict"] else [])]
    return await _check(connection, import_id, layout, checks, room)


async def check_products(connection: Connection, import_id: UUID, layout: Layout, room: int) -> int:
    """Look for products that contradict the catalogue or each other; return how many. Up to *room* of them are kept."""
    await connection.execute(_SAME_SKUS, {"import_id": import_id})
    await connection.execute(_SAME_SUPPLIERS, {"import_id": import_id})
    checks = [_SKU_TWICE, _NO_NAME]
    checks += [_UNKNOWN_SUPPLIER] if layout.has("supplier") else []
    checks += [_BARCODE_TWICE, _BARCODE_TAKEN] if layout.has("barcodes") else []
    return await _check(connection, import_id, layout, checks, room)


async def _check(connection: Connection, import_id: UUID, layout: Layout, checks: list[LiteralString], room: int) -> int:
    await connection.execute("DELETE FROM import_errors WHERE import_id = %s AND stage = 'check'", (import_id,))
    headers = {field: layout.header(field) for field in ("store", "sku", "key", "quantity", "name", "supplier", "barcodes")}
    total = 0
    for check in checks:
        row = await _one(connection, _KEEP[0] + check + _KEEP[1], {**headers, "import_id": import_id, "room": max(room - total, 0)})
        total += row["found"]
    return total


async def movement_difference(connection: Connection, import_id: UUID, *, keyed: bool) -> dict[str, Any]:
    """Return what the staged movements change, made of JSON's types; the members of `MovementDifference`."""
    parameters = {"import_id": import_id}
    groups = await (await connection.execute(_GROUPS, parameters)).fetchall()
    levels = await _one(connection, _LEVELS, parameters)
    known = (await _one(connection, _ALREADY_RECORDED, parameters))["known"] if keyed else 0
    moments = [row[end] for row in groups for end in ("first", "last") if row[end] is not None]
    return {
        "groups": [
            {"store": row["store"] or "", "kind": row["kind"] or "", "rows": row["rows"], "quantity": _text(row["quantity"])}
            for row in groups
        ],
        "products": levels["products"],
        "first": min(moments).isoformat() if moments else None,
        "last": max(moments).isoformat() if moments else None,
        "already_recorded": known,
        "below_zero": levels["below_zero"],
        "below_zero_items": levels["items"],
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


async def _one(connection: Connection, query: LiteralString, parameters: Mapping[str, Any]) -> DictRow:
    row = await (await connection.execute(query, parameters)).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has a row
    return row
