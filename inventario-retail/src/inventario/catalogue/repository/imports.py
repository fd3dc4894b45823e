"""Imports of products: what staged rows would change, changing it, and taking it back. Set by set, never row by row.

The rows lie in ``import_products``; NULL there leaves a field as it is. A product's fields are compared as text, each in the scale of its column.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import DictRow

from inventario.catalogue.repository import categories
from inventario.catalogue.rules import ancestors
from inventario.catalogue.schemas import FieldChange, ImportCounts, ImportDifference, ProductChange
from inventario.platform.postgres import Connection

__all__ = ["apply", "difference"]

# A row for each staged one: ``before`` are the fields of its product now, ``changed`` those that the file has otherwise.
_PLAN: LiteralString = """
    WITH staged AS (
        SELECT i.*, ARRAY(SELECT DISTINCT split_part(code, ':', 2) FROM unnest(i.barcodes) AS code ORDER BY 1) AS codes
        FROM import_products AS i WHERE i.import_id = %(import_id)s
    ), compared AS (
        SELECT i.line, p.id, p.id IS NULL AS created, coalesce(p.sku, i.sku) AS sku, coalesce(p.name, i.name) AS name, coalesce(p.version, 0) AS version,
            CASE WHEN p.id IS NULL THEN '{}' ELSE jsonb_build_object('name', p.name, 'category', own.path, 'unit', p.unit, 'cost', p.cost::text,
                'price', price.amount::text, 'vat_rate', p.vat_rate::text, 'reorder_point', p.reorder_point::text,
                'reorder_quantity', p.reorder_quantity::text, 'supplier', own_supplier.code, 'status', p.status,
                'barcodes', ARRAY(SELECT code FROM barcodes WHERE barcodes.product_id = p.id ORDER BY code)) END AS before,
            jsonb_strip_nulls(jsonb_build_object('name', i.name, 'category', coalesce(named.path, i.category), 'unit', i.unit, 'cost', i.cost::text,
                'price', i.price::text, 'vat_rate', i.vat_rate::text, 'reorder_point', i.reorder_point::text,
                'reorder_quantity', i.reorder_quantity::text, 'supplier', coalesce(named_supplier.code, i.supplier), 'status', i.status,
                'barcodes', CASE WHEN i.barcodes IS NOT NULL THEN to_jsonb(i.codes) END)) AS wanted
        FROM staged AS i
        LEFT JOIN products AS p ON upper(p.sku) COLLATE "C" = upper(i.sku) COLLATE "C"
        LEFT JOIN categories AS own ON own.id = p.category_id
        LEFT JOIN suppliers AS own_supplier ON own_supplier.id = p.supplier_id
        LEFT JOIN prices AS price ON price.product_id = p.id AND price.valid @> clock_timestamp()
        LEFT JOIN categories AS named ON (fold(named.path) || '/') COLLATE "C" = (fold(i.category) || '/') COLLATE "C"
        LEFT JOIN suppliers AS named_supplier ON upper(named_supplier.code) COLLATE "C" = upper(i.supplier) COLLATE "C"
    ), plan AS (
        SELECT line, id, created, sku, name, version, before,
            (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(wanted) WHERE value IS DISTINCT FROM before -> key) AS changed
        FROM compared
    )
"""
_DIFFERENCE: LiteralString = (
    _PLAN
    + """
    SELECT count(*) FILTER (WHERE created) AS created, count(*) FILTER (WHERE NOT created AND changed <> '{}') AS changed,
        count(*) FILTER (WHERE NOT created AND changed = '{}') AS unchanged,
        (SELECT coalesce(jsonb_agg(to_jsonb(shown) ORDER BY line), '[]') FROM (
            SELECT line, sku, name, created, before, changed FROM plan WHERE created OR changed <> '{}' ORDER BY line LIMIT %(limit)s) AS shown) AS items
    FROM plan
    """
)
# In the order in which a reader expects them; JSON has none.
_FIELDS = ("name", "category", "unit", "cost", "price", "vat_rate", "reorder_point", "reorder_quantity", "supplier", "barcodes", "status")


async def difference(connection: Connection, import_id: UUID, limit: int) -> ImportDifference:
    """Return what the staged rows would change, and the first *limit* products that they do change."""
    row = await _one(connection, _DIFFERENCE, {"import_id": import_id, "limit": limit})
    return ImportDifference(row["created"], row["changed"], row["unchanged"], [_change(item) for item in row["items"]])


def _change(item: Mapping[str, Any]) -> ProductChange:
    before, after = item["before"], item["changed"]
    fields = [FieldChange(name, _text(before.get(name)), _text(after[name])) for name in _FIELDS if name in after]
    return ProductChange(item["line"], item["sku"], item["name"], "created" if item["created"] else "changed", fields)


def _text(value: Any) -> str | None:
    return ", ".join(value) if isinstance(value, list) else value


async def apply(connection: Connection, import_id: UUID) -> ImportCounts:
    """Carry out what `difference` tells, in the caller's transaction, and keep what was there before in ``product_changes``.

    Raises:
        psycopg.errors.UniqueViolation: A SKU or a barcode was taken meanwhile.
    """
    parameters = {"import_id": import_id}
    await _create_categories(connection, import_id)
    # In the order of their ids, so that two imports cannot wait for each other in a circle; and before anything is compared.
    await connection.execute(_LOCK, parameters)
    await connection.execute("DROP TABLE IF EXISTS pg_temp.import_plan")
    await connection.execute(_MAKE_PLAN, parameters)
    await connection.execute("ANALYZE import_plan")
    for statement in (_INSERT, _UPDATE, _DROP_BARCODES, _ADD_BARCODES, _CLOSE_PRICES, _ADD_PRICES, _REMEMBER):
        await connection.execute(statement, parameters)
    row = await _one(
        connection,
        """
        SELECT count(*) FILTER (WHERE created) AS created, count(*) FILTER (WHERE NOT created AND changed <> '{}') AS changed,
            count(*) FILTER (WHERE NOT created AND changed = '{}') AS unchanged
        FROM import_plan
        """,
        {},
    )
    await connection.execute("DROP TABLE import_plan")
    return ImportCounts(**row)


async def _create_categories(connection: Connection, import_id: UUID) -> None:
    rows = await (
        await connection.execute(
            """
            SELECT DISTINCT i.category FROM import_products AS i WHERE i.import_id = %s AND i.category IS NOT NULL AND NOT EXISTS (
                SELECT FROM categories WHERE (fold(path) || '/') COLLATE "C" = (fold(i.category) || '/') COLLATE "C")
            ORDER BY i.category
            """,
            [import_id],
        )
    ).fetchall()
    for row in rows:
        await categories.create(connection, ancestors(row["category"]))


_LOCK: LiteralString = """
    SELECT FROM products WHERE id IN (
        SELECT p.id FROM import_products AS i JOIN products AS p ON upper(p.sku) COLLATE "C" = upper(i.sku) COLLATE "C" WHERE i.import_id = %(import_id)s)
    ORDER BY id FOR NO KEY UPDATE
"""
# The ids of new products are drawn here, so that everything else can be written set by set. ``at`` is when the new prices begin: after the locks,
# and thus after every price that somebody else has just set.
_MAKE_PLAN: LiteralString = (
    "CREATE TEMPORARY TABLE import_plan ON COMMIT DROP AS "
    + _PLAN
    + """
    SELECT line, coalesce(id, nextval(pg_get_serial_sequence('products', 'id'))) AS id, created, sku, version, before, changed, clock.at
    FROM plan CROSS JOIN (SELECT clock_timestamp() AS at OFFSET 0) AS clock
    """
)
_INSERT: LiteralString = """
    INSERT INTO products (id, sku, name, category_id, supplier_id, unit, cost, vat_rate, reorder_point, reorder_quantity, status)
    OVERRIDING SYSTEM VALUE
    SELECT plan.id, plan.sku, changed ->> 'name', category.id, supplier.id, coalesce(changed ->> 'unit', 'unit'), (changed ->> 'cost')::numeric,
        coalesce((changed ->> 'vat_rate')::numeric, 21), (changed ->> 'reorder_point')::numeric, (changed ->> 'reorder_quantity')::numeric,
        coalesce(changed ->> 'status', 'active')
    FROM import_plan AS plan
    LEFT JOIN categories AS category ON category.path = changed ->> 'category'
    LEFT JOIN suppliers AS supplier ON supplier.code = changed ->> 'supplier'
    WHERE plan.created ORDER BY plan.id
"""
_UPDATE: LiteralString = """
    UPDATE products AS p SET
        name = coalesce(changed ->> 'name', p.name),
        category_id = CASE WHEN changed ? 'category' THEN category.id ELSE p.category_id END,
        supplier_id = CASE WHEN changed ? 'supplier' THEN supplier.id ELSE p.supplier_id END,
        unit = coalesce(changed ->> 'unit', p.unit), cost = coalesce((changed ->> 'cost')::numeric, p.cost),
        vat_rate = coalesce((changed ->> 'vat_rate')::numeric, p.vat_rate),
        reorder_point = coalesce((changed ->> 'reorder_point')::numeric, p.reorder_point),
        reorder_quantity = coalesce((changed ->> 'reorder_quantity')::numeric, p.reorder_quantity),
        status = coalesce(changed ->> 'status', p.status), version = p.version + 1, updated_at = plan.at
    FROM import_plan AS plan
    LEFT JOIN categories AS category ON category.path = changed ->> 'category'
    LEFT JOIN suppliers AS supplier ON supplier.code = changed ->> 'supplier'
    WHERE p.id = plan.id AND NOT plan.created AND plan.changed <> '{}'
"""
_DROP_BARCODES: LiteralString = """
    DELETE FROM barcodes USING import_plan AS plan
    WHERE barcodes.product_id = plan.id AND NOT plan.created AND plan.changed ? 'barcodes' AND NOT plan.changed -> 'barcodes' ? barcodes.code
"""
_ADD_BARCODES: LiteralString = """
    INSERT INTO barcodes (code, product_id, kind)
    SELECT code, plan.id, barcode_kind(code) FROM import_plan AS plan CROSS JOIN LATERAL jsonb_array_elements_text(plan.changed -> 'barcodes') AS code
    WHERE plan.changed ? 'barcodes' AND NOT plan.before -> 'barcodes' ? code IS TRUE ORDER BY code
"""
_CLOSE_PRICES: LiteralString = """
    UPDATE prices SET valid = tstzrange(lower(valid), plan.at) FROM import_plan AS plan
    WHERE prices.product_id = plan.id AND NOT plan.created AND plan.changed ? 'price' AND prices.valid @> plan.at
"""
_ADD_PRICES: LiteralString = """
    INSERT INTO prices (product_id, amount, valid)
    SELECT plan.id, (plan.changed ->> 'price')::numeric, tstzrange(plan.at, CASE WHEN NOT plan.created THEN (
        SELECT min(lower(planned.valid)) FROM prices AS planned WHERE planned.product_id = plan.id AND lower(planned.valid) > plan.at) END)
    FROM import_plan AS plan WHERE plan.changed ->> 'price' IS NOT NULL ORDER BY plan.id
"""
_REMEMBER: LiteralString = """
    INSERT INTO product_changes (import_id, product_id, created, before, after, version)
    SELECT %(import_id)s, id, created, before, changed, version + 1 FROM import_plan WHERE created OR changed <> '{}' ORDER BY id
"""


async def _one(connection: Connection, query: LiteralString, parameters: Mapping[str, Any]) -> DictRow:
    row = await (await connection.execute(query, parameters)).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has a row
    return row
