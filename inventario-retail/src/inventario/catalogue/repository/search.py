"""Where a list or a search finds its products: one statement for each kind of hit.

Every statement returns rows of ``rank``, ``key`` and ``id`` in that order, after the place that the parameters of these names give. Each reads an index
in order and stops, or looks at a bounded number of candidates: none gets slower with the number of hits.

The text search query goes in through ``unnest``, so that the planner does not see it: knowing how common two words are, it would guess how often they
stand together, and where it guesses wrong it walks the whole table in search of a page that is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import LiteralString

from inventario.catalogue.rules.search import HIGHEST, Terms
from inventario.platform.postgres import Connection

__all__ = [
    "CANDIDATES",
    "GUESSES",
    "Filters",
    "Hit",
    "Source",
    "find",
    "known_words",
    "similar_words",
    "start",
    "supplier_id",
    "understand",
]

# How many products that have all words are looked at before a page is cut from them; and for each guess at what a typo may have meant.
CANDIDATES = 1000
GUESSES = 250


@dataclass(frozen=True, slots=True)
class Hit:
    """One product found: its id, and the place in the order that a cursor keeps."""

    rank: int
    key: str
    id: int


@dataclass(frozen=True, slots=True)
class Filters:
    """What the products must be besides: of one of the categories, of the supplier, of the status. None: whatever."""

    categories: Sequence[int] | None = None
    supplier: int | None = None
    status: str | None = None


class Source(IntEnum):
    """The kinds of hit, best first."""

    EXACT = 0
    SKU = 1
    BARCODE = 2
    NAME = 3
    WORDS = 4
    PREFIXES = 5
    TYPOS = 6


_SKU_BEGINS: LiteralString = """(upper(p.sku) COLLATE "C" >= %(sku)s AND upper(p.sku) COLLATE "C" < %(sku_end)s)"""
_CODE_BEGINS: LiteralString = """
    EXISTS (SELECT FROM barcodes AS own, unnest(%(codes)s::text[]) AS beginning WHERE own.product_id = p.id AND starts_with(own.code, beginning))
"""
_NAME_BEGINS: LiteralString = "(p.search_name >= %(name)s AND p.search_name < %(name_end)s)"
# Alone, and not beside ``>= name``: of two lower bounds PostgreSQL starts at the pair, and would read all names from A on where that is the lower one.
_NAME_FOLLOWS: LiteralString = "((p.search_name, p.id) > (%(key)s, %(id)s) AND p.search_name < %(name_end)s)"

_BY_SKU: tuple[LiteralString, LiteralString] = (
    f"""SELECT 0 AS rank, upper(p.sku) COLLATE "C" AS key, p.id FROM products AS p WHERE {_SKU_BEGINS} AND upper(p.sku) COLLATE "C" > %(key)s""",
    """ ORDER BY upper(p.sku) COLLATE "C" LIMIT %(limit)s""",
)
# A product with two codes that begin so is found by the first. The codes are cut off before the products are looked at: with a filter that few
# products pass, a country's prefix would lead through the whole table.
_BY_BARCODE: tuple[LiteralString, LiteralString] = (
    """
    SELECT 0 AS rank, barcode.code AS key, p.id FROM unnest(%(codes)s::text[]) AS beginning
    CROSS JOIN LATERAL (
        SELECT code, product_id FROM barcodes
        WHERE code >= beginning COLLATE "C" AND code < (beginning || %(highest)s) COLLATE "C" AND code > %(key)s
        ORDER BY code LIMIT %(candidates)s
    ) AS barcode
    JOIN products AS p ON p.id = barcode.product_id
    WHERE NOT EXISTS (SELECT FROM barcodes AS own, unnest(%(codes)s::text[]) AS other
                      WHERE own.product_id = p.id AND own.code < barcode.code AND starts_with(own.code, other))
    """,
    " ORDER BY barcode.code LIMIT %(limit)s",
)
_BY_NAME: tuple[LiteralString, LiteralString] = (
    f"SELECT 0 AS rank, p.search_name AS key, p.id FROM products AS p WHERE {_NAME_FOLLOWS}",
    " ORDER BY p.search_name, p.id LIMIT %(limit)s",
)
# Each category has its names in order; the page is merged from the first of each.
_BY_NAME_IN_CATEGORIES: tuple[LiteralString, LiteralString] = (
    f"""
    SELECT 0 AS rank, hit.search_name AS key, hit.id FROM unnest(%(categories)s::integer[]) AS category
    CROSS JOIN LATERAL (
        SELECT p.search_name, p.id FROM products AS p WHERE p.category_id = category AND {_NAME_FOLLOWS}
    """,
    " ORDER BY p.search_name, p.id LIMIT %(limit)s) AS hit ORDER BY hit.search_name, hit.id LIMIT %(limit)s",
)
_BY_WORDS: tuple[LiteralString, LiteralString] = (
    """
    SELECT min(wanted.rank)::integer AS rank, hit.search_name AS key, hit.id
    FROM unnest(%(queries)s::text[]::tsquery[]) WITH ORDINALITY AS wanted(query, rank)
    CROSS JOIN LATERAL (SELECT p.search_name, p.id FROM products AS p WHERE p.search @@ wanted.query
    """,
    """ LIMIT %(candidates)s) AS hit
    GROUP BY hit.search_name, hit.id HAVING (min(wanted.rank), hit.search_name, hit.id) > (%(rank)s, %(key)s, %(id)s)
    ORDER BY 1, 2, 3 LIMIT %(limit)s""",
)
_STATUS: dict[str, LiteralString] = {
    # Written out, so that the planner knows the index of what is discontinued.
    "active": " AND p.status = 'active'",
    "discontinued": " AND p.status = 'discontinued'",
}


async def understand(connection: Connection, query: str, code: str | None, filters: Filters) -> tuple[str, list[int]]:
    """Return what the database makes of *query* as text, and the products whose SKU it is or whose barcode *code* is."""
    limits = _filtering(filters)
    row = await (
        await connection.execute(
            'SELECT search_text(%(query)s) AS text, ARRAY(SELECT p.id FROM products AS p WHERE upper(p.sku) COLLATE "C" = upper(%(sku)s)'
            + limits
            + ") || ARRAY(SELECT p.id FROM barcodes JOIN products AS p ON p.id = barcodes.product_id WHERE barcodes.code = %(code)s"
            + limits
            + ") AS ids",
            {"query": query, "sku": query.strip(), "code": code, "categories": filters.categories, "supplier": filters.supplier},
        )
    ).fetchone()
    return ("", []) if row is None else (row["text"], list(dict.fromkeys(row["ids"])))


async def find(
    connection: Connection, source: Source, terms: Terms, filters: Filters, *, after: Hit, limit: int, queries: Sequence[str] = ()
) -> list[Hit]:
    """Return up to *limit* products that *source* finds after the place *after*, without those that an earlier source finds.

    Args:
        connection: In any mode.
        source: Which kind of hit; not `EXACT`, which is in *terms* already.
        terms: What was asked for; an empty text finds all, by name.
        filters: What they must be besides.
        after: For the first page, `start`.
        limit: At most as many.
        queries: Text search queries, nearest first, for the sources `WORDS`, `PREFIXES` and `TYPOS`.
    """
    head, tail = _statement(source, filters)
    parameters = {
        "sku": terms.sku,
        "sku_end": None if terms.sku is None else terms.sku + HIGHEST,
        "codes": list(terms.codes),
        "name": terms.text,
        "name_end": terms.text + HIGHEST,
        "highest": HIGHEST,
        "whole": terms.whole if terms.words else "",
        "prefixes": terms.prefixes if terms.words else "",
        "exact": list(terms.exact),
        "queries": list(queries),
        "candidates": GUESSES if source is Source.TYPOS else CANDIDATES,
        "categories": filters.categories,
        "supplier": filters.supplier,
        "rank": after.rank,
        "key": after.key,
        "id": after.id,
        "limit": limit,
    }
    cursor = await connection.execute(head + _filtering(filters) + _earlier(source, terms) + tail, parameters)
    return [Hit(**row) for row in await cursor.fetchall()]


def start(source: Source, terms: Terms) -> Hit:
    """Return the place before all that *source* finds."""
    return Hit(0, terms.text if source is Source.NAME else "", -1)


def _statement(source: Source, filters: Filters) -> tuple[LiteralString, LiteralString]:
    match source:
        case Source.SKU:
            return _BY_SKU
        case Source.BARCODE:
            return _BY_BARCODE
        case Source.NAME:
            # A supplier has fewer products than a category, and an index of their names as well.
            return _BY_NAME if filters.categories is None or filters.supplier is not None else _BY_NAME_IN_CATEGORIES
        case _:
            return _BY_WORDS


def _filtering(filters: Filters) -> LiteralString:
    conditions: LiteralString = "" if filters.categories is None else " AND p.category_id = ANY(%(categories)s::integer[])"
    if filters.supplier is not None:
        conditions += " AND p.supplier_id = %(supplier)s"
    if filters.status is not None:
        conditions += _STATUS[filters.status]
    return conditions


def _earlier(source: Source, terms: Terms) -> LiteralString:
    """Leave out what better sources find, so that no product stands on two pages."""
    conditions: LiteralString = " AND p.id <> ALL(%(exact)s::bigint[])" if terms.exact else ""
    if source > Source.SKU and terms.sku is not None:
        conditions += " AND NOT " + _SKU_BEGINS
    if source > Source.BARCODE and terms.codes:
        conditions += " AND NOT " + _CODE_BEGINS
    if source > Source.NAME:
        conditions += " AND NOT " + _NAME_BEGINS
    if source > Source.WORDS:
        conditions += " AND NOT p.search @@ %(whole)s::tsquery"
    if source > Source.PREFIXES:
        conditions += " AND NOT p.search @@ %(prefixes)s::tsquery"
    return conditions


async def similar_words(connection: Connection, words: Sequence[str]) -> list[tuple[str, str, float]]:
    """Return triples of a word typed, a word of the catalogue like it, and their likeness from 0 to 1; the 200 nearest of each."""
    rows = await (
        await connection.execute(
            """
            SELECT typed, near.word, near.likeness FROM unnest(%(words)s::text[]) AS typed
            CROSS JOIN LATERAL similar_words(typed, 200) AS near
            """,
            {"words": list(words)},
        )
    ).fetchall()
    return [(row["typed"], row["word"], row["likeness"]) for row in rows]


async def known_words(connection: Connection, words: Sequence[str]) -> set[str]:
    """Return those of *words* that stand in some product's name."""
    rows = await (await connection.execute("SELECT word FROM search_words WHERE word = ANY(%s::text[])", [list(words)])).fetchall()
    return {row["word"] for row in rows}


async def supplier_id(connection: Connection, code: str) -> int | None:
    """Return the id of the supplier, whatever the case of the letters in *code*."""
    row = await (await connection.execute('SELECT id FROM suppliers WHERE upper(code) COLLATE "C" = upper(%s)', [code])).fetchone()
    return None if row is None else int(row["id"])
