"""Files to import, and what is read from them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from inventario.app import create_app
from inventario.catalogue.service import Catalogue
from inventario.imports.reading import open_file
from inventario.imports.rules.conventions import Conventions
from inventario.imports.rules.headers import read_headers
from inventario.imports.rules.options import Options
from inventario.imports.schemas import Import
from inventario.imports.service import Imports
from inventario.platform.postgres import Database
from inventario.settings import Settings
from inventario.stock.service import Stock

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


@pytest.fixture
async def shop(database: Database) -> Database:
    """Stores CENTRO and, never below zero, STRICT; products A to E, of which E never falls below zero; supplier BEBIDAS."""
    await database.fetch(
        """
        INSERT INTO stores (code, name, time_zone, allow_oversell)
        VALUES ('CENTRO', 'Centro', 'America/Argentina/Buenos_Aires', true), ('STRICT', 'Depósito', 'America/Argentina/Buenos_Aires', false)
        RETURNING id
        """
    )
    await database.fetch(
        """
        INSERT INTO products (sku, name, unit, allow_oversell)
        SELECT chr(64 + n), 'Producto ' || n, 'unit', CASE WHEN n = 5 THEN false END FROM generate_series(1, 5) AS n RETURNING id
        """
    )
    await database.fetch("INSERT INTO suppliers (code, name) VALUES ('BEBIDAS', 'Bebidas SA') RETURNING id")
    return database


@pytest.fixture
def imports(shop: Database) -> Imports:
    """Imports of that shop."""
    return Imports(shop, Catalogue(shop), Stock(shop))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a text to a file of its own."""

    def to_file(text: str) -> Path:
        path = tmp_path / f"{uuid4().hex}.csv"
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return to_file


@pytest.fixture
def run(imports: Imports, write: Callable[[str], Path]) -> Callable[..., Awaitable[Import]]:
    """Import a text: ``await run("sku;nombre\\nA;Uno\\n", dry_run=True, store="CENTRO")``."""

    async def text(content: str, *, dry_run: bool = False, again: bool = False, **options: Any) -> Import:
        return await imports.run(
            write(content), file_name="lista.csv", options=Options(**options), actor="tester", dry_run=dry_run, again=again
        )

    return text


@pytest.fixture
async def api(shop: Database, database_url: str, data_directory: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application, with a key for everything."""
    settings = Settings(
        database_url=SecretStr(database_url), dashboard_api_key=SecretStr("a key for tests"), inventario_data=data_directory
    )
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost/api/v1", headers={"X-API-Key": "a key for tests"}
        ) as client:
            yield client
