"""Breakers and levels for OpenTelemetry. Needs ``opentelemetry-api``: ``pip install brownout[opentelemetry]``."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from brownout._breaker import Breaker
from brownout._events import Transition
from brownout._levels import Brownout

try:
    from opentelemetry import trace
    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation, get_meter
except ImportError as error:
    raise ImportError("brownout.opentelemetry needs opentelemetry-api; install it: pip install 'brownout[opentelemetry]'") from error

__all__ = ["watch"]

Read = Callable[[CallbackOptions], Iterable[Observation]]


def watch(*what: Breaker | Brownout, meter_provider: MeterProvider | None = None) -> Callable[[], None]:
    """Show breakers and brownouts as instruments that are read when asked; return a function that ends what listens.

    The services of a brownout need not be named again. A transition is an event of the span that records while it happens. The
    attribute is the name of a breaker, never a key.
    """
    brownouts = [one for one in what if isinstance(one, Brownout)]
    services = [breaker for brownout in brownouts for breaker in brownout.services]
    breakers = list(dict.fromkeys((*(one for one in what if isinstance(one, Breaker)), *services)))
    meter = get_meter("brownout", meter_provider=meter_provider)
    _observe(meter, breakers, brownouts)
    transitions = meter.create_counter("circuit_breaker.transitions", description="Changes of state.")

    def changed(event: Transition) -> None:
        said = {"service": event.breaker.name, "to": event.after.name.lower()}
        transitions.add(1, said)
        trace.get_current_span().add_event("circuit_breaker.transition", {**said, "reason": event.reason})

    ends = [breaker.subscribe(changed, Transition) for breaker in breakers]

    def end() -> None:
        for one in ends:
            one()

    return end


def _observe(meter: Meter, breakers: list[Breaker], brownouts: list[Brownout]) -> None:
    def states(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(breaker.state.value, {"service": breaker.name}) for breaker in breakers]

    def calls(_: CallbackOptions) -> Iterable[Observation]:
        for breaker in breakers:
            stats = breaker.stats()
            for outcome in ("succeeded", "failed", "rejected", "stale"):
                yield Observation(getattr(stats, outcome), {"service": breaker.name, "outcome": outcome})

    def healths(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, {"service": name}) for one in brownouts for name, value in one.snapshot.health.items()]

    def levels(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(one.level.value) for one in brownouts]

    def features(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(int(value), {"feature": name}) for one in brownouts for name, value in one.snapshot.available.items()]

    meter.create_observable_gauge("circuit_breaker.state", [states], description="0 closed, 1 half open, 2 open.")
    meter.create_observable_counter("circuit_breaker.calls", [calls], description="Calls by what became of them.")
    meter.create_observable_gauge("health.score", [healths], description="Health of a service, 0 to 100.")
    meter.create_observable_gauge("degradation.level", [levels], description="0 emergency to 4 optimal.")
    meter.create_observable_gauge("feature.availability", [features], description="1 where a feature is there as meant.")
