"""How the process and its parts are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from inventario import __version__
from inventario.errors import DependencyUnavailable
from inventario.operations.schemas import Health, Part
from inventario.platform.clock import now
from inventario.platform.postgres import Database

__all__ = ["Operations"]


class Operations:
    """Answers how we are, and carries the news that this process is about to end."""

    def __init__(self, database: Database, *, mismatches: Callable[[], int | None]) -> None:
        """Prepare.

        Args:
            database: Asked for its latency.
            mismatches: Tells what the ledger's last proof found, None before the first.
        """
        self._database = database
        self._mismatches = mismatches
        self.draining = asyncio.Event()
        """Set once the process has begun to stop; streams wait for it beside their own news, and end."""

    def drain(self) -> None:
        """Announce that the process is about to end."""
        self.draining.set()

    async def health(self) -> Health:
        """Ask every part how it is. Never fails: a part that is down is the answer."""
        try:
            database = Part(reachable=True, latency_ms=round(await self._database.ping() * 1000, 2))
        except DependencyUnavailable:
            database = Part(reachable=False, latency_ms=None)
        mismatches = self._mismatches()
        return Health(
            status="ok" if database.reachable and not mismatches else "degraded",
            timestamp=now(),
            version=__version__,
            services={"database": database},
            ledger_mismatches=mismatches,
        )
