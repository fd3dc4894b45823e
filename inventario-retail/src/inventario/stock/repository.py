"""SQL of the ledger and its levels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import orjson
from psycopg.rows import DictRow

from inventario.platform.postgres import Connection
from inventario.stock import statement

__all__ = [
    "apply_batch_reversal",
    "apply_import",
    "apply_rows",
    "batch_size",
    "create_levels",
    "create_levels_of",
    "daily_changes",
    "first_xid_since",
    "levels",
    "levels_needing_attention",
    "lock_batch",
    "movements_by_id",
    "movements_since",
    "product_ids",
    "product_ledger",
    "store_ids",
    "store_ledger",
    "tell",
    "watermark",
]

# How a movement looks to the outside. The codes come from the catalogue, which never changes them.
_DETAIL_COLUMNS: LiteralString = """
    SELECT m.id, m.sequence, m.on_hand, s.code AS store, p.sku, m.kind, m.quantity, m.counted, m.expected, m.unit_price, m.unit_cost,
        m.vat_rate, m.oversold, m.occurred_at, m.recorded_at, m.business_date, m.device, m.device_sequence, m.reason, m.actor,
        m.batch_id AS batch, m.transfer_id AS transfer, m.reverses, r.reversal_id AS reversed_by, m.store_id, m.xid::text AS xid
"""
# After every position: the highest transaction id and the highest uuid.
_LAST = (str(2**64 - 1), UUID(int=2**128 - 1))
_DETAIL_JOINS: LiteralString = """
    JOIN stores AS s ON s.id = m.store_id
    JOIN products AS p ON p.id = m.product_id
    LEFT JOIN stock_reversals AS r ON r.store_id = m.store_id AND r.movement_id = m.id
"""


async def apply_rows(connection: Connection, rows: Sequence[dict[str, Any]], *, wait: bool) -> list[DictRow]:
    """Write *rows* with the one statement and return what became of each, in order.

    Args:
        connection: In autocommit mode, or in the transaction that the movements belong to.
        rows: As ``statement`` describes; ``ord`` counts from 0.
        wait: Wait for levels that others hold instead of leaving them out.
    """
    query = statement.APPLY_ROWS_WAITING if wait else statement.APPLY_ROWS
    cursor = await connection.execute(query, {"rows": orjson.dumps(rows).decode()})
    return await cursor.fetchall()


async def create_levels(connection: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Make sure that each pair of store and product has a level; a new one holds nothing."""
    # Sorted, so that two who do this at once cannot wait for each other in a circle.
    ordered = sorted(set(pairs))
    await connection.execute(
        """
        INSERT INTO stock_levels (store_id, product_id) SELECT * FROM unnest(%s::integer[], %s::bigint[]) AS pair(store_id, product_id)
        ORDER BY store_id, product_id ON CONFLICT DO NOTHING
        """,
        ([store for store, _ in ordered], [product for _, product in ordered]),
    )


async def create_levels_of(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Make sure that the levels of *rows* exist, as far as their store and product do."""
    cursor = await connection.execute(
        """
        SELECT s.id AS store_id, p.id AS product_id FROM unnest(%s::text[], %s::text[]) AS wanted(store, sku)
        JOIN stores AS s ON s.code = wanted.store JOIN products AS p ON p.sku = wanted.sku
        """,
        ([row["store"] for row in rows], [row["sku"] for row in rows]),
    )
    await create_levels(connection, [(pair["store_id"], pair["product_id"]) for pair in await cursor.fetchall()])


async def apply_import(connection: Connection, batch: UUID, actor: str) -> DictRow:
    """Write the staged rows of import *batch*; return the counts ``applied`` and ``replayed``."""
    await _prepare_for_many(connection)
    await connection.execute(
        """
        INSERT INTO stock_levels (store_id, product_id)
        SELECT DISTINCT s.id, p.id FROM import_movements AS i JOIN stores AS s ON s.code = i.store JOIN products AS p ON p.sku = i.sku
        WHERE i.import_id = %s
        ORDER BY 1, 2
        ON CONFLICT DO NOTHING
        """,
        (batch,),
    )
    cursor = await connection.execute(statement.APPLY_IMPORT, {"batch": batch, "actor": actor})
    return _only(await cursor.fetchone())


async def apply_batch_reversal(connection: Connection, *, of: UUID, batch: UUID, actor: str) -> DictRow:
    """Reverse what is left to reverse of batch *of*, as batch *batch*; return ``applied``."""
    await _prepare_for_many(connection)
    cursor = await connection.execute(statement.APPLY_BATCH_REVERSAL, {"of": of, "batch": batch, "actor": actor})
    return _only(await cursor.fetchone())


async def _prepare_for_many(connection: Connection) -> None:
    """Tell the planner that the statement of this transaction has many rows: it cannot know how many its parts hand to each other.

    Guessing one row, it would join by nested loops: the reversal of 800,000 movements then takes hours instead of seconds. And sorting
    them on disk would take longer than writing them. Nobody waits at a till for this one: it may take an hour.
    """
    await connection.execute(
        """
        SELECT set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true), set_config('work_mem', '128MB', true),
            set_config('statement_timeout', '1h', true)
        """
    )


async def lock_batch(connection: Connection, batch: UUID) -> None:
    """Keep others from reversing the same batch until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s::text, 0))", (batch,))


async def batch_size(connection: Connection, batch: UUID) -> DictRow:
    """Return the counts ``movements``, ``reversed`` and ``fixed`` (transfers and reversals, which stay) of a batch."""
    cursor = await connection.execute(
        """
        SELECT count(*) AS movements, count(r.movement_id) AS reversed, count(*) FILTER (WHERE m.kind IN ('reversal', 'transfer')) AS fixed
        FROM stock_movements AS m LEFT JOIN stock_reversals AS r ON r.store_id = m.store_id AND r.movement_id = m.id
        WHERE m.batch_id = %s
        """,
        (batch,),
    )
    return _only(await cursor.fetchone())


async def tell(connection: Connection, *, topic: str, subject: UUID, batch: UUID) -> None:
    """Put one event for a whole batch into the outbox of each store that it touched."""
    await connection.execute(
        """
        INSERT INTO outbox (store_id, topic, subject)
        SELECT store_id, %s, %s FROM (SELECT DISTINCT store_id FROM stock_movements WHERE batch_id = %s) AS touched
        """,
        (topic, subject, batch),
    )


async def movements_by_id(connection: Connection, ids: Sequence[UUID]) -> list[DictRow]:
    """Return movements with what reversed them, in no particular order; unknown ids are left out."""
    cursor = await connection.execute(
        _DETAIL_COLUMNS + " FROM stock_movements AS m " + _DETAIL_JOINS + " WHERE m.id = ANY(%s)", (list(ids),)
    )
    return await cursor.fetchall()


async def product_ledger(connection: Connection, product_id: int, positions: Sequence[tuple[int, int]], limit: int) -> list[DictRow]:
    """Return movements of a product, newest first, from several stores at once.

    Args:
        connection: Any.
        product_id: Which product.
        positions: A pair for each store: its id, and the sequence that the answer stays below.
        limit: Rows at most.
    """
    cursor = await connection.execute(
        _DETAIL_COLUMNS
        + """
        FROM unnest(%s::integer[], %s::bigint[]) AS position(store_id, below)
        CROSS JOIN LATERAL (
            SELECT * FROM stock_movements WHERE store_id = position.store_id AND product_id = %s AND sequence < position.below
            ORDER BY sequence DESC LIMIT %s
        ) AS m
        """
        + _DETAIL_JOINS
        + "ORDER BY m.recorded_at DESC, m.store_id, m.sequence DESC LIMIT %s",
        ([store for store, _ in positions], [below for _, below in positions], product_id, limit, limit),
    )
    return await cursor.fetchall()


async def store_ledger(connection: Connection, stores: Sequence[int], before: tuple[str, UUID] | None, limit: int) -> list[DictRow]:
    """Return movements of *stores*, newest transaction first, that come before the position *before*."""
    cursor = await connection.execute(
        _DETAIL_COLUMNS
        + """
        FROM unnest(%(stores)s::integer[]) AS wanted(store_id)
        CROSS JOIN LATERAL (
            SELECT * FROM stock_movements WHERE store_id = wanted.store_id AND (xid, id) < (%(xid)s::text::xid8, %(id)s)
            ORDER BY xid DESC, id DESC LIMIT %(limit)s
        ) AS m
        """
        + _DETAIL_JOINS
        + "ORDER BY m.xid DESC, m.id DESC LIMIT %(limit)s",
        {"stores": list(stores), "xid": (before or _LAST)[0], "id": (before or _LAST)[1], "limit": limit},
    )
    return await cursor.fetchall()


async def first_xid_since(connection: Connection, moment: datetime) -> str:
    """Return the lowest transaction that recorded a movement at *moment* or later, or the present watermark."""
    cursor = await connection.execute(
        "SELECT coalesce(min(xid), pg_snapshot_xmin(pg_current_snapshot()))::text AS xid FROM stock_movements WHERE recorded_at >= %s",
        (moment,),
    )
    return str((_only(await cursor.fetchone()))["xid"])


async def movements_since(
    connection: Connection,
    stores: Sequence[int],
    product_id: int | None,
    after: tuple[str, UUID],
    below: str,
    recorded_from: datetime | None,
    limit: int,
) -> list[DictRow]:
    """Return movements after the position *after* and below the watermark *below*, oldest transaction first.

    Transactions commit out of order: what is above the watermark is left for the next call, also where it is visible already, because
    something below it may still be under way.
    """
    cursor = await connection.execute(
        _DETAIL_COLUMNS
        + """
        FROM unnest(%(stores)s::integer[]) AS wanted(store_id)
        CROSS JOIN LATERAL (
            SELECT * FROM stock_movements WHERE store_id = wanted.store_id AND (xid, id) > (%(xid)s::text::xid8, %(id)s)
                AND xid < %(watermark)s::text::xid8
                AND (%(product)s::bigint IS NULL OR product_id = %(product)s)
                AND (%(from)s::timestamptz IS NULL OR recorded_at >= %(from)s)
            ORDER BY xid, id LIMIT %(limit)s
        ) AS m
        """
        + _DETAIL_JOINS
        + "ORDER BY m.xid, m.id LIMIT %(limit)s",
        {
            "stores": list(stores),
            "xid": after[0],
            "id": after[1],
            "watermark": below,
            "product": product_id,
            "from": recorded_from,
            "limit": limit,
        },
    )
    return await cursor.fetchall()


async def watermark(connection: Connection) -> str:
    """Return the oldest transaction that may still be under way: everything below it is committed or will never be."""
    cursor = await connection.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xid")
    return str(_only(await cursor.fetchone())["xid"])


async def store_ids(connection: Connection, code: str | None) -> list[int]:
    """Return the id of the store *code*, or of all stores; none where the code is unknown."""
    cursor = await connection.execute("SELECT id FROM stores WHERE %(code)s::text IS NULL OR code = %(code)s ORDER BY id", {"code": code})
    return [row["id"] for row in await cursor.fetchall()]


async def product_ids(connection: Connection, sku: str) -> list[int]:
    """Return the id of the product *sku*; none where it is unknown."""
    cursor = await connection.execute("SELECT id FROM products WHERE sku = %s", (sku,))
    return [row["id"] for row in await cursor.fetchall()]


async def levels(
    connection: Connection, stores: Sequence[int], product_id: int | None, after: tuple[int, int], limit: int
) -> list[DictRow]:
    """Return levels after the position *after* (store, product), in that order, with their ids."""
    cursor = await connection.execute(
        """
        SELECT s.code AS store, s.time_zone, p.sku, p.name, p.unit, l.on_hand, l.on_hand AS confirmed, 0::numeric(14,3) AS pending, l.reserved, l.oversold,
            coalesce(arriving.quantity, 0)::numeric(14,3) AS in_transit, now() AS as_of, l.store_id, l.product_id
        FROM (
            SELECT page.* FROM unnest(%(stores)s::integer[]) AS wanted(store_id)
            CROSS JOIN LATERAL (
                SELECT * FROM stock_levels WHERE store_id = wanted.store_id AND (store_id, product_id) > (%(store)s, %(product)s)
                    AND (%(only)s::bigint IS NULL OR product_id = %(only)s)
                ORDER BY store_id, product_id LIMIT %(limit)s
            ) AS page
            ORDER BY store_id, product_id LIMIT %(limit)s
        ) AS l
        JOIN stores AS s ON s.id = l.store_id
        JOIN products AS p ON p.id = l.product_id
        LEFT JOIN LATERAL (
            SELECT sum(line.quantity) AS quantity
            FROM stock_transfers AS t JOIN stock_transfer_lines AS line ON line.transfer_id = t.id
            WHERE t.to_store_id = l.store_id AND t.state = 'in_transit' AND line.product_id = l.product_id
        ) AS arriving ON true
        ORDER BY l.store_id, l.product_id
        """,
        {"stores": list(stores), "only": product_id, "store": after[0], "product": after[1], "limit": limit},
    )
    return await cursor.fetchall()


async def levels_needing_attention(connection: Connection, limit: int) -> list[DictRow]:
    """Return levels that are below zero or at their reorder point, the most urgent first."""
    cursor = await connection.execute(
        """
        SELECT s.code AS store, p.sku, p.name, p.unit, l.on_hand, l.oversold, p.reorder_point, p.reorder_quantity
        FROM stock_levels AS l JOIN products AS p ON p.id = l.product_id JOIN stores AS s ON s.id = l.store_id
        WHERE p.status = 'active' AND (l.oversold OR l.on_hand <= p.reorder_point)
        ORDER BY l.oversold DESC, l.on_hand / nullif(p.reorder_point, 0) NULLS FIRST, p.sku, s.code
        LIMIT %s
        """,
        (limit,),
    )
    return await cursor.fetchall()


async def daily_changes(connection: Connection, store_id: int, product_id: int, since: datetime) -> list[DictRow]:
    """Return the sum of the movements of each ``business_date``, of those recorded since *since*."""
    cursor = await connection.execute(
        """
        SELECT business_date, sum(quantity) AS change FROM stock_movements
        WHERE store_id = %s AND product_id = %s AND recorded_at >= %s
        GROUP BY business_date
        """,
        (store_id, product_id, since),
    )
    return await cursor.fetchall()


def _only(row: DictRow | None) -> DictRow:
    if row is None:
        raise LookupError("a statement that always answers one row answered none")
    return row


# The ledger is read once; the balance of each level's last movement comes along as the one with the highest sequence.
_PROOF: LiteralString = """
    WITH ledger AS (
        SELECT store_id, product_id, sum(quantity) AS ledger, count(*) AS movements, max(sequence) AS last_sequence,
            (max(ARRAY[sequence::numeric, on_hand]))[2] AS last_balance
        FROM stock_movements GROUP BY store_id, product_id
    ),
    compared AS (
        -- Full, so that a movement without a level is found too.
        SELECT store_id, product_id, coalesce(l.on_hand, 0) AS on_hand, coalesce(l.version, 0) AS version, coalesce(g.ledger, 0) AS ledger,
            coalesce(g.movements, 0) AS movements, coalesce(g.last_balance, 0) AS last_balance,
            l.store_id IS NULL OR l.on_hand <> coalesce(g.ledger, 0) OR l.version <> coalesce(g.movements, 0)
                OR coalesce(g.last_sequence, 0) <> l.version OR l.on_hand <> coalesce(g.last_balance, 0) AS wrong
        FROM stock_levels AS l FULL JOIN ledger AS g USING (store_id, product_id)
    )
"""


async def prove(connection: Connection) -> tuple[DictRow, list[DictRow]]:
    """Compare every level with its movements, in one snapshot; return the totals and the first 100 levels that are wrong."""
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    await connection.execute("SET LOCAL statement_timeout = '10min'")
    await connection.execute("SET LOCAL work_mem = '64MB'")
    cursor = await connection.execute(
        _PROOF
        + """
        SELECT count(*) FILTER (WHERE wrong) AS mismatches, count(*) AS levels, coalesce(sum(movements), 0)::bigint AS movements FROM compared
        """
    )
    totals = _only(await cursor.fetchone())
    if not totals["mismatches"]:
        return totals, []
    cursor = await connection.execute(
        _PROOF
        + """
        SELECT s.code AS store, p.sku, c.on_hand, c.ledger, c.movements, c.version, c.last_balance
        FROM compared AS c JOIN stores AS s ON s.id = c.store_id JOIN products AS p ON p.id = c.product_id
        WHERE c.wrong ORDER BY s.code, p.sku LIMIT 100
        """
    )
    return totals, await cursor.fetchall()


async def ensure_partitions(connection: Connection) -> None:
    """Make the partitions of this month and the next ones."""
    await connection.execute("SELECT ensure_ledger_partitions()")
