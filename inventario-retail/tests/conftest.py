"""A real PostgreSQL for every test: one server a run, one database a test, copied from a migrated template."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from inventario.migrations import migrate
from inventario.platform.postgres import Database


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a PostgreSQL server with a superuser: the embedded one, or the one that INVENTARIO_TEST_POSTGRES names."""
    given = os.environ.get("INVENTARIO_TEST_POSTGRES")
    if given:
        yield given
        return
    from inventario.stack.testing import running_postgres

    with running_postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """Name of a database that has the schema and no rows."""
    name = f"template_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        migrate(_with_database(server_url, name))
        yield name
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """Address of an empty database of this test alone."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield _with_database(server_url, name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The opened door to that database."""
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def data_directory(tmp_path: Path) -> Path:
    """Where an application under test may write."""
    return tmp_path / "data"


def _with_database(url: str, name: str) -> str:
    base, _, tail = url.rpartition("/")
    _, mark, query = tail.partition("?")
    return f"{base}/{name}{mark}{query}"
