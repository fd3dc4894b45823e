"""Taking an import of products back."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from inventario.catalogue.schemas import ImportUndone
from inventario.platform.postgres import Connection

__all__ = ["undo"]

# Whoever moves or orders one of these products now waits for us, or we wait for them: what is decided below stays true.
_LOCK: LiteralString = """
    SELECT FROM products WHERE id IN (SELECT product_id FROM product_changes WHERE import_id = %(import_id)s) ORDER BY id FOR UPDATE
"""
_DECIDE: LiteralString = """
    CREATE TEMPORARY TABLE undo_plan ON COMMIT DROP AS
    SELECT p.id, p.sku, change.before, change.after, clock.at, CASE
        WHEN p.version <> change.version THEN 'left'
        WHEN NOT change.created THEN 'restored'
        WHEN EXISTS (SELECT FROM stock_levels WHERE product_id = p.id) OR EXISTS (SELECT FROM stock_transfer_lines WHERE product_id = p.id)
            THEN 'discontinued'
        ELSE 'deleted' END AS fate
    FROM product_changes AS change JOIN products AS p ON p.id = change.product_id CROSS JOIN (SELECT clock_timestamp() AS at OFFSET 0) AS clock
    WHERE change.import_id = %(import_id)s
"""
# A product whose old barcode belongs to one that stays as it is cannot get it back. Repeated, since each that is left keeps what it has now.
_LEAVE_WHERE_TAKEN: LiteralString = """
    UPDATE undo_plan AS plan SET fate = 'left' WHERE fate = 'restored' AND after ? 'barcodes' AND EXISTS (
        SELECT FROM jsonb_array_elements_text(plan.before -> 'barcodes') AS old JOIN barcodes AS held ON held.code = old COLLATE "C"
        LEFT JOIN undo_plan AS holder ON holder.id = held.product_id
        WHERE held.product_id <> plan.id AND coalesce(holder.fate, 'left') NOT IN ('restored', 'deleted'))
"""
_DELETE: LiteralString = "DELETE FROM products USING undo_plan AS plan WHERE products.id = plan.id AND plan.fate = 'deleted'"
_DISCONTINUE: LiteralString = """
    UPDATE products SET status = 'discontinued', version = version + 1, updated_at = plan.at FROM undo_plan AS plan
    WHERE products.id = plan.id AND plan.fate = 'discontinued'
"""
_RESTORE: LiteralString = """
    UPDATE products AS p SET name = before ->> 'name', category_id = category.id, supplier_id = supplier.id, unit = before ->> 'unit',
        cost = (before ->> 'cost')::numeric, vat_rate = (before ->> 'vat_rate')::numeric, reorder_point = (before ->> 'reorder_point')::numeric,
        reorder_quantity = (before ->> 'reorder_quantity')::numeric, status = before ->> 'status', version = p.version + 1, updated_at = plan.at
    FROM undo_plan AS plan
    LEFT JOIN categories AS category ON category.path = before ->> 'category'
    LEFT JOIN suppliers AS supplier ON supplier.code = before ->> 'supplier'
    WHERE p.id = plan.id AND plan.fate = 'restored'
"""
_DROP_BARCODES: LiteralString = """
    DELETE FROM barcodes USING undo_plan AS plan
    WHERE barcodes.product_id = plan.id AND plan.fate = 'restored' AND plan.after ? 'barcodes' AND NOT plan.before -> 'barcodes' ? barcodes.code
"""
_ADD_BARCODES: LiteralString = """
    INSERT INTO barcodes (code, product_id, kind)
    SELECT old, plan.id, barcode_kind(old) FROM undo_plan AS plan CROSS JOIN LATERAL jsonb_array_elements_text(plan.before -> 'barcodes') AS old
    WHERE plan.fate = 'restored' AND plan.after ? 'barcodes' AND NOT plan.after -> 'barcodes' ? old ORDER BY old
"""
_CLOSE_PRICES: LiteralString = """
    UPDATE prices SET valid = tstzrange(lower(valid), plan.at) FROM undo_plan AS plan
    WHERE prices.product_id = plan.id AND plan.fate = 'restored' AND plan.after ? 'price' AND prices.valid @> plan.at
"""
_ADD_PRICES: LiteralString = """
    INSERT INTO prices (product_id, amount, valid)
    SELECT plan.id, (plan.before ->> 'price')::numeric, tstzrange(plan.at, (
        SELECT min(lower(planned.valid)) FROM prices AS planned WHERE planned.product_id = plan.id AND lower(planned.valid) > plan.at))
    FROM undo_plan AS plan WHERE plan.fate = 'restored' AND plan.after ? 'price' AND plan.before ->> 'price' IS NOT NULL ORDER BY plan.id
"""


async def undo(connection: Connection, import_id: UUID) -> ImportUndone:
    """Bring the products of an applied import back to what they were before, in the caller's transaction."""
    parameters = {"import_id": import_id}
    await connection.execute(_LOCK, parameters)
    await connection.execute("DROP TABLE IF EXISTS pg_temp.undo_plan")
    await connection.execute(_DECIDE, parameters)
    await connection.execute("ANALYZE undo_plan")
    while (await connection.execute(_LEAVE_WHERE_TAKEN)).rowcount:
        pass
    for statement in (_DELETE, _DISCONTINUE, _RESTORE, _DROP_BARCODES, _ADD_BARCODES, _CLOSE_PRICES, _ADD_PRICES):
        await connection.execute(statement)
    rows = await (
        await connection.execute("SELECT fate, count(*), array_agg(sku ORDER BY sku) AS skus FROM undo_plan GROUP BY fate")
    ).fetchall()
    await connection.execute("DROP TABLE undo_plan")
    counts = {row["fate"]: row["count"] for row in rows}
    left: list[str] = next((row["skus"] for row in rows if row["fate"] == "left"), [])
    return ImportUndone(counts.get("restored", 0), counts.get("deleted", 0), counts.get("discontinued", 0), left)
