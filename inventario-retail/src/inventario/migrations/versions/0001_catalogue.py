"""Catalogue: products, categories, dated prices, barcodes, suppliers, stores, and the word index of the search."""

from alembic import op

revision = "0001"
down_revision = None

UP = r"""
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Lower case without accents. Declared immutable, which unaccent() is not because its dictionary could be replaced; ours never is.
CREATE FUNCTION fold(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(public.unaccent('public.unaccent'::regdictionary, value));

-- The check digit of EAN-8, UPC-A and EAN-13 (GS1 General Specifications, 7.9): weights 3 and 1 alternate, 3 next to the check digit.
CREATE FUNCTION gtin_is_valid(code text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN code ~ '^([0-9]{8}|[0-9]{12,13})$' THEN
    (10 - (SELECT sum(substr(code, i, 1)::int * CASE WHEN (length(code) - i) % 2 = 1 THEN 3 ELSE 1 END)
           FROM generate_series(1, length(code) - 1) AS i) % 10) % 10 = right(code, 1)::int
    ELSE false END;

CREATE TABLE stores (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code           text NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$'),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    time_zone      text NOT NULL,
    allow_oversell boolean NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE suppliers (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code           text NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$'),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    cuit           text UNIQUE CHECK (cuit ~ '^[0-9]{11}$'),
    email          text,
    phone          text,
    lead_time_days integer CHECK (lead_time_days BETWEEN 0 AND 365),
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE categories (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id integer REFERENCES categories,
    name      text NOT NULL CHECK (name = btrim(name) AND name <> '' AND name !~ '/'),
    -- The names from the root down, joined by '/': what people type and what the API shows.
    path      text NOT NULL UNIQUE
);
CREATE UNIQUE INDEX categories_folded_path ON categories (fold(path));

CREATE TABLE products (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku              text NOT NULL UNIQUE CHECK (sku ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 300),
    category_id      integer REFERENCES categories,
    supplier_id      integer REFERENCES suppliers,
    unit             text NOT NULL DEFAULT 'unit',
    cost             numeric(14,4) CHECK (cost >= 0),
    vat_rate         numeric(5,2) NOT NULL DEFAULT 21 CHECK (vat_rate BETWEEN 0 AND 100),
    reorder_point    numeric(14,3) CHECK (reorder_point >= 0),
    reorder_quantity numeric(14,3) CHECK (reorder_quantity > 0),
    allow_oversell   boolean,  -- NULL: as the store says
    status           text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'discontinued')),
    version          integer NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    search           tsvector GENERATED ALWAYS AS (to_tsvector('simple', fold(name))) STORED
);
CREATE INDEX products_sku_prefix ON products (upper(sku) text_pattern_ops);
CREATE INDEX products_name_prefix ON products (fold(name) text_pattern_ops, id);
CREATE INDEX products_search ON products USING gin (search);
CREATE INDEX products_category ON products (category_id, id);
CREATE INDEX products_supplier ON products (supplier_id, id);

-- Distinct words of all names. Typos are looked up here: a trigram search over whole names costs seconds at a million products.
-- Words of renamed products stay; they cost a fruitless look-up, not a wrong answer.
CREATE TABLE search_words (word text PRIMARY KEY);
CREATE INDEX search_words_trigrams ON search_words USING gin (word gin_trgm_ops);

CREATE FUNCTION learn_search_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Sorted, so that two statements that learn the same words cannot wait for each other in a circle.
    INSERT INTO search_words
    SELECT DISTINCT lexeme FROM changed CROSS JOIN LATERAL unnest(tsvector_to_array(changed.search)) AS lexeme
    WHERE NOT EXISTS (SELECT FROM search_words WHERE word = lexeme)
    ORDER BY lexeme
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER products_learn_insert AFTER INSERT ON products REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION learn_search_words();
CREATE TRIGGER products_learn_update AFTER UPDATE ON products REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION learn_search_words();

-- GTINs are kept in one form, so that a UPC-A and the EAN-13 that scanners make of it are one code: UPC-A with its leading zero.
CREATE TABLE barcodes (
    code       text PRIMARY KEY,
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    kind       text NOT NULL CHECK (kind IN ('ean13', 'ean8', 'upca', 'internal')),
    CHECK (CASE kind
        WHEN 'ean13' THEN length(code) = 13 AND gtin_is_valid(code)
        WHEN 'upca' THEN length(code) = 13 AND left(code, 1) = '0' AND gtin_is_valid(code)
        WHEN 'ean8' THEN length(code) = 8 AND gtin_is_valid(code)
        ELSE code ~ '^[A-Z0-9][A-Z0-9._-]{0,39}$' END)
);
CREATE INDEX barcodes_product ON barcodes (product_id);
CREATE INDEX barcodes_prefix ON barcodes (code text_pattern_ops);

-- Dated prices, tax included. No two of one product overlap.
CREATE TABLE prices (
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    amount     numeric(14,2) NOT NULL CHECK (amount >= 0),
    valid      tstzrange NOT NULL CHECK (NOT isempty(valid)),
    EXCLUDE USING gist (product_id WITH =, valid WITH &&)
);
"""

DOWN = """
DROP TABLE prices, barcodes, search_words, products, categories, suppliers, stores;
DROP FUNCTION learn_search_words, gtin_is_valid, fold;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
