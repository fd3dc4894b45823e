"""Numbers of the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

__all__ = ["Kind", "Named", "OnHand", "Recent", "Today"]


@dataclass(frozen=True, slots=True)
class Kind:
    """Movements of one kind today: how many, how much, and at what prices (0 where they have none)."""

    kind: str
    movements: int
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Recent:
    """A movement with the name of its product, in the store's time zone."""

    id: UUID
    sku: str
    name: str
    unit: str
    store: str
    time_zone: str
    kind: str
    quantity: Decimal
    on_hand: Decimal
    oversold: bool
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Named:
    """What a list of movements shows of a product."""

    sku: str
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class OnHand:
    """Stock of a product in all stores. ``low``: in one of them it is at its reorder point or below; ``oversold``: in one it is below zero."""

    sku: str
    on_hand: Decimal
    oversold: bool
    low: bool


@dataclass(frozen=True, slots=True)
class Today:
    """The day so far. ``complete`` is false where more moved than is looked at, e.g. after an import."""

    kinds: dict[str, Kind]
    recent: list[Recent]
    complete: bool
    products: int
    stores: int
