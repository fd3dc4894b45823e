"""Breakers and levels for Prometheus. Needs ``prometheus-client``: ``pip install brownout[prometheus]``."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from brownout._breaker import Breaker
from brownout._errors import ConfigurationError
from brownout._events import Mode, State, Transition
from brownout._keyed import Keyed
from brownout._levels import Brownout

try:
    from prometheus_client.core import REGISTRY, CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError as error:  # pragma: no cover - the tests have it
    raise ImportError("brownout.prometheus needs prometheus-client; install it: pip install 'brownout[prometheus]'") from error

__all__ = ["BreakerCollector", "watch"]

MOST_SERVICES = 100


class BreakerCollector(Collector):
    """Reads breakers when Prometheus asks, so that calls pay nothing; only transitions are counted as they happen.

    Each series has the name of a breaker for its label, never a key: of `Keyed` breakers the worst state counts. Their calls and
    transitions are not shown, for a sum over keys would go back whenever a key is dropped.
    """

    def __init__(self, breakers: tuple[Breaker, ...], keyed: tuple[Keyed, ...], brownout: Brownout | None) -> None:
        self._groups: dict[str, Breaker | Keyed] = {breaker.name: breaker for breaker in breakers}
        self._groups.update((one.name, one) for one in keyed)
        self._brownout = brownout
        self._lock = threading.Lock()
        # All begin at 0, or the first transition would be no increase.
        self._transitions = {(breaker.name, state.name): 0 for breaker in breakers for state in State}
        for breaker in breakers:
            breaker.subscribe(self._count, Transition)

    def _count(self, event: Transition) -> None:
        key = (event.breaker.name, event.after.name)
        with self._lock:
            self._transitions[key] += 1

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as of now."""
        groups = {name: list(one) if isinstance(one, Keyed) else [one] for name, one in self._groups.items()}
        yield _gauge(
            "circuit_breaker_state",
            "0 closed, 1 half open, 2 open.",
            {n: max((b.state.value for b in g), default=0) for n, g in groups.items()},
        )
        yield _gauge(
            "circuit_breaker_failures", "Failures in a row.", {n: max((b.stats().streak for b in g), default=0) for n, g in groups.items()}
        )
        limits = {name: group[0].threshold for name, group in groups.items() if group}
        yield _gauge("circuit_breaker_threshold", "Failures in a row that open it.", {n: v for n, v in limits.items() if v is not None})
        yield _gauge("circuit_breaker_last_failure_timestamp_seconds", "When a call failed last.", dict(_last_failures(groups)))
        yield _gauge("circuit_breaker_recovery_seconds", "Seconds until it may be back, by forecast.", dict(_recoveries(groups)))
        yield self._outcomes(groups)
        with self._lock:
            counted = dict(self._transitions)
        transitions = CounterMetricFamily("circuit_breaker_transitions", "Changes of state.", labels=["service", "to"])
        for (name, to), count in counted.items():
            transitions.add_metric([name, to.lower()], count)
        yield transitions
        if self._brownout is not None:
            yield from _levels(self._brownout)

    def _outcomes(self, groups: dict[str, list[Breaker]]) -> Metric:
        calls = CounterMetricFamily("circuit_breaker_calls", "Calls by what became of them.", labels=["service", "outcome"])
        for name, group in groups.items():
            if isinstance(self._groups[name], Breaker):
                stats = group[0].stats()
                for outcome in ("succeeded", "failed", "rejected", "stale"):
                    calls.add_metric([name, outcome], getattr(stats, outcome))
        return calls


def watch(*what: Breaker | Keyed | Brownout, registry: CollectorRegistry = REGISTRY) -> BreakerCollector:
    """Show breakers, keyed breakers and one brownout in *registry*. The services of the brownout need not be named again.

    Raises:
        ConfigurationError: There is more than one brownout, two things have one name, or there are over 100 services.
    """
    brownouts = [one for one in what if isinstance(one, Brownout)]
    if len(brownouts) > 1:
        raise ConfigurationError("watch: one level can be shown, got several brownouts; give each a registry of its own")
    services = [breaker for brownout in brownouts for breaker in brownout.services]
    breakers = tuple(dict.fromkeys((*(one for one in what if isinstance(one, Breaker)), *services)))
    keyed = tuple(one for one in what if isinstance(one, Keyed))
    names = [breaker.name for breaker in breakers] + [one.name for one in keyed]
    if len(set(names)) != len(names):
        raise ConfigurationError(
            f"watch: two breakers have the same name among {sorted(names)}; for one of many keys give the Keyed itself"
        )
    if len(names) > MOST_SERVICES:
        raise ConfigurationError(
            f"watch: {len(names)} breakers make too many series, {MOST_SERVICES} at most; use breaker.keyed(), which has one name"
        )
    collector = BreakerCollector(breakers, keyed, brownouts[0] if brownouts else None)
    registry.register(collector)
    return collector


def _gauge(name: str, text: str, values: dict[str, float]) -> Metric:
    gauge = GaugeMetricFamily(name, text, labels=["service"])
    for service, value in values.items():
        gauge.add_metric([service], value)
    return gauge


def _last_failures(groups: dict[str, list[Breaker]]) -> Iterator[tuple[str, float]]:
    for name, group in groups.items():
        ages = [breaker._machine.clock() - breaker.last_failure_at for breaker in group if breaker.last_failure_at is not None]
        if ages:
            yield name, time.time() - min(ages)


def _recoveries(groups: dict[str, list[Breaker]]) -> Iterator[tuple[str, float]]:
    for name, group in groups.items():
        if any(breaker.mode is Mode.ISOLATED for breaker in group):
            continue  # nobody knows
        forecasts = [breaker.forecast() for breaker in group]
        yield name, max((forecast.median for forecast in forecasts if forecast is not None), default=0.0)


def _levels(brownout: Brownout) -> Iterator[Metric]:
    now = brownout.snapshot
    yield _gauge("health_score", "Health of a service, 0 to 100.", dict(now.health))
    yield GaugeMetricFamily("degradation_level", "0 emergency, 1 minimal, 2 limited, 3 degraded, 4 optimal.", value=now.level.value)
    yield GaugeMetricFamily("system_health_score", "Weighted health of all services, 0 to 100.", value=now.score)
    features = GaugeMetricFamily("feature_availability", "1 where a feature is there as meant.", labels=["feature"])
    for name, available in now.available.items():
        features.add_metric([name], available)
    yield features
