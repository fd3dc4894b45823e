"""Nanoseconds to ask a service for its level, or whether a feature is available."""

from __future__ import annotations

import timeit
from typing import Any

import brownout

__all__ = ["LOOKUPS", "measure"]

LOOKUPS = {"level lookup": "service.level", "feature lookup": 'service.available("recommendations")'}


def measure(*, repeats: int, calls: int) -> dict[str, list[float]]:
    """Return nanoseconds of each lookup, the loop subtracted, by turns; nothing while there is no `Brownout`."""
    if not hasattr(brownout, "Brownout"):
        return {}
    service = _service()
    figures: dict[str, list[float]] = {name: [] for name in LOOKUPS}
    for _ in range(repeats):
        loop = timeit.Timer("pass").timeit(calls)
        for name, statement in LOOKUPS.items():
            seconds = timeit.Timer(statement, globals={"service": service}).timeit(calls)
            figures[name].append((seconds - loop) / calls * 1e9)
    return figures


def _service() -> Any:
    """Return four breakers, and a feature that needs two of them."""
    library: Any = brownout
    database, openai, redis, s3 = (library.Breaker(name) for name in ("database", "openai", "redis", "s3"))
    feature = library.Feature("recommendations", through=library.Level.DEGRADED, needs=openai & database, otherwise="statistical")
    return library.Brownout({database: 50, openai: 30, redis: 15, s3: 5}, features=[feature])
