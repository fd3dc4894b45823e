"""The standing proof: every level is the sum of its movements, checked again and again while the service runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from inventario.errors import Busy, DependencyUnavailable
from inventario.platform.clock import now
from inventario.platform.postgres import Database
from inventario.stock import repository
from inventario.stock.schemas import LevelProof, Proof

__all__ = ["LedgerProof"]

log = structlog.get_logger(__name__)

_PARTITION_INTERVAL = 6 * 3600


class LedgerProof:
    """Proves the ledger on demand and on an interval, and keeps the months ahead supplied with partitions."""

    def __init__(self, database: Database, *, interval: float, report: Callable[[int], None]) -> None:
        """Prepare.

        Args:
            database: Where the ledger is.
            interval: Seconds between two runs of the standing proof.
            report: Told the number of mismatches after each run, for the metric.
        """
        self._database = database
        self._interval = interval
        self._report = report
        self.latest: Proof | None = None
        """The last proof, or None before the first."""

    async def run(self) -> Proof:
        """Prove the ledger now.

        A level is proven when it equals the sum of its movements, has seen as many movements as there are, and equals the balance that
        its last movement left. All three are read in one snapshot.

        Raises:
            DependencyUnavailable: The database went away.
        """
        started = time.monotonic()
        async with self._database.connection() as connection, connection.transaction():
            totals, rows = await repository.prove(connection)
        proof = Proof(
            mismatches=totals["mismatches"],
            levels=totals["levels"],
            movements=totals["movements"],
            checked_at=now(),
            seconds=round(time.monotonic() - started, 3),
            examples=[LevelProof.model_validate({**row, "detail": _detail(row)}) for row in rows],
        )
        self.latest = proof
        self._report(proof.mismatches)
        if proof.mismatches:
            log.error("ledger_mismatch", mismatches=proof.mismatches, first=rows[0]["sku"], store=rows[0]["store"])
        return proof

    async def keep_proving(self) -> None:
        """Prove at once, and then every interval, until cancelled. A database that is down is met again at the next turn."""
        supplied = float("-inf")
        while True:
            if time.monotonic() - supplied > _PARTITION_INTERVAL and await self._attempt("ledger_partitions", self._supply_partitions):
                supplied = time.monotonic()
            await self._attempt("ledger_proof", self.run)
            await asyncio.sleep(self._interval)

    async def _supply_partitions(self) -> None:
        async with self._database.connection() as connection:
            await repository.ensure_partitions(connection)

    async def _attempt(self, name: str, work: Callable[[], Awaitable[object]]) -> bool:
        """Do one thing and tell whether it went well. What keeps it from going well must end neither the standing proof nor the service."""
        try:
            await work()
        except (Busy, DependencyUnavailable) as error:
            log.warning("postponed", job=name, reason=error.detail)
        except Exception:
            log.exception("job_failed", job=name)
        else:
            return True
        return False


def _detail(row: dict[str, object]) -> str:
    if row["on_hand"] != row["ledger"]:
        return f"the level says {row['on_hand']}, its movements add up to {row['ledger']}"
    if row["version"] != row["movements"]:
        return f"the level has seen {row['version']} movements, the ledger holds {row['movements']}"
    return f"the last movement left {row['last_balance']}, the level says {row['on_hand']}"
