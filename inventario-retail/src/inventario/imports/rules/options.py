"""What the person who imports a file says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from inventario.imports.rules.dates import Order
from inventario.imports.rules.headers import Kind
from inventario.imports.rules.numbers import Mark

__all__ = ["MovementKind", "Options"]

MovementKind = Literal["sale", "return", "receipt", "adjustment", "count", "waste", "opening"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the file itself does not say. Everything may be left out; what then stays open is asked for, never guessed.

    Args:
        kind: Of what the file is a table; the headers tell otherwise.
        store: Code of the store of rows that name none.
        movement: Kind of the movements that name none.
        decimal: What separates decimals.
        date_order: Order of day, month and year in dates that are not ISO.
        unsigned: Quantities are amounts, and the kind says whether they come or go: a sale of ``3`` takes three away.
        sheet: Name of the sheet; the first one otherwise.
    """

    kind: Kind | None = None
    store: str | None = None
    movement: MovementKind | None = None
    decimal: Mark | None = None
    date_order: Order | None = None
    unsigned: bool = False
    sheet: str | None = None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the options that were kept as JSON."""
        decimal, order = values["decimal"], values["date_order"]
        return cls(**{**values, "decimal": Mark(decimal) if decimal else None, "date_order": Order(order) if order else None})
