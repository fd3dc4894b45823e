"""When a breaker opens: rules over the evidence of its calls. They combine with ``|`` (either) and ``&`` (both)."""

from __future__ import annotations

from math import inf
from typing import Protocol

from brownout._errors import ConfigurationError
from brownout._tally import Totals

__all__ = ["Evidence", "Trip", "consecutive", "rate", "slow"]


class Evidence(Protocol):
    """What a trip may ask about the calls of a closed breaker, as of now."""

    def failures_in_a_row(self) -> int:
        """Return how many calls failed since the last success."""

    def within(self, seconds: float) -> Totals:
        """Return the counts of the last *seconds*, which must be one of the trip's ``windows``."""

    def last(self, count: int) -> tuple[int, int]:
        """Return how many of the last *count* outcomes are known, and how many of those failed."""


class Trip:
    """A rule that says when to open. Make one with `consecutive`, `rate` or `slow`, or write a subclass.

    A subclass gives `check`, and overrides ``windows`` and ``last`` where it asks for such, so that the breaker keeps that much of
    the past and no more. `check` runs while the breaker's lock is held: it must be quick, and call nothing but its evidence.
    """

    __slots__ = ()

    @property
    def windows(self) -> tuple[float, ...]:
        """Every time window that it asks for, in seconds."""
        return ()

    @property
    def last(self) -> int:
        """The longest count window that it asks for, in calls."""
        return 0

    @property
    def failures(self) -> int | None:
        """The number of failures in a row that is enough by itself, where there is one: health is measured against it."""
        return None

    @property
    def expire(self) -> float:
        """Seconds after which failures in a row, without a further one, mean nothing any more."""
        return inf

    @property
    def latency(self) -> bool:
        """Whether it asks for slow calls, so that the breaker must know what is slow."""
        return False

    def check(self, evidence: Evidence) -> str:
        """Return in words why the breaker must open now, or an empty string when it need not."""
        raise NotImplementedError

    def __or__(self, other: Trip) -> Trip:
        return _Any((*_parts(self, _Any), *_parts(other, _Any)))

    def __and__(self, other: Trip) -> Trip:
        return _All((*_parts(self, _All), *_parts(other, _All)))


class _Consecutive(Trip):
    __slots__ = ("expire", "failures")
    failures: int
    expire: float

    def __init__(self, failures: int, expire: float) -> None:
        if failures < 1:
            raise ConfigurationError(f"consecutive: the number of failures must be 1 or more, got {failures}; e.g. consecutive(5)")
        if not expire > 0:
            raise ConfigurationError(f"consecutive: expire must be seconds above 0, got {expire}; e.g. consecutive(5, expire=60)")
        self.failures = failures
        self.expire = expire

    def check(self, evidence: Evidence) -> str:
        streak = evidence.failures_in_a_row()
        return f"{streak} {'failure' if streak == 1 else 'failures in a row'}" if streak >= self.failures else ""

    def __repr__(self) -> str:
        return f"consecutive({self.failures}, expire={self.expire:g})"


class _InTime(Trip):
    """Looks at the calls of the last ``span`` seconds."""

    __slots__ = ("calls", "share", "span")
    name = ""

    def __init__(self, share: float, span: float, calls: int) -> None:
        self.share = share
        self.calls = calls
        self.span = span

    @property
    def windows(self) -> tuple[float, ...]:
        return (self.span,)

    def __repr__(self) -> str:
        return f"{self.name}({self.share:g}, within={self.span:g}, calls={self.calls})"


class _Rate(_InTime):
    __slots__ = ()
    name = "rate"

    def check(self, evidence: Evidence) -> str:
        totals = evidence.within(self.span)
        if totals.calls < self.calls or totals.error_rate < self.share:
            return ""
        return f"{totals.failures} of {totals.calls} calls failed within {self.span:g} s"


class _Slow(_InTime):
    __slots__ = ()
    name = "slow"

    @property
    def latency(self) -> bool:
        return True

    def check(self, evidence: Evidence) -> str:
        totals = evidence.within(self.span)
        if totals.timed < self.calls or totals.slow_rate < self.share:
            return ""
        return f"{totals.slow} of {totals.timed} timed calls were slow within {self.span:g} s"


class _RateOfLast(Trip):
    __slots__ = ("calls", "last", "share")
    last: int

    def __init__(self, share: float, last: int, calls: int) -> None:
        self.share = share
        self.calls = calls
        self.last = last

    def check(self, evidence: Evidence) -> str:
        known, failures = evidence.last(self.last)
        return f"{failures} of the last {known} calls failed" if known >= self.calls and failures / known >= self.share else ""

    def __repr__(self) -> str:
        return f"rate({self.share:g}, last={self.last}, calls={self.calls})"


class _Several(Trip):
    __slots__ = ("trips",)
    sign = ""

    def __init__(self, trips: tuple[Trip, ...]) -> None:
        self.trips = trips

    @property
    def windows(self) -> tuple[float, ...]:
        return tuple(seconds for trip in self.trips for seconds in trip.windows)

    @property
    def last(self) -> int:
        return max(trip.last for trip in self.trips)

    @property
    def expire(self) -> float:
        return max((trip.expire for trip in self.trips if trip.expire < inf), default=inf)

    @property
    def latency(self) -> bool:
        return any(trip.latency for trip in self.trips)

    def __repr__(self) -> str:
        return f"({self.sign.join(repr(trip) for trip in self.trips)})"


class _Any(_Several):
    __slots__ = ()
    sign = " | "

    @property
    def failures(self) -> int | None:
        return min((trip.failures for trip in self.trips if trip.failures is not None), default=None)

    def check(self, evidence: Evidence) -> str:
        for trip in self.trips:
            if reason := trip.check(evidence):
                return reason
        return ""


class _All(_Several):
    # No number of failures is enough by itself here, since something else must be true as well.
    __slots__ = ()
    sign = " & "

    def check(self, evidence: Evidence) -> str:
        reasons = [trip.check(evidence) for trip in self.trips]
        return " and ".join(reasons) if all(reasons) else ""


def _parts(trip: Trip, kind: type[_Several]) -> tuple[Trip, ...]:
    return trip.trips if isinstance(trip, kind) else (trip,)


def consecutive(failures: int, *, expire: float = 60.0) -> Trip:
    """Open after *failures* calls in a row have failed, none of them more than *expire* seconds after the one before.

    Raises:
        ConfigurationError: *failures* is below 1, or *expire* is not above 0.
    """
    return _Consecutive(failures, expire)


def rate(share: float, *, within: float | None = None, last: int | None = None, calls: int = 20) -> Trip:
    """Open when *share* (0 to 1) or more of the calls failed, of at least *calls* calls.

    Args:
        share: 0.5 opens when half of the calls fail.
        within: Look at the calls of the last so many seconds (30 when neither is given). The window moves in ten steps.
        last: Look at the last so many calls instead, however long they took.
        calls: Say nothing before so many calls were seen, 1 or more.

    Raises:
        ConfigurationError: A number makes no sense, or both *within* and *last* are given.
    """
    if within is not None and last is not None:
        raise ConfigurationError(
            "rate: give within (seconds) or last (calls), not both; rates combine: rate(0.5, within=30) | rate(0.9, last=50)"
        )
    _check_share("rate", share, calls)
    if last is not None:
        if not calls <= last:
            raise ConfigurationError(f"rate: of the last {last} calls there are never {calls}; e.g. rate(0.5, last=100, calls=20)")
        return _RateOfLast(share, last, calls)
    return _Rate(share, _check_within("rate", 30.0 if within is None else within), calls)


def slow(share: float, *, within: float = 30.0, calls: int = 20) -> Trip:
    """Open when *share* (0 to 1) or more of the timed calls took longer than the breaker's ``latency_limit``.

    At high rates only a part of the calls is timed, spread evenly, so that a fast call does not pay for two readings of the clock.

    Args:
        share: 0.5 opens when half of the timed calls are slow.
        within: Look at the calls that ended in the last so many seconds.
        calls: Say nothing before so many calls were timed, 1 or more.

    Raises:
        ConfigurationError: A number makes no sense.
    """
    _check_share("slow", share, calls)
    return _Slow(share, _check_within("slow", within), calls)


def _check_share(name: str, share: float, calls: int) -> None:
    if not 0 < share <= 1:
        raise ConfigurationError(f"{name}: the share must be above 0 and at most 1, got {share}; 0.5 is half of the calls")
    if calls < 1:
        raise ConfigurationError(f"{name}: calls must be 1 or more, got {calls}; e.g. {name}({share:g}, within=30, calls=20)")


def _check_within(name: str, within: float) -> float:
    if not 0 < within < inf:
        raise ConfigurationError(f"{name}: within must be seconds above 0, got {within}; e.g. {name}(0.5, within=30)")
    return within
