"""Nine ways in which circuit breakers are known to go wrong, each tried on this one."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Generator

import pytest
from virtual_time import Clock

from brownout import Breaker, OpenError, State, consecutive


class Down(Exception):
    pass


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("service", on=Down, trip=consecutive(1), retry_after=10.0, ramp=0, lease=30.0, clock=clock)


def half_open(breaker: Breaker, clock: Clock, at_once: int) -> None:
    breaker.configure(trials=at_once, at_once=at_once)
    breaker.trip()
    clock.tick(10)


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


# 1. The lock is not held over the call.


def test_eight_threads_are_inside_the_call_at_the_same_time(breaker: Breaker) -> None:
    together = threading.Barrier(8, timeout=30)
    guarded = breaker(together.wait)
    threads = [threading.Thread(target=guarded) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not together.broken
    assert breaker.stats().succeeded == 8


# 2. Ctrl-C says nothing about the dependency.


def test_a_keyboard_interrupt_is_not_counted(breaker: Breaker) -> None:
    @breaker
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    stats = breaker.stats()
    assert (stats.failed, stats.succeeded, breaker.state) == (0, 0, State.CLOSED)


def test_a_real_interrupt_signal_is_not_counted() -> None:
    code = f"""
import os, signal, time
from brownout import Breaker, consecutive
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs in the background inherits that it is ignored
breaker = Breaker("service", trip=consecutive(1))
@breaker
def call():
    os.kill(os.getpid(), {int(signal.SIGINT)})
    time.sleep(30)
try:
    call()
except KeyboardInterrupt:
    print(breaker.state.name, breaker.stats().failed, breaker.stats().succeeded)
"""
    assert python(code) == "CLOSED 0 0"


# 3. Cancellation is neither a success nor a failure.


async def cancelled_call(breaker: Breaker) -> None:
    @breaker
    async def hang() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancellation_is_neither_success_nor_failure(breaker: Breaker) -> None:
    await cancelled_call(breaker)
    stats = breaker.stats()
    assert (stats.failed, stats.succeeded) == (0, 0)


async def test_a_cancelled_trial_gives_its_place_back(breaker: Breaker, clock: Clock) -> None:
    half_open(breaker, clock, 1)
    await cancelled_call(breaker)
    assert breaker.reason.startswith("half open")
    breaker(lambda: None)()
    assert breaker.state is State.CLOSED


# 4. No stampede when it is time for a trial.


@pytest.mark.parametrize("at_once", [1, 3])
def test_of_fifty_threads_only_the_trials_pass(breaker: Breaker, clock: Clock, at_once: int) -> None:
    half_open(breaker, clock, at_once)
    start = threading.Barrier(50, timeout=30)
    release = threading.Event()
    refused = threading.Semaphore(0)
    entered: list[int] = []

    @breaker
    def call() -> None:
        entered.append(1)
        release.wait(30)

    def run() -> None:
        start.wait()
        try:
            call()
        except OpenError:
            refused.release()

    threads = [threading.Thread(target=run) for _ in range(50)]
    for thread in threads:
        thread.start()
    for _ in range(50 - at_once):
        assert refused.acquire(timeout=30)
    release.set()
    for thread in threads:
        thread.join()
    assert (len(entered), breaker.state) == (at_once, State.CLOSED)


@pytest.mark.parametrize("at_once", [1, 3])
async def test_of_fifty_tasks_only_the_trials_pass(breaker: Breaker, clock: Clock, at_once: int) -> None:
    half_open(breaker, clock, at_once)
    release = asyncio.Event()

    @breaker
    async def call() -> str:
        await release.wait()
        return "passed"

    tasks = [asyncio.create_task(call()) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    release.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results.count("passed") == at_once
    assert sum(isinstance(result, OpenError) for result in results) == 50 - at_once


# 5. What comes late decides nothing.


def test_a_stale_success_does_not_close(breaker: Breaker) -> None:
    late = breaker.acquire()
    breaker.trip()
    late.succeeded()
    assert (breaker.state, breaker.stats().stale) == (State.OPEN, 1)


def test_a_stale_success_does_not_end_a_trial(breaker: Breaker, clock: Clock) -> None:
    late = breaker.acquire()
    half_open(breaker, clock, 1)
    breaker.acquire()
    late.succeeded()
    assert (breaker.state, breaker.stats().stale) == (State.HALF_OPEN, 1)


def test_a_stale_failure_does_not_open(breaker: Breaker) -> None:
    late = breaker.acquire()
    breaker.trip()
    breaker.reset()
    late.failed(Down())
    assert (breaker.state, breaker.stats().stale) == (State.CLOSED, 1)


# 6. The real error is seen.


def test_the_call_that_trips_raises_its_own_error(breaker: Breaker) -> None:
    error = Down("itself")

    @breaker
    def call() -> None:
        raise error

    with pytest.raises(Down) as raised:
        call()
    assert raised.value is error
    assert breaker.state is State.OPEN


def test_a_refused_call_tells_the_error_that_opened(breaker: Breaker) -> None:
    error = Down("itself")
    breaker.failed(error)
    with pytest.raises(OpenError) as raised:
        breaker.acquire()
    assert raised.value.__cause__ is error


# 7. Streams are guarded to the last item.


def source(breaks: bool) -> Generator[int, str, str]:
    yield 1
    if breaks:
        raise Down
    yield 2
    return "end"


async def asource(breaks: bool) -> AsyncGenerator[int, None]:
    yield 1
    if breaks:
        raise Down
    yield 2


def test_a_generator_that_breaks_after_an_item_has_failed(breaker: Breaker) -> None:
    with pytest.raises(Down):
        list(breaker(source)(True))
    assert breaker.state is State.OPEN


def test_a_generator_read_to_the_end_has_succeeded(breaker: Breaker) -> None:
    assert list(breaker(source)(False)) == [1, 2]
    assert breaker.stats().succeeded == 1


def test_a_closed_generator_leaves_the_breaker_closed(breaker: Breaker) -> None:
    stream = breaker(source)(True)
    next(stream)
    stream.close()
    assert (breaker.state, breaker.stats().failed) == (State.CLOSED, 0)


def test_an_abandoned_generator_gives_its_trial_back(breaker: Breaker, clock: Clock) -> None:
    half_open(breaker, clock, 1)
    stream = breaker(source)(True)
    next(stream)
    del stream
    assert breaker.acquire().trial


def test_what_the_reader_throws_in_is_no_failure_of_the_source(breaker: Breaker) -> None:
    stream = breaker(source)(False)
    next(stream)
    with pytest.raises(Down):
        stream.throw(Down())
    assert breaker.stats().failed == 0


async def test_an_async_generator_that_breaks_after_an_item_has_failed(breaker: Breaker) -> None:
    with pytest.raises(Down):
        async for _ in breaker(asource)(True):
            pass
    assert breaker.state is State.OPEN


async def test_an_async_generator_read_to_the_end_has_succeeded(breaker: Breaker) -> None:
    assert [item async for item in breaker(asource)(False)] == [1, 2]
    assert breaker.stats().succeeded == 1


async def test_a_closed_async_generator_gives_its_trial_back(breaker: Breaker, clock: Clock) -> None:
    half_open(breaker, clock, 1)
    stream = breaker(asource)(True)
    await anext(stream)
    await stream.aclose()
    assert breaker.acquire().trial


async def test_what_the_reader_throws_into_an_async_generator_is_no_failure(breaker: Breaker) -> None:
    stream = breaker(asource)(False)
    await anext(stream)
    with pytest.raises(Down):
        await stream.athrow(Down())
    assert breaker.stats().failed == 0


# 8. A permit that is never given back does not keep it half-open for ever.


def test_a_leaked_trial_loses_its_place_when_its_lease_is_over(breaker: Breaker, clock: Clock) -> None:
    half_open(breaker, clock, 1)
    breaker.acquire()
    clock.tick(29.9)
    with pytest.raises(OpenError):
        breaker.acquire()
    clock.tick(0.1)
    breaker.acquire().succeeded()
    assert breaker.state is State.CLOSED


# 9. The wall clock may jump.


@pytest.mark.parametrize("jump", [1e9, -1e9])
def test_a_jump_of_the_wall_clock_changes_nothing(jump: float) -> None:
    code = f"""
import time
wall = time.time
from brownout import Breaker, OpenError, consecutive
breaker = Breaker("service", trip=consecutive(1), retry_after=3600.0)
breaker.failed(ValueError())
before = breaker.retry_in
time.time = lambda: wall() + {jump!r}
try:
    breaker.acquire()
except OpenError:
    print(breaker.state.name, 0 <= before - breaker.retry_in < 600)
"""
    assert python(code) == "OPEN True"
