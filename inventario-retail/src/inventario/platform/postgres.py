"""The one door to PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, LiteralString

import psycopg
import structlog
from psycopg import AsyncConnection, errors
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from inventario.errors import Busy, DependencyUnavailable, Invalid

__all__ = ["Connection", "Database"]

log = structlog.get_logger(__name__)

Connection = AsyncConnection[DictRow]

# What the server does on our behalf even if we die: no statement outlives the client's patience, and nothing holds locks while idle.
_SESSION = {
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}


# Seconds after which a lent connection makes us ask whether the server is still there.
_SUSPICION = 5.0


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
        self._url = url
        self._lent: dict[Connection, float] = {}
        self._watching: asyncio.Task[None] | None = None
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
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Give up all connections."""
        if self._watching is not None:
            self._watching.cancel()
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection in autocommit mode; use ``async with connection.transaction()`` for more than one statement.

        Raises:
            DependencyUnavailable: The database cannot be reached, took too long, or went away meanwhile. Whether a statement under way was carried
                out is unknown in the last case.
            Invalid: A number does not fit its column. Nothing was changed.
            Busy: Somebody else held what a statement needed for longer than 2 s, or the two waited for each other. Nothing was changed.
        """
        try:
            async with self._pool.connection() as connection:
                self._lent[connection] = time.monotonic()
                try:
                    yield connection
                finally:
                    del self._lent[connection]
        except (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure) as error:
            raise Busy("Somebody else is changing the same thing right now.") from error
        except errors.NumericValueOutOfRange as error:
            raise Invalid("A stock or an amount would become too large to keep.", remedy="Correct the quantity or the amount.") from error
        except errors.QueryCanceled as error:
            raise DependencyUnavailable("database", "The database took too long; nothing was changed.") from error
        except (PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError) as error:
            if isinstance(error, errors.DiskFull):
                remedy = "Free some space on the disk of the database; reading still works."
                raise DependencyUnavailable("database", "The disk of the database is full; nothing was changed.", remedy=remedy) from error
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
        await _within(within, self.fetch("SELECT 1"))
        return time.perf_counter() - started

    async def _watch(self) -> None:
        """Cut connections that a frozen server holds.

        A server that is stopped keeps its connections open and its own timeouts do not run, so that a statement would wait for ever. One
        that merely takes long, for an import or a proof, still answers somebody new: that is what tells the two apart.
        """
        while True:
            await asyncio.sleep(1)
            suspects = [connection for connection, since in self._lent.items() if time.monotonic() - since > _SUSPICION]
            if suspects and not await self._answers():
                for connection in suspects:
                    if connection in self._lent:
                        _cut(connection)

    async def _answers(self) -> bool:
        try:
            await _within(2, self._greet())
        except (psycopg.Error, DependencyUnavailable):
            return False
        return True

    async def _greet(self) -> None:
        async with await AsyncConnection.connect(
            self._url, connect_timeout=2, application_name="inventario-probe", autocommit=True
        ) as fresh:
            await fresh.execute("SELECT 1")


async def _within(seconds: float, work: Coroutine[Any, Any, object]) -> None:
    """Await *work* for at most *seconds*, and abandon it then.

    A cancelled psycopg call waits for the server to confirm; an abandoned task does not make the caller wait for a frozen server.

    Raises:
        DependencyUnavailable: Time is up.
    """
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
        raise DependencyUnavailable("database", f"The database did not answer within {seconds:g} s.")
    task.result()


def _cut(connection: Connection) -> None:
    """End the connection from our side: whoever waits on it is told that it is lost."""
    try:
        # A copy of the descriptor, since psycopg closes its own.
        with socket.socket(fileno=os.dup(connection.pgconn.socket)) as wire:
            wire.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        # Gone already.
        log.debug("connection_gone_before_it_was_cut")


def _lost(error: BaseException) -> bool:
    """Tell a lost server from a statement that failed: SQLSTATE classes 08 and 57P, and errors without a state, are the connection's."""
    state = getattr(error, "sqlstate", None)
    return state is None or state.startswith(("08", "57P", "53", "58", "XX"))
