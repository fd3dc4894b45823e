"""SQL of the sample shop: only what hands its rows to the catalogue and the ledger, through the same staging tables as an import."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from inventario.platform.postgres import Connection
from inventario.sample.schemas import SampleMovement, SampleProduct

__all__ = ["clear", "count_movements", "holds_anything", "lock", "stage_movements", "stage_products"]

_LOCK = 7_305_224_912


async def lock(connection: Connection) -> None:
    """Make another load of the sample wait until this transaction ends, and let this one take its time on a slow machine."""
    await connection.execute("SET LOCAL statement_timeout = '5min'")
    await connection.execute("SET LOCAL lock_timeout = '5min'")
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


async def holds_anything(connection: Connection) -> bool:
    """Tell whether somebody has put a store or a product into the database."""
    cursor = await connection.execute("SELECT EXISTS (SELECT FROM stores) OR EXISTS (SELECT FROM products) AS found")
    row = await cursor.fetchone()
    return bool(row and row["found"])


async def count_movements(connection: Connection) -> int:
    """Return how many rows the ledger has, those of transfers among them."""
    cursor = await connection.execute("SELECT count(*) AS number FROM stock_movements")
    row = await cursor.fetchone()
    return int(row["number"]) if row else 0


async def stage_products(connection: Connection, batch: UUID, products: Iterable[SampleProduct]) -> None:
    """Put *products* where an import puts its rows."""
    rows = [
        (
            batch,
            line,
            product.sku,
            product.name,
            product.category,
            product.unit,
            product.cost,
            product.price,
            product.vat_rate,
            product.reorder_point,
            product.reorder_quantity,
            product.supplier,
            # A UPC-A is kept as the EAN-13 that it is with a leading zero.
            "{"
            + ",".join(
                f"{barcode.kind}:{barcode.code.zfill(13) if barcode.kind == 'upca' else barcode.code}" for barcode in product.barcodes
            )
            + "}",
            "active",
        )
        for line, product in enumerate(products, start=1)
    ]
    await _copy(
        connection,
        b"COPY import_products (import_id, line, sku, name, category, unit, cost, price, vat_rate, reorder_point, reorder_quantity, "
        b"supplier, barcodes, status) FROM STDIN",
        rows,
    )
    await connection.execute("ANALYZE import_products")


async def stage_movements(connection: Connection, batch: UUID, movements: Iterable[SampleMovement]) -> None:
    """Put *movements* where an import puts its rows. A count says what was counted; the ledger works out the difference."""
    rows = [
        (
            batch,
            line,
            movement.store,
            movement.sku,
            movement.kind,
            None if movement.kind == "count" else movement.quantity,
            movement.counted,
            movement.occurred_at,
            movement.unit_price,
            movement.unit_cost,
            movement.reason,
            movement.device,
            movement.device_sequence,
        )
        for line, movement in enumerate(movements, start=1)
    ]
    await _copy(
        connection,
        b"COPY import_movements (import_id, line, store, sku, kind, quantity, counted, occurred_at, unit_price, unit_cost, reason, device, "
        b"device_sequence) FROM STDIN",
        rows,
    )
    await connection.execute("ANALYZE import_movements")


async def clear(connection: Connection, batches: Iterable[UUID]) -> None:
    """Take what was staged away again."""
    wanted = list(batches)
    await connection.execute("DELETE FROM import_products WHERE import_id = ANY(%s)", (wanted,))
    await connection.execute("DELETE FROM import_movements WHERE import_id = ANY(%s)", (wanted,))


async def _copy(connection: Connection, statement: bytes, rows: Iterable[tuple[object, ...]]) -> None:
    # One text made here takes a third of the time of psycopg's adapters row by row. None of the sample's texts needs escaping.
    data = "".join("\t".join(map(_text, row)) + "\n" for row in rows)
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(data)


def _text(value: object) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, datetime) else str(value)
