"""Pages of a list, and the opaque cursors that lead from one to the next."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

from inventario.errors import FieldProblem, Invalid

__all__ = ["DEFAULT_LIMIT", "MAX_LIMIT", "Cursor", "Page", "bad_cursor"]

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, in its order. ``next`` is the cursor of the following page, null on the last."""

    items: Sequence[T]
    next: str | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Writes and reads the cursors of one list: a place in its order, as a few values.

    ``of`` is everything that decides what the list holds (its name, its filters). A cursor of another list is refused instead of
    leading to a page that nobody asked for.
    """

    of: tuple[str | None, ...]

    def write(self, *place: str | int) -> str:
        """Return the cursor of *place*: letters, digits, ``-`` and ``_``."""
        return base64.urlsafe_b64encode(orjson.dumps([self._mark(), *place])).decode().rstrip("=")

    def read(self, text: str, *shape: type[str | int]) -> list[str | int]:
        """Return the place that *text* was made of, whose values must have the types of *shape*.

        Raises:
            Invalid: It is not a cursor, or one of another list.
        """
        mark, *place = _decode(text)
        if mark != self._mark():
            raise bad_cursor("The cursor belongs to another list or to other filters.")
        if len(place) != len(shape) or not all(_fits(value, kind) for value, kind in zip(place, shape, strict=True)):
            raise bad_cursor("The cursor is not one that this API gave.")
        return place

    def _mark(self) -> str:
        return hashlib.blake2b(orjson.dumps(self.of), digest_size=6).hexdigest()


def bad_cursor(detail: str) -> Invalid:
    """Return the error for a cursor that leads nowhere."""
    remedy = "Pass `next` of the previous page unchanged, with the same filters, or leave `cursor` out to start again."
    return Invalid(detail, errors=[FieldProblem("cursor", detail, remedy)])


def _decode(text: str) -> list[str | int]:
    try:
        values = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        values = None
    if not isinstance(values, list) or not values:
        raise bad_cursor("The cursor is not one that this API gave.")
    return values


def _fits(value: object, kind: type) -> bool:
    if type(value) is not kind:
        return False
    # What PostgreSQL would not take is not from us either.
    return "\0" not in value if isinstance(value, str) else isinstance(value, int) and -(2**63) <= value < 2**63
