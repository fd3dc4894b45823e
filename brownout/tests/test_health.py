"""Health, and what it does to score and level, for any numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from virtual_time import Clock

from brownout import Breaker, Brownout, Feature, Level, consecutive, health, rate


def a_breaker(clock: Clock, name: str = "database", failures: int = 3) -> Breaker:
    return Breaker(name, clock=clock, trip=consecutive(failures) | rate(1.0, within=30, calls=1000), ramp=0)


def test_failures_in_a_row_are_a_share_of_the_threshold_exactly() -> None:
    breaker = a_breaker(Clock())
    breaker.failed()
    assert health(breaker) == (200, 3)
    breaker.failed()
    assert health(breaker) == (100, 3)


def test_a_breaker_without_such_a_threshold_is_judged_by_its_rates() -> None:
    breaker = Breaker("cache", clock=Clock(), trip=rate(0.9, within=30, calls=100))
    for _ in range(19):
        breaker.failed()
    assert float(health(breaker)) == 100
    breaker.failed()
    assert float(health(breaker)) == 50


def test_half_open_is_fifty_and_open_nothing() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    breaker.trip()
    assert float(health(breaker)) == 0
    clock.seconds += breaker.retry_in
    breaker.acquire()
    assert float(health(breaker)) == 50


def test_a_breaker_that_is_only_tried_out_switches_off_nothing() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    service = Brownout({breaker: 1}, features=[Feature("sale", through=Level.OPTIMAL, needs=breaker)], clock=clock)
    assert service.available("sale")
    with breaker.shadow():
        breaker.trip()
        assert (float(health(breaker)), service.level, service.available("sale")) == (100, Level.OPTIMAL, True)
    clock.tick(1)
    assert (service.level, service.available("sale")) == (Level.EMERGENCY, False)


def test_failures_from_before_it_was_disabled_count_no_longer() -> None:
    breaker = a_breaker(Clock())
    breaker.failed()
    breaker.failed()
    breaker.disabled()
    assert float(health(breaker)) == 100


states = st.lists(st.integers(0, 4), min_size=4, max_size=4)


def judged(failures: list[int]) -> tuple[float, Level]:
    """Return score and level when so many calls in a row have failed on each service, of which four open it."""
    clock = Clock()
    breakers = [a_breaker(clock, name, failures=4) for name in "DORS"]
    service = Brownout(dict(zip(breakers, (50, 30, 15, 5), strict=True)), clock=clock)
    for breaker, times in zip(breakers, failures, strict=True):
        for _ in range(times):
            breaker.failed()
    return service.score, service.level


@given(states, st.integers(0, 3))
def test_a_worse_service_never_raises_score_or_level(failures: list[int], which: int) -> None:
    worse = list(failures)
    worse[which] = min(4, worse[which] + 1)
    before, after = judged(failures), judged(worse)
    assert after[0] <= before[0]
    assert after[1] <= before[1]


@given(states)
def test_services_that_still_answer_never_take_the_level_below_the_floor(failures: list[int]) -> None:
    assert judged([min(times, 3) for times in failures])[1] >= Level.LIMITED


@given(states)
def test_while_any_breaker_is_open_the_level_is_no_better_than_degraded(failures: list[int]) -> None:
    if max(failures) == 4:
        assert judged(failures)[1] <= Level.DEGRADED
