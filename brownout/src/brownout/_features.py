"""What people can do, at each level and with each service down: features, their modes, and the reasons in words."""

from __future__ import annotations

from enum import IntEnum
from math import inf, isfinite
from typing import TYPE_CHECKING, NamedTuple

from brownout._errors import ConfigurationError
from brownout._events import State
from brownout._health import effective
from brownout._needs import NOTHING, Need, needs

if TYPE_CHECKING:
    from collections.abc import Collection

    from brownout._breaker import Breaker

__all__ = ["Feature", "Level", "Matrix", "Status", "said", "status"]


class Level(IntEnum):
    """How much of the service works. The values are those of the usual metric."""

    EMERGENCY = 0
    MINIMAL = 1
    LIMITED = 2
    DEGRADED = 3
    OPTIMAL = 4


class Status(NamedTuple):
    """What a feature is now: ``available`` as meant, the ``mode`` that people get, and the ``reason``, empty when all is well."""

    available: bool
    mode: str
    reason: str


class Feature:
    """Something that people can do, and what becomes of it.

    Args:
        name: What code and metrics call it.
        through: The worst level at which it is still offered. EMERGENCY means always.
        needs: The breakers that it needs, joined by ``&`` and ``|``; nothing by default.
        otherwise: What people get instead while a service that it needs is down, in a word.
        shed: What people get while only the level forbids it; the same as *otherwise* by default.
        label: What people call it.

    Raises:
        ConfigurationError: A parameter makes no sense.
    """

    __slots__ = ("label", "name", "needs", "otherwise", "shed", "through")

    def __init__(
        self,
        name: str,
        *,
        through: Level = Level.EMERGENCY,
        needs: Breaker | Need = NOTHING,
        otherwise: str = "off",
        shed: str | None = None,
        label: str = "",
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f'name: give the feature a name, got {name!r}; e.g. Feature("search", needs=postgres)')
        if not isinstance(through, Level):
            raise ConfigurationError(f"through: give a level, got {through!r}; e.g. Feature({name!r}, through=Level.DEGRADED)")
        self.name = name
        self.through = through
        self.needs = _needs(needs)
        self.otherwise = otherwise
        self.shed = otherwise if shed is None else shed
        self.label = label or name.replace("_", " ")

    def __repr__(self) -> str:
        return f"<Feature {self.name}: through {self.through.name}, needs {self.needs!r}, otherwise {self.otherwise}>"


_needs = needs


def status(feature: Feature, level: Level, absent: Collection[Breaker]) -> Status:
    """Return what *feature* is at *level*. Services come first: nobody is stopped by what the feature does not need."""
    met = feature.needs.met(lambda breaker: breaker not in absent and effective(breaker) is State.CLOSED)
    why = " and ".join(said(breaker, absent) for breaker in met.missing)
    if not met.met:
        return Status(False, feature.otherwise, why)
    if level < feature.through:
        return Status(False, feature.shed, f"it needs the level {feature.through.name}, which is {level.name} now")
    return Status(True, met.mode or "full", why)


def said(breaker: Breaker, absent: Collection[Breaker]) -> str:
    """Return in words what is the matter with *breaker*."""
    if breaker in absent:
        return f"{breaker.name} is not set up"
    wait = breaker.retry_in
    if wait == inf or not breaker.reason:
        return f"{breaker.name} is {breaker.reason or 'well'}"
    word = breaker.state.name.lower().replace("_", " ")
    next_trial = f", next trial in {wait:.0f} s" if wait >= 0.5 else ", next trial now"
    forecast = breaker.forecast()
    back = f", {forecast}" if forecast is not None and forecast.basis and isfinite(forecast.high) else ""
    return f"{breaker.name} is {word}{next_trial}{back}"


class Matrix:
    """Which features there are at which level. ``str()`` is for a terminal, `markdown` for documentation."""

    __slots__ = ("features", "levels")

    def __init__(self, features: Collection[Feature], levels: Collection[Level]) -> None:
        self.features = tuple(features)
        self.levels = tuple(levels)

    def rows(self) -> list[list[str]]:
        """Return the table: a head, and a row for each feature with its needs, and its mode at each level."""
        head = ["feature", "needs", *(level.name for level in self.levels), "service down"]
        return [head, *([f.name, repr(f.needs), *(self._at(f, level) for level in self.levels), self._down(f)] for f in self.features)]

    def markdown(self) -> str:
        """Return the table in Markdown."""
        head, *rows = self.rows()
        cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
        return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *cells)) + "\n"

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)

    def _at(self, feature: Feature, level: Level) -> str:
        return "full" if level >= feature.through else feature.shed

    def _down(self, feature: Feature) -> str:
        met = feature.needs.met(lambda _: False)
        return (met.mode or "full") if met.met else feature.otherwise
