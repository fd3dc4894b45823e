"""How an import is told to whoever asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inventario.imports.rules.conventions import Conventions
from inventario.imports.rules.headers import Layout, read_headers
from inventario.imports.rules.options import Options
from inventario.imports.schemas import ColumnRead, Import, ImportProblem, MovementDifference, Phase, ProductDifference, Progress

__all__ = ["describe"]


def describe(
    record: Mapping[str, Any],
    problems: Sequence[Mapping[str, Any]],
    *,
    working: tuple[Phase, int, int] | None,
    running: bool,
    before: Mapping[str, Any] | None,
) -> Import:
    """Return the whole of an import.

    Args:
        record: Its row.
        problems: What is wrong with its file, in order; may be cut off.
        working: Phase and rows done of rows, where this process works on it.
        running: Whether any process does.
        before: The last import that brought the same content in.
    """
    layout = read_headers(record["layout"]["headers"], record["kind"])
    difference = record["difference"]
    return Import(
        **{name: record[name] for name in ("id", "kind", "state", "file_name", "file_size", "rows", "created_at", "created_by")},
        **{
            name: record[name]
            for name in ("applied_at", "applied_by", "reversed_at", "reversed_by", "applied", "replayed", "reversal", "seconds")
        },
        error_total=record["errors"],
        progress=_progress(record, working, running=running),
        columns=[ColumnRead.model_validate(column) for column in layout.columns],
        unknown_columns=list(layout.unknown),
        notes=_notes(record, layout, before),
        products=ProductDifference.model_validate(difference) if difference and record["kind"] == "products" else None,
        movements=MovementDifference.model_validate(difference) if difference and record["kind"] == "movements" else None,
        errors=[ImportProblem.model_validate(problem) for problem in problems],
    )


def _progress(record: Mapping[str, Any], working: tuple[Phase, int, int] | None, *, running: bool) -> Progress:
    expected = record["rows"] if record["read_at"] else max(record["lines"], record["rows"])
    phase, done, total = working or (_phase(record), record["rows"], expected)
    return Progress(
        phase=phase,
        running=running,
        percent=100 * done // total if total else 100,
        rows_read=record["rows"],
        rows_expected=expected,
    )


def _phase(record: Mapping[str, Any]) -> Phase:
    if record["state"] == "staging":
        return "reading" if record["read_at"] is None else "checking"
    return "applying" if record["state"] == "applying" else "waiting" if record["state"] == "checked" else "done"


def _notes(record: Mapping[str, Any], layout: Layout, before: Mapping[str, Any] | None) -> list[str]:
    conventions = Conventions(layout, Options.from_json(record["options"]), record["conventions"])
    notes = [*record["layout"]["notes"], *conventions.notes()]
    if before is not None and before["id"] != record["id"]:
        notes.append(
            f"This very content was imported on {before['applied_at']:%Y-%m-%d %H:%M} UTC by {before['applied_by']}, as {before['file_name']}."
        )
    return notes
