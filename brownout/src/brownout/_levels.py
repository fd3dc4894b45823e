"""From the health of services to one score, one level, and what each feature is: a brownout."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from brownout import _clock
from brownout._breaker import Breaker
from brownout._bus import report
from brownout._errors import ConfigurationError
from brownout._events import Event, Failed, Slow, State, Transition
from brownout._features import Feature, Level, Matrix, Status, said, status
from brownout._health import DEAD, WELL, Health, effective, health

if TYPE_CHECKING:
    from brownout._probe import Probe
    from brownout._watching import Watching

__all__ = ["Brownout", "Change", "Snapshot"]

Function = TypeVar("Function", bound=Callable[..., Any])

OFTEN: Final = 0.1
"""While something is the matter, what is published is at most so many seconds old."""
KEPT_CHANGES: Final = 1000
DEFAULT_LEVELS: Final[Mapping[Level, float]] = MappingProxyType(
    {Level.OPTIMAL: 90, Level.DEGRADED: 70, Level.LIMITED: 60, Level.MINIMAL: 40}
)


class Change(NamedTuple):
    """The level, or the score within it, went from one to another. ``at`` is in seconds of the clock, ``reason`` in words."""

    before: Level
    after: Level
    score: float
    at: float
    reason: str


class Snapshot(NamedTuple):
    """What was so at one moment. ``score`` and ``health`` are 0 to 100, the score rounded to two decimals; the rest is by feature."""

    level: Level
    score: float
    health: Mapping[str, float]
    features: Mapping[str, Status]
    available: Mapping[str, bool]
    at: float


class Brownout:
    """Switches off what is optional while dependencies fail, so that what matters goes on.

    The health of each service, weighted, gives a score from 0 to 100; the score gives a level; level and services give each feature
    its mode. With L the level of a score, ``level = min(L(score with closed services counted 100), max(floor, L(score)), cap)``,
    where the *cap* counts while a breaker is not closed or still ramps: falling health alone is a warning, not an outage. It goes
    down at once, and up to what has held for the *dwell* time.

    Nothing runs in the background: breakers tell of failures and transitions as they happen, and a lookup looks again by itself
    while something is the matter. While all is well, a lookup reads one attribute of one published snapshot.

    Args:
        services: The breakers, each with its weight, an integer above 0. The score is relative to the sum of the weights.
        levels: The lowest score of each level but the lowest, which is EMERGENCY.
        dwell: Seconds that a better level must have held before it is taken.
        features: What people can do.
        cap: The best level while a breaker is not closed.
        floor: The lowest level that services can cause which still answer.
        calls: Calls that a window must hold before its rates count for health; see `health`.
        absent: Services that are not set up: they count 100 unless opened by hand, and their features take what they do otherwise.
        clock: Returns monotonic seconds, for tests and simulations.

    Raises:
        ConfigurationError: A parameter makes no sense; the text says which, and gives an example.
    """

    def __init__(
        self,
        services: Mapping[Breaker, int],
        *,
        levels: Mapping[Level, float] = DEFAULT_LEVELS,
        dwell: float = 5.0,
        features: Iterable[Feature] = (),
        cap: Level = Level.DEGRADED,
        floor: Level = Level.LIMITED,
        calls: int = 20,
        absent: Iterable[Breaker] = (),
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.services = dict(services)
        self.features = {feature.name: feature for feature in features}
        self.absent = frozenset(absent)
        self.levels = dict(levels)
        self.dwell, self.cap, self.floor, self.calls = dwell, cap, floor, calls
        _check(self)
        self._thresholds = sorted(((limit, level) for level, limit in self.levels.items()), reverse=True)
        self._clock = clock or _clock.now
        self._lock = threading.RLock()
        self._listeners: tuple[Callable[[Change], object], ...] = ()
        self._untold: deque[Change] = deque()
        self._telling = threading.Lock()
        self._changes: deque[Change] = deque(maxlen=KEPT_CHANGES)
        self._held: dict[Level, float] = {}
        self._streaks: dict[Breaker, int] = {}
        self._due: float | None = None
        for breaker in self.services:
            _listen(breaker, self)
        now = self._clock()
        target, score, found = self._judge()
        self._held = dict.fromkeys((level for level in Level if level <= target), now)
        self._publish(now, target, target, score, found)

    # Lookups.

    @property
    def level(self) -> Level:
        """The level now."""
        if self._due is not None:
            self._look()
        return self._snapshot.level

    @property
    def score(self) -> float:
        """The score now, 0 to 100, rounded to two decimals."""
        if self._due is not None:
            self._look()
        return self._snapshot.score

    @property
    def snapshot(self) -> Snapshot:
        """All that is known now, of one moment."""
        if self._due is not None:
            self._look()
        return self._snapshot

    def available(self, feature: str) -> bool:
        """Return whether *feature* is there as meant.

        Raises:
            KeyError: There is no such feature.
        """
        if self._due is not None:
            self._look()
        return self._snapshot.available[feature]

    def mode(self, feature: str) -> str:
        """Return what people get of *feature*: "full", or the word for what they get otherwise.

        Raises:
            KeyError: There is no such feature.
        """
        return self.snapshot.features[feature].mode

    @property
    def transitions(self) -> tuple[Change, ...]:
        """The latest changes of score or level, oldest first."""
        return tuple(self._changes)

    # Words.

    def explain(self, feature: str | None = None) -> str:
        """Return, as a person would say it, what *feature* is and why; without a name, how the whole service is.

        Raises:
            KeyError: There is no such feature.
        """
        if feature is None:
            return self._explain_all()
        now = status(self.features[feature], self.level, self.absent)
        if now.available:
            return f"{now.mode}; {now.reason}" if now.reason else now.mode
        what = now.mode if now.mode == "off" else f"fallback: {now.mode}"
        return f"{what}; {now.reason}"

    def _explain_all(self) -> str:
        now = self.snapshot
        lines = [f"{now.level.name}, score {now.score:.2f}"]
        ill = [breaker for breaker in self.services if breaker in self.absent or breaker.state is not State.CLOSED or breaker.reason]
        lines += [said(breaker, self.absent) for breaker in ill]
        works = [name for name, feature in now.features.items() if feature.available]
        lines.append(f"works: {', '.join(works) or 'nothing'}" if self.features else "")
        lines += [f"{name}: {self.explain(name)}" for name, feature in now.features.items() if not feature.available]
        return "\n".join(line for line in lines if line)

    def matrix(self) -> Matrix:
        """Return which features there are at which level."""
        return Matrix(self.features.values(), sorted(self.levels.keys() | {Level.EMERGENCY}, reverse=True))

    # Acting on it.

    def feature(self, name: str, *, otherwise: Callable[..., Any] | None = None) -> Callable[[Function], Function]:
        """Return a decorator: the function is called while feature *name* is available, *otherwise* with the same arguments when not.

        Raises:
            ConfigurationError: There is no such feature.
            FeatureUnavailable: By the decorated function, while the feature is not available and there is no *otherwise*.
        """
        if name not in self.features:
            raise ConfigurationError(f"feature: there is no {name!r}; there are {', '.join(self.features) or 'none'}")
        from brownout._gate import gate

        return gate(self, name, otherwise)

    def subscribe(self, callback: Callable[[Change], object]) -> Callable[[], None]:
        """Call *callback* with each change of score or level, in order; return a function that ends it."""
        self._listeners = (*self._listeners, callback)

        def unsubscribe() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not callback)

        return unsubscribe

    def watching(self, *probes: Probe) -> Watching:
        """Return a context manager, ``with`` or ``async with``, that runs *probes*, and keeps the level up to date though nobody looks.

        Raises:
            ConfigurationError: Two of them are for the same breaker, or one runs already.
        """
        from brownout._watching import Watching

        return Watching(self, probes)

    def refresh(self) -> Snapshot:
        """Look at all services now, publish what is found, and tell those who listen."""
        with self._lock:
            now = self._clock()
            target, score, found = self._judge()
            self._publish(now, self._settled(target, now), target, score, found)
        self._tell()
        return self._snapshot

    # How it comes about.

    def _look(self) -> None:
        due = self._due
        if due is not None and self._clock() >= due:
            self.refresh()

    def _heard(self, event: Event) -> None:
        """A breaker tells of something: what makes it worse counts at once."""
        if isinstance(event, Transition) or (isinstance(event, Failed) and event.streak != self._streaks.get(event.breaker)):
            self.refresh()
        else:
            self._due = min(self._due if self._due is not None else inf, self._snapshot.at + OFTEN)

    def _judge(self) -> tuple[Level, tuple[int, int], dict[Breaker, Health]]:
        """Return the level that the services stand for, the exact score as a fraction, and the healths."""
        found = {breaker: self._health(breaker) for breaker in self.services}
        score = self._score(found)
        hopeful = self._score({breaker: WELL if effective(breaker) is State.CLOSED else found[breaker] for breaker in self.services})
        level = min(self._level(hopeful), max(self.floor, self._level(score)))
        if any(effective(breaker) is not State.CLOSED or breaker.ramping for breaker in self.services if self._counts(breaker)):
            level = min(level, self.cap)
        return level, score, found

    def _counts(self, breaker: Breaker) -> bool:
        return breaker not in self.absent or breaker.state is State.OPEN

    def _health(self, breaker: Breaker) -> Health:
        if breaker in self.absent:
            return DEAD if breaker.state is State.OPEN else WELL
        return health(breaker, calls=self.calls)

    def _score(self, found: Mapping[Breaker, Health]) -> tuple[int, int]:
        parts, whole = 0, 1
        for breaker, weight in self.services.items():
            one = found[breaker]
            parts, whole = parts * one.whole + weight * one.parts * whole, whole * one.whole
        return parts, whole * sum(self.services.values())

    def _level(self, score: tuple[int, int]) -> Level:
        parts, whole = score
        return next((level for limit, level in self._thresholds if parts >= limit * whole), Level.EMERGENCY)

    def _settled(self, target: Level, now: float) -> Level:
        """Return the level to publish: down at once, up to the best that has held for the dwell time."""
        self._held = {level: self._held.get(level, now) for level in Level if level <= target}
        held = max((level for level, since in self._held.items() if now - since >= self.dwell), default=Level.EMERGENCY)
        return min(target, max(self._snapshot.level, held))

    def _publish(self, now: float, level: Level, target: Level, score: tuple[int, int], found: Mapping[Breaker, Health]) -> None:
        parts, whole = score
        rounded = (200 * parts + whole) // (2 * whole) / 100
        before = getattr(self, "_snapshot", None)
        states = {name: status(feature, level, self.absent) for name, feature in self.features.items()}
        available = {name: one.available for name, one in states.items()}
        healths = {breaker.name: float(one) for breaker, one in found.items()}
        self._snapshot = Snapshot(level, rounded, MappingProxyType(healths), MappingProxyType(states), available, now)
        self._streaks = {breaker: breaker.stats().streak for breaker in self.services}
        if before is not None and (before.level, before.score) != (level, rounded):
            ill = "; ".join(said(breaker, self.absent) for breaker in self.services if breaker.state is not State.CLOSED)
            change = Change(before.level, level, rounded, now, ill)
            self._changes.append(change)
            self._untold.append(change)
        well = level is target and parts == 100 * whole and not any(breaker.reason for breaker in self.services)
        self._due = None if well else min(now + OFTEN, self._held.get(target, now) + self.dwell if level < target else inf)

    def _tell(self) -> None:
        while self._untold and self._telling.acquire(blocking=False):
            try:
                while self._untold:
                    self._hand_on(self._untold.popleft())
            finally:
                self._telling.release()

    def _hand_on(self, change: Change) -> None:
        for callback in self._listeners:
            try:
                callback(change)
            except Exception as error:
                report(f"brownout: {callback!r} failed on a change to {change.after.name}", error)


def _listen(breaker: Breaker, brownout: Brownout) -> None:
    """Let *breaker* tell *brownout*, without keeping it alive: breakers live as long as their module, and it need not."""
    known = weakref.ref(brownout)

    def hear(event: Event) -> None:
        told = known()
        if told is None:
            # Not when it is collected: that can happen anywhere, also while this thread holds the breaker's lock.
            unsubscribe()
        else:
            told._heard(event)

    unsubscribe = breaker.subscribe(hear, Transition, Failed, Slow)


def _check(brownout: Brownout) -> None:
    if not brownout.services:
        raise ConfigurationError("services: give at least one breaker with its weight; e.g. Brownout({postgres: 50, redis: 15})")
    for breaker, weight in brownout.services.items():
        if not isinstance(breaker, Breaker) or not isinstance(weight, int) or weight < 1:
            raise ConfigurationError(
                f"services: weights are integers above 0, got {weight!r} for {breaker!r}; e.g. Brownout({{postgres: 50}})"
            )
    limits = [limit for _, limit in sorted(brownout.levels.items())]
    if Level.EMERGENCY in brownout.levels or limits != sorted(set(limits)) or not all(0 < limit <= 100 for limit in limits):
        raise ConfigurationError(
            f"levels: give a rising score above 0 for each level but EMERGENCY, got {brownout.levels}; e.g. {{OPTIMAL: 90, DEGRADED: 70}}"
        )
    if not 0 <= brownout.dwell < inf:
        raise ConfigurationError(f"dwell: seconds from 0 up, got {brownout.dwell}; e.g. dwell=5")
    for feature in brownout.features.values():
        for breaker in feature.needs.breakers():
            if breaker not in brownout.services:
                raise ConfigurationError(f"features: {feature.name} needs {breaker.name}, which is none of the services; give it a weight")
