"""SQL of transfers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import LiteralString
from uuid import UUID

from psycopg.rows import DictRow

from inventario.platform.postgres import Connection

__all__ = ["create", "find", "find_by_key", "lock", "mark_received", "page", "stores"]

_TRANSFERS: LiteralString = """
    SELECT t.id, t.state, source.code AS from_store, target.code AS to_store, t.reason, t.actor, t.dispatched_at, t.received_at,
        t.body_hash, t.received_hash, lines.lines
    FROM stock_transfers AS t
    JOIN stores AS source ON source.id = t.from_store_id
    JOIN stores AS target ON target.id = t.to_store_id
    CROSS JOIN LATERAL (
        SELECT json_agg(json_build_object('sku', p.sku, 'name', p.name, 'quantity', l.quantity::text, 'received', l.received::text,
            'missing', (l.quantity - l.received)::text) ORDER BY p.sku) AS lines
        FROM stock_transfer_lines AS l JOIN products AS p ON p.id = l.product_id WHERE l.transfer_id = t.id
    ) AS lines
"""


async def stores(connection: Connection, codes: Sequence[str]) -> dict[str, int]:
    """Return the ids of the stores among *codes* that exist."""
    cursor = await connection.execute("SELECT code, id FROM stores WHERE code = ANY(%s)", (list(codes),))
    return {row["code"]: row["id"] for row in await cursor.fetchall()}


async def create(
    connection: Connection, transfer_id: UUID, *, source: int, target: int, key: str, body_hash: str, reason: str | None, actor: str
) -> bool:
    """Insert the head of a transfer; False where the source store has one under *key* already.

    Waits for a transaction that is writing the same key.
    """
    cursor = await connection.execute(
        """
        INSERT INTO stock_transfers (id, from_store_id, to_store_id, key, body_hash, reason, actor)
        VALUES (%s, %s, %s, %s, decode(%s, 'hex'), %s, %s) ON CONFLICT (from_store_id, key) DO NOTHING
        """,
        (transfer_id, source, target, key, body_hash, reason, actor),
    )
    return cursor.rowcount == 1


async def add_lines(connection: Connection, transfer_id: UUID, quantities: Mapping[str, Decimal]) -> None:
    """Insert the lines of a transfer; the products are known to exist."""
    await connection.execute(
        """
        INSERT INTO stock_transfer_lines (transfer_id, product_id, quantity)
        SELECT %s, p.id, line.quantity FROM unnest(%s::text[], %s::numeric[]) AS line(sku, quantity) JOIN products AS p USING (sku)
        """,
        (transfer_id, list(quantities), list(quantities.values())),
    )


async def find(connection: Connection, transfer_id: UUID) -> DictRow | None:
    """Return a transfer with its lines."""
    return await (await connection.execute(_TRANSFERS + " WHERE t.id = %s", (transfer_id,))).fetchone()


async def find_by_key(connection: Connection, source: int, key: str) -> DictRow | None:
    """Return the transfer that *key* stands for in the source store."""
    return await (await connection.execute(_TRANSFERS + " WHERE t.from_store_id = %s AND t.key = %s", (source, key))).fetchone()


async def lock(connection: Connection, transfer_id: UUID) -> None:
    """Keep others from receiving the transfer until the transaction ends."""
    await connection.execute("SELECT FROM stock_transfers WHERE id = %s FOR UPDATE", (transfer_id,))


async def mark_received(connection: Connection, transfer_id: UUID, received: Mapping[str, Decimal], body_hash: str) -> None:
    """Note what arrived of each product."""
    await connection.execute(
        """
        UPDATE stock_transfer_lines AS l SET received = line.received
        FROM unnest(%s::text[], %s::numeric[]) AS line(sku, received) JOIN products AS p USING (sku)
        WHERE l.transfer_id = %s AND l.product_id = p.id
        """,
        (list(received), list(received.values()), transfer_id),
    )
    await connection.execute(
        "UPDATE stock_transfers SET state = 'received', received_at = now(), received_hash = decode(%s, 'hex') WHERE id = %s",
        (body_hash, transfer_id),
    )


async def page(connection: Connection, *, state: str | None, before: UUID | None, limit: int) -> list[DictRow]:
    """Return transfers, newest first, that come before the id *before*: ids are ordered by time."""
    cursor = await connection.execute(
        _TRANSFERS
        + """
        WHERE (%(state)s::text IS NULL OR t.state = %(state)s) AND (%(before)s::uuid IS NULL OR t.id < %(before)s)
        ORDER BY t.id DESC LIMIT %(limit)s
        """,
        {"state": state, "before": before, "limit": limit},
    )
    return await cursor.fetchall()
