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

-- What the search compares: folded words with one space between them. A decimal comma is a point, and digits are words of their own, so that
-- "Coca-Cola 1,5L" and "coca cola 1.5 l" are the same text. Not a text search parser: those read "1/2" as a file name and "-3" as a number.
CREATE FUNCTION search_text(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN btrim(regexp_replace(
    regexp_replace(public.fold(value), '(?<=[0-9])[.,](?=[0-9])', '.', 'g'),
    '(?:[\x01-\x2d\x2f\x3a-\x40\x5b-\x60\x7b-\xbf\u2000-\u206f]|(?<![0-9])\.|\.(?![0-9]))+|(?<=[0-9])(?=[a-z])|(?<=[a-z])(?=[0-9])', ' ', 'g'));

-- The check digit of EAN-8, UPC-A and EAN-13 (GS1 General Specifications, 7.9): weights 3 and 1 alternate, 3 next to the check digit.
CREATE FUNCTION gtin_is_valid(code text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN code ~ '^([0-9]{8}|[0-9]{12,13})$' THEN
    (10 - (SELECT sum(substr(code, i, 1)::int * CASE WHEN (length(code) - i) % 2 = 1 THEN 3 ELSE 1 END)
           FROM generate_series(1, length(code) - 1) AS i) % 10) % 10 = right(code, 1)::int
    ELSE false END;

-- The kind of a code in the form in which we keep it, or NULL where it is none. GTINs have one form each, so that a UPC-A and the EAN-13 that
-- scanners make of it are one code: UPC-A with its leading zero. A number as long as a GTIN is never an internal code: it is a misread one.
CREATE FUNCTION barcode_kind(code text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN code ~ '^([0-9]{8}|[0-9]{12,13})$' THEN CASE
        WHEN length(code) = 12 OR NOT public.gtin_is_valid(code) THEN NULL
        WHEN length(code) = 8 THEN 'ean8'
        WHEN left(code, 1) = '0' THEN 'upca'
        ELSE 'ean13' END
    -- A GTIN-14 that begins with zero is an EAN-13, and kept as one.
    WHEN code ~ '^0[0-9]{13}$' THEN NULL
    WHEN code ~ '^[A-Z0-9][A-Z0-9._-]{0,39}$' THEN 'internal' END;

CREATE TABLE stores (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code           text NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$'),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- The server must know it as well, or the first sale fails: an unknown one is an error here.
    time_zone      text NOT NULL CHECK (timestamptz '2000-01-01 00:00+00' AT TIME ZONE time_zone IS NOT NULL),
    allow_oversell boolean NOT NULL DEFAULT true,
    version        integer NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
-- "centro" and "CENTRO" on two labels are one store to everybody but a computer; likewise codes of suppliers and products.
CREATE UNIQUE INDEX stores_folded_code ON stores (upper(code) COLLATE "C");

CREATE TABLE suppliers (
    id             integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code           text NOT NULL UNIQUE CHECK (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$'),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    cuit           text UNIQUE CHECK (cuit ~ '^[0-9]{11}$'),
    email          text,
    phone          text,
    lead_time_days integer CHECK (lead_time_days BETWEEN 0 AND 365),
    version        integer NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX suppliers_folded_code ON suppliers (upper(code) COLLATE "C");

CREATE TABLE categories (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id integer REFERENCES categories,
    name      text NOT NULL CHECK (name = btrim(name) AND name <> '' AND name !~ '/'),
    -- The names from the root down, joined by '/': what people type and what the API shows.
    path      text NOT NULL UNIQUE
);
-- In the order of the tree, so that one range of it is a category with all that lies below.
CREATE UNIQUE INDEX categories_folded_path ON categories ((fold(path) || '/') COLLATE "C");

CREATE TABLE products (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku              text NOT NULL UNIQUE CHECK (sku ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 300),
    category_id      integer REFERENCES categories,
    supplier_id      integer REFERENCES suppliers,
    unit             text NOT NULL DEFAULT 'unit' CHECK (unit IN ('unit', 'kg', 'g', 'l', 'ml', 'm', 'm2', 'pack')),
    cost             numeric(14,4) CHECK (cost >= 0),
    vat_rate         numeric(5,2) NOT NULL DEFAULT 21 CHECK (vat_rate BETWEEN 0 AND 100),
    reorder_point    numeric(14,3) CHECK (reorder_point >= 0),
    reorder_quantity numeric(14,3) CHECK (reorder_quantity > 0),
    allow_oversell   boolean,  -- NULL: as the store says
    status           text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'discontinued')),
    version          integer NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    search_name      text COLLATE "C" GENERATED ALWAYS AS (search_text(name)) STORED,
    search           tsvector GENERATED ALWAYS AS (array_to_tsvector(string_to_array(search_text(name), ' '))) STORED
);
CREATE UNIQUE INDEX products_folded_sku ON products (upper(sku) COLLATE "C");
CREATE INDEX products_name ON products (search_name, id);
CREATE INDEX products_category ON products (category_id, search_name, id);
CREATE INDEX products_supplier ON products (supplier_id, search_name, id);
CREATE INDEX products_discontinued ON products (search_name, id) WHERE status = 'discontinued';
-- Every search reads what is pending one by one; 4 MB of it, as is usual, would double the time of a search after an import.
CREATE INDEX products_search ON products USING gin (search) WITH (gin_pending_list_limit = 256);

-- Distinct words of all names. Typos are looked up here: a trigram search over whole names costs seconds at a million products.
-- Words of renamed products stay; they cost a fruitless look-up, not a wrong answer. Not unique: a unique key would make whoever adds a product
-- wait for an import under way that brings the same new word. Two at once may both write it, and the reader takes distinct ones.
CREATE TABLE search_words (word text COLLATE "C" NOT NULL);
CREATE INDEX search_words_word ON search_words (word);
CREATE INDEX search_words_trigrams ON search_words USING gin (word gin_trgm_ops) WITH (gin_pending_list_limit = 256);

-- Words like the typed one by their trigrams, the nearest first. The threshold is low because two letters in the wrong order leave a short word
-- few trigrams to share: "lehce" has two of the six of "leche". Whoever asks looks closer.
CREATE FUNCTION similar_words(typed text, at_most integer) RETURNS TABLE (word text, likeness real)
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET pg_trgm.similarity_threshold = 0.2 AS $$
    SELECT DISTINCT found.word, similarity(found.word, typed) AS likeness FROM search_words AS found WHERE found.word % typed
    ORDER BY likeness DESC, found.word LIMIT at_most
$$;

CREATE FUNCTION learn_search_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_words
    SELECT word FROM (SELECT DISTINCT unnest(tsvector_to_array(search)) AS word FROM changed) AS found
    WHERE word !~ '[0-9]' AND length(word) BETWEEN 3 AND 64
      AND NOT EXISTS (SELECT FROM search_words AS known WHERE known.word = found.word COLLATE "C");
    RETURN NULL;
END $$;
CREATE TRIGGER products_learn_insert AFTER INSERT ON products REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION learn_search_words();
CREATE TRIGGER products_learn_update AFTER UPDATE ON products REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION learn_search_words();

CREATE TABLE barcodes (
    code       text COLLATE "C" PRIMARY KEY,
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    kind       text NOT NULL,
    CHECK (kind IS NOT DISTINCT FROM barcode_kind(code))
);
CREATE INDEX barcodes_product ON barcodes (product_id, code);

-- Dated prices, tax included. No two of one product overlap.
CREATE TABLE prices (
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    amount     numeric(14,2) NOT NULL CHECK (amount >= 0),
    valid      tstzrange NOT NULL CHECK (NOT isempty(valid)),
    EXCLUDE USING gist (product_id WITH =, valid WITH &&)
);

-- What an import did to each product: enough to show it, and to take it back.
CREATE TABLE product_changes (
    import_id  uuid NOT NULL,
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    created    boolean NOT NULL,
    before     jsonb NOT NULL,
    after      jsonb NOT NULL,
    -- The version the import left behind: a product that stands at another one has been edited since.
    version    integer NOT NULL,
    PRIMARY KEY (import_id, product_id)
);
CREATE INDEX product_changes_product ON product_changes (product_id);
"""

DOWN = """
DROP TABLE product_changes, prices, barcodes, search_words, products, categories, suppliers, stores;
DROP FUNCTION learn_search_words, similar_words, barcode_kind, gtin_is_valid, search_text, fold;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
