"""What a person does to a breaker, also in an order that nobody planned."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from brownout import Breaker, Mode, OpenError, Rejected, State, Transition, consecutive, rate
from brownout.testing import Clock


def broken(clock: Clock, **settings: Any) -> Breaker:
    breaker = Breaker("b", **{"trip": consecutive(1), "retry_after": 10, "ramp": 0, "clock": clock, **settings})
    breaker.trip()
    return breaker


def test_going_back_to_half_open_is_told_with_the_time_of_now() -> None:
    clock = Clock(0.0)
    breaker, heard = broken(clock), list[Transition]()
    clock.tick(10)
    breaker.acquire()
    breaker.subscribe(heard.append, Transition)
    with breaker.isolated("maintenance"):
        clock.tick(5)
    assert [event.at for event in heard] == [10.0, 15.0]


def test_shadow_that_began_during_isolation_lets_calls_of_an_open_breaker_through() -> None:
    breaker = broken(Clock(0.0))
    with breaker.isolated("maintenance"):
        breaker.shadow()
    assert breaker(lambda: "answer")() == "answer"


def test_whoever_listens_since_the_isolation_hears_of_refused_calls() -> None:
    breaker, heard = broken(Clock(0.0)), list[Rejected]()
    with breaker.isolated("maintenance"):
        breaker.subscribe(heard.append, Rejected)
    with pytest.raises(OpenError):
        breaker(lambda: None)()
    assert len(heard) == 1


@pytest.mark.parametrize("kind", ["isolated", "disabled", "shadow"])
def test_blocks_that_overlap_leave_nothing_behind(kind: str) -> None:
    breaker = Breaker("b", clock=Clock(0.0))
    first, second = (breaker.isolated("m"), breaker.isolated("m")) if kind == "isolated" else (getattr(breaker, kind)() for _ in range(2))
    first.__exit__(None, None, None)
    assert breaker.mode.value == kind
    second.__exit__(None, None, None)
    assert breaker.mode is Mode.NORMAL


def test_reset_inside_a_shadow_block_is_not_undone_by_the_block_around() -> None:
    breaker = Breaker("b", clock=Clock(0.0))
    breaker.shadow()
    with breaker.shadow():
        breaker.reset()
    assert breaker.mode is Mode.NORMAL


def test_fewer_trials_set_during_isolation_close_a_breaker_that_had_enough() -> None:
    clock = Clock(0.0)
    breaker = broken(clock, trials=2)
    clock.tick(10)
    breaker.acquire().succeeded()
    with breaker.isolated("maintenance"):
        breaker.configure(trials=1)
    assert breaker.state is State.CLOSED


def test_results_are_judged_only_where_there_is_one() -> None:
    breaker = Breaker("b", on_result=lambda result: result is None, clock=Clock(0.0))
    with breaker:
        pass
    with breaker.acquire():
        pass
    assert list(breaker(lambda: (yield 1))()) == [1]
    assert breaker.stats().succeeded == 3
    breaker.acquire().succeeded(None)
    assert breaker.stats().failed == 1


async def test_a_coroutine_function_may_return_something_to_await() -> None:
    @Breaker("b")
    async def begun() -> asyncio.Future[int]:
        return asyncio.get_running_loop().create_future()

    assert not (await begun()).done()


def test_a_function_may_have_a_name_of_the_wrapper() -> None:
    def _b_call(value: int) -> int:
        return value

    assert Breaker("b")(_b_call)(1) == 1


def test_garbage_that_hands_a_permit_back_cannot_lock_the_breaker() -> None:
    clock, ended = Clock(0.0), threading.Event()
    breaker = broken(clock, trials=2, at_once=2)

    @breaker
    def numbers() -> Iterator[Any]:
        cycle: list[Any] = []
        cycle.append((yield cycle))

    class Careless(Exception):
        def __str__(self) -> str:
            gc.collect()  # stands for the collector that comes while the breaker holds its lock
            return "careless"

    def run() -> None:
        stream = numbers()
        next(stream).append(stream)
        del stream
        breaker.acquire().failed(Careless())
        ended.set()

    clock.tick(10)
    threading.Thread(target=run, daemon=True).start()
    assert ended.wait(30)
    assert breaker.state is State.OPEN


def test_settings_that_concern_no_window_leave_what_was_counted() -> None:
    breaker = Breaker("b", trip=rate(0.5, within=30, calls=20), clock=Clock(0.0))
    breaker.failed(OSError())
    breaker.configure(lease=5)
    assert breaker.stats().calls == 1
    breaker.configure(trip=rate(0.5, within=60, calls=20))
    assert breaker.stats().calls == 0


def test_failures_before_a_success_are_not_in_a_row_any_more_when_it_is_isolated() -> None:
    breaker = Breaker("b", clock=Clock(0.0))
    breaker.failed(OSError())
    with breaker:
        pass
    breaker.isolated("maintenance")
    assert breaker.stats().streak == 0
