"""Imports: what was imported, the staged rows of those under way, and what is wrong with them."""

from alembic import op

revision = "0004"
down_revision = "0003"

UP = """
CREATE TABLE imports (
    id          uuid PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('products', 'movements')),
    state       text NOT NULL DEFAULT 'staging' CHECK (state IN ('staging', 'checked', 'failed', 'applying', 'applied', 'reversed')),
    file_name   text NOT NULL,
    file_size   bigint NOT NULL,
    file_hash   bytea NOT NULL,
    options     jsonb NOT NULL,
    -- Hash of the file, the kind, the options and the rules by which it is read: what must be the same for a later run to go on.
    identity    bytea NOT NULL,
    layout      jsonb NOT NULL,
    -- The checkpoint, written with the rows it speaks of: where the next row begins, and what was learnt of the file so far.
    next_offset bigint NOT NULL,
    next_line   integer NOT NULL,
    conventions jsonb NOT NULL DEFAULT '{}',
    rows        integer NOT NULL DEFAULT 0,
    lines       integer NOT NULL,
    piece       integer NOT NULL,
    read_at     timestamptz,
    read_errors integer NOT NULL DEFAULT 0,
    errors      integer NOT NULL DEFAULT 0,
    difference  jsonb,
    applied     integer,
    replayed    integer,
    seconds     jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  text NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    applied_at  timestamptz,
    applied_by  text,
    reversed_at timestamptz,
    reversed_by text,
    reversal    jsonb,
    CHECK ((state IN ('applied', 'reversed')) = (applied_at IS NOT NULL)),
    CHECK ((state = 'reversed') = (reversed_at IS NOT NULL))
);
CREATE INDEX imports_identity ON imports (identity);
CREATE INDEX imports_file ON imports (file_hash);
CREATE INDEX imports_created ON imports (created_at DESC, id DESC);

-- Staged rows refer to their import without a foreign key: its check would take longer than the COPY of the row.
-- They are logged, because a checkpoint that survives a crash must not speak of rows that do not.
CREATE TABLE import_movements (
    import_id       uuid NOT NULL,
    line            integer NOT NULL,
    store           text,
    sku             text,
    kind            text,
    quantity        numeric(14,3),
    counted         numeric(14,3),
    occurred_at     timestamptz,
    unit_price      numeric(14,2),
    unit_cost       numeric(14,4),
    reason          text,
    key             text,
    device          text,
    device_sequence bigint,
    PRIMARY KEY (import_id, line)
);

-- Barcodes are in the form in which they are kept, as 'kind:code'. NULL: the file does not say.
CREATE TABLE import_products (
    import_id        uuid NOT NULL,
    line             integer NOT NULL,
    sku              text,
    name             text,
    category         text,
    unit             text,
    cost             numeric(14,4),
    price            numeric(14,2),
    vat_rate         numeric(5,2),
    reorder_point    numeric(14,3),
    reorder_quantity numeric(14,3),
    supplier         text,
    barcodes         text[],
    status           text,
    PRIMARY KEY (import_id, line)
);

CREATE TABLE import_errors (
    import_id   uuid NOT NULL REFERENCES imports ON DELETE CASCADE,
    -- Those of 'check' depend on the catalogue, and are looked for anew before every apply.
    stage       text NOT NULL CHECK (stage IN ('read', 'check')),
    line        integer NOT NULL,
    column_name text NOT NULL,
    value       text NOT NULL,
    detail      text NOT NULL,
    remedy      text NOT NULL
);
CREATE INDEX import_errors_import ON import_errors (import_id, line);
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute("DROP TABLE import_errors, import_products, import_movements, imports")
