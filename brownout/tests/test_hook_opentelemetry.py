"""What OpenTelemetry's own reader and exporter get."""

from __future__ import annotations

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from brownout import Breaker, Brownout, Feature
from brownout.opentelemetry import watch


def read(reader: InMemoryMetricReader) -> dict[tuple[object, ...], object]:
    data = reader.get_metrics_data()
    assert data is not None
    return {
        (metric.name, *(value for _, value in sorted((point.attributes or {}).items()))): getattr(point, "value", None)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }


def test_breakers_levels_and_features_are_read_when_asked() -> None:
    reader = InMemoryMetricReader()
    redis = Breaker("redis")
    shop = Brownout({redis: 1}, features=[Feature("cache", needs=redis)])
    end = watch(shop, meter_provider=MeterProvider([reader]))
    with redis:
        pass
    exporter = InMemorySpanExporter()
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    with tracing.get_tracer("test").start_as_current_span("sale"):
        redis.trip()
    found = read(reader)
    assert found["circuit_breaker.state", "redis"] == 2
    assert found["circuit_breaker.calls", "succeeded", "redis"] == 1
    assert found["circuit_breaker.transitions", "redis", "open"] == 1
    assert found["health.score", "redis"] == 0
    assert found["degradation.level",] == 0
    assert found["feature.availability", "cache"] == 0
    (span,) = exporter.get_finished_spans()
    assert [event.name for event in span.events] == ["circuit_breaker.transition"]
    end()
    redis.reset()
    assert ("circuit_breaker.transitions", "redis", "closed") not in read(reader)
