"""How the process and its parts are."""

from __future__ import annotations

import pytest

from inventario import __version__
from inventario.operations.service import Operations
from inventario.platform.postgres import Database


async def test_health_tells_version_and_latency(database: Database) -> None:
    health = await Operations(database, mismatches=lambda: 0).health()
    assert health.status == "ok"
    assert health.version == __version__
    assert health.services["database"].reachable
    assert health.services["database"].latency_ms is not None
    assert health.timestamp.tzinfo is not None


async def test_a_database_that_is_away_is_the_answer_not_an_error() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing", patience=0.1)
    await database.open()
    health = await Operations(database, mismatches=lambda: None).health()
    await database.close()
    assert health.status == "degraded"
    assert not health.services["database"].reachable
    assert health.services["database"].latency_ms is None


@pytest.mark.parametrize(("mismatches", "status"), [(None, "ok"), (0, "ok"), (3, "degraded")])
async def test_a_ledger_that_does_not_add_up_shows(database: Database, mismatches: int | None, status: str) -> None:
    health = await Operations(database, mismatches=lambda: mismatches).health()
    assert health.status == status
    assert health.ledger_mismatches == mismatches


async def test_draining_is_announced_once_and_for_all(database: Database) -> None:
    operations = Operations(database, mismatches=lambda: None)
    assert not operations.draining.is_set()
    operations.drain()
    operations.drain()
    assert operations.draining.is_set()
