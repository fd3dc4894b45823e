"""SQL of the shop's numbers: it only reads."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from inventario.analytics.schemas import Kind, Named, OnHand, Recent
from inventario.platform.postgres import Connection

__all__ = ["extent", "named", "on_hand", "recent", "today"]


async def today(connection: Connection, first: UUID, since: datetime, limit: int) -> list[Kind]:
    """Return today's movements by kind, of the newest *limit* ones.

    *first* is the smallest identifier that could have been made at *since*: identifiers grow with time, so the primary key finds the day.
    """
    cursor = await connection.execute(
        """
        SELECT kind::text, count(*) AS movements, sum(quantity) AS quantity, coalesce(sum(quantity * unit_price), 0) AS amount
        FROM (SELECT * FROM stock_movements WHERE id >= %s AND recorded_at >= %s ORDER BY id DESC LIMIT %s) AS newest
        JOIN stores ON stores.id = newest.store_id
        WHERE business_date = (now() AT TIME ZONE stores.time_zone)::date
        GROUP BY kind
        """,
        [first, since, limit],
    )
    return [Kind(**row) for row in await cursor.fetchall()]


async def recent(connection: Connection, limit: int) -> list[Recent]:
    """Return the movements recorded last."""
    cursor = await connection.execute(
        """
        SELECT newest.id, products.sku, products.name, products.unit, stores.name AS store, stores.time_zone, newest.kind::text, newest.quantity,
               newest.on_hand, newest.oversold, newest.occurred_at
        FROM (SELECT * FROM stock_movements ORDER BY id DESC LIMIT %s) AS newest
        JOIN products ON products.id = newest.product_id
        JOIN stores ON stores.id = newest.store_id
        ORDER BY newest.id DESC
        """,
        [limit],
    )
    return [Recent(**row) for row in await cursor.fetchall()]


async def extent(connection: Connection) -> tuple[int, int]:
    """Return whether there are products and stores, as 1 or 0: counting a million would take longer than the page."""
    cursor = await connection.execute(
        "SELECT (SELECT count(*) FROM (SELECT FROM products LIMIT 1) AS p) AS products, (SELECT count(*) FROM stores) AS stores"
    )
    row = await cursor.fetchone()
    return (0, 0) if row is None else (row["products"], row["stores"])


async def named(connection: Connection, skus: Collection[str]) -> list[Named]:
    """Return name and unit of *skus*."""
    cursor = await connection.execute("SELECT sku, name, unit FROM products WHERE sku = ANY(%s)", [list(skus)])
    return [Named(**row) for row in await cursor.fetchall()]


async def on_hand(connection: Connection, skus: Collection[str]) -> list[OnHand]:
    """Return the stock of *skus* over all stores; products that never moved are left out."""
    cursor = await connection.execute(
        """
        SELECT sku, sum(on_hand) AS on_hand, bool_or(oversold) AS oversold, coalesce(bool_or(on_hand <= reorder_point), false) AS low
        FROM products JOIN stock_levels ON product_id = products.id
        WHERE sku = ANY(%s) GROUP BY sku
        """,
        [list(skus)],
    )
    return [OnHand(**row) for row in await cursor.fetchall()]
