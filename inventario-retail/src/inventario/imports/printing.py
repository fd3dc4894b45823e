"""What the person at the terminal sees of an import. Where there is no terminal, plain lines come instead of a bar."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from inventario.imports.failures import ImportFailed, place
from inventario.imports.schemas import Import, ImportProblem, MovementDifference, Phase, ProductDifference, Resumed

__all__ = ["Printer"]

_WORDS: dict[Phase, str] = {"reading": "Reading", "checking": "Checking", "applying": "Applying", "reversing": "Taking back"}
_STATES = {
    "checked": "Nothing was changed: this was a dry run.",
    "failed": "Nothing was changed.",
    "applied": "Applied.",
    "reversed": "Taken back.",
}


class Printer:
    """Shows how far an import is while it is entered, and then what came of it."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        if not self._console.is_terminal:
            # Lines that go to a file or another program are not cut to the width of a terminal that is not there.
            self._console = Console(highlight=False, width=200)
        self._bar: Progress | None = None
        self._tasks: dict[Phase, TaskID] = {}
        self._told: tuple[str, int] = ("", -1)
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
            self._bar = Progress(*columns, TextColumn("{task.fields[rows]}"), console=self._console)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(Text(text), soft_wrap=True)

    def resumed(self, resumed: Resumed, expected: int) -> None:
        """Say how much an earlier run had read."""
        self.say(resumed.told(expected))

    def progress(self, phase: Phase, done: int, total: int) -> None:
        """Show how far a phase is."""
        if phase not in _WORDS:
            return
        if self._bar is not None:
            self._show(self._bar, phase, done, total)
            return
        tenth = 10 * done // total if total else 10
        if (phase, tenth) != self._told:
            self._told = (phase, tenth)
            self.say(f"{_WORDS[phase]}: {done:,} of {total:,} rows ({10 * tenth} %), {time.monotonic() - self._started:.1f} s")

    def _show(self, bar: Progress, phase: Phase, done: int, total: int) -> None:
        if phase not in self._tasks:
            for task in self._tasks.values():
                bar.stop_task(task)
            self._tasks[phase] = bar.add_task(_WORDS[phase], rows="")
        # Checking, applying and taking back are one statement each, whose inside nobody can see: the bar moves to and fro until it is done.
        known = phase == "reading" or done
        bar.update(self._tasks[phase], completed=done, total=total if known else None, rows=f"{done or total:,} rows")

    def failure(self, error: ImportFailed) -> None:
        """Print all that is wrong with a file."""
        if error.report is not None:
            self.report(error.report)
            return
        self._problems([ImportProblem.model_validate(problem) for problem in error.extra["errors"]])
        self.say(f"{error.detail} {error.remedy}")

    def report(self, found: Import) -> None:
        """Print what an import changes, what is wrong with its file, and what became of it."""
        for note in found.notes:
            self.say(f"note: {note}")
        if found.unknown_columns:
            self.say(f"note: These columns are not understood and were left out: {', '.join(found.unknown_columns)}.")
        if found.products is not None and found.state != "reversed":
            self._products(found.products)
        if found.movements is not None and found.state != "reversed":
            self._movements(found.movements)
        self._problems(found.errors)
        if found.error_total > len(found.errors):
            self.say(f"... and {found.error_total - len(found.errors):,} more.")
        self.say(self._conclusion(found))

    @staticmethod
    def _conclusion(found: Import) -> str:
        seconds = found.seconds
        took = f"Read in {seconds.read:.1f} s, checked in {seconds.check:.1f} s" + (
            f", applied in {seconds.apply:.1f} s" if seconds.apply else ""
        )
        errors = f" {found.error_total:,} error(s)." if found.error_total else ""
        replayed = f" {found.replayed:,} were recorded before." if found.replayed else ""
        back = f" Take it back with: inventario import --undo {found.id}" if found.state == "applied" else ""
        left = (
            f" Left alone, because they were edited since: {', '.join(found.reversal.left[:50])}."
            if found.reversal and found.reversal.left
            else ""
        )
        return f"{found.file_name}: {found.rows:,} {found.kind}. {_STATES.get(found.state, '')}{errors}{replayed}{left} {took}.{back}"

    def _products(self, difference: ProductDifference) -> None:
        changed = [(item, field) for item in difference.items if item.change == "changed" for field in item.fields]
        created = [item for item in difference.items if item.change == "created"]
        self._table("New products", ("line", "sku", "name"), [(str(item.line), item.sku, item.name) for item in created[:20]])
        rows = [(str(item.line), item.sku, field.field, field.before or "", field.after or "") for item, field in changed[:50]]
        self._table("Changes", ("line", "sku", "field", "before", "after"), rows)
        self.say(f"{difference.created:,} new, {difference.changed:,} changed, {difference.unchanged:,} as they are.")

    def _movements(self, difference: MovementDifference) -> None:
        rows = [
            (group.store, group.kind, f"{group.rows:,}", "" if group.quantity is None else f"{group.quantity:,}")
            for group in difference.groups
        ]
        self._table("Movements", ("store", "kind", "rows", "quantity"), rows)
        below = [(level.store, level.sku, str(level.on_hand), str(level.after)) for level in difference.below_zero_items[:10]]
        self._table("Below zero afterwards", ("store", "sku", "now", "after"), below)
        if difference.first and difference.last:
            self.say(f"{difference.products:,} products, from {difference.first:%Y-%m-%d %H:%M} to {difference.last:%Y-%m-%d %H:%M} UTC.")
        if difference.below_zero:
            self.say(f"{difference.below_zero:,} levels end below zero.")
        if difference.already_recorded:
            self.say(f"{difference.already_recorded:,} rows are recorded already under their key, and are left out.")

    def _problems(self, problems: Sequence[ImportProblem]) -> None:
        for problem in problems:
            value = f" {problem.value!r}" if problem.value else ""
            self.say(f"{place(problem)}{value}: {problem.detail} {problem.remedy}")

    def _table(self, title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        if not rows:
            return
        table = Table(*headers, title=title, title_justify="left", box=None)
        for row in rows:
            table.add_row(*map(Text, row))
        self._console.print(table)
