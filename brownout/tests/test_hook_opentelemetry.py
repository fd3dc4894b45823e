"""What OpenTelemetry collects, by its own SDK."""

from __future__ import annotations

import runpy
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from brownout import Breaker, Brownout, ConfigurationError, Feature, OpenError, consecutive, opentelemetry, rate, testing
from brownout.opentelemetry import watch


class Collected:
    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader], shutdown_on_exit=False)

    def read(self) -> dict[tuple[str, ...], float]:
        data = self._reader.get_metrics_data()
        return {
            (metric.name, *(str(value) for _, value in sorted((point.attributes or {}).items()))): point.value
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
            if isinstance(point, NumberDataPoint)
        }

    def end(self) -> None:
        self.provider.shutdown()


@pytest.fixture
def collected() -> Iterator[Collected]:
    found = Collected()
    yield found
    found.end()


def span_of(breaker: Breaker, *, sampled: bool = True) -> ReadableSpan:
    """Let *breaker* fail once and refuse once within a span, and return the span."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test") if sampled else trace.NoOpTracer()
    with tracer.start_as_current_span("call"), testing.clock():
        breaker.failed(ConnectionError("gone"))
        with pytest.raises(OpenError):
            breaker.acquire()
    provider.shutdown()
    return exporter.get_finished_spans()[0] if sampled else ReadableSpan("none")


def test_a_breaker_and_a_level_are_read_as_they_are_now(collected: Collected) -> None:
    database, redis = Breaker("database", trip=consecutive(3)), Breaker("redis", trip=rate(0.5, within=30))
    shop = Brownout({database: 50, redis: 50}, features=[Feature("cache", needs=redis)])
    watch(shop, meter_provider=collected.provider)
    with database:
        pass
    database.failed(ConnectionError("gone"))
    redis.trip()
    with pytest.raises(OpenError):
        redis.acquire()
    found = collected.read()
    assert found["circuit_breaker.state", "database"] == 0
    assert found["circuit_breaker.state", "redis"] == 2
    assert found["circuit_breaker.failures", "database"] == 1
    assert found["circuit_breaker.threshold", "database"] == 3
    assert ("circuit_breaker.threshold", "redis") not in found
    assert abs(found["circuit_breaker.last_failure_timestamp", "database"] - time.time()) < 60
    assert 0 < found["circuit_breaker.recovery", "redis"] <= 20
    assert found["circuit_breaker.recovery", "database"] == 0
    assert found["circuit_breaker.transitions", "redis", "open"] == 1
    assert found["circuit_breaker.transitions", "database", "open"] == 0
    assert found["circuit_breaker.calls", "succeeded", "database"] == 1
    assert found["circuit_breaker.calls", "rejected", "redis"] == 1
    assert found["health.score", "redis"] == 0
    assert found["system.health.score",] == pytest.approx(33.33)
    assert found["degradation.level",] == 1
    assert found["feature.availability", "cache"] == 0


def test_keys_share_one_series_which_shows_the_worst(collected: Collected) -> None:
    shards = Breaker("shards").keyed()
    watch(shards, meter_provider=collected.provider)
    assert collected.read()["circuit_breaker.state", "shards"] == 0
    for key in range(50):
        with shards[key]:
            pass
    shards[7].trip()
    found = collected.read()
    assert found["circuit_breaker.state", "shards"] == 2
    assert len([key for key in found if key[0] == "circuit_breaker.state"]) == 1
    assert not [key for key in found if key[0] == "circuit_breaker.calls"]


def test_nothing_is_foretold_of_what_a_person_holds_open(collected: Collected) -> None:
    database = Breaker("database")
    watch(database, meter_provider=collected.provider)
    with database.isolated("maintenance"):
        assert ("circuit_breaker.recovery", "database") not in collected.read()
    assert collected.read()["circuit_breaker.recovery", "database"] == 0


def test_nothing_is_read_or_heard_after_the_end(collected: Collected) -> None:
    database = Breaker("database", trip=consecutive(1))
    end = watch(database, meter_provider=collected.provider)
    assert collected.read()
    end()
    end()
    assert not collected.read()
    assert not span_of(database).events


def test_the_global_meter_is_used_by_default() -> None:
    watch(Breaker("database"))()


def test_the_span_of_a_call_tells_of_transitions_and_refusals(collected: Collected) -> None:
    database = Breaker("database", trip=consecutive(1), retry_after=20)
    watch(database, meter_provider=collected.provider)
    opened, refused = span_of(database).events
    assert opened.name == "circuit_breaker.transition"
    assert dict(opened.attributes or {}) == {"service": "database", "before": "closed", "to": "open", "reason": database.reason[6:-1]}
    assert refused.name == "circuit_breaker.rejected"
    assert dict(refused.attributes or {}) == {"service": "database", "retry_after": 20.0}


def test_spans_are_left_alone_when_they_do_not_record_or_nobody_wants_it(collected: Collected) -> None:
    one, other = Breaker("one", trip=consecutive(1)), Breaker("other", trip=consecutive(1))
    watch(one, meter_provider=collected.provider)
    watch(other, meter_provider=collected.provider, spans=False)
    assert not span_of(one, sampled=False).events
    assert not span_of(other).events


def test_what_would_cost_too_many_series_is_refused(collected: Collected) -> None:
    with pytest.raises(ConfigurationError, match="too many series"):
        watch(*(Breaker(f"host-{number}") for number in range(101)), meter_provider=collected.provider)
    with pytest.raises(ConfigurationError, match="same name"):
        watch(Breaker("one"), Breaker("one"), meter_provider=collected.provider)
    first, second = Brownout({Breaker("a"): 1}), Brownout({Breaker("b"): 1})
    with pytest.raises(ConfigurationError, match="several brownouts"):
        watch(first, second, meter_provider=collected.provider)


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    with pytest.raises(ImportError, match=r"pip install 'brownout\[opentelemetry\]'"):
        runpy.run_path(str(opentelemetry.__file__))


def test_brownout_itself_does_not_load_it() -> None:
    script = "import sys, brownout; brownout.Brownout; print('opentelemetry' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout == "False\n"
