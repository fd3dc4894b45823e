"""Finding products: exact and beginnings first, then words, and typos only where little was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inventario.catalogue.repository import search as sql
from inventario.catalogue.repository.search import Filters, Hit, Source
from inventario.catalogue.rules import search as rules
from inventario.catalogue.rules.search import Terms
from inventario.paging import Cursor, bad_cursor
from inventario.platform.postgres import Connection

__all__ = ["FEW", "Place", "find", "read_place", "write_place"]

# With fewer hits than this, typos are looked for as well.
FEW = 5

_EVERYTHING = Terms("", (), None, (), ())


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the last hit, what kind of hit it was, and how many came before the next page (counted up to `FEW`)."""

    source: Source
    hit: Hit
    seen: int


def write_place(cursor: Cursor, place: Place) -> str:
    """Return *place* as a cursor."""
    return cursor.write(int(place.source), place.hit.rank, place.hit.key, place.hit.id, place.seen)


def read_place(cursor: Cursor, text: str) -> Place:
    """Return the place that *text* was made of.

    Raises:
        Invalid: It is not a cursor of this search.
    """
    source, rank, key, product, seen = cursor.read(text, int, int, str, int, int)
    if source not in list(Source):
        raise bad_cursor("The cursor is not one that this API gave.")
    return Place(Source(int(source)), Hit(int(rank), str(key), int(product)), int(seen))


async def find(
    connection: Connection, query: str | None, filters: Filters, *, after: Place | None, limit: int
) -> tuple[list[int], Place | None]:
    """Return the ids of a page of products in order, and where the next one begins, or None.

    Without a query: all, by name. With one, in this order: the product whose SKU or barcode it is; SKUs, barcodes, and names that begin with it; names with
    all its words; names with words that begin with them; and, where these are fewer than `FEW`, names with words that look like them. Within each, by name,
    or by code. Of products that have the words, at most `repository.search.CANDIDATES` are ever listed: whoever has a thousand hits needs a
    better query, and not page 21.
    """
    terms = await _understand(connection, query, filters) if query else _EVERYTHING
    found: list[tuple[Source, Hit]] = []
    seen = after.seen if after else 0
    for source in _sources(terms, after):
        if source is Source.TYPOS and seen + len(found) >= FEW and (after is None or after.source is not Source.TYPOS):
            break
        start = after.hit if after and after.source is source else sql.start(source, terms)
        found += [(source, hit) for hit in await _look(connection, source, terms, filters, start, limit + 1 - len(found))]
        if len(found) > limit:
            break
    page = found[:limit]
    following = Place(*page[-1], min(seen + len(page), FEW)) if len(found) > limit else None
    return [hit.id for _, hit in page], following


async def _understand(connection: Connection, query: str, filters: Filters) -> Terms:
    text, exact = await sql.understand(connection, query, rules.exact_code(query), filters)
    return rules.read(query, text, exact)


def _sources(terms: Terms, after: Place | None) -> list[Source]:
    """Return the kinds of hit that *terms* can have, from where the last page ended."""
    possible = {
        Source.EXACT: bool(terms.exact),
        Source.SKU: terms.sku is not None,
        Source.BARCODE: bool(terms.codes),
        Source.NAME: bool(terms.words) or terms is _EVERYTHING,
        Source.WORDS: bool(terms.words),
        Source.PREFIXES: bool(terms.words) and terms.prefixes != terms.whole,
        Source.TYPOS: bool(terms.words),
    }
    return [source for source in Source if possible[source] and (after is None or source >= after.source)]


async def _look(connection: Connection, source: Source, terms: Terms, filters: Filters, after: Hit, limit: int) -> list[Hit]:
    queries: Sequence[str] = ()
    match source:
        case Source.EXACT:
            hits = [Hit(rank, "", product) for rank, product in enumerate(terms.exact, start=1)]
            return [hit for hit in hits if hit.rank > after.rank][:limit]
        case Source.WORDS:
            queries = [terms.whole]
        case Source.PREFIXES:
            queries = [terms.prefixes]
        case Source.TYPOS:
            queries = await _guess(connection, terms.words)
        case _:
            pass
    return await sql.find(connection, source, terms, filters, after=after, limit=limit, queries=queries)


async def _guess(connection: Connection, words: Sequence[str]) -> list[str]:
    """Return text search queries for what *words* may have meant: written together or apart, or with a slip of the finger."""
    likenesses: dict[str, list[tuple[str, float]]] = {word: [] for word in words}
    for typed, word, likeness in await sql.similar_words(connection, rules.correctable(words)):
        likenesses[typed].append((word, likeness))
    parts = {part for word in words for pair in rules.split_words(word) for part in pair}
    known = await sql.known_words(connection, sorted(parts)) if parts else set()
    return rules.typo_queries([rules.alternatives(word, likenesses[word]) for word in words], rules.rejoined(words, known))
