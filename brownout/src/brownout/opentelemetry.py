"""Breakers and levels for OpenTelemetry. Needs ``opentelemetry-api``: ``pip install brownout[opentelemetry]``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from brownout._breaker import Breaker
from brownout._errors import ConfigurationError
from brownout._events import Mode, Rejected, State, Transition
from brownout._keyed import Keyed
from brownout._levels import Brownout

try:
    from opentelemetry import trace
    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation, get_meter
except ImportError as error:
    raise ImportError("brownout.opentelemetry needs opentelemetry-api; install it: pip install 'brownout[opentelemetry]'") from error

__all__ = ["watch"]

MOST_SERVICES: Final = 100
Readings = Iterator[tuple[float, dict[str, str]]]


def watch(*what: Breaker | Keyed | Brownout, meter_provider: MeterProvider | None = None, spans: bool = True) -> Callable[[], None]:
    """Show breakers, keyed breakers and one brownout as observable instruments; return a function that ends it.

    They are read when metrics are collected, so calls pay nothing; only transitions are counted as they happen. The names are such
    that an exporter to Prometheus makes those of `brownout.prometheus` of them. Each series has the name of a breaker for its
    attribute ``service``, never a key: of `Keyed` breakers the worst state counts, and calls and transitions are not shown.

    Args:
        what: What to show. The services of the brownout need not be named again.
        meter_provider: Makes the instruments, by default the global one.
        spans: Add an event to the span that is recording where a breaker changes its state, or refuses a call. A refusal takes about
            a microsecond longer then. When many threads call, the event may be in the span of another call of the same breaker.

    Raises:
        ConfigurationError: There is more than one brownout, two things have one name, or there are over 100 services.
    """
    brownouts = [one for one in what if isinstance(one, Brownout)]
    if len(brownouts) > 1:
        raise ConfigurationError("watch: one level can be shown, got several brownouts; give each a meter provider of its own")
    services = [breaker for brownout in brownouts for breaker in brownout.services]
    breakers = tuple(dict.fromkeys((*(one for one in what if isinstance(one, Breaker)), *services)))
    groups: tuple[Breaker | Keyed, ...] = (*breakers, *(one for one in what if isinstance(one, Keyed)))
    _check(sorted(one.name for one in groups))
    watched = _Watched(groups, brownouts[0] if brownouts else None)
    watched.begin(get_meter("brownout", meter_provider=meter_provider), spans=spans)
    return watched.end


def _check(names: list[str]) -> None:
    if len(set(names)) != len(names):
        raise ConfigurationError(f"watch: two breakers have the same name among {names}; for one of many keys give the Keyed itself")
    if len(names) > MOST_SERVICES:
        raise ConfigurationError(
            f"watch: {len(names)} breakers make too many series, {MOST_SERVICES} at most; use breaker.keyed(), which has one name"
        )


class _Watched:
    def __init__(self, groups: tuple[Breaker | Keyed, ...], brownout: Brownout | None) -> None:
        self._groups = groups
        self._single = [one for one in groups if isinstance(one, Breaker)]
        self._brownout = brownout
        self._lock = threading.Lock()
        # All begin at 0, or the first transition would be no increase.
        self._transitions = {(breaker.name, state.name.lower()): 0 for breaker in self._single for state in State}
        self._unsubscribe: list[Callable[[], None]] = []
        self._ended = False

    def begin(self, meter: Meter, *, spans: bool) -> None:
        for breaker in self._single:
            self._unsubscribe.append(breaker.subscribe(self._count, Transition))
        if spans:
            # The breakers of a Keyed come and go; only those that stand for themselves can be listened to.
            self._unsubscribe += [breaker.subscribe(_into_span, Transition, Rejected) for breaker in self._single]
        for name, unit, words, read in (
            ("state", "", "0 closed, 1 half open, 2 open.", self._states),
            ("failures", "", "Failures in a row.", self._failures),
            ("threshold", "", "Failures in a row that open it.", self._thresholds),
            ("last_failure_timestamp", "s", "When a call failed last.", self._last_failures),
            ("recovery", "s", "Seconds until it may be back, by forecast.", self._recoveries),
        ):
            meter.create_observable_gauge(f"circuit_breaker.{name}", [self._reading(read)], unit, words)
        for name, words, read in (
            ("transitions", "Changes of state.", self._changes),
            ("calls", "Calls by what became of them.", self._calls),
        ):
            meter.create_observable_counter(f"circuit_breaker.{name}", [self._reading(read)], description=words)
        if self._brownout is not None:
            self._show_level(meter, self._brownout)

    def _show_level(self, meter: Meter, brownout: Brownout) -> None:
        for name, words, read in (
            ("health.score", "Health of a service, 0 to 100.", _healths),
            ("degradation.level", "0 emergency, 1 minimal, 2 limited, 3 degraded, 4 optimal.", _level),
            ("system.health.score", "Weighted health of all services, 0 to 100.", _score),
            ("feature.availability", "1 where a feature is there as meant.", _available),
        ):
            meter.create_observable_gauge(name, [self._reading(partial(read, brownout))], description=words)

    def end(self) -> None:
        """End it. OpenTelemetry cannot take instruments away, so they stay without any series."""
        self._ended = True
        while self._unsubscribe:
            self._unsubscribe.pop()()

    def _reading(self, read: Callable[[], Readings]) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [] if self._ended else [Observation(value, attributes) for value, attributes in read()]

        return observe

    def _count(self, event: Transition) -> None:
        with self._lock:
            self._transitions[event.breaker.name, event.after.name.lower()] += 1

    def _each(self) -> Iterator[tuple[dict[str, str], list[Breaker]]]:
        for one in self._groups:
            yield {"service": one.name}, [one] if isinstance(one, Breaker) else list(one)

    def _states(self) -> Readings:
        for service, group in self._each():
            yield max((breaker.state.value for breaker in group), default=0), service

    def _failures(self) -> Readings:
        for service, group in self._each():
            yield max((breaker.stats().streak for breaker in group), default=0), service

    def _thresholds(self) -> Readings:
        for service, group in self._each():
            if group and (threshold := group[0].threshold) is not None:
                yield threshold, service

    def _last_failures(self) -> Readings:
        for service, group in self._each():
            ages = [breaker._machine.clock() - breaker.last_failure_at for breaker in group if breaker.last_failure_at is not None]
            if ages:
                yield time.time() - min(ages), service

    def _recoveries(self) -> Readings:
        for service, group in self._each():
            if not any(breaker.mode is Mode.ISOLATED for breaker in group):  # or else nobody knows
                forecasts = [breaker.forecast() for breaker in group]
                yield max((forecast.median for forecast in forecasts if forecast is not None), default=0.0), service

    def _changes(self) -> Readings:
        with self._lock:
            counted = dict(self._transitions)
        for (name, to), count in counted.items():
            yield count, {"service": name, "to": to}

    def _calls(self) -> Readings:
        for breaker in self._single:
            stats = breaker.stats()
            for outcome in ("succeeded", "failed", "rejected", "stale"):
                yield getattr(stats, outcome), {"service": breaker.name, "outcome": outcome}


def _healths(brownout: Brownout) -> Readings:
    for name, value in brownout.snapshot.health.items():
        yield value, {"service": name}


def _level(brownout: Brownout) -> Readings:
    yield brownout.level.value, {}


def _score(brownout: Brownout) -> Readings:
    yield brownout.score, {}


def _available(brownout: Brownout) -> Readings:
    for name, available in brownout.snapshot.available.items():
        yield int(available), {"feature": name}


def _into_span(event: Transition | Rejected) -> None:
    span = trace.get_current_span()
    if not span.is_recording():
        return
    service = event.breaker.name
    if isinstance(event, Transition):
        words = {"before": event.before.name.lower(), "to": event.after.name.lower(), "reason": event.reason}
        span.add_event("circuit_breaker.transition", {"service": service, **words})
    else:
        span.add_event("circuit_breaker.rejected", {"service": service, "retry_after": event.retry_after})
