import asyncio
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from virtual_time import Clock, now, ticking, virtual

from brownout._breaker import Breaker
from brownout._bulkhead import Bulkhead, _Task, bulkhead
from brownout._deadline import deadline
from brownout._errors import BulkheadFullError, ConfigurationError, RejectedError
from brownout._trips import consecutive


@pytest.fixture
def clock() -> Iterator[Clock]:
    with ticking() as clock:
        yield clock


def nothing() -> None:
    return


def until(condition: Callable[[], bool]) -> None:
    """Wait for other threads, which take their time; it only fails when what is awaited never comes."""
    pause = threading.Event()
    for _ in range(10_000):
        if condition():
            return
        pause.wait(0.001)
    raise AssertionError("it never came")


# Slots.


def test_refuses_more_than_its_slots_and_names_itself() -> None:
    slots = bulkhead(1)
    with slots, pytest.raises(BulkheadFullError, match="1 calls are in progress and 0 wait") as caught, slots:
        pass
    assert getattr(caught.value, "bulkhead", None) is slots
    assert isinstance(caught.value, RejectedError)
    assert caught.value.retry_after is None


def test_a_slot_comes_back_after_success_and_after_failure() -> None:
    slots = bulkhead(1)

    @slots
    def divide(by: int) -> float:
        assert slots.active == 1
        return 1 / by

    assert divide(2) == 0.5
    with pytest.raises(ZeroDivisionError):
        divide(0)
    assert (slots.active, slots.queued) == (0, 0)


def test_the_error_crosses_processes() -> None:
    slots = bulkhead(1)
    with slots, pytest.raises(BulkheadFullError) as caught, slots:
        pass
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert type(copy) is BulkheadFullError
    assert str(copy) == str(caught.value)


def test_a_breaker_outside_does_not_blame_the_service_for_a_full_bulkhead() -> None:
    breaker, slots = Breaker("database", trip=consecutive(1)), bulkhead(1)
    load = breaker(slots(nothing))
    with slots, pytest.raises(BulkheadFullError):
        load()
    assert breaker.stats().failed == 0


# The queue, with threads.


def test_threads_get_their_slots_in_the_order_they_came() -> None:
    slots, order = bulkhead(1, waiting=5), []

    def work(number: int) -> None:
        with slots:
            order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    with slots:
        for number, thread in enumerate(threads):
            thread.start()
            until(partial(lambda expected: slots.queued == expected, number + 1))
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]
    assert (slots.active, slots.queued) == (0, 0)


def test_a_full_queue_refuses() -> None:
    slots = bulkhead(1, waiting=1)
    thread = threading.Thread(target=slots(nothing))
    with slots:
        thread.start()
        until(lambda: slots.queued == 1)
        with pytest.raises(BulkheadFullError, match="1 wait"), slots:
            pass
    thread.join()


def test_a_thread_waits_no_longer_than_the_timeout() -> None:
    slots = bulkhead(1, waiting=1, timeout=0.001)
    with slots, pytest.raises(BulkheadFullError, match=r"no slot became free within 0\.001 s"), slots:
        pass
    assert (slots.active, slots.queued) == (0, 0)


def test_a_thread_waits_no_longer_than_its_deadline(clock: Clock) -> None:
    slots = bulkhead(1, waiting=1, timeout=60)
    with slots, deadline(1):
        clock.tick(5)
        with pytest.raises(BulkheadFullError, match=r"within 0\.0 s"), slots:
            pass


def test_ctrl_c_in_the_queue_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: threading.Event, timeout: float | None = None) -> bool:
        raise KeyboardInterrupt

    slots = bulkhead(1, waiting=1)
    with slots:
        monkeypatch.setattr(threading.Event, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt), slots:
            pass
        monkeypatch.undo()
        assert slots.queued == 0
    assert slots.active == 0


def test_ctrl_c_in_the_moment_a_slot_was_granted_hands_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = bulkhead(1, waiting=1)

    def granted_then_interrupted(self: threading.Event, timeout: float | None = None) -> bool:
        slots.__exit__(None, None, None)
        raise KeyboardInterrupt

    slots.__enter__()
    monkeypatch.setattr(threading.Event, "wait", granted_then_interrupted)
    with pytest.raises(KeyboardInterrupt), slots:
        pass
    assert (slots.active, slots.queued) == (0, 0)


def test_a_slot_given_back_between_look_and_queue_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    slots = bulkhead(1)
    monkeypatch.setattr(Bulkhead, "_take", lambda _: False)
    with slots:
        assert slots.active == 1
    assert slots.active == 0


def test_many_threads_never_exceed_the_slots() -> None:
    slots, seen = bulkhead(3, waiting=100), []

    @slots
    def work() -> None:
        seen.append(slots.active)

    threads = [threading.Thread(target=lambda: [work() for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1600
    assert max(seen) <= 3
    assert (slots.active, slots.queued) == (0, 0)


# The queue, with tasks.


@virtual
async def test_tasks_get_their_slots_in_the_order_they_came_and_no_more_at_once() -> None:
    slots, began = bulkhead(2, waiting=10), []

    @slots
    async def work(number: int) -> None:
        began.append((number, now()))
        await asyncio.sleep(1)

    await asyncio.gather(*(work(number) for number in range(5)))
    assert began == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2)]
    assert (slots.active, slots.queued) == (0, 0)


@virtual
async def test_who_comes_when_a_slot_is_freed_does_not_overtake_the_queue() -> None:
    slots = bulkhead(1, waiting=1)
    await slots.__aenter__()
    waiting = asyncio.create_task(slots.__aenter__())
    await asyncio.sleep(0)
    await slots.__aexit__(None, None, None)
    overtaking = asyncio.create_task(slots.__aenter__())
    await waiting
    assert slots.queued == 1
    await slots.__aexit__(None, None, None)
    await overtaking
    await slots.__aexit__(None, None, None)


@virtual
async def test_a_task_waits_no_longer_than_the_timeout_nor_than_its_deadline() -> None:
    slots = bulkhead(1, waiting=1, timeout=2)
    async with slots:
        with pytest.raises(BulkheadFullError):
            async with slots:
                pass
        assert now() == pytest.approx(2)
        with deadline(1), pytest.raises(BulkheadFullError):
            async with slots:
                pass
        assert now() == pytest.approx(3)
    assert (slots.active, slots.queued) == (0, 0)


@virtual
async def test_a_task_cancelled_in_the_queue_leaves_it() -> None:
    slots = bulkhead(1, waiting=1)
    async with slots:
        task = asyncio.create_task(slots.__aenter__())
        await asyncio.sleep(0)
        assert slots.queued == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert slots.queued == 0
    assert slots.active == 0


@virtual
async def test_a_task_cancelled_in_the_moment_its_slot_was_granted_hands_it_on() -> None:
    slots = bulkhead(1, waiting=2)
    await slots.__aenter__()
    first, second = asyncio.create_task(slots.__aenter__()), asyncio.create_task(slots.__aenter__())
    await asyncio.sleep(0)
    await slots.__aexit__(None, None, None)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    assert (slots.active, slots.queued) == (1, 0)
    await slots.__aexit__(None, None, None)
    assert slots.active == 0


@virtual
async def test_a_slot_granted_in_the_moment_the_time_ran_out_is_used() -> None:
    slots = bulkhead(1, waiting=1, timeout=1)
    await slots.__aenter__()
    asyncio.get_running_loop().call_later(1, slots._give_back)
    async with slots:
        assert slots.active == 1
    assert (slots.active, slots.queued) == (0, 0)


def test_threads_and_tasks_share_the_slots() -> None:
    slots, order = bulkhead(1, waiting=2), []

    async def in_loop() -> None:
        async with slots:
            order.append("task")

    def in_thread() -> None:
        with slots:
            order.append("thread")

    first, second = threading.Thread(target=lambda: asyncio.run(in_loop())), threading.Thread(target=in_thread)
    with slots:
        first.start()
        until(lambda: slots.queued == 1)
        second.start()
        until(lambda: slots.queued == 2)
    first.join()
    second.join()
    assert order == ["task", "thread"]
    assert (slots.active, slots.queued) == (0, 0)


def test_a_slot_for_a_task_whose_loop_is_closed_goes_to_the_next() -> None:
    slots, loop = bulkhead(1, waiting=2), asyncio.new_event_loop()
    slots.__enter__()
    slots._queue_up(_Task(loop))
    loop.close()
    slots.__exit__(None, None, None)
    assert (slots.active, slots.queued) == (0, 0)


# Streams.


def test_a_generator_holds_its_slot_to_the_last_item() -> None:
    slots = bulkhead(1)

    @slots
    def items() -> Iterator[int]:
        yield 1
        yield 2

    stream = items()
    assert slots.active == 0
    assert next(stream) == 1
    assert slots.active == 1
    assert list(stream) == [2]
    assert slots.active == 0


def test_an_abandoned_generator_gives_its_slot_back() -> None:
    slots = bulkhead(1)

    @slots
    def items() -> Iterator[int]:
        yield 1

    next(items())
    assert slots.active == 0


@virtual
async def test_an_async_generator_holds_its_slot_until_it_ends_or_is_closed() -> None:
    slots = bulkhead(1)

    @slots
    async def items() -> AsyncIterator[int]:
        yield 1
        yield 2

    assert [item async for item in items()] == [1, 2]
    assert slots.active == 0
    stream: Any = items()
    assert await anext(stream) == 1
    assert slots.active == 1
    await stream.aclose()
    assert slots.active == 0


@virtual
async def test_what_is_sent_or_thrown_into_an_async_generator_reaches_it() -> None:
    @bulkhead(1)
    async def echo() -> Any:
        got = None
        for _ in range(3):
            try:
                got = yield got
            except KeyError:
                got = "caught"

    stream: Any = echo()
    assert await anext(stream) is None
    assert await stream.asend("hello") == "hello"
    assert await stream.athrow(KeyError()) == "caught"
    with pytest.raises(OSError, match="mine"):
        await stream.athrow(OSError("mine"))


# What it refuses.


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"n": 0}, "n must be a whole number, 1 or more, got 0"),
        ({"n": 1, "waiting": -1}, "waiting must be a whole number, 0 or more"),
        ({"n": 1, "timeout": 0}, "timeout must be a finite number, more than 0"),
    ],
)
def test_refuses_parameters_that_make_no_sense(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint):
        bulkhead(**options)


# Against a model.


class Queueing(RuleBasedStateMachine):
    """Two slots and three places, against lists; tasks enter, leave, and are cancelled in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.slots = bulkhead(2, waiting=3)
        self.inside: list[asyncio.Task[None]] = []
        self.queue: list[asyncio.Task[None]] = []

    def settle(self) -> None:
        async def some_turns() -> None:
            for _ in range(6):
                await asyncio.sleep(0)

        self.loop.run_until_complete(some_turns())

    def promote(self) -> None:
        if self.queue:
            self.inside.append(self.queue.pop(0))

    @rule()
    def enter(self) -> None:
        task = self.loop.create_task(self.slots.__aenter__())
        self.settle()
        if len(self.inside) < 2:
            self.inside.append(task)
        elif len(self.queue) < 3:
            self.queue.append(task)
        else:
            assert isinstance(task.exception(), BulkheadFullError)

    @rule(which=st.integers(0, 1))
    def leave(self, which: int) -> None:
        if which < len(self.inside):
            self.inside.pop(which)
            self.loop.run_until_complete(self.slots.__aexit__(None, None, None))
            self.promote()
            self.settle()

    @rule(which=st.integers(0, 2))
    def cancel(self, which: int) -> None:
        if which < len(self.queue):
            self.queue.pop(which).cancel()
            self.settle()

    @rule()
    def leave_and_cancel_who_was_granted_the_slot(self) -> None:
        if self.inside and self.queue:
            self.inside.pop()
            self.slots._give_back()
            self.queue.pop(0).cancel()
            self.promote()
            self.settle()

    @invariant()
    def agrees_with_the_model(self) -> None:
        assert self.slots.active == len(self.inside)
        assert self.slots.queued == len(self.queue)
        assert all(task.done() for task in self.inside)
        assert not any(task.done() for task in self.queue)

    def teardown(self) -> None:
        for task in self.queue:
            task.cancel()
        self.settle()
        self.loop.close()


TestQueueing = Queueing.TestCase
TestQueueing.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
