"""How long to wait before trying again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NoReturn

from brownout._errors import ConfigurationError

__all__ = ["Backoff", "backoff"]


class Backoff:
    """Waiting times that grow from *first* to *up_to* seconds: capped exponential backoff with jitter.

    ``delay(n)`` is ``min(up_to, first * factor**n)`` for the n-th wait, counted from 0, shortened at random by at most the share
    ``jitter``. The first wait is never jittered, so that a promise such as "not before 20 s" holds. Source of the formula: Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (its "equal jitter" is ``jitter=0.5`` here).
    """

    __slots__ = ("factor", "first", "jitter", "up_to")
    first: float
    up_to: float
    factor: float
    jitter: float

    def __init__(self, first: float, up_to: float, factor: float = 2.0, jitter: float = 0.0) -> None:
        if not 0 < first <= up_to:
            raise ConfigurationError(f"backoff: 0 < first <= up_to must hold, got first={first}, up_to={up_to}; e.g. backoff(0.1, up_to=5)")
        if factor < 1:
            raise ConfigurationError(f"backoff: factor must be 1 or more, got {factor}; 2 doubles the wait each time")
        if not 0 <= jitter <= 1:
            raise ConfigurationError(f"backoff: jitter is a share from 0 to 1, got {jitter}; 0.5 waits between half and all of the time")
        for name, value in (("first", first), ("up_to", up_to), ("factor", factor), ("jitter", jitter)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a backoff does not change; make another one to change its {name}")

    def __repr__(self) -> str:
        return f"backoff({self.first:g}, up_to={self.up_to:g}, factor={self.factor:g}, jitter={self.jitter:g})"

    def delay(self, attempt: int, *, uniform: Callable[[], float] | None = None) -> float:
        """Return the seconds to wait before retry *attempt* (0 is the first retry).

        Args:
            attempt: How many retries were made before.
            uniform: Source of numbers in [0, 1), `random.random` when None; give a seeded one to repeat a run.

        Raises:
            ValueError: *attempt* is negative.
        """
        if attempt < 0:
            raise ValueError(f"backoff: attempt counts from 0, got {attempt}")
        try:
            wait = min(self.up_to, self.first * self.factor**attempt)
        except OverflowError:  # after some hundred attempts; the cap was reached long before
            wait = self.up_to
        if attempt == 0 or not self.jitter:
            return wait
        if uniform is None:
            import random  # here, since most who import the library never wait

            uniform = random.random
        return wait * (1 - self.jitter * uniform())

    def __iter__(self) -> Iterator[float]:
        """Yield the waits without end: ``for wait in backoff(0.1, up_to=5): ...``."""
        attempt = 0
        while True:
            yield self.delay(attempt)
            attempt += 1


def backoff(first: float, *, up_to: float, factor: float = 2.0, jitter: float = 0.0) -> Backoff:
    """Wait *first* seconds, then *factor* times as long after each try, *up_to* seconds at most.

    Raises:
        ConfigurationError: The numbers make no schedule; the text says which and gives an example.
    """
    return Backoff(first, up_to, factor, jitter)
