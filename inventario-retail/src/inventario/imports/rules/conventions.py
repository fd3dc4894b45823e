"""How a file writes its numbers and dates: what each column shows of itself, and what follows for the cells that could be read in two ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inventario.imports.rules.dates import Order, has_two_orders, order_evidence
from inventario.imports.rules.headers import Column, Layout
from inventario.imports.rules.numbers import Evidence, Mark, evidence
from inventario.imports.rules.options import Options

__all__ = ["NUMBER_FIELDS", "Conventions"]

NUMBER_FIELDS = frozenset(
    {"quantity", "counted", "unit_price", "unit_cost", "cost", "price", "vat_rate", "reorder_point", "reorder_quantity"}
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a column showed first, and the cell that showed it."""

    header: str
    value: str
    convention: str


class Conventions:
    """Learns how a file is written. Kept with the checkpoint of an import, so that a second run reads the rest as the first one would have."""

    def __init__(self, layout: Layout, options: Options, state: Mapping[str, Any] | None = None) -> None:
        """Start with what *options* say, or go on from an earlier *state*."""
        self._numbers = [column for column in layout.columns if column.field in NUMBER_FIELDS]
        self._dates = [column for column in layout.columns if column.field == "occurred_at"]
        self._options = options
        state = state or {}
        self._shown = {field: _Shown(**shown) for field, shown in state.get("shown", {}).items()}
        self._doubtful: dict[str, str] = dict(state.get("doubtful", {}))
        self._searched = bool(state.get("searched", False))
        self._settled: dict[str, set[str]] = {column.field: set() for column in (*self._numbers, *self._dates)}

    def state(self) -> dict[str, Any]:
        """Return what `__init__` takes back, made of JSON's types."""
        shown = {field: asdict(shown) for field, shown in self._shown.items()}
        return {"shown": shown, "doubtful": dict(self._doubtful), "searched": self._searched}

    def learn(self, columns: Sequence[Sequence[str]]) -> None:
        """Look at the cells of some rows, given by column in the order of the file."""
        if self._options.decimal is None:
            for column in self._numbers:
                if column.field not in self._shown:
                    self._learn_mark(column, {cell for cell in set(columns[column.index]) if "." in cell or "," in cell})
        if self._options.date_order is None:
            for column in self._dates:
                if column.field not in self._shown:
                    # A year in front leaves no question, and the first two characters tell it from a day or a month.
                    short = {cell for cell in set(columns[column.index]) if not cell.lstrip()[:3].isdecimal()}
                    self._learn_order(column, short)

    def _learn_mark(self, column: Column, cells: set[str]) -> None:
        for cell in self._news(column, cells):
            told = evidence(cell)
            if told is Evidence.AMBIGUOUS:
                self._doubtful.setdefault(column.field, cell)
            elif told is not Evidence.NONE:
                self._shown.setdefault(column.field, _Shown(column.header, cell, told.value))

    def _learn_order(self, column: Column, cells: set[str]) -> None:
        for cell in self._news(column, cells):
            order = order_evidence(cell)
            if order is not None:
                self._shown.setdefault(column.field, _Shown(column.header, cell, order.value))
            elif has_two_orders(cell):
                self._doubtful.setdefault(column.field, cell)

    def _news(self, column: Column, cells: Iterable[str]) -> Iterable[str]:
        # Most cells of a column repeat; looking at each text once keeps this off the path of a million rows.
        seen = self._settled[column.field]
        if len(seen) > 50_000:
            seen.clear()
        news = sorted({cell.strip() for cell in cells} - seen)
        seen.update(news)
        return news

    @property
    def complete(self) -> bool:
        """Whether the file has nothing more to tell."""
        numbers = self._options.decimal is not None or all(column.field in self._shown for column in self._numbers)
        return numbers and (self._options.date_order is not None or all(column.field in self._shown for column in self._dates))

    @property
    def needs_search(self) -> bool:
        """Whether a cell has two readings, its column has shown nothing so far, and the rest of the file might."""
        return not self._searched and any(field not in self._shown for field in self._doubtful)

    def search_ended(self) -> None:
        """Say that `learn` has seen the whole file, or all that was needed."""
        self._searched = True

    def mark(self, field: str) -> Mark | None:
        """Return the decimal mark of a column: as told, as it shows, or as the other columns agree to show."""
        if self._options.decimal is not None:
            return self._options.decimal
        shown = self._shown.get(field)
        if shown is not None:
            return Mark(shown.convention)
        marks = {shown.convention for name, shown in self._shown.items() if name in NUMBER_FIELDS}
        return Mark(marks.pop()) if len(marks) == 1 else None

    def order(self) -> Order | None:
        """Return the order of dates, as told or as the column shows."""
        shown = self._shown.get("occurred_at")
        return self._options.date_order or (Order(shown.convention) if shown else None)

    def notes(self) -> list[str]:
        """Say, for a person, how cells with two readings were read and why."""
        notes = []
        for field, cell in sorted(self._doubtful.items()):
            column = next((column for column in (*self._numbers, *self._dates) if column.field == field), None)
            if column is not None:
                notes += self._note(column, cell)
        return notes

    def _note(self, column: Column, cell: str) -> list[str]:
        if column.field == "occurred_at":
            shown = self._shown.get(column.field)
            if shown:
                return [f"{column.header}: {cell} is read in the order {shown.convention}, because the column has {shown.value}."]
            return [f"{column.header}: {cell} is read with the day first. Give date_order=mdy if the file writes the month first."]
        mark = self.mark(column.field)
        if mark is None:
            return []
        shown = self._shown.get(column.field) or next(found for name, found in self._shown.items() if name in NUMBER_FIELDS)
        number = cell.replace("." if mark is Mark.COMMA else ",", "").replace(",", ".")
        return [f"{column.header}: {cell} is read as {number} (decimal {mark}), because the column {shown.header} has {shown.value}."]
