"""Slows down whoever guesses passwords, before a hash is computed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from inventario.errors import TooManyRequests

__all__ = ["Throttle"]

_MEMORY = 10_000


class Throttle:
    """Lets *free* failures of one source pass; after that each doubles the wait, up to *longest* seconds. A success clears the source.

    A source is an address, never a person's name: else anybody could lock the owner out.
    """

    def __init__(self, *, free: int = 5, longest: float = 300.0, clock: Callable[[], float] = monotonic) -> None:
        self._free = free
        self._longest = longest
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def check(self, source: str) -> None:
        """Let an attempt through.

        Raises:
            TooManyRequests: The source has to wait.
        """
        failures, until = self._failures.get(source, (0, 0.0))
        left = until - self._clock()
        if failures >= self._free and left > 0:
            raise TooManyRequests("Too many wrong logins from this address.", retry_after=int(left) + 1)

    def failed(self, source: str) -> None:
        """Note a failure. The oldest source is forgotten when too many are remembered."""
        failures = self._failures.pop(source, (0, 0.0))[0] + 1
        wait = min(self._longest, 2.0 ** max(0, failures - self._free))
        self._failures[source] = (failures, self._clock() + wait)
        if len(self._failures) > _MEMORY:
            self._failures.popitem(last=False)

    def passed(self, source: str) -> None:
        """Note a success."""
        self._failures.pop(source, None)
