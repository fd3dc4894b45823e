"""When a service that is away may be back, judged by how long it was away before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from brownout._errors import ConfigurationError

__all__ = ["Forecast", "forecast"]

REMEMBERED = 64
"""Older outages than these say too little about today's service."""

HALF_LIFE = 6
"""An outage counts half as much as the one that came six outages after it, so that the forecast follows a trend."""

PRIOR = 0.7
"""How many outages the assumption about the tails weighs; ``bench/forecast.py`` shows what it does."""

MANY_DAYS = 1_000 * 86_400.0
LARGEST_LOG = 709.0  # exp() of more is no float any longer


class Forecast(NamedTuple):
    """When the service may be back, in seconds from now. ``str()`` says it in words.

    ``low`` and ``high`` enclose the recovery with the probability asked for, ``median`` is as likely too early as too late. None is
    before the next trial, since nobody can see a recovery earlier. ``basis`` is how many past outages are on record, ``longer`` how
    many of them had lasted longer than this one has until now: these are what the numbers rest on. With ``basis`` 0 nothing is known:
    ``median`` and ``low`` are then merely the next trial, ``high`` is infinite (which JSON cannot write). With ``longer`` 0 this
    outage has outlasted all on record, and only its own length is left to judge by.
    """

    median: float
    low: float
    high: float
    basis: int
    longer: int

    def __str__(self) -> str:
        if math.isinf(self.low):
            return "no trial is planned"
        if not self.basis:
            return f"no outage on record; the next trial is {_moment(self.low)}"
        low, high = _words(self.low), _words(self.high)
        span = low if low == high else f"{low} to {high}"
        if not self.longer:
            all_known = f"all {self.basis} outages" if self.basis > 1 else "the only outage"
            return f"longer than {all_known} on record; perhaps back {_moment(self.median, 'about ')} ({span})"
        return f"back {_moment(self.median, 'about ')} ({span}, from {_source(self.basis, self.longer)})"


def _source(basis: int, longer: int) -> str:
    if longer < basis:
        return f"the {longer} of {basis} outages that were longer"
    return "1 outage" if basis == 1 else f"{basis} outages"


def _moment(seconds: float, about: str = "") -> str:
    if seconds < 0.05:
        return "now"
    return f"in {'' if seconds > MANY_DAYS else about}{_words(seconds)}"


def _words(seconds: float) -> str:
    if seconds > MANY_DAYS:
        return "more than 1000 days"
    for size, unit in (86_400, "days"), (3_600, "h"), (60, "min"):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 or seconds < 0.05 else f"{seconds:.1f} s"


def forecast(outages: Sequence[float], *, elapsed: float, next_trial: float, coverage: float = 0.8) -> Forecast:
    """Tell when an outage that has lasted *elapsed* seconds may end, from the lengths of those before it.

    Only outages that lasted longer than *elapsed* can tell how this one goes on. What remained of them at that moment, sorted, cuts
    the time ahead into gaps, and what remains of this one falls into each gap with equal probability: Hill's assumption A(n)
    ("Posterior distribution of percentiles", Journal of the American Statistical Association 63, 1968), which needs no shape and is
    exact for outages that are alike; conformal prediction rests on the same ranks. Recent outages get wider gaps, as in Barber,
    Candes, Ramdas and Tibshirani, "Conformal prediction beyond exchangeability", Annals of Statistics 51, 2023. Beyond the shortest
    and the longest the logarithm of the time grows linearly with the log-odds (a log-logistic tail); its slope is the last gap,
    drawn towards 1, which is right for constant hazard when one outage is known. Once this outage has outlasted all, the same tail
    is put around *elapsed*: it may last as long again (the rule of Gott, Nature 363, 1993).

    Where the next trial lies beyond the low end, nothing can fall short of the interval, and it holds more than *coverage*: about
    ``(1 + coverage) / 2``.

    Args:
        outages: Lengths of past outages in seconds, oldest first. The last 64 count; what is not positive and finite is left out.
        elapsed: Seconds since this outage began; less than 0 is taken as 0.
        next_trial: Seconds from now until the next trial; less than 0 is taken as 0.
        coverage: Probability with which ``low`` to ``high`` shall enclose the recovery, between 0 and 1.

    Raises:
        ConfigurationError: *coverage* is no probability.
    """
    if not 0 < coverage < 1:
        raise ConfigurationError(f"forecast: coverage is a probability above 0 and below 1, got {coverage}; e.g. 0.8")
    elapsed, next_trial = max(0.0, elapsed), float(max(0.0, next_trial))
    known = [length for length in outages[-REMEMBERED:] if 0 < length < math.inf]
    if not known:
        return Forecast(next_trial, next_trial, math.inf, 0, 0)
    ahead = sorted((length - elapsed, weight) for length, weight in _weighed(known) if length > elapsed)
    ranks = _ranks(ahead or [(elapsed, 1.0)])
    odds = (1 + coverage) / (1 - coverage)
    # Rounding can put two equal quantiles in the wrong order by the last bit.
    low, median, high = sorted(max(next_trial, ranks.quantile(at)) for at in (1 / odds, 1.0, odds))
    return Forecast(median, low, high, len(known), len(ahead))


def _weighed(known: list[float]) -> list[tuple[float, float]]:
    newest = len(known) - 1
    return [(length, 0.5 ** ((newest - place) / HALF_LIFE)) for place, length in enumerate(known)]


class _Ranks(NamedTuple):
    """The predictive distribution at the times that are known.

    ``times`` rise, ``below`` is the probability of a shorter one, ``alike`` how many equal weights would say as much.
    """

    times: list[float]
    below: list[float]
    alike: float

    def quantile(self, odds: float) -> float:
        """Return the time that *odds* : 1 is the chance not to exceed."""
        share = odds / (1 + odds)
        if share < self.below[0]:
            return self._tail(self.times[:2], self.below[0], odds)
        if share > self.below[-1]:
            return self._tail(self.times[:-3:-1], self.below[-1], odds)
        after = next(place for place, below in enumerate(self.below) if share <= below)
        before = max(0, after - 1)
        start, end = self.times[before], self.times[after]
        width = self.below[after] - self.below[before]
        return start + (end - start) * ((share - self.below[before]) / width) if width else end

    def _tail(self, outermost: list[float], below: float, odds: float) -> float:
        edge, neighbour = math.log(outermost[0]), math.log(outermost[-1])
        slope = (PRIOR + (self.alike - 1) * abs(edge - neighbour)) / (PRIOR + self.alike - 1)
        return math.exp(min(LARGEST_LOG, edge + slope * (math.log(odds) - math.log(below / (1 - below)))))


def _ranks(ahead: list[tuple[float, float]]) -> _Ranks:
    total = sum(weight for _, weight in ahead)
    # The outage to come adds a gap as wide as the others are on the average; half of each weight lies on either side of its time.
    own = sum(weight * weight for _, weight in ahead) / total
    below, passed = [], own / 2
    for _, weight in ahead:
        below.append((passed + weight / 2) / (total + own))
        passed += weight
    return _Ranks([time for time, _ in ahead], below, total / own)
