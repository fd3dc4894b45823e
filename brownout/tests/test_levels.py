"""Score, level and history, against the figures that the shop's specification gives."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import Any

import pytest

from brownout import Breaker, Brownout, Change, ConfigurationError, Feature, Level, consecutive, rate

# The 16 sets of services that are down (database, openai, redis, s3), with score and level, as the specification lists them.
SETS = {
    "": (100, Level.OPTIMAL),
    "S": (95, Level.DEGRADED),
    "R": (85, Level.DEGRADED),
    "RS": (80, Level.DEGRADED),
    "O": (70, Level.DEGRADED),
    "OS": (65, Level.LIMITED),
    "OR": (55, Level.MINIMAL),
    "D": (50, Level.MINIMAL),
    "ORS": (50, Level.MINIMAL),
    "DS": (45, Level.MINIMAL),
    "DR": (35, Level.EMERGENCY),
    "DRS": (30, Level.EMERGENCY),
    "DO": (20, Level.EMERGENCY),
    "DOS": (15, Level.EMERGENCY),
    "DOR": (5, Level.EMERGENCY),
    "DORS": (0, Level.EMERGENCY),
}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Shop:
    """The four services of the shop, with one clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.services = {
            "D": Breaker("database", trip=consecutive(3), clock=self.clock),
            "O": Breaker("openai", trip=consecutive(5), clock=self.clock),
            "R": Breaker("redis", trip=consecutive(5), clock=self.clock),
            "S": Breaker("s3", trip=consecutive(4), clock=self.clock),
        }
        self.weights = dict(zip(self.services.values(), (50, 30, 15, 5), strict=True))
        self.brownout = Brownout(self.weights, clock=self.clock)

    def fail(self, service: str, times: int = 1) -> None:
        for _ in range(times):
            self.services[service].failed(ConnectionError("gone"))


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize(("down", "score", "level"), [(down, *expected) for down, expected in SETS.items()])
def test_each_set_of_dead_services_has_its_score_and_level(shop: Shop, down: str, score: int, level: Level) -> None:
    for service in down:
        shop.services[service].trip()
    assert (shop.brownout.score, shop.brownout.level) == (score, level)


def test_a_dead_database_walks_down_in_order(shop: Shop) -> None:
    shop.fail("D", 3)
    walk = [(change.score, change.after) for change in shop.brownout.transitions]
    assert walk == [(83.33, Level.DEGRADED), (66.67, Level.LIMITED), (50.0, Level.MINIMAL)]


def test_a_service_that_still_answers_takes_the_level_no_lower_than_the_floor(shop: Shop) -> None:
    shop.fail("D", 2)
    shop.fail("O", 4)
    assert shop.brownout.score == 42.67
    assert shop.brownout.level is Level.LIMITED


def test_a_half_open_service_counts_half(shop: Shop) -> None:
    shop.services["R"].trip()
    shop.clock.now += 20
    shop.services["R"].acquire()
    assert (shop.brownout.score, shop.brownout.level) == (92.5, Level.DEGRADED)


@pytest.mark.parametrize(
    ("weight", "level"),
    [(39, Level.EMERGENCY), (40, Level.MINIMAL), (59, Level.MINIMAL), (60, Level.LIMITED), (69, Level.LIMITED), (70, Level.DEGRADED), (89, Level.DEGRADED), (90, Level.DEGRADED)],
)  # fmt: skip
def test_thresholds_hold_at_their_edges(weight: int, level: Level) -> None:
    up, down = Breaker("up"), Breaker("down")
    brownout = Brownout({up: weight, down: 100 - weight})
    down.trip()
    assert (brownout.score, brownout.level) == (weight, level)


def test_the_best_threshold_holds_at_its_edge() -> None:
    clock = Clock()
    up, failing = Breaker("up", clock=clock), Breaker("failing", trip=consecutive(10), clock=clock)
    brownout = Brownout({up: 80, failing: 20}, clock=clock, cap=Level.OPTIMAL)
    for _ in range(5):
        failing.failed()
    assert (brownout.score, brownout.level) == (90, Level.OPTIMAL)
    failing.failed()
    assert (brownout.score, brownout.level) == (88, Level.DEGRADED)


def test_error_rate_and_slowness_count_from_twenty_calls_on() -> None:
    clock = Clock()
    service = Breaker("service", trip=rate(1, within=30, calls=1000), latency_limit=0.2, clock=clock)
    brownout = Brownout({service: 1}, clock=clock)
    for number in range(20):
        permit = service.acquire()
        clock.now += 0.3 if number % 2 else 0.1
        permit.succeeded()
        assert brownout.refresh().score == (75 if number == 19 else 100)
    for _ in range(20):
        service.failed()
    assert brownout.refresh().score == 75


def test_it_goes_up_only_after_the_dwell_time_and_straight_to_what_held(shop: Shop) -> None:
    shop.services["D"].trip()
    shop.services["O"].trip()
    shop.services["O"].reset()
    assert shop.brownout.level is Level.EMERGENCY
    shop.clock.now += 2
    shop.services["D"].reset()
    shop.clock.now += 2.9
    assert shop.brownout.level is Level.EMERGENCY
    shop.clock.now += 0.2
    assert shop.brownout.refresh().level is Level.MINIMAL
    shop.clock.now += 2
    assert shop.brownout.refresh().level is Level.OPTIMAL


def test_old_failures_are_forgotten_without_anything_happening(shop: Shop) -> None:
    shop.fail("D", 1)
    assert shop.brownout.score == 83.33
    shop.clock.now += 61
    assert shop.brownout.score == 100


def test_it_is_never_optimal_while_a_breaker_ramps() -> None:
    clock = Clock()
    service = Breaker("service", retry_after=5, ramp=8, clock=clock)
    brownout = Brownout({service: 1}, clock=clock, dwell=1)
    service.trip()
    clock.now += 5
    service.acquire().succeeded()
    clock.now += 7.5
    assert brownout.score == 100
    assert brownout.level is Level.DEGRADED
    clock.now += 1
    assert brownout.level is Level.DEGRADED
    clock.now += 1.1
    assert brownout.refresh().level is Level.OPTIMAL


def test_a_service_that_is_not_set_up_counts_as_well_unless_it_is_opened_by_hand(shop: Shop) -> None:
    openai = shop.services["O"]
    brownout = Brownout(shop.weights, absent=[openai], clock=shop.clock, features=[Feature("ai", needs=openai)])
    assert (brownout.score, brownout.level) == (100, Level.OPTIMAL)
    assert brownout.explain("ai") == "off; openai is not set up"
    openai.trip()
    assert (brownout.score, brownout.level) == (70, Level.DEGRADED)


def test_listeners_hear_every_change_in_order_and_cannot_break_anything(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Change] = []

    def broken(change: Change) -> None:
        raise RuntimeError("the listener is broken")

    shop.brownout.subscribe(broken)
    end = shop.brownout.subscribe(heard.append)
    with caplog.at_level(logging.ERROR, "brownout"):
        shop.fail("D", 3)
    assert [change.score for change in heard] == [83.33, 66.67, 50]
    assert "the listener is broken" in caplog.text
    end()
    shop.services["R"].trip()
    assert len(heard) == 3


def test_a_brownout_that_nobody_keeps_is_freed_and_no_longer_told() -> None:
    service = Breaker("service")
    brownout = weakref.ref(Brownout({service: 1}))
    gc.collect()
    assert brownout() is None
    service.trip()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"services": {}}, "services"),
        ({"services": {"database": 50}}, "weights"),
        ({"levels": {Level.OPTIMAL: 50, Level.DEGRADED: 70}}, "levels"),
        ({"levels": {Level.EMERGENCY: 10}}, "levels"),
        ({"dwell": -1}, "dwell"),
        ({"features": [Feature("search", needs=Breaker("unknown"))]}, "search needs unknown"),
    ],
)
def test_what_makes_no_sense_is_told_with_an_example(arguments: dict[str, object], named: str) -> None:
    parameters: dict[str, Any] = {"services": {Breaker("service"): 1}, **arguments}
    with pytest.raises(ConfigurationError, match=named):
        Brownout(**parameters)
