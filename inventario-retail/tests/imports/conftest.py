"""Files to import, and what is read from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from inventario.imports.reading import open_file
from inventario.imports.rules.conventions import Conventions
from inventario.imports.rules.headers import read_headers
from inventario.imports.rules.options import Options

ZONES = {"CENTRO": "America/Argentina/Buenos_Aires"}
LATEST = date(2026, 12, 31)


@dataclass(frozen=True, slots=True)
class Read:
    """What a file is read as: rows by field, None where absent; what is wrong, as (line, column, detail); and how it was read."""

    rows: list[dict[str, str | None]]
    problems: list[tuple[int, str, str]]
    remedies: list[str]
    notes: list[str]

    def column(self, field: str) -> list[str | None]:
        """Return one field of all rows."""
        return [row[field] for row in self.rows]


def _read(path: Path, *, zones: dict[str, str] | None = None, **options: Any) -> Read:
    """Read the file at *path* as an import would."""
    reading = open_file(path, Options(**options))
    rows: list[dict[str, str | None]] = []
    problems = []
    state: dict[str, Any] = {}
    for batch in reading.batches("id", reading.start.rows, {}, zones or ZONES, LATEST):
        for line in batch.data.decode().splitlines():
            cells = [None if cell == r"\N" else cell for cell in line.split("\t")]
            rows.append(dict(zip(batch.columns, cells, strict=True)))
        problems += batch.problems
        state = batch.conventions
    layout = read_headers(reading.start.headers, reading.kind)
    notes = [*reading.notes, *Conventions(layout, Options(**options), state).notes()]
    return Read(rows, [(p.line, p.column, p.detail) for p in problems], [p.remedy for p in problems], notes)


@pytest.fixture
def read_file() -> Callable[..., Read]:
    """Read a file as an import would: ``read_file(path, decimal=...)``."""
    return _read


@pytest.fixture
def read_text(tmp_path: Path) -> Callable[..., Read]:
    """Read a text as a file would be read: ``read_text("sku;precio\\nA;1,5", decimal=...)``."""

    def of(text: str, **options: Any) -> Read:
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8", newline="")
        return _read(path, **options)

    return of
