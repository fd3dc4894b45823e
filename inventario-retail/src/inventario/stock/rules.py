"""What a movement may say, and what levels follow from a ledger. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal

__all__ = ["RESERVED_KEY_PREFIX", "daily_on_hand", "fingerprint", "quantity_problem"]

# Keys that the service makes itself begin with this, and a client's key may not, so that the two never meet.
RESERVED_KEY_PREFIX = "inventario:"

_OUTGOING = {"sale": "takes goods out", "waste": "takes goods out"}
_INCOMING = {"return": "brings goods back", "receipt": "brings goods in", "opening": "says what was there at the start"}


def quantity_problem(kind: str, quantity: Decimal) -> str | None:
    """Return what is wrong with the sign of *quantity* for *kind*, as "what; remedy", or None."""
    if kind == "count":
        return None
    if quantity == 0:
        return f'a {kind} of 0 changes nothing; send the quantity that moved, e.g. "{"-1" if kind in _OUTGOING else "1"}"'
    if kind in _OUTGOING and quantity > 0:
        return f'a {kind} {_OUTGOING[kind]}, so its quantity is negative; send "-{quantity.normalize():f}"'
    if kind in _INCOMING and quantity < 0:
        return (
            f'{"an" if kind == "opening" else "a"} {kind} {_INCOMING[kind]}, so its quantity is positive; send "{-quantity.normalize():f}"'
        )
    return None


def fingerprint(canonical_body: bytes) -> str:
    """Return the hash that tells a repeated request from another one under the same key: 128 bits of SHA-256, in hexadecimal."""
    return hashlib.sha256(canonical_body).hexdigest()[:32]


def daily_on_hand(today: date, days: int, on_hand: Decimal, changes: Mapping[date, Decimal]) -> Iterable[tuple[date, Decimal]]:
    """Yield the stock at the end of each of the last *days* days, oldest first.

    Args:
        today: The store's date now.
        days: How many days, today included.
        on_hand: Stock now.
        changes: Sum of the movements by the date on which they happened; days without one may be absent. Days after *today*
            (a till whose clock runs ahead) count as today.
    """
    closing = on_hand
    found: list[tuple[date, Decimal]] = []
    for back in range(days):
        day = today - timedelta(days=back)
        found.append((day, closing))
        closing -= changes.get(day, Decimal(0))
        if back == 0:
            closing -= sum((change for when, change in changes.items() if when > today), Decimal(0))
    return reversed(found)
