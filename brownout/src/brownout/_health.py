"""How well a dependency is, from 0 to 100, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from brownout._events import Mode, State

if TYPE_CHECKING:
    from brownout._breaker import Breaker

__all__ = ["Health", "effective", "health"]


class Health(NamedTuple):
    """A health from 0 to 100 as a fraction, ``parts / whole``: sums and thresholds of it are exact."""

    parts: int
    whole: int = 1

    def __float__(self) -> float:
        return self.parts / self.whole


WELL = Health(100)
HALF = Health(50)
DEAD = Health(0)


def effective(breaker: Breaker) -> State:
    """Return the state that matters to others: a breaker that lets every call through by order is as good as closed.

    Who tries settings in shadow mode, or has disabled a breaker, must not switch off features by it.
    """
    return State.CLOSED if breaker.mode in (Mode.SHADOW, Mode.DISABLED) else breaker.state


def health(breaker: Breaker, *, calls: int = 20) -> Health:
    """Return how well the dependency of *breaker* is: the smallest of three, while the breaker is closed.

    ``100 * (1 - failures in a row / threshold)``, ``100 - 50 * error rate`` and ``100 - 50 * share of slow calls``; the last two only
    when the breaker's window holds *calls* calls, or so many timed ones. HALF_OPEN is 50, OPEN is 0. In shadow mode, or
    disabled, it is 100.
    """
    if breaker.mode in (Mode.SHADOW, Mode.DISABLED):
        return WELL
    state = breaker.state
    if state is not State.CLOSED:
        return HALF if state is State.HALF_OPEN else DEAD
    stats, threshold = breaker.stats(), breaker.threshold
    found = [WELL]
    if threshold:
        found.append(Health(100 * max(0, threshold - stats.streak), threshold))
    if stats.calls >= calls:
        found.append(Health(100 * stats.calls - 50 * stats.failures, stats.calls))
    if stats.timed >= calls:
        found.append(Health(100 * stats.timed - 50 * stats.slow, stats.timed))
    lowest = found[0]
    for other in found[1:]:
        if other.parts * lowest.whole < lowest.parts * other.whole:
            lowest = other
    return lowest
