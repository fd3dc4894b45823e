"""What is said of wrong parameters, and what happens at the edges."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import brownout
from brownout import Breaker, ConfigurationError, OpenError, State, Trip, backoff, consecutive, rate, slow


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: consecutive(0), "consecutive: the number of failures must be 1 or more, got 0; e.g. consecutive(5)"),
        (lambda: consecutive(1, expire=0), "expire must be seconds above 0, got 0"),
        (lambda: rate(0), "rate: the share must be above 0 and at most 1, got 0"),
        (lambda: rate(1.5), "got 1.5"),
        (lambda: rate(0.5, calls=0), "rate: calls must be 1 or more, got 0; e.g. rate(0.5, within=30, calls=20)"),
        (lambda: rate(0.5, within=0), "within must be seconds above 0, got 0"),
        (lambda: rate(0.5, within=float("inf")), "got inf"),
        (lambda: rate(0.5, within=30, last=100), "give within (seconds) or last (calls), not both"),
        (lambda: rate(0.5, last=10, calls=20), "of the last 10 calls there are never 20"),
        (lambda: slow(2), "slow: the share"),
        (lambda: Breaker(""), "name: give the breaker a name, got ''"),
        (lambda: Breaker("x", trip=rate(0.5, within=1) | rate(0.5, within=60)), "windows of 1 s and 60 s are too far apart"),
        (lambda: Breaker("x", trip=slow(0.5)), "slow() needs to know what is slow"),
        (lambda: Breaker("x").keyed(0), "keyed: maxsize must be 1 or more, got 0"),
        (lambda: Breaker("x").remember([-1]), "durations of outages are seconds from 0 up, got [-1.0]"),
        (lambda: Breaker("x").configure(trails=2), "configure: a breaker has no trails; it has on, ignore"),
        (lambda: Breaker("x").configure(on_result=bool), "on_result can be changed but not added or taken away"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_told_with_one_that_does(make: Callable[[], Any], hint: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(hint)):
        make()


def test_trips_are_shown_as_they_are_written() -> None:
    trip = consecutive(3) | rate(0.5, within=30) & slow(0.25, within=5) | rate(0.9, last=50)
    assert repr(trip) == (
        "(consecutive(3, expire=60) | (rate(0.5, within=30, calls=20) & slow(0.25, within=5, calls=20)) | rate(0.9, last=50, calls=20))"
    )
    assert (trip.failures, trip.expire, trip.last, trip.latency, trip.windows) == (3, 60, 50, True, (30, 5))
    assert (rate(0.5) & rate(0.6)).failures is None


def test_a_trip_that_does_not_judge_is_an_error_of_its_author(caplog: pytest.LogCaptureFixture) -> None:
    breaker = Breaker("service", trip=Trip())
    with caplog.at_level(logging.ERROR, "brownout"):
        breaker.failed()
    assert breaker.state is State.CLOSED
    assert "failed to judge; the breaker stays closed" in caplog.text


def test_an_error_that_cannot_be_told_is_told_by_its_name(caplog: pytest.LogCaptureFixture) -> None:
    class Dumb(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    breaker = Breaker("service")
    with caplog.at_level(logging.ERROR, "brownout"):
        breaker.failed(Dumb())
    assert breaker.last_error == "Dumb"
    assert "no words" in caplog.text


def test_fewer_trials_close_a_breaker_that_has_done_enough() -> None:
    clock = Clock()
    breaker = Breaker("service", trials=3, retry_after=5, clock=clock)
    breaker.trip()
    clock.now += 5
    breaker.acquire().succeeded()
    assert breaker.state is State.HALF_OPEN
    breaker.configure(trials=1)
    assert breaker.state.name == "CLOSED"
    assert breaker.outages == (5.0,)


async def test_permits_and_breakers_are_asynchronous_context_managers() -> None:
    breaker = Breaker("service")
    async with breaker.acquire() as permit:
        assert not permit.trial
    with pytest.raises(KeyError):
        async with breaker.acquire():
            raise KeyError
    with pytest.raises(OSError, match="gone"):
        async with breaker:
            raise OSError("gone")
    stats = breaker.stats()
    assert (stats.succeeded, stats.failed) == (1, 2)


def test_calls_that_pass_without_a_permit_are_judged_as_well() -> None:
    breaker = Breaker("service", on=OSError, on_result=lambda result: result == "bad", trip=consecutive(1000))

    @breaker
    def call(what: str) -> str:
        if what == "answered":
            raise KeyError(what)
        return what

    for _ in range(5000):
        call("good")
    for _ in range(5):
        call("bad")
        with pytest.raises(KeyError):
            call("answered")
    stats = breaker.stats()
    assert (stats.succeeded, stats.failed) == (5005, 5)


@pytest.mark.parametrize("ending", ["good", "answered"])
def test_a_call_without_a_permit_that_ends_after_its_state_is_stale(ending: str) -> None:
    breaker = Breaker("service", on=OSError, on_result=lambda result: False)

    @breaker
    def call(what: str) -> None:
        if what != "warm":
            breaker.trip()
        if what == "answered":
            raise KeyError(what)

    for _ in range(5000):
        call("warm")
    while breaker._machine.lane.successes >= breaker._machine.lane.stop - 1:
        call("warm")
    with suppress(KeyError):
        call(ending)
    assert breaker.stats().stale == 1
    assert breaker.state is State.OPEN


def test_a_failure_by_hand_in_a_block_without_a_permit_counts_once() -> None:
    breaker = Breaker("service", trip=consecutive(1000))
    for _ in range(5000):
        with breaker:
            pass
    for _ in range(10):
        with breaker:
            breaker.failed(OSError("handled"))
    stats = breaker.stats()
    assert (stats.succeeded, stats.failed, stats.streak) == (5000, 10, 10)


def test_a_forecast_is_there_during_an_outage_only() -> None:
    clock = Clock()
    breaker = Breaker("service", retry_after=20, clock=clock)
    breaker.remember([30.0, 40.0, 50.0])
    assert breaker.forecast() is None
    breaker.trip()
    forecast = breaker.forecast()
    assert forecast is not None
    assert 20 <= forecast.low <= forecast.median <= forecast.high
    assert forecast.basis == 3


def test_the_stride_follows_the_rate_of_calls() -> None:
    clock = Clock()
    breaker = Breaker("service", clock=clock)
    guarded = breaker(len)
    for _ in range(4000):
        clock.now += 1e-6
        guarded("x")
    fast = breaker.stats().timed
    assert fast < 30
    for _ in range(3000):
        clock.now += 1
        guarded("x")
    slowly = breaker.stats()
    assert slowly.succeeded == 7000
    assert 28 <= slowly.timed <= 30


def test_the_ramp_goes_by_the_rate_before_the_outage_and_outlasts_a_crowd() -> None:
    clock = Clock()
    breaker = Breaker("service", retry_after=5, ramp=3, clock=clock)
    for _ in range(3000):
        clock.now += 0.01
        breaker.acquire().succeeded()
    breaker.trip()
    clock.now += 5
    breaker.acquire().succeeded()
    passed, waits = [], []
    for second in range(1, 8):
        before = breaker.stats().succeeded
        for _ in range(1000):
            clock.now += 0.001
            try:
                breaker.acquire().succeeded()
            except OpenError as error:
                waits.append(error.retry_after)
        passed.append(breaker.stats().succeeded - before)
        assert breaker.ramping, second
    assert passed[0] < 50
    assert passed == sorted(passed)
    # In the third second 70 to 100 % of the former rate pass, of which the window holds 27 to 30 s.
    assert 75 <= passed[2] <= 86
    assert 0 <= min(waits) < max(waits) <= 4
    clock.now += 1.1
    assert not breaker.ramping


def test_a_backoff_shows_itself_and_does_not_change() -> None:
    schedule = backoff(1, up_to=60, jitter=0.5)
    assert repr(schedule) == "backoff(1, up_to=60, factor=2, jitter=0.5)"
    assert 1 <= schedule.delay(1) <= 2
    with pytest.raises(AttributeError, match="make another one to change its first"):
        schedule.first = 2


def test_the_package_tells_what_it_has() -> None:
    assert {"Breaker", "retry", "Brownout"} <= set(dir(brownout))
    with pytest.raises(AttributeError, match="no attribute 'Braker'"):
        getattr(brownout, "Bra" + "ker")
