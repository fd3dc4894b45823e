"""What a breaker tells those who listen. ``at`` is always in seconds of the breaker's clock."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from brownout._breaker import Breaker

__all__ = ["Event", "Failed", "Mode", "Rejected", "Slow", "Stale", "State", "Transition"]


class State(Enum):
    """What a breaker does with the next call. The values are those of the usual metric: 0 closed, 1 half open, 2 open."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Mode(Enum):
    """Who decides: the breaker by itself, or a person."""

    NORMAL = "normal"
    ISOLATED = "isolated"
    """Held open by hand."""
    SHADOW = "shadow"
    """Decides and counts as ever, but lets every call through."""
    DISABLED = "disabled"
    """Lets every call through and counts none."""


class Transition(NamedTuple):
    """The breaker went from one state to another. ``generation`` counts the states that it has been in."""

    breaker: Breaker
    before: State
    after: State
    reason: str
    at: float
    generation: int


class Failed(NamedTuple):
    """A call or a probe failed. ``error`` is None when its result was judged a failure; ``streak`` counts failures in a row."""

    breaker: Breaker
    error: Exception | None
    streak: int
    at: float


class Rejected(NamedTuple):
    """A call was not made (in shadow mode: would not have been made). ``retry_after`` is in seconds."""

    breaker: Breaker
    retry_after: float
    at: float


class Slow(NamedTuple):
    """A timed call took longer than the breaker's ``latency_limit``. ``duration`` is in seconds."""

    breaker: Breaker
    duration: float
    at: float


class Stale(NamedTuple):
    """A call ended after the state in which it began: it is counted here, and changes nothing.

    ``outcome`` is "success" or "failure".
    """

    breaker: Breaker
    outcome: str
    at: float


Event = Transition | Failed | Rejected | Slow | Stale
