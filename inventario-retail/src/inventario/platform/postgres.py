"""The one door to PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from inventario.errors import Busy, DependencyUnavailable

__all__ = ["Connection", "Database"]

Connection = AsyncConnection[DictRow]

# What the server does on our behalf even if we die: no statement outlives the client's patience, and nothing holds locks while idle.
_SESSION = {
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}


class Database:
    """A bounded pool of connections that turns a lost server into `DependencyUnavailable`.

    So does a lock that cannot be had become `Busy`. Other errors of SQL (constraints, bad input) pass through as psycopg raises them: they say
    something about the request, not the server.
    """

    def __init__(self, url: str, *, pool_size: int = 12, patience: float = 5.0, statement_timeout: float = 30.0) -> None:
        """Prepare the pool; nothing connects before `open`.

        Args:
            url: `postgresql://` address.
            pool_size: Connections at most.
            patience: Seconds a caller waits for a free connection.
            statement_timeout: Seconds after which the server gives a statement up.
        """
        session = {**_SESSION, "statement_timeout": f"{statement_timeout * 1000:.0f}ms"}
        options = " ".join(f"-c {name}={value}" for name, value in session.items())
        self._patience = patience
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=2,
            max_size=pool_size,
            timeout=patience,
            open=False,
            check=None,
            name="inventario",
            kwargs={
                "row_factory": dict_row,
                "options": options,
                "connect_timeout": 5,
                "application_name": "inventario",
                "autocommit": True,
            },
        )

    async def open(self) -> None:
        """Start connecting in the background: the service starts with its database down."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Give up all connections."""
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection in autocommit mode; use ``async with connection.transaction()`` for more than one statement.

        Raises:
            DependencyUnavailable: The database cannot be reached, took too long, or went away meanwhile. Whether a statement under way was carried
                out is unknown in the last case.
            Busy: Somebody else held what a statement needed for longer than 2 s, or the two waited for each other. Nothing was changed.
        """
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure) as error:
            raise Busy("Somebody else is changing the same thing right now.") from error
        except errors.QueryCanceled as error:
            raise DependencyUnavailable("database", "The database took too long; nothing was changed.") from error
        except (PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError) as error:
            if not _lost(error):
                raise
            raise DependencyUnavailable("database", "The database does not answer.") from error

    async def fetch(self, query: LiteralString, parameters: Any = None) -> list[DictRow]:
        """Run one statement and return its rows as dictionaries.

        Raises:
            DependencyUnavailable: As `connection`.
        """
        async with self.connection() as connection:
            return await (await connection.execute(query, parameters)).fetchall()

    async def ping(self, *, within: float = 1.0) -> float:
        """Return the seconds that a trivial statement took.

        Raises:
            DependencyUnavailable: No answer in *within* seconds.
        """
        # The loop's own clock ticks in milliseconds, which is what an answer takes.
        started = time.perf_counter()
        # A cancelled psycopg call waits for the server to confirm; an abandoned task does not make the caller wait for a frozen server.
        task = asyncio.create_task(self.fetch("SELECT 1"))
        done, _ = await asyncio.wait({task}, timeout=within)
        if not done:
            task.add_done_callback(lambda late: late.cancelled() or late.exception())
            raise DependencyUnavailable("database", f"The database did not answer within {within:g} s.")
        task.result()
        return time.perf_counter() - started


def _lost(error: BaseException) -> bool:
    """Tell a lost server from a statement that failed: SQLSTATE classes 08 and 57P, and errors without a state, are the connection's."""
    state = getattr(error, "sqlstate", None)
    return state is None or state.startswith(("08", "57P", "53", "58", "XX"))
