"""A shop of any size, made in the database itself: names as products have them, two years of movements in the order of their time.

Half of the movements belong to one product in a thousand, the other half to the rest. All tables that reading routes look at are filled and
consistent; idempotency keys, which only writing looks at, are left out.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

__all__ = ["NOUNS", "STORES", "VARIANTS", "Names", "barcode", "make", "sku"]

STORES = ("CENTRO", "NORTE")
_MONTHS = 24

NOUNS = [
    "Aceite",
    "Aceitunas",
    "Acondicionador",
    "Agua",
    "Ajo",
    "Alfajor",
    "Arroz",
    "Arvejas",
    "Atún",
    "Avena",
    "Azúcar",
    "Bizcochos",
    "Bombones",
    "Budín",
    "Café",
    "Caldo",
    "Caramelos",
    "Carbón",
    "Cepillo",
    "Cereal",
    "Cerveza",
    "Champú",
    "Chocolate",
    "Choclo",
    "Crema",
    "Desodorante",
    "Detergente",
    "Dulce",
    "Duraznos",
    "Encendedor",
    "Esponja",
    "Fernet",
    "Fideos",
    "Fósforos",
    "Galletitas",
    "Garbanzos",
    "Gaseosa",
    "Gelatina",
    "Guantes",
    "Hamburguesas",
    "Harina",
    "Helado",
    "Huevos",
    "Insecticida",
    "Jabón",
    "Jamón",
    "Jugo",
    "Kétchup",
    "Lámpara",
    "Lavandina",
    "Leche",
    "Lentejas",
    "Levadura",
    "Limpiavidrios",
    "Manteca",
    "Maní",
    "Mayonesa",
    "Medialunas",
    "Mermelada",
    "Miel",
    "Mostaza",
    "Ñoquis",
    "Palmitos",
    "Pan",
    "Pañales",
    "Papel",
    "Pilas",
    "Polenta",
    "Postre",
    "Puré",
    "Queso",
    "Ravioles",
    "Repelente",
    "Sal",
    "Salame",
    "Salchichas",
    "Servilletas",
    "Sidra",
    "Soda",
    "Suavizante",
    "Tapas",
    "Té",
    "Toallitas",
    "Tomate",
    "Tostadas",
    "Turrón",
    "Velas",
    "Vinagre",
    "Vino",
    "Yerba",
    "Yogur",
]
VARIANTS = [
    "clásico",
    "entero",
    "descremado",
    "integral",
    "suave",
    "intenso",
    "natural",
    "light",
    "sin",
    "sal",
    "dulce",
    "salado",
    "ahumado",
    "picante",
    "vainilla",
    "frutilla",
    "limón",
    "naranja",
    "manzana",
    "durazno",
    "chocolate",
    "menta",
    "coco",
    "almendras",
    "maní",
    "miel",
    "oliva",
    "girasol",
    "maíz",
    "trigo",
    "centeno",
    "avena",
    "fino",
    "grueso",
    "largo",
    "corto",
    "blanco",
    "negro",
    "rojo",
    "verde",
    "familiar",
    "individual",
    "premium",
    "artesanal",
    "casero",
    "rallado",
    "molido",
    "líquido",
    "polvo",
    "aerosol",
    "repuesto",
    "económico",
    "doble",
    "triple",
    "extra",
    "mini",
]
_SYLLABLES = [
    "al",
    "ba",
    "bel",
    "bra",
    "ca",
    "cor",
    "da",
    "del",
    "do",
    "el",
    "fa",
    "fer",
    "gal",
    "go",
    "ha",
    "in",
    "ja",
    "ka",
    "la",
    "lu",
    "ma",
    "mel",
    "mi",
    "na",
    "nor",
    "o",
    "pa",
    "per",
    "qui",
    "ra",
    "ri",
    "sal",
    "ser",
    "ta",
    "tor",
    "u",
    "va",
    "ven",
    "ya",
    "zul",
]
_SIZES = ("100 g", "250 g", "500 g", "1 kg", "200 ml", "473 ml", "500 ml", "1 l", "1,5 l", "2,25 l", "x 6", "x 12")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Names:
    """The words that the names of a shop of *products* products are made of: some 25 products share a brand."""

    products: int

    @property
    def brands(self) -> list[str]:
        """Invented brands, the same for the same number of products."""
        rng = random.Random(self.products)
        found: dict[str, None] = {}
        while len(found) < max(self.products // 25, 40):
            found["".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 4))).capitalize()] = None
        return list(found)


def sku(number: int) -> str:
    """Return the SKU of the product with that number, from 1."""
    return f"P{number:07d}"


def barcode(number: int) -> str:
    """Return its EAN-13."""
    body = f"779{number:09d}"
    return body + str(-sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body)) % 10)


def make(database_url: str, *, products: int, movements: int, tell: Tell) -> None:
    """Fill an empty database with the schema."""
    hot = max(products // 1000, 1)
    numbers = {"products": products, "movements": movements, "hot": hot, "rest": products - hot, "brands": Names(products).brands}
    words = {"nouns": NOUNS, "variants": VARIANTS, "sizes": list(_SIZES), "stores": list(STORES)}
    steps: list[tuple[str, str, tuple[str, ...]]] = [
        ("stores and categories", _PLACES, ()),
        ("products", _PRODUCTS, ("products",)),
        ("barcodes", _BARCODES, ("barcodes",)),
        ("prices", _PRICES, ()),
        ("levels", _LEVELS, ("stock_levels",)),
        ("movements", _MOVEMENTS, ("stock_movements",)),
    ]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '1GB'")
        _make_partitions(connection)
        for name, statement, tables in steps:
            started = time.perf_counter()
            with _without_indexes(connection, tables):
                connection.execute(statement, {**numbers, **words})
            tell(f"{name}: {time.perf_counter() - started:.0f} s")
        connection.execute("VACUUM ANALYZE")


def _make_partitions(connection: psycopg.Connection[Any]) -> None:
    """Give every month of the past its partition, as it would have after that time."""
    connection.execute(
        """
        SELECT create_ledger_partition(to_char(month, 'YYYYMM'), format('FOR VALUES FROM (%%L) TO (%%L)', month, month + interval '1 month'))
        FROM generate_series(date_trunc('month', now()) - make_interval(months => %s), date_trunc('month', now()) - interval '1 month',
            interval '1 month') AS month
        """,
        (_MONTHS,),
    )


@contextmanager
def _without_indexes(connection: psycopg.Connection[Any], tables: tuple[str, ...]) -> Iterator[None]:
    """Take away the indexes of *tables* that no constraint needs, and build them anew afterwards, which is much faster than filling them."""
    found = connection.execute(
        """
        SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
        WHERE indrelid = ANY(%s::text[]::regclass[]) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
        """,
        (list(tables),),
    ).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    yield
    for _, definition in found:
        # The definition of a partitioned table's index says ONLY, which would leave its partitions without.
        connection.execute(definition.replace(" ON ONLY ", " ON "))


_PLACES = """
WITH made AS (INSERT INTO stores (code, name, time_zone) SELECT code, code, 'America/Argentina/Buenos_Aires' FROM unnest(%(stores)s::text[]) AS code)
INSERT INTO categories (name, path) SELECT noun, noun FROM unnest(%(nouns)s::text[]) AS noun
"""

# A hash shuffles the words well enough, and is the same every time.
_PRODUCTS = """
INSERT INTO products (sku, name, category_id, cost, vat_rate, reorder_point, reorder_quantity)
SELECT 'P' || lpad(n::text, 7, '0'),
    concat_ws(' ', noun, (%(variants)s::text[])[1 + (hashint8extended(n, 1) & 2147483647) %% cardinality(%(variants)s::text[])],
        (%(brands)s::text[])[1 + (hashint8extended(n, 2) & 2147483647) %% cardinality(%(brands)s::text[])], (%(sizes)s::text[])[1 + (hashint8extended(n, 3) & 2147483647) %% cardinality(%(sizes)s::text[])]),
    c.id, 100 + n %% 9000, 21, 10, 50
FROM generate_series(1::bigint, %(products)s) AS n
CROSS JOIN LATERAL (SELECT (%(nouns)s::text[])[1 + (hashint8extended(n, 4) & 2147483647) %% cardinality(%(nouns)s::text[])] AS noun) AS named
JOIN categories AS c ON c.path = noun
ORDER BY n
"""

_BARCODES = """
INSERT INTO barcodes (code, product_id, kind)
SELECT body || (10 - (SELECT sum(substr(body, i, 1)::int * CASE WHEN i %% 2 = 0 THEN 3 ELSE 1 END) FROM generate_series(1, 12) AS i) %% 10) %% 10,
    id, 'ean13'
FROM products CROSS JOIN LATERAL (SELECT '779' || lpad(ltrim(substr(sku, 2), '0'), 9, '0') AS body) AS coded
"""

_PRICES = """
INSERT INTO prices (product_id, amount, valid) SELECT id, 200 + id %% 9000, tstzrange(now() - interval '2 years', NULL) FROM products
"""

# What the movements below leave: see there for how many each product has.
_LEVELS = """
INSERT INTO stock_levels (store_id, product_id, on_hand, version)
SELECT (SELECT min(id) FROM stores), id, 1000001 - count, count
FROM (
    SELECT id, CASE WHEN n <= %(hot)s THEN (%(movements)s / 2 + %(hot)s - n) / %(hot)s
        ELSE ((%(movements)s + 1) / 2 + %(rest)s - 1 - place) / %(rest)s END AS count
    FROM products CROSS JOIN LATERAL (SELECT substr(sku, 2)::bigint AS n) AS numbered
    CROSS JOIN LATERAL (SELECT n - %(hot)s - 1 AS place) AS placed
) AS counted
WHERE count > 0
UNION ALL
SELECT (SELECT max(id) FROM stores), id, 0, 0 FROM products WHERE substr(sku, 2)::bigint %% 2 = 0
"""

# Movement number i, from 0: the odd ones go round the popular products, the even ones round the others.
_MOVEMENTS = """
INSERT INTO stock_movements (id, store_id, product_id, sequence, kind, quantity, on_hand, unit_price, unit_cost, vat_rate, occurred_at, recorded_at,
    business_date, actor)
SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
        substring(int8send((extract(epoch FROM at) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid,
    s.id, p.first + number - 1, sequence, (CASE WHEN sequence = 1 THEN 'opening' ELSE 'sale' END)::movement_kind,
    CASE WHEN sequence = 1 THEN 1000000 ELSE -1 END, 1000001 - sequence, 250, 100, 21, at, at, (at AT TIME ZONE 'America/Argentina/Buenos_Aires')::date, 'bench'
FROM generate_series(0::bigint, %(movements)s - 1) AS i
CROSS JOIN LATERAL (SELECT i / 2 AS turn, date_trunc('month', now()) - interval '24 months' + i * (interval '23 months' / %(movements)s) AS at) AS timed
CROSS JOIN LATERAL (
    SELECT CASE WHEN i %% 2 = 1 THEN 1 + turn %% %(hot)s ELSE %(hot)s + 1 + turn %% %(rest)s END AS number,
        CASE WHEN i %% 2 = 1 THEN 1 + turn / %(hot)s ELSE 1 + turn / %(rest)s END AS sequence) AS numbered
CROSS JOIN (SELECT min(id) AS id FROM stores) AS s
CROSS JOIN (SELECT min(id) AS first FROM products) AS p
"""
