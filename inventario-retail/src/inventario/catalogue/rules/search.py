"""How a query is read: as a code, as the beginning of something, as words, as words with typos."""

from __future__ import annotations

import heapq
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass

from inventario.catalogue.rules.barcodes import canonical_barcode

__all__ = [
    "HIGHEST",
    "Alternative",
    "Terms",
    "alternatives",
    "correctable",
    "exact_code",
    "read",
    "rejoined",
    "split_words",
    "typo_distance",
    "typo_queries",
]

# The highest character there is: what begins with a text lies between the text and the text with this behind it.
HIGHEST = "\U0010ffff"

_MOST_WORDS = 12
_MOST_CORRECTIONS = 6
_MOST_TYPO_QUERIES = 8
_MOST_REJOINED = 3
_ALIKE = 0.42
_CODE = re.compile(r"[A-Z0-9][A-Z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Terms:
    """A query as the statements of the search take it.

    ``text`` is what the database makes of it (``search_text``): folded words with a space between them. ``sku`` is it as the beginning of a SKU, and
    ``codes`` as that of a barcode, where it can be one. ``exact`` are the products whose SKU or barcode it is.
    """

    text: str
    words: tuple[str, ...]
    sku: str | None
    codes: tuple[str, ...]
    exact: tuple[int, ...]

    @property
    def whole(self) -> str:
        """The text search query for all of the words."""
        return " & ".join(f"'{word}'" for word in self.words)

    @property
    def prefixes(self) -> str:
        """The text search query for words that begin with the typed ones.

        Short words but the last stand for themselves, since too many begin so; and of more than three words all but the last: they have been typed out.
        """
        *first, last = self.words
        if len(first) > 2:
            return " & ".join([*(f"'{word}'" for word in first), _term(last, 2)])
        return " & ".join([_term(word, 3) for word in first] + [_term(last, 2)])


@dataclass(frozen=True, slots=True)
class Alternative:
    """What a typed word may have meant: a term of a text search query, and how far it is from what was typed."""

    term: str
    cost: float


def read(query: str, text: str, exact: Sequence[int]) -> Terms:
    """Return *query* as terms; *text* is what the database makes of it."""
    compact = "".join(query.split()).upper()
    code_like = query.isascii() and _CODE.fullmatch(query.strip().upper()) is not None
    digits = compact.replace("-", "")
    codes: tuple[str, ...] = (compact,) if code_like and len(compact) >= 3 else ()
    if len(digits) >= 3 and digits.isascii() and digits.isdigit():
        # Somebody who types a UPC-A does not know of the zero that stands before it here.
        codes = (digits, "0" + digits) if len(digits) <= 12 else (digits,)
    return Terms(text, tuple(text.split()[:_MOST_WORDS]), compact if code_like else None, codes, tuple(exact))


def exact_code(query: str) -> str | None:
    """Return the barcode that *query* is, in its canonical form, or None."""
    try:
        code, kind = canonical_barcode(query)
    except ValueError:
        return None
    return None if kind == "internal" and len(query.split()) != 1 else code


def _term(word: str, shortest: int) -> str:
    return f"'{word}':*" if len(word) >= shortest else f"'{word}'"


def split_words(word: str) -> list[tuple[str, str]]:
    """Return the ways in which *word* may be two that were written as one."""
    return [(word[:at], word[at:]) for at in range(3, len(word) - 2)]


def rejoined(words: Sequence[str], known: Container[str]) -> list[str]:
    """Return text search queries for two of *words* written as one, and for one written as two that both are *known*."""
    joined = [[*words[:at], words[at] + words[at + 1], *words[at + 2 :]] for at in range(len(words) - 1)]
    split = [
        [*words[:at], *pair, *words[at + 1 :]]
        for at, word in enumerate(words)
        for pair in split_words(word)
        if pair[0] in known and pair[1] in known
    ]
    return [" & ".join(_term(word, 3) for word in one) for one in (joined + split)[:_MOST_REJOINED]]


def correctable(words: Sequence[str]) -> list[str]:
    """Return those of *words* that may be a typo: short ones and numbers are taken as they are."""
    return list(dict.fromkeys(word for word in words if _is_correctable(word)))


def _is_correctable(word: str) -> bool:
    return len(word) >= 3 and not any(character.isdigit() for character in word)


def alternatives(word: str, known: Sequence[tuple[str, float]]) -> list[Alternative]:
    """Return what *word* may have meant, the nearest first.

    Args:
        word: As typed, folded.
        known: Words of the catalogue with their likeness to it, from 0 to 1.
    """
    # A word that stands in some name is meant as it is: to look for all that begin with it as well costs more than the rest together.
    own = Alternative(_term(word, 99 if any(other == word for other, _ in known) else 3), 0)
    if not _is_correctable(word):
        return [own]
    slips = 1 if len(word) <= 7 else 2
    found = []
    for other, likeness in known:
        distance = typo_distance(word, other)
        if 0 < distance <= slips:
            found.append(Alternative(f"'{other}'", distance - likeness / 2))
        elif distance and likeness >= _ALIKE:
            # Far off letter by letter, and yet alike: "cocacla" and "coca".
            found.append(Alternative(f"'{other}'", slips + 2 - likeness))
    return [own, *heapq.nsmallest(_MOST_CORRECTIONS, found, key=lambda one: (one.cost, one.term))]


def typo_queries(words: Sequence[Sequence[Alternative]], others: Sequence[str] = ()) -> list[str]:
    """Return text search queries that stand for what the words may have meant together, the nearest first.

    Args:
        words: The alternatives of each word, the nearest first.
        others: Queries for the whole that come before those.
    """
    best: list[tuple[float, tuple[str, ...]]] = [(0, ())]
    for choices in words:
        # The costs add up, so that the best of the whole consist of the best of its parts.
        longer = [(cost + one.cost, (*terms, one.term)) for cost, terms in best for one in choices]
        best = heapq.nsmallest(_MOST_TYPO_QUERIES + 1, longer)
    queries = [" & ".join(terms) for cost, terms in best if cost]
    # Each guess at many words costs more, and is less likely to be the right one.
    return list(dict.fromkeys([*others, *queries]))[: _MOST_TYPO_QUERIES if len(words) < 4 else _MOST_TYPO_QUERIES // 2]


def typo_distance(typed: str, word: str) -> int:
    """Return how many slips of the finger lie between two words: a letter left out, added or wrong, or two neighbours in the wrong order.

    The optimal string alignment distance (Boytsov, "Indexing methods for approximate dictionary searching", 2011, 2.2).
    """
    before: list[int] = []
    above = list(range(len(word) + 1))
    for i, letter in enumerate(typed, start=1):
        row = [i]
        for j, other in enumerate(word, start=1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == word[j - 2] and typed[i - 2] == other:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, above = above, row
    return above[-1]
