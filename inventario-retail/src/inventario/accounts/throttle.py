"""Slows down whoever guesses passwords, before a hash is computed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from inventario.errors import DomainError, TooManyRequests

__all__ = ["Throttle"]

_MEMORY = 10_000


@dataclass(slots=True)
class _Source:
    attempts: int = 0
    under_way: int = 0
    until: float = 0.0


class Throttle:
    """Lets *free* wrong attempts of one source pass; after that one at a time, and each doubles the wait, up to *longest* seconds.

    An attempt counts from its beginning, so that many at once are no way around it. A success clears the source. A source is an address, never a
    person's name: else anybody could lock the owner out. Who shares an address with a guesser waits as well, hence the short *longest*.
    """

    def __init__(self, *, free: int = 5, longest: float = 30.0, clock: Callable[[], float] = monotonic) -> None:
        self._free = free
        self._longest = longest
        self._clock = clock
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    @contextmanager
    def attempt(self, source: str) -> Iterator[Callable[[], None]]:
        """Let an attempt through; the block calls what it is given when the password was right.

        A block that ends with a `DomainError` has compared nothing and does not count.

        Raises:
            TooManyRequests: The source has to wait.
        """
        known = self._begin(source)
        try:
            yield lambda: self._clear(source, known)
        except DomainError:
            known.attempts = max(0, known.attempts - 1)
            raise
        finally:
            known.under_way -= 1
            known.until = self._clock() + self._wait(known)

    def _begin(self, source: str) -> _Source:
        known = self._sources.get(source) or _Source()
        left = known.until - self._clock()
        if known.attempts >= self._free and (known.under_way or left > 0):
            raise TooManyRequests("Too many wrong logins from this address.", retry_after=int(max(left, 0)) + 1)
        known.attempts += 1
        known.under_way += 1
        self._sources[source] = known
        self._sources.move_to_end(source)
        # The oldest source is forgotten when too many are remembered.
        if len(self._sources) > _MEMORY:
            self._sources.popitem(last=False)
        return known

    def _wait(self, known: _Source) -> float:
        # A float has no room for the doubles of a whole night.
        return min(self._longest, 2.0 ** min(10, max(0, known.attempts - self._free)))

    def _clear(self, source: str, known: _Source) -> None:
        known.attempts = 0
        if self._sources.get(source) is known and known.under_way == 1:
            del self._sources[source]
