"""The one statement that writes the ledger.

A level, its movement, the idempotency key, the outbox row and the task of an oversold product change together, because they are parts of
one SQL statement. It takes many movements at once; a sale, a batch, an import and the reversal of a batch differ only in their *source*,
the first part, which says where the rows come from.

How it goes:

- ``source`` looks up store, product, price and key. A key that the ledger knows is *seen*, and takes no further part.
- ``locked`` locks the levels in one order (store, product), so that two batches cannot wait for each other in a circle.
- ``balanced`` works out the running balance of each level, row by row, so that a dip in the middle of a batch is not hidden by what
  follows. A count without ``expected`` sets the balance, and its difference follows from that.
- ``judged``: where a row that may be refused would take the balance below zero, all rows of that level are *held*: nothing of them is
  written. The caller sends held rows again one at a time, where the answer is final.
- The rest is written. A key that another connection is writing makes this wait; if that one commits, the statement fails with a unique
  violation and is sent again, and then the key is seen.

Levels must exist before: ``INSERT ... ON CONFLICT DO UPDATE SET on_hand = on_hand + delta`` would check the *proposed* row, which is
below zero for every sale.
"""

from __future__ import annotations

from typing import LiteralString

__all__ = ["APPLY_BATCH_REVERSAL", "APPLY_IMPORT", "APPLY_ROWS", "APPLY_ROWS_WAITING"]

# ``ord`` orders the rows of one level. ``may_refuse`` tells an intention, or a sale in a strict store, from a fact.
_ROWS: LiteralString = """
    source AS MATERIALIZED (
        SELECT i.ord, i.id, i.key, decode(i.hash, 'hex') AS hash, s.id AS store_id, p.id AS product_id, i.kind::movement_kind AS kind,
            coalesce(i.quantity, i.counted - i.expected) AS quantity, i.counted, i.expected,
            CASE WHEN i.kind IN ('sale', 'return') THEN coalesce(i.unit_price, price.amount) ELSE i.unit_price END AS unit_price,
            coalesce(i.unit_cost, p.cost) AS unit_cost, CASE WHEN i.kind IN ('sale', 'return') THEN p.vat_rate END AS vat_rate,
            coalesce(i.occurred_at, now()) AS occurred_at, s.time_zone, i.device, i.device_sequence, i.reason, i.actor,
            i.batch_id, i.transfer_id, i.reverses,
            CASE WHEN i.kind = 'transfer' THEN true
                WHEN i.kind IN ('sale', 'waste', 'adjustment') THEN NOT coalesce(p.allow_oversell, s.allow_oversell)
                ELSE false END AS may_refuse,
            'movement.' || i.kind AS topic, seen.movement_id AS seen_id, seen.body_hash AS seen_hash
        FROM jsonb_to_recordset(%(rows)s::jsonb) AS i(ord integer, id uuid, key text, hash text, store text, sku text, kind text,
            quantity numeric, counted numeric, expected numeric, unit_price numeric, unit_cost numeric, occurred_at timestamptz,
            device text, device_sequence bigint, reason text, actor text, batch_id uuid, transfer_id uuid, reverses uuid)
        -- OFFSET 0 keeps the planner from turning these look-ups by unique key into joins over whole tables, which it prefers where it
        -- cannot know how few rows the parameter holds.
        LEFT JOIN LATERAL (SELECT * FROM stores WHERE code = i.store OFFSET 0) AS s ON true
        LEFT JOIN LATERAL (SELECT * FROM products WHERE sku = i.sku OFFSET 0) AS p ON true
        LEFT JOIN LATERAL (
            SELECT amount FROM prices
            WHERE i.kind IN ('sale', 'return') AND i.unit_price IS NULL
                AND product_id = p.id AND valid @> coalesce(i.occurred_at, now()) OFFSET 0) AS price ON true
        LEFT JOIN LATERAL (SELECT * FROM movement_keys WHERE store_id = s.id AND key = i.key OFFSET 0) AS seen ON true
    )"""

# Ids are made in the order in which things happened, so that the ledger of a store, which follows them, tells the story in that order.
_IMPORT: LiteralString = """
    source AS MATERIALIZED (
        SELECT row_number() OVER happened AS ord, time_ordered_uuid(row_number() OVER happened) AS id, i.key, ''::bytea AS hash,
            s.id AS store_id, p.id AS product_id, i.kind::movement_kind AS kind, i.quantity, i.counted, NULL::numeric AS expected,
            CASE WHEN i.kind IN ('sale', 'return') AND i.unit_price IS NULL
                THEN (SELECT amount FROM prices WHERE product_id = p.id AND valid @> coalesce(i.occurred_at, now()))
                ELSE i.unit_price END AS unit_price,
            coalesce(i.unit_cost, p.cost) AS unit_cost, CASE WHEN i.kind IN ('sale', 'return') THEN p.vat_rate END AS vat_rate,
            coalesce(i.occurred_at, now()) AS occurred_at, s.time_zone, i.device, i.device_sequence, i.reason, %(actor)s::text AS actor,
            %(batch)s::uuid AS batch_id, NULL::uuid AS transfer_id, NULL::uuid AS reverses, false AS may_refuse, NULL::text AS topic,
            seen.movement_id AS seen_id, seen.body_hash AS seen_hash
        FROM import_movements AS i
        JOIN stores AS s ON s.code = i.store
        JOIN products AS p ON p.sku = i.sku
        LEFT JOIN movement_keys AS seen ON seen.store_id = s.id AND seen.key = i.key
        WHERE i.import_id = %(batch)s
        WINDOW happened AS (ORDER BY i.occurred_at, i.line)
    )"""

_REVERSAL: LiteralString = """
    source AS MATERIALIZED (
        SELECT row_number() OVER backwards AS ord, time_ordered_uuid(row_number() OVER backwards) AS id, NULL::text AS key,
            ''::bytea AS hash, m.store_id, m.product_id, 'reversal'::movement_kind AS kind, -m.quantity AS quantity,
            NULL::numeric AS counted, NULL::numeric AS expected, m.unit_price, m.unit_cost, m.vat_rate, now() AS occurred_at, s.time_zone,
            NULL::text AS device, NULL::bigint AS device_sequence, NULL::text AS reason, %(actor)s::text AS actor,
            %(batch)s::uuid AS batch_id, NULL::uuid AS transfer_id, m.id AS reverses, false AS may_refuse, NULL::text AS topic,
            NULL::uuid AS seen_id, NULL::bytea AS seen_hash
        FROM stock_movements AS m
        JOIN stores AS s ON s.id = m.store_id
        WHERE m.batch_id = %(of)s AND m.kind NOT IN ('reversal', 'transfer')
            AND NOT EXISTS (SELECT FROM stock_reversals AS r WHERE r.store_id = m.store_id AND r.movement_id = m.id)
        WINDOW backwards AS (ORDER BY m.recorded_at DESC, m.id DESC)
    )"""

_LOCK: LiteralString = """,
    locked AS MATERIALIZED (
        SELECT l.store_id, l.product_id, l.on_hand, l.version
        FROM (SELECT DISTINCT store_id, product_id FROM source WHERE seen_id IS NULL) AS wanted
        JOIN stock_levels AS l USING (store_id, product_id)
        ORDER BY l.store_id, l.product_id
        FOR UPDATE OF l"""

# A segment begins with a count that sets the balance; segment 0 begins with the level itself.
_WRITE: LiteralString = """
    ),
    segmented AS (
        SELECT fresh.*, locked.on_hand AS base, locked.version, counted IS NOT NULL AND expected IS NULL AS sets,
            count(*) FILTER (WHERE counted IS NOT NULL AND expected IS NULL) OVER (PARTITION BY store_id, product_id ORDER BY ord) AS segment
        -- A full join cannot be a nested loop, which the planner takes where it expects one row, and which then compares every row of a batch
        -- with every level. The condition behind it leaves what an inner join would, in words that the planner does not see through.
        FROM (SELECT * FROM source WHERE seen_id IS NULL) AS fresh FULL JOIN locked USING (store_id, product_id)
        WHERE coalesce(locked.version, -1) >= 0
    ),
    summed AS (
        SELECT *, coalesce(max(counted) FILTER (WHERE sets) OVER segment_so_far, base)
            + coalesce(sum(quantity) FILTER (WHERE NOT sets) OVER segment_so_far, 0) AS after
        FROM segmented
        WINDOW segment_so_far AS (PARTITION BY store_id, product_id, segment ORDER BY ord)
    ),
    balanced AS (
        SELECT *, lag(after, 1, base) OVER level AS before, version + row_number() OVER level AS sequence
        FROM summed
        WINDOW level AS (PARTITION BY store_id, product_id ORDER BY ord)
    ),
    judged AS MATERIALIZED (
        SELECT *, bool_or(may_refuse AND after < before AND after < 0) OVER (PARTITION BY store_id, product_id) AS held
        FROM balanced
    ),
    keyed AS (
        INSERT INTO movement_keys (store_id, key, body_hash, movement_id)
        SELECT store_id, key, hash, id FROM judged WHERE NOT held AND key IS NOT NULL
        ORDER BY store_id, key
    ),
    levelled AS (
        UPDATE stock_levels AS l
        SET on_hand = last.after, version = last.sequence, oversold = last.after < 0, updated_at = now(), xid = pg_current_xact_id()
        FROM (
            SELECT DISTINCT ON (store_id, product_id) store_id, product_id, after, sequence FROM judged WHERE NOT held
            ORDER BY store_id, product_id, ord DESC
        ) AS last
        WHERE l.store_id = last.store_id AND l.product_id = last.product_id
    ),
    written AS (
        INSERT INTO stock_movements (id, store_id, product_id, sequence, kind, quantity, on_hand, counted, expected, unit_price, unit_cost,
            vat_rate, oversold, occurred_at, business_date, device, device_sequence, reason, actor, batch_id, transfer_id, reverses)
        SELECT id, store_id, product_id, sequence, kind, after - before, after,
            CASE WHEN kind = 'count' THEN coalesce(counted, after) END,
            CASE WHEN kind = 'count' THEN coalesce(expected, before) END,
            unit_price, unit_cost, vat_rate, after < 0, occurred_at, (occurred_at AT TIME ZONE time_zone)::date,
            device, device_sequence, reason, actor, batch_id, transfer_id, reverses
        FROM judged WHERE NOT held
        RETURNING *
    ),
    corrected AS (
        INSERT INTO stock_reversals (store_id, movement_id, reversal_id)
        SELECT store_id, reverses, id FROM judged WHERE NOT held AND reverses IS NOT NULL
        ORDER BY store_id, reverses
    ),
    told AS (
        INSERT INTO outbox (store_id, topic, subject) SELECT store_id, topic, id FROM judged WHERE NOT held AND topic IS NOT NULL ORDER BY ord
    ),
    raised AS (
        INSERT INTO stock_tasks (store_id, product_id, kind, movement_id)
        SELECT DISTINCT ON (store_id, product_id) store_id, product_id, 'oversold', id FROM judged WHERE NOT held AND after < 0 AND after < before
        ORDER BY store_id, product_id, ord
        ON CONFLICT DO NOTHING
    )
"""

# What became of each row: written, seen, held, or neither because store, product or level is missing or the level is busy.
_EACH: LiteralString = """
    SELECT source.ord, source.store_id, source.product_id, source.seen_id, encode(source.seen_hash, 'hex') AS seen_hash, judged.held,
        judged.before, (SELECT true FROM stock_levels AS l WHERE l.store_id = source.store_id AND l.product_id = source.product_id) IS TRUE AS has_level,
        written.id, written.sequence, written.on_hand, written.kind, written.quantity, written.counted, written.expected, written.unit_price,
        written.unit_cost, written.vat_rate, written.oversold, written.occurred_at, written.recorded_at, written.business_date,
        written.device, written.device_sequence, written.reason, written.actor, written.batch_id AS batch, written.transfer_id AS transfer,
        written.reverses
    FROM source
    LEFT JOIN judged ON judged.ord = source.ord
    LEFT JOIN written ON written.id = source.id
    ORDER BY source.ord
"""

_COUNT: LiteralString = """
    SELECT (SELECT count(*) FROM judged WHERE NOT held) AS applied, (SELECT count(*) FROM source WHERE seen_id IS NOT NULL) AS replayed
"""

# A level that another transaction holds (a long import, another process) makes its own movements wait, not the whole batch.
APPLY_ROWS: LiteralString = "WITH" + _ROWS + _LOCK + " SKIP LOCKED" + _WRITE + _EACH
APPLY_ROWS_WAITING: LiteralString = "WITH" + _ROWS + _LOCK + _WRITE + _EACH
APPLY_IMPORT: LiteralString = "WITH" + _IMPORT + _LOCK + _WRITE + _COUNT
APPLY_BATCH_REVERSAL: LiteralString = "WITH" + _REVERSAL + _LOCK + _WRITE + _COUNT
