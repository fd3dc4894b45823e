"""Where a page of a list ended, as an opaque text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from psycopg.rows import DictRow

from inventario.errors import FieldProblem, Invalid

__all__ = ["TOP", "after_ledger", "after_level", "after_position", "ledger", "level", "position"]

TOP = 2**63 - 1
"""Above every sequence."""


def position(cursor: str) -> tuple[str, UUID]:
    """Read a place in the order of transactions: transaction, movement."""
    xid, identifier = _decode(cursor, list, 2)
    if not (isinstance(xid, str) and xid.isdecimal() and int(xid) < 2**64 and isinstance(identifier, str)):
        raise _not_ours(cursor)
    try:
        return xid, UUID(identifier)
    except ValueError as error:
        raise _not_ours(cursor) from error


def after_position(rows: Sequence[DictRow], limit: int) -> str | None:
    """Return the place behind *limit* rows, or None where there are no more."""
    return _encode([rows[limit - 1]["xid"], str(rows[limit - 1]["id"])]) if len(rows) > limit else None


def ledger(cursor: str | None) -> dict[int, int]:
    """Read a place in the ledger of a product: the last sequence that was shown of each store."""
    if not cursor:
        return {}
    shown = _decode(cursor, dict)
    try:
        return {int(store): min(int(sequence), TOP) for store, sequence in shown.items()}
    except (ValueError, TypeError) as error:
        raise _not_ours(cursor) from error


def after_ledger(rows: Sequence[DictRow], limit: int, before: dict[int, int]) -> str | None:
    """Return the place behind *limit* rows, or None where there are no more."""
    if len(rows) <= limit:
        return None
    shown = dict(before)
    for row in rows[:limit]:
        shown[row["store_id"]] = row["sequence"]
    return _encode({str(store): sequence for store, sequence in shown.items()})


def level(cursor: str | None) -> tuple[int, int]:
    """Read a place in the order of levels: store, product."""
    if not cursor:
        return 0, 0
    store, product = _decode(cursor, list, 2)
    if not (isinstance(store, int) and isinstance(product, int) and abs(store) < 2**31 and abs(product) < 2**63):
        raise _not_ours(cursor)
    return store, product


def after_level(rows: Sequence[DictRow], limit: int) -> str | None:
    """Return the place behind *limit* rows, or None where there are no more."""
    return _encode([rows[limit - 1]["store_id"], rows[limit - 1]["product_id"]]) if len(rows) > limit else None


def _encode(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


def _decode(cursor: str, kind: type[list[Any] | dict[str, Any]], length: int | None = None) -> Any:
    try:
        value = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise _not_ours(cursor) from error
    if not isinstance(value, kind) or (length is not None and len(value) != length):
        raise _not_ours(cursor)
    return value


def _not_ours(cursor: str) -> Invalid:
    return Invalid(
        "The cursor is not one of ours.",
        errors=[FieldProblem("cursor", f"{cursor!r} was not given by this list", "take `next` from the page before, unchanged")],
    )
