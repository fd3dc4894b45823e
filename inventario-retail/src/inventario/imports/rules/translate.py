"""Rows of cells become the lines of a COPY, and what is wrong with them.

Works by column: each distinct text of a column is read once and kept, and a row costs a few dictionary look-ups. That is what makes a million
rows a matter of seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import repeat
from typing import TypeVar

from inventario.imports.rules.cells import NULL, Reader, readers
from inventario.imports.rules.conventions import Conventions
from inventario.imports.rules.dates import read_moment
from inventario.imports.rules.headers import Kind, Layout
from inventario.imports.rules.movements import settle_quantity
from inventario.imports.rules.options import Options
from inventario.imports.rules.problems import CellProblem, split_message
from inventario.imports.rules.rows import RowSet, sound_rows, without_marks

__all__ = ["Translation", "Translator"]

# Distinct texts kept for a column. More would make the memory grow with the file.
_KEPT = 50_000
_SHOWN = 200

_Key = TypeVar("_Key")
_Read = TypeVar("_Read")
_Cells = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Translation:
    """Some rows as COPY wants them: ``data`` in the columns ``Translator.target``; how many; what is wrong with them, by line."""

    data: bytes
    rows: int
    problems: list[CellProblem]


class _Memory(dict[_Key, _Read | None]):
    """What was read before, and why something could not be; bounded."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[_Key, ValueError] = {}

    def read_all(self, keys: Sequence[_Key], read: Callable[[_Key], _Read]) -> list[_Read | None]:
        """Return what each of *keys* means, None where *read* refuses it."""
        if len(self) > _KEPT or len(self.faults) > _KEPT:
            self.clear()
            self.faults.clear()
        fresh = set(keys).difference(self)
        if 2 * len(fresh) > len(keys):
            # Hardly any comes again, as in a column of keys: remembering them would only cost.
            return [self._read(key, read) for key in keys]
        for key in fresh:
            self[key] = self._read(key, read)
        return list(map(self.__getitem__, keys))

    def _read(self, key: _Key, read: Callable[[_Key], _Read]) -> _Read | None:
        try:
            return read(key)
        except ValueError as error:
            self.faults[key] = error
            return None


class Translator:
    """Translates the rows of one file, in order. ``conventions`` must have learnt from rows before they are translated."""

    def __init__(
        self,
        *,
        kind: Kind,
        layout: Layout,
        options: Options,
        conventions: Conventions,
        zones: Mapping[str, str],
        latest: date,
        damaged: bool,
        delimiter: str,
    ) -> None:
        """Prepare for one file.

        Args:
            kind: Of what it is a table.
            layout: Its columns.
            options: What the person said.
            conventions: How it writes numbers and dates.
            zones: Time zone of each store by its code; times without an offset are the store's own.
            latest: The last date that is believed.
            damaged: Whether a cell may hold a control character or a foreign byte.
            delimiter: What separates its cells.
        """
        self._kind, self._layout, self._options, self._conventions = kind, layout, options, conventions
        self._zones, self._latest, self._damaged, self._delimiter = zones, latest, damaged, delimiter
        self._readers: Mapping[str, Reader] = readers(kind, options, conventions)
        self._memories: dict[str, _Memory[str, str]] = {field: _Memory() for field in self._readers}
        self._moments: _Memory[tuple[str, str, str], str] = _Memory()
        self._quantities: _Memory[tuple[str | None, str | None, str | None], tuple[str, str]] = _Memory()
        self._fields = self._produced()

    def _produced(self) -> tuple[str, ...]:
        fields = [field for field in self._readers if self._layout.has(field)]
        if self._kind == "movements":
            fields += [field for field in ("store", "kind", "quantity", "counted") if field not in fields]
            fields += ["occurred_at"] if self._layout.has("occurred_at") else []
        return tuple(fields)

    @property
    def target(self) -> tuple[str, ...]:
        """The columns of the staging table that the data fills, in order."""
        return ("import_id", "line", *self._fields)

    def learn(self, rows: RowSet) -> None:
        """Let the conventions learn from *rows*, without reading them."""
        if self._conventions.complete:
            return
        sound = sound_rows(rows, width=self._layout.width, delimiter=self._delimiter, damaged=False)
        if sound.cells:
            self._conventions.learn(list(zip(*sound.cells, strict=True)))

    def translate(self, rows: RowSet, import_id: str) -> Translation:
        """Return *rows* for COPY, under *import_id*. Rows of the wrong shape are only reported; a cell that is wrong becomes NULL."""
        sound = sound_rows(rows, width=self._layout.width, delimiter=self._delimiter, damaged=self._damaged)
        problems = list(sound.problems)
        if not sound.cells:
            return Translation(b"", 0, problems)
        table = _Table(list(zip(*sound.cells, strict=True)), sound.lines)
        found = {field: self._field(field, table, problems) for field in self._fields if field in self._readers}
        if self._kind == "movements":
            self._finish_movements(found, table, problems)
        columns = [_without_gaps(found[field]) for field in self._fields]
        lines = map("\t".join, zip(repeat(import_id), map(str, sound.lines), *columns, strict=False))
        problems.sort(key=lambda problem: problem.line)
        return Translation(("\n".join(lines) + "\n").encode(), len(sound.cells), problems)

    def _field(self, field: str, table: _Table, problems: list[CellProblem]) -> _Cells:
        columns = [table.cells[column.index] for column in self._layout.columns if column.field == field]
        if len(columns) > 1:
            texts: Sequence[str] = [";".join(filter(None, cells)) for cells in zip(*columns, strict=True)]
        elif columns:
            texts = columns[0]
        elif field in {"store", "kind"}:
            texts = [""] * len(table.lines)
        else:
            return [NULL] * len(table.lines)
        memory, read = self._memories[field], self._readers[field]
        found = memory.read_all(texts, lambda text: read(text.strip()))
        problems += [self._problem(field, table.lines[index], texts[index], memory.faults[texts[index]]) for index in _gaps(found)]
        return found

    def _problem(self, field: str, line: int, value: str, fault: ValueError) -> CellProblem:
        return CellProblem(line, self._layout.header(field), without_marks(value).strip()[:_SHOWN], *split_message(fault))

    def _finish_movements(self, found: dict[str, _Cells], table: _Table, problems: list[CellProblem]) -> None:
        if "occurred_at" in self._fields:
            found["occurred_at"] = self._occurred_at(found["store"], table, problems)
        found["quantity"], found["counted"] = self._settle(found, table, problems)

    def _occurred_at(self, stores: _Cells, table: _Table, problems: list[CellProblem]) -> _Cells:
        columns = {column.field: table.cells[column.index] for column in self._layout.columns}
        # One zone is the rule, and then there is no need to ask each row for its store.
        zones = set(self._zones.values())
        known = repeat(zones.pop()) if len(zones) == 1 else (self._zones.get(store or "", "UTC") for store in stores)
        keys = list(zip(columns["occurred_at"], columns.get("time", repeat("")), known, strict=False))
        found = self._moments.read_all(keys, self._moment)
        for index in _gaps(found):
            day, clock, _ = keys[index]
            problems.append(self._problem("occurred_at", table.lines[index], f"{day} {clock}", self._moments.faults[keys[index]]))
        return found

    def _moment(self, key: tuple[str, str, str]) -> str:
        day, clock, zone = key
        if not day.strip():
            if clock.strip():
                raise ValueError("there is a time without a date; fill in the date")
            return NULL
        moment = read_moment(day.strip(), self._conventions.order(), self._latest, clock.strip())
        has_offset = "+" in moment or "-" in moment[10:]
        return moment if has_offset else f"{moment} {zone}"

    def _settle(self, found: Mapping[str, _Cells], table: _Table, problems: list[CellProblem]) -> tuple[_Cells, _Cells]:
        keys = list(zip(found["kind"], found["quantity"], found["counted"], strict=True))
        settled = self._quantities.read_all(keys, self._settled)
        for index in _gaps(settled):
            field = "quantity" if self._layout.has("quantity") else "counted"
            value = next((cell for cell in keys[index][1:] if cell not in {None, NULL}), None)
            problems.append(self._problem(field, table.lines[index], value or "", self._quantities.faults[keys[index]]))
        quantities, counts = zip(*(pair or (NULL, NULL) for pair in settled), strict=True)
        return quantities, counts

    def _settled(self, key: tuple[str | None, str | None, str | None]) -> tuple[str, str]:
        kind, quantity, counted = key
        if kind is None or quantity is None or counted is None:
            return NULL, NULL  # Said already, at the cell itself.
        return settle_quantity(kind, quantity, counted, unsigned=self._options.unsigned, counted_column=self._layout.has("counted"))


@dataclass(frozen=True, slots=True)
class _Table:
    """The sound rows of a chunk by column, and the line of each."""

    cells: Sequence[Sequence[str]]
    lines: Sequence[int]


def _gaps(found: Sequence[object]) -> Sequence[int]:
    return [index for index, value in enumerate(found) if value is None] if None in found else ()


def _without_gaps(cells: _Cells) -> Sequence[str]:
    return [NULL if cell is None else cell for cell in cells]
