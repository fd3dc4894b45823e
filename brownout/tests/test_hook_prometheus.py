"""What Prometheus reads, parsed by its own parser."""

from __future__ import annotations

import time

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from brownout import Breaker, Brownout, ConfigurationError, Feature, consecutive, rate
from brownout.prometheus import watch


def scraped(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    order = ("service", "feature", "to", "outcome")
    return {
        (sample.name, *(sample.labels[label] for label in order if label in sample.labels)): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_breaker_and_a_level_are_shown_as_they_are_now() -> None:
    registry = CollectorRegistry()
    database, redis = Breaker("database", trip=consecutive(3)), Breaker("redis", trip=rate(0.5, within=30))
    shop = Brownout({database: 50, redis: 50}, features=[Feature("cache", needs=redis)])
    watch(shop, registry=registry)
    with database:
        pass
    database.failed(ConnectionError("gone"))
    redis.trip()
    with pytest.raises(Exception, match="redis is open"):
        redis.acquire()
    found = scraped(registry)
    assert found["circuit_breaker_state", "database"] == 0
    assert found["circuit_breaker_state", "redis"] == 2
    assert found["circuit_breaker_failures", "database"] == 1
    assert found["circuit_breaker_threshold", "database"] == 3
    assert ("circuit_breaker_threshold", "redis") not in found
    assert abs(found["circuit_breaker_last_failure_timestamp_seconds", "database"] - time.time()) < 60
    assert 0 < found["circuit_breaker_recovery_seconds", "redis"] <= 20
    assert found["circuit_breaker_recovery_seconds", "database"] == 0
    assert found["circuit_breaker_transitions_total", "redis", "open"] == 1
    assert found["circuit_breaker_transitions_total", "database", "open"] == 0
    assert found["circuit_breaker_calls_total", "database", "succeeded"] == 1
    assert found["circuit_breaker_calls_total", "redis", "rejected"] == 1
    assert found["health_score", "redis"] == 0
    assert found["system_health_score",] == pytest.approx(33.33)
    assert found["degradation_level",] == 1
    assert found["feature_availability", "cache"] == 0


def test_keys_share_one_series_which_shows_the_worst() -> None:
    registry = CollectorRegistry()
    shards = Breaker("shards").keyed()
    watch(shards, registry=registry)
    assert scraped(registry)["circuit_breaker_state", "shards"] == 0
    for key in range(50):
        with shards[key]:
            pass
    shards[7].trip()
    found = scraped(registry)
    assert found["circuit_breaker_state", "shards"] == 2
    assert ("circuit_breaker_calls_total", "shards", "succeeded") not in found
    assert len([key for key in found if key[0] == "circuit_breaker_state"]) == 1


def test_nothing_is_foretold_of_what_a_person_holds_open() -> None:
    registry = CollectorRegistry()
    database = Breaker("database")
    watch(database, registry=registry)
    with database.isolated("maintenance"):
        assert ("circuit_breaker_recovery_seconds", "database") not in scraped(registry)
    assert scraped(registry)["circuit_breaker_recovery_seconds", "database"] == 0


def test_what_would_cost_too_many_series_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="too many series"):
        watch(*(Breaker(f"host-{number}") for number in range(101)), registry=CollectorRegistry())
    with pytest.raises(ConfigurationError, match="same name"):
        watch(Breaker("one"), Breaker("one"), registry=CollectorRegistry())
    first, second = Brownout({Breaker("a"): 1}), Brownout({Breaker("b"): 1})
    with pytest.raises(ConfigurationError, match="several brownouts"):
        watch(first, second, registry=CollectorRegistry())
