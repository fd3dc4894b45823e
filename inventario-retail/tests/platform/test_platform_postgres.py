from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psycopg
import pytest

from inventario.errors import DependencyUnavailable
from inventario.platform.postgres import Database
from inventario.stack.testing import running_postgres


async def test_a_statement_that_takes_too_long_is_given_up_by_the_server(database_url: str) -> None:
    database = Database(database_url, statement_timeout=0.2)
    await database.open()
    with pytest.raises(DependencyUnavailable, match="took too long"):
        await database.fetch("SELECT pg_sleep(20)")
    await database.close()


async def test_errors_of_sql_say_something_about_the_request_and_pass_through(database: Database) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await database.fetch("SELECT 1 / 0")


async def test_a_pool_that_is_used_up_is_not_waited_for_longer_than_its_patience(database_url: str) -> None:
    database = Database(database_url, pool_size=2, patience=0.2)
    await database.open()
    async with database.connection(), database.connection():
        with pytest.raises(DependencyUnavailable) as caught:
            await database.fetch("SELECT 1")
    assert caught.value.service == "database"
    await database.close()


async def test_a_server_that_stops_is_unavailable_and_one_that_comes_back_is_used_again(tmp_path: Path) -> None:
    directory = tmp_path / "server"
    with running_postgres(directory) as url:
        port = psycopg.conninfo.conninfo_to_dict(url)["port"]
        database = Database(url, patience=0.5)
        await database.open()
        assert await database.fetch("SELECT 1 AS one") == [{"one": 1}]
    with pytest.raises(DependencyUnavailable):
        await database.fetch("SELECT 1")
    with pytest.raises(DependencyUnavailable):
        await database.ping(within=0.5)
    with running_postgres(directory, port=int(str(port))):
        # The pool finds out by itself; each try waits for it.
        answers = [await _answers(database) for _ in range(20)]
        assert answers[-1]
        await database.close()


async def test_a_frozen_server_holds_nobody_for_ever(tmp_path: Path) -> None:
    with running_postgres(tmp_path / "server") as url:
        database = Database(url, patience=0.5)
        await database.open()
        await database.fetch("SELECT 1")
        stopped = _server_processes(tmp_path / "server")
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(DependencyUnavailable):
                await asyncio.wait_for(database.fetch("SELECT 2"), 20)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        answers = [await _answers(database) for _ in range(20)]
        assert answers[-1]
        await database.close()


async def test_a_statement_that_takes_long_on_a_living_server_is_left_alone(database: Database) -> None:
    assert await database.fetch("SELECT pg_sleep(9)::text AS slept") == [{"slept": ""}]


def _server_processes(directory: Path) -> list[int]:
    """The postmaster and its backends: the postmaster alone is no fault."""
    postmaster = int((directory / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])
    backends = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
    assert backends
    return [postmaster, *map(int, backends)]


async def test_a_service_opens_with_its_database_down() -> None:
    database = Database("postgresql://nobody@127.0.0.1:9/none", patience=0.2)
    await database.open()
    with pytest.raises(DependencyUnavailable):
        await database.fetch("SELECT 1")
    await database.close()


async def _answers(database: Database) -> bool:
    try:
        await database.ping()
    except DependencyUnavailable:
        return False
    return True
