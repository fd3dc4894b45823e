"""When a probe is due, what it does to its breaker, and how it runs and ends. Time is virtual wherever no thread is meant."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from virtual_time import Clock, now, virtual

from brownout import Breaker, Brownout, ConfigurationError, Failed, Level, State, Transition, backoff, consecutive
from brownout._probe import Probe, Schedule, probed


def a_breaker(clock: Callable[[], float] | None = None, **settings: Any) -> Breaker:
    given: dict[str, Any] = {"trip": consecutive(3), "retry_after": backoff(20, up_to=300), "ramp": 0, **settings}
    return Breaker("database", clock=clock, **given)


class Dependency:
    """Answers until told otherwise, and keeps when it was asked."""

    def __init__(self) -> None:
        self.broken = False
        self.asked: list[float] = []

    async def ping(self) -> None:
        self.asked.append(round(now(), 3))
        if self.broken:
            raise ConnectionError("refused")


async def after(seconds: float, probe: Probe, change: Callable[[], object] = lambda: None, **more: Any) -> None:
    """Run *probe* for *seconds*, call *change*, and leave it running for as long as the test says in *then*."""
    task = asyncio.create_task(probe.run(more.get("told")))
    await asyncio.sleep(seconds)
    change()
    await asyncio.sleep(more.get("then", 0.0))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


# When it is due: a function of the breaker, the clock, and the last probe.


def scheduled(breaker: Breaker) -> Schedule:
    schedule = Schedule(breaker, 30.0, 0.2)
    breaker.subscribe(schedule.heard, Failed, Transition)
    return schedule


def probe_at(schedule: Schedule, breaker: Breaker, clock: Clock, well: bool) -> None:
    before = breaker.state
    permit = breaker.acquire(probe=True)
    schedule.started(clock())
    permit.succeeded() if well else permit.failed(ConnectionError())
    schedule.ended(succeeded=well, counted=permit.trial or before is not State.HALF_OPEN)


def test_the_first_probe_is_due_at_once() -> None:
    clock = Clock()
    assert scheduled(a_breaker(clock)).due() <= clock()


def test_while_all_is_well_it_is_due_on_its_interval() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    schedule = scheduled(breaker)
    probe_at(schedule, breaker, clock, well=True)
    assert schedule.due() == clock() + 30


def test_the_interval_may_be_shortened_for_once() -> None:
    schedule = scheduled(a_breaker(Clock()))
    schedule.started(1000.0, 0.9)
    schedule.ended(succeeded=True, counted=True)
    assert schedule.due() == 1027.0


def test_a_failed_call_makes_it_due_at_once_and_a_success_ends_the_doubt() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    schedule = scheduled(breaker)
    probe_at(schedule, breaker, clock, well=True)
    clock.tick(5)
    breaker.failed(ConnectionError())
    assert schedule.due() == clock()
    probe_at(schedule, breaker, clock, well=True)
    assert schedule.due() == clock() + 30
    assert breaker.stats().streak == 1  # which the probe did not clear


def test_many_failed_calls_cause_no_more_than_a_probe_per_repeat() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    schedule = scheduled(breaker)
    probe_at(schedule, breaker, clock, well=True)
    clock.tick(0.05)
    breaker.failed(ConnectionError())
    assert schedule.due() == pytest.approx(1000.2)


def test_a_call_that_fails_during_the_check_keeps_the_doubt() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    schedule = scheduled(breaker)
    schedule.started(clock())
    clock.tick(0.1)
    breaker.failed(ConnectionError())
    schedule.ended(succeeded=True, counted=True)
    assert schedule.due() == pytest.approx(1000.2)


def test_a_failed_probe_is_followed_at_once_and_then_every_repeat() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    schedule = scheduled(breaker)
    probe_at(schedule, breaker, clock, well=False)
    assert schedule.due() == clock()
    probe_at(schedule, breaker, clock, well=False)
    assert schedule.due() == pytest.approx(clock() + 0.2)


def test_an_open_breaker_is_probed_on_the_interval_and_when_its_first_open_time_ends() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    schedule = scheduled(breaker)
    for _ in range(3):
        probe_at(schedule, breaker, clock, well=False)
    assert breaker.state is State.OPEN
    assert schedule.due() == clock() + 20
    clock.tick(20)
    probe_at(schedule, breaker, clock, well=False)
    assert schedule.due() == clock() + 30


def test_the_remaining_trials_are_due_at_once() -> None:
    clock = Clock()
    breaker = a_breaker(clock, trials=2)
    schedule = scheduled(breaker)
    breaker.trip()
    clock.tick(20)
    probe_at(schedule, breaker, clock, well=True)
    assert breaker.reason == "half open (1 of 2 trials done)"
    assert schedule.due() == clock()
    probe_at(schedule, breaker, clock, well=True)
    assert breaker.state is State.CLOSED


def test_a_probe_that_found_the_trial_taken_keeps_its_distance() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    schedule = scheduled(breaker)
    breaker.trip()
    clock.tick(20)
    breaker.acquire()
    probe_at(schedule, breaker, clock, well=True)
    assert breaker.state is State.HALF_OPEN
    assert schedule.due() == pytest.approx(clock() + 0.2)


def test_an_isolated_breaker_is_probed_on_the_interval() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    schedule = scheduled(breaker)
    breaker.isolated("maintenance")
    probe_at(schedule, breaker, clock, well=True)
    assert schedule.due() == clock() + 30
    assert breaker.state is State.OPEN


# Running in a task.


@virtual
async def test_a_dead_service_is_found_without_traffic_soon_after_the_next_probe() -> None:
    breaker, service = a_breaker(), Dependency()
    probe = Probe(breaker, service.ping, interval=30, jitter=0)
    await after(25, probe, lambda: setattr(service, "broken", True), then=10)
    assert service.asked == [0, 30, 30, 30.2]
    assert breaker.state is State.OPEN


@virtual
async def test_a_failed_call_wakes_it() -> None:
    breaker, service = a_breaker(), Dependency()
    probe = Probe(breaker, service.ping, interval=30, jitter=0)

    def fail() -> None:
        service.broken = True
        breaker.failed(ConnectionError())

    await after(7, probe, fail, then=1)
    assert service.asked == [0, 7, 7.2]
    assert breaker.state is State.OPEN


@virtual
async def test_it_closes_the_breaker_without_any_call_as_soon_as_the_open_time_is_over() -> None:
    breaker, service = a_breaker(trials=2), Dependency()
    breaker.trip()
    await after(21, Probe(breaker, service.ping, interval=10, jitter=0))
    assert breaker.state is State.CLOSED
    assert service.asked == [0, 10, 20, 20]


@virtual
async def test_a_check_that_takes_too_long_has_failed_and_is_never_doubled() -> None:
    breaker = a_breaker()
    under_way, most = 0, 0

    async def stubborn() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            for _ in range(50):
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(1)
        finally:
            under_way -= 1

    probe = Probe(breaker, stubborn, timeout=0.5, jitter=0)
    task = asyncio.create_task(probe.run())
    await asyncio.sleep(1.5)
    assert breaker.state is State.OPEN
    assert breaker.last_error.startswith("DeadlineExceeded: not done within")
    assert (most, probe.hung) == (1, 1.5)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@virtual
async def test_a_late_answer_means_nothing_and_probing_goes_on() -> None:
    breaker, done = a_breaker(), asyncio.Event()
    asked = 0

    async def late() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            with suppress(asyncio.CancelledError):
                await done.wait()
            await asyncio.sleep(0.1)
            raise ConnectionError("too late")

    probe = Probe(breaker, late, timeout=0.5, jitter=0)
    await after(1, probe)
    assert asked == 2
    assert probe.hung == 0
    assert breaker.stats().failed == 1
    assert probe.latency == 0


@virtual
async def test_a_task_that_is_cancelled_gives_back_its_trial() -> None:
    breaker = a_breaker()
    breaker.trip()
    await asyncio.sleep(20)
    breaker.acquire().ignored()  # the trial that makes it half open
    await after(0.1, Probe(breaker, asyncio.Event().wait))
    assert breaker.acquire().trial


@virtual
async def test_it_outlives_what_the_check_raises(caplog: pytest.LogCaptureFixture) -> None:
    breaker, asked = a_breaker(on=ConnectionError), 0

    async def wrong() -> None:
        nonlocal asked
        asked += 1
        raise (KeyError("bug"), asyncio.CancelledError())[asked % 2]

    with caplog.at_level(logging.ERROR, "brownout"):
        await after(25, Probe(breaker, wrong, interval=10, jitter=0))
    assert asked == 3
    assert breaker.state is State.CLOSED
    assert "the check of database raised what counts as" in caplog.text


@virtual
async def test_false_is_a_failure() -> None:
    breaker = a_breaker()

    async def no() -> bool:
        return False

    await after(1, Probe(breaker, no))
    assert breaker.state is State.OPEN


@virtual
async def test_a_plain_function_is_checked_beside_the_loop() -> None:
    breaker, asked, loop = a_breaker(), asyncio.Event(), asyncio.get_running_loop()
    task = asyncio.create_task(Probe(breaker, lambda: loop.call_soon_threadsafe(asked.set)).run())
    await asked.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert breaker.state is State.CLOSED


@virtual
async def test_whoever_wants_to_know_is_called_after_each_probe(caplog: pytest.LogCaptureFixture) -> None:
    told = 0

    def tell() -> None:
        nonlocal told
        told += 1
        raise ValueError("not our fault")

    await after(25, Probe(a_breaker(), Dependency().ping, interval=10, jitter=0), told=tell)
    assert told == 3
    assert "failed after a probe of database" in caplog.text


@virtual
async def test_probes_keep_the_level_up_to_date_though_nobody_looks() -> None:
    breaker, service = a_breaker(), Dependency()
    brownout, heard = Brownout({breaker: 100}, dwell=5), []
    brownout.subscribe(lambda change: heard.append(change.after))
    service.broken = True
    probe = Probe(breaker, service.ping, interval=10, jitter=0)
    await after(1, probe, lambda: setattr(service, "broken", False), told=brownout.refresh, then=60)
    assert (heard[0], heard[-1]) == (Level.LIMITED, Level.OPTIMAL)
    assert Level.EMERGENCY in heard


@virtual
async def test_watching_tells_of_a_better_level_when_it_has_held_and_no_later() -> None:
    breaker, heard = a_breaker(), []
    brownout = Brownout({breaker: 100}, dwell=5)
    breaker.trip()
    brownout.subscribe(lambda change: heard.append((change.after, round(now()))))
    async with brownout.watching(Probe(breaker, Dependency().ping, interval=20, jitter=0)) as same:
        await asyncio.sleep(30)
    assert same is brownout
    assert heard[-1] == (Level.OPTIMAL, 25)
    assert breaker not in probed


@virtual
async def test_a_probe_that_cannot_run_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    breaker = a_breaker()
    probe = Probe(breaker, Dependency().ping)
    async with Brownout({breaker: 1}).watching(probe), Brownout({breaker: 1}).watching(probe):
        await asyncio.sleep(1)
    assert "a probe had ended by itself" in caplog.text


def test_two_probes_of_one_breaker_are_refused() -> None:
    breaker = a_breaker()
    with pytest.raises(ConfigurationError, match="more for database"):
        Brownout({breaker: 1}).watching(Probe(breaker, print), Probe(breaker, print))


@virtual
async def test_it_runs_once_at_a_time() -> None:
    probe = Probe(a_breaker(), Dependency().ping)
    task = asyncio.create_task(probe.run())
    await asyncio.sleep(0)
    with pytest.raises(ConfigurationError, match="runs already"):
        await probe.run()
    with pytest.raises(ConfigurationError, match="runs already"), probe.thread():
        pass
    assert probe.breaker in probed
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert probe.breaker not in probed


# Running in a thread.


def tell_when(breaker: Breaker, state: State, event: threading.Event) -> None:
    def hear(transition: Transition) -> None:
        if transition.after is state:
            event.set()

    breaker.subscribe(hear, Transition)


def test_a_thread_probes_and_ends() -> None:
    asked = threading.Event()
    with Probe(a_breaker(), asked.set, interval=0.01).thread() as probe:
        assert asked.wait(10)
    assert probe.breaker not in probed
    assert not [thread for thread in threading.enumerate() if thread.name == "probe of database"]


def test_a_thread_makes_the_trials_of_a_breaker() -> None:
    breaker, closed = a_breaker(retry_after=backoff(0.02, up_to=1)), threading.Event()
    tell_when(breaker, State.CLOSED, closed)
    breaker.trip()
    with Probe(breaker, lambda: None, interval=0.05).thread():
        assert closed.wait(10)


def test_watching_works_in_threads_as_well() -> None:
    breaker, back = a_breaker(retry_after=0.02), threading.Event()
    brownout = Brownout({breaker: 100}, dwell=0.2)
    breaker.trip()
    brownout.subscribe(lambda change: back.set() if change.after is Level.OPTIMAL else None)
    with brownout.watching(Probe(breaker, lambda: None, interval=600)):
        assert back.wait(10)
    assert not [thread for thread in threading.enumerate() if "brownout" in thread.name or "probe" in thread.name]


def test_a_function_that_hangs_in_a_thread_is_not_called_again_before_it_has_ended() -> None:
    breaker, opened, closed, release = a_breaker(retry_after=0.05), threading.Event(), threading.Event(), threading.Event()
    calls = 0

    def hang() -> None:
        nonlocal calls
        calls += 1
        release.wait()

    tell_when(breaker, State.OPEN, opened)
    tell_when(breaker, State.CLOSED, closed)
    with Probe(breaker, hang, interval=0.05, timeout=0.01, repeat=0.01).thread() as probe:
        assert opened.wait(10)
        assert probe.hung > 0
        assert calls == 1
        release.set()
        assert closed.wait(10)
        assert probe.hung == 0


def test_what_a_plain_function_raises_counts() -> None:
    breaker, opened = a_breaker(), threading.Event()
    tell_when(breaker, State.OPEN, opened)

    def broken() -> None:
        raise ConnectionError("refused")

    with Probe(breaker, broken, repeat=0.01).thread():
        assert opened.wait(10)
    assert breaker.last_error == "ConnectionError: refused"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"interval": 0}, "interval"), ({"repeat": float("inf")}, "repeat"), ({"timeout": -1}, "timeout"), ({"jitter": 1}, "jitter")],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, float], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Probe(a_breaker(), Dependency().ping, **wrong)


def test_a_check_must_be_callable() -> None:
    with pytest.raises(ConfigurationError, match="check"):
        Probe(a_breaker(), "ping")  # type: ignore[arg-type]  # wrong on purpose
