"""What a breaker counts, when it trips, and what people do to it."""

import contextvars
import copy
import logging
import pickle
import threading
from collections.abc import Generator
from typing import Any

import pytest
from virtual_time import Clock

from brownout import Breaker, ConfigurationError, Mode, OpenError, State, Trip, consecutive, rate, slow
from brownout._events import Failed, Rejected, Transition
from brownout._machine import ThreadLanes


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(clock: Clock, **settings: Any) -> Breaker:
    return Breaker("service", clock=clock, **{"trip": consecutive(2), "retry_after": 10.0, "ramp": 0, **settings})


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.acquire().failed(OSError("down"))


def succeed(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.acquire().succeeded()


def test_a_streak_opens_and_says_so(clock: Clock) -> None:
    breaker = make(clock)
    fail(breaker, 2)
    assert breaker.reason == "open (2 failures in a row)"


def test_a_streak_expires(clock: Clock) -> None:
    breaker = make(clock, trip=consecutive(2, expire=5))
    fail(breaker)
    clock.tick(5.5)
    fail(breaker)
    assert (breaker.state, breaker.stats().streak) == (State.CLOSED, 1)


def test_a_rate_within_time_forgets_what_is_older(clock: Clock) -> None:
    breaker = make(clock, trip=rate(0.5, within=10, calls=4))
    fail(breaker, 3)
    clock.tick(11)
    fail(breaker, 3)
    assert breaker.stats()[1:3] == (3, 3)
    fail(breaker)
    assert breaker.reason == "open (4 of 4 calls failed within 10 s)"


def test_a_rate_of_the_last_calls_opens(clock: Clock) -> None:
    breaker = make(clock, trip=rate(0.5, last=4, calls=4))
    succeed(breaker, 9)
    fail(breaker, 2)
    assert breaker.reason == "open (2 of the last 4 calls failed)"


def test_both_trips_must_agree(clock: Clock) -> None:
    breaker = make(clock, trip=consecutive(2) & rate(0.9, last=4, calls=4))
    fail(breaker, 3)
    assert (breaker.state, breaker.threshold) == (State.CLOSED, None)
    fail(breaker)
    assert breaker.reason == "open (4 failures in a row and 4 of the last 4 calls failed)"


def test_slow_calls_open(clock: Clock) -> None:
    breaker = make(clock, trip=slow(0.5, calls=2), latency_limit=0.2)
    for _ in range(2):
        permit = breaker.acquire()
        clock.tick(1)
        permit.succeeded()
    assert breaker.reason == "open (2 of 2 timed calls were slow within 30 s)"


def test_a_slow_trial_opens_it_again(clock: Clock) -> None:
    breaker = make(clock, trip=slow(0.5, calls=2), latency_limit=0.2)
    breaker.trip()
    clock.tick(10)
    trial = breaker.acquire()
    clock.tick(1)
    trial.succeeded()
    assert breaker.reason == "open (a failed trial)"


def test_a_trip_that_raises_is_logged_and_leaves_it_closed(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Trip):
        def check(self, evidence: object) -> str:
            raise ZeroDivisionError

    breaker = make(clock, trip=Broken())
    fail(breaker)
    assert breaker.state is State.CLOSED
    assert "failed to judge" in caplog.text


def one() -> int:
    return 1


def same(status: int) -> int:
    return status


def raising(_: object) -> Any:
    raise ZeroDivisionError


def test_a_predicate_that_raises_is_logged_and_the_caller_gets_its_own_error(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    breaker = make(clock, on=raising)
    with pytest.raises(OSError, match="own"), breaker:
        raise OSError("own")
    assert breaker.stats().failed == 1
    assert "on or ignore failed" in caplog.text


def test_a_judge_of_results_that_raises_ignores_the_result(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    breaker = make(clock, on_result=raising)
    call = breaker(one)
    assert [call(), call(), call()] == [1, 1, 1]
    assert (breaker.stats().failed, breaker.stats().succeeded) == (0, 0)
    assert "on_result failed" in caplog.text


def test_results_are_judged(clock: Clock) -> None:
    breaker = make(clock, on_result=lambda result: result == 500, trip=consecutive(9))
    call = breaker(same)
    for status in (200, 500, 500, 200):
        call(status)
    assert (breaker.stats().failed, breaker.stats().succeeded) == (2, 2)


def test_the_error_may_ask_for_a_longer_wait(clock: Clock) -> None:
    breaker = make(clock, trip=consecutive(1), retry_after_from=lambda error: 7.0, retry_after=Breaker("x").settings.retry_after)
    breaker.configure(retry_after_from=lambda error: 60.0)
    fail(breaker)
    assert breaker.retry_in == 60


def test_a_wait_that_cannot_be_read_is_logged(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    breaker = make(clock, trip=consecutive(1), retry_after_from=raising)
    fail(breaker)
    assert breaker.retry_in == 10
    assert "retry_after_from failed" in caplog.text


@pytest.mark.parametrize(
    "settings",
    [
        {"trials": 0},
        {"at_once": 2},
        {"tolerate": -1},
        {"lease": 0},
        {"ramp": -1},
        {"latency_limit": 0},
        {"trip": 5},
        {"trip": slow(0.5)},
        {"on": BaseException},
        {"ignore": (5,)},
        {"retry_after": "soon"},
        {"on_result": 5},
    ],
)
def test_a_wrong_setting_is_named(clock: Clock, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"^{next(iter(settings))}: "):
        make(clock, **settings)


def test_events_come_in_order(clock: Clock) -> None:
    breaker = make(clock)
    heard: list[type] = []
    stop = breaker.subscribe(lambda event: heard.append(type(event)))
    fail(breaker, 2)
    with pytest.raises(OpenError):
        breaker.acquire()
    stop()
    breaker.reset()
    assert heard == [Failed, Failed, Transition, Rejected]


def test_a_listener_that_raises_is_logged(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    breaker = make(clock)
    breaker.subscribe(raising, Transition)
    breaker.trip()
    assert caplog.records[0].levelno == logging.ERROR


def test_shadow_refuses_nobody(clock: Clock) -> None:
    breaker = make(clock)
    with breaker.shadow():
        breaker.trip()
        succeed(breaker)
        assert (breaker.mode, breaker.stats().rejected) == (Mode.SHADOW, 1)
    with pytest.raises(OpenError):
        breaker.acquire()


def test_disabled_counts_nothing(clock: Clock) -> None:
    breaker = make(clock)
    with breaker.disabled():
        fail(breaker, 5)
        assert breaker.mode is Mode.DISABLED
    assert (breaker.mode, breaker.stats().failed) == (Mode.NORMAL, 0)


def test_the_ramp_lets_ten_pass_at_once_and_then_refuses(clock: Clock) -> None:
    breaker = make(clock, ramp=3.0)
    breaker.trip()
    clock.tick(10)
    succeed(breaker)
    succeed(breaker, 10)
    assert breaker.ramping
    with pytest.raises(OpenError):
        breaker.acquire()
    clock.tick(4)
    succeed(breaker, 50)
    assert not breaker.ramping


def test_keyed_keeps_the_open_ones_and_drops_the_oldest_closed_one(clock: Clock) -> None:
    keyed = make(clock).keyed(maxsize=2)
    keyed["a"].trip()
    keyed["b"].reset()
    assert keyed["c"].key == "c"
    assert [breaker.key for breaker in keyed] == ["a", "c"]
    assert ("b" in keyed, len(keyed)) == (False, 2)


def test_a_failure_by_hand_is_that_of_its_own_block(clock: Clock) -> None:
    outer, inner = make(clock), make(clock)
    with outer, inner:
        outer.failed(OSError())
    assert (outer.stats().failed, outer.stats().succeeded) == (1, 0)
    assert (inner.stats().failed, inner.stats().succeeded) == (0, 1)


def test_blocks_of_generators_that_take_turns_are_told_apart(clock: Clock) -> None:
    breaker, other = make(clock), make(clock)

    def block(guard: Breaker) -> Generator[None, None, None]:
        with guard:
            yield

    first, second = block(breaker), block(other)
    for generator in (first, second, first, second):
        next(generator, None)
    assert (breaker.stats().succeeded, other.stats().succeeded) == (1, 1)


def test_a_block_that_ends_in_another_context_decides_nothing(clock: Clock) -> None:
    breaker = make(clock)
    contextvars.Context().run(breaker.__enter__)
    error = OSError()
    breaker.__exit__(OSError, error, None)
    assert (breaker.stats().failed, breaker.stats().stale) == (0, 1)


def test_an_open_error_survives_pickling(clock: Clock) -> None:
    breaker = make(clock)
    breaker.trip("maintenance")
    with pytest.raises(OpenError) as raised:
        breaker.acquire()
    assert b"maintenance" in pickle.dumps(raised.value)
    assert str(copy.copy(raised.value)) == str(raised.value)  # which goes the way of pickle


@pytest.mark.parametrize("lanes", [False, True])
def test_eight_threads_are_counted_exactly(clock: Clock, lanes: bool) -> None:
    breaker = make(clock)
    if lanes:
        breaker._machine = ThreadLanes(breaker, breaker.settings, clock)
    call = breaker(one)

    def run() -> None:
        for _ in range(2000):
            call()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert breaker.stats().succeeded == 16_000
