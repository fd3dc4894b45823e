"""Stock: the append-only ledger, its levels, idempotency keys, reversals, transfers, tasks and the outbox."""

from alembic import op

revision = "0002"
down_revision = "0001"

UP = r"""
-- Version 7 (RFC 9562, 5.7 and 6.2, method 1): milliseconds, then a counter, then chance. ``ordinal`` counts from 0 within a transaction, so
-- that what a statement writes in one go keeps its order: a thousand rows share a millisecond.
CREATE FUNCTION time_ordered_uuid(ordinal bigint) RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN encode(overlay(uuid_send(gen_random_uuid()) PLACING int8send(
    ((floor(extract(epoch FROM now()) * 1000)::bigint + ordinal / 4096) << 16) | x'7000'::bigint | (ordinal % 4096)) FROM 1 FOR 8), 'hex')::uuid;

CREATE TYPE movement_kind AS ENUM ('sale', 'return', 'receipt', 'adjustment', 'count', 'waste', 'opening', 'reversal', 'transfer');

-- Statistics of a nearly empty table would have it read from end to end by plans that are kept while it grows; hence the threshold.
CREATE TABLE stock_levels (
    store_id   integer NOT NULL REFERENCES stores,
    product_id bigint NOT NULL REFERENCES products,
    on_hand    numeric(14,3) NOT NULL DEFAULT 0,
    reserved   numeric(14,3) NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    oversold   boolean NOT NULL DEFAULT false,
    -- How many movements this level has seen: the last one's sequence.
    version    bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (store_id, product_id),
    CONSTRAINT stock_levels_not_negative CHECK (on_hand >= 0 OR oversold)
) WITH (fillfactor = 80, autovacuum_analyze_threshold = 5000);
CREATE INDEX stock_levels_product ON stock_levels (product_id, store_id);

-- The ledger. ``sequence`` counts per store and product, without gaps, in the order in which the level changed.
-- It has no foreign key to its level: the one statement that writes both takes store and product from the level it has locked, levels
-- are never deleted, and the check would cost a quarter of an import (docs/decisions/0003). The standing proof finds a movement without.
CREATE TABLE stock_movements (
    id              uuid NOT NULL,
    store_id        integer NOT NULL,
    product_id      bigint NOT NULL,
    sequence        bigint NOT NULL,
    kind            movement_kind NOT NULL,
    quantity        numeric(14,3) NOT NULL,
    on_hand         numeric(14,3) NOT NULL,
    counted         numeric(14,3),
    expected        numeric(14,3),
    unit_price      numeric(14,2),
    unit_cost       numeric(14,4),
    vat_rate        numeric(5,2),
    oversold        boolean NOT NULL DEFAULT false,
    occurred_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT now(),
    business_date   date NOT NULL,
    device          text,
    device_sequence bigint,
    reason          text,
    actor           text,
    batch_id        uuid,
    transfer_id     uuid,
    reverses        uuid,
    -- Watermark of incremental readers: transactions commit out of order, so no counter says what a reader has not seen yet.
    xid             xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (id, store_id, recorded_at),
    CHECK (quantity <> 0 OR kind IN ('count', 'reversal')),
    CHECK ((kind = 'count') = (counted IS NOT NULL) AND (kind = 'count') = (expected IS NOT NULL)),
    CHECK (kind <> 'count' OR quantity = counted - expected),
    CHECK ((kind = 'reversal') = (reverses IS NOT NULL)),
    CHECK ((kind = 'transfer') = (transfer_id IS NOT NULL)),
    CHECK (on_hand >= 0 OR oversold)
) PARTITION BY RANGE (recorded_at);
CREATE INDEX stock_movements_product ON stock_movements (store_id, product_id, sequence);
CREATE INDEX stock_movements_store ON stock_movements (store_id, xid, id);
-- Rows arrive in the order of their time, so a few bytes for each stretch of the table find "since yesterday".
CREATE INDEX stock_movements_time ON stock_movements USING brin (recorded_at) WITH (pages_per_range = 32);
CREATE INDEX stock_movements_batch ON stock_movements (batch_id) WHERE batch_id IS NOT NULL;

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: correct a movement with a reversal' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER stock_movements_append_only BEFORE UPDATE OR DELETE ON stock_movements FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER stock_movements_no_truncate BEFORE TRUNCATE ON stock_movements FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER stock_levels_no_delete BEFORE DELETE ON stock_levels FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER stock_levels_no_truncate BEFORE TRUNCATE ON stock_levels FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
REVOKE UPDATE, DELETE, TRUNCATE ON stock_movements FROM PUBLIC, CURRENT_USER;

CREATE FUNCTION create_ledger_partition(suffix text, bounds text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF stock_movements %s', 'stock_movements_' || suffix, bounds);
    EXECUTE format('CREATE OR REPLACE TRIGGER no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()',
                   'stock_movements_' || suffix);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM PUBLIC, CURRENT_USER', 'stock_movements_' || suffix);
END $$;

-- Makes sure that this month and the next ones have their partition. What arrives without one lies in the default partition, and is found there too.
CREATE FUNCTION ensure_ledger_partitions(months integer DEFAULT 3) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    first date;
    made integer := 0;
BEGIN
    FOR i IN 0..months LOOP
        first := date_trunc('month', now() AT TIME ZONE 'UTC')::date + make_interval(months => i);
        IF to_regclass('stock_movements_' || to_char(first, 'YYYYMM')) IS NULL
            AND NOT EXISTS (SELECT FROM stock_movements_default WHERE recorded_at >= first AT TIME ZONE 'UTC'
                            AND recorded_at < (first + interval '1 month') AT TIME ZONE 'UTC') THEN
            PERFORM create_ledger_partition(to_char(first, 'YYYYMM'), format('FOR VALUES FROM (%L) TO (%L)',
                first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC'));
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
SELECT create_ledger_partition('default', 'DEFAULT');
SELECT ensure_ledger_partitions();

-- One row for every key a client ever sent: kept as long as the ledger, since a shop may be offline for days.
-- No foreign key to stores here, nor in the outbox: the movement of the same statement has one by its level already, and every
-- writer of a shop would share-lock the one row of its store.
CREATE TABLE movement_keys (
    store_id    integer NOT NULL,
    key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    body_hash   bytea NOT NULL,
    movement_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (store_id, key)
) WITH (autovacuum_analyze_threshold = 5000);

CREATE TABLE stock_reversals (
    store_id    integer NOT NULL,
    movement_id uuid NOT NULL,
    reversal_id uuid NOT NULL,
    PRIMARY KEY (store_id, movement_id)
);

CREATE TABLE stock_transfers (
    id            uuid PRIMARY KEY,
    from_store_id integer NOT NULL REFERENCES stores,
    to_store_id   integer NOT NULL REFERENCES stores,
    key           text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    body_hash     bytea NOT NULL,
    state         text NOT NULL DEFAULT 'in_transit' CHECK (state IN ('in_transit', 'received')),
    actor         text,
    dispatched_at timestamptz NOT NULL DEFAULT now(),
    received_at   timestamptz,
    received_hash bytea,
    reason        text,
    CHECK (from_store_id <> to_store_id),
    CHECK ((state = 'received') = (received_at IS NOT NULL)),
    UNIQUE (from_store_id, key)
);
CREATE TABLE stock_transfer_lines (
    transfer_id uuid NOT NULL REFERENCES stock_transfers,
    product_id  bigint NOT NULL REFERENCES products,
    quantity    numeric(14,3) NOT NULL CHECK (quantity > 0),
    received    numeric(14,3) CHECK (received >= 0),
    PRIMARY KEY (transfer_id, product_id)
);
CREATE INDEX stock_transfers_arriving ON stock_transfers (to_store_id) WHERE state = 'in_transit';

-- Something a person has to look at, raised by the ledger itself.
CREATE TABLE stock_tasks (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    store_id    integer NOT NULL REFERENCES stores,
    product_id  bigint NOT NULL REFERENCES products,
    kind        text NOT NULL CHECK (kind IN ('oversold')),
    movement_id uuid NOT NULL,
    raised_at   timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    PRIMARY KEY (store_id, id)
);
-- One open task a product: the second sale below zero is the same matter.
CREATE UNIQUE INDEX stock_tasks_open ON stock_tasks (store_id, product_id, kind) WHERE resolved_at IS NULL;

-- Events to deliver, written with the movements they tell of. Points at them instead of copying them.
CREATE TABLE outbox (
    store_id    integer NOT NULL,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    topic       text NOT NULL,
    subject     uuid NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (store_id, id)
);
"""

DOWN = """
DROP TABLE outbox, stock_tasks, stock_transfer_lines, stock_transfers, stock_reversals, movement_keys, stock_movements, stock_levels;
DROP FUNCTION ensure_ledger_partitions, create_ledger_partition, refuse_ledger_change, time_ordered_uuid;
DROP TYPE movement_kind;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
