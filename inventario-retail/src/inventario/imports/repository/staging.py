"""Rows on their way into the staging tables."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import LiteralString
from uuid import UUID

from psycopg import errors as pg
from psycopg import sql

from inventario.imports.rules.problems import CellProblem
from inventario.platform.postgres import Connection

__all__ = ["analyse", "analyse_shop", "prepare_long_work", "stage"]


async def stage(
    connection: Connection, import_id: UUID, kind: str, columns: Sequence[str], data: bytes, problems: Sequence[CellProblem]
) -> None:
    """Write rows, in COPY's text format, and what is wrong with them. In the caller's transaction, with the checkpoint."""
    table = "import_movements" if kind == "movements" else "import_products"
    if data:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns)))
        async with connection.cursor() as cursor, cursor.copy(statement) as copy:
            await copy.write(data)
    if problems:
        errors = sql.SQL("COPY import_errors (import_id, stage, line, column_name, value, detail, remedy) FROM STDIN")
        async with connection.cursor() as cursor, cursor.copy(errors) as copy:
            for problem in problems:
                await copy.write_row((import_id, "read", problem.line, problem.column, problem.value, problem.detail, problem.remedy))


async def analyse(connection: Connection, kind: str) -> None:
    """Let the planner know what was staged: it would otherwise plan for a table that was empty a moment ago."""
    await _analyse(connection, "import_movements" if kind == "movements" else "import_products")


async def analyse_shop(connection: Connection, kind: str) -> None:
    """Let the planner know what an import brought. Without it, taking 800,000 movements back took ten minutes instead of twenty seconds."""
    tables: tuple[LiteralString, LiteralString] = (
        "stock_movements, stock_levels, movement_keys",
        "products, barcodes, prices, product_changes",
    )
    await _analyse(connection, tables[0] if kind == "movements" else tables[1])


async def _analyse(connection: Connection, tables: LiteralString) -> None:
    # Where somebody else is at it already, there is nothing to be done, and least of all a reason to fail.
    with suppress(pg.LockNotAvailable, pg.QueryCanceled):
        await connection.execute("ANALYZE " + tables)


async def prepare_long_work(connection: Connection) -> None:
    """Allow the statements of this transaction to take long, and end them when this process is gone.

    Without the last setting a killed import's apply would run to its end and hold its locks, only to be rolled back.
    """
    await connection.execute("SET LOCAL statement_timeout = 0")
    await connection.execute("SET LOCAL lock_timeout = '60s'")
    await connection.execute("SET LOCAL client_connection_check_interval = '1s'")
    await connection.execute("SET LOCAL work_mem = '64MB'")
