import asyncio
import functools
import gc
import inspect
import pickle
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from virtual_time import Clock, now, ticking, virtual

from brownout import _deadline
from brownout._breaker import Breaker
from brownout._deadline import check, deadline, remaining
from brownout._errors import ConfigurationError, DeadlineExceeded, RejectedError
from brownout._policy import name_of
from brownout._trips import consecutive


@pytest.fixture
def clock() -> Iterator[Clock]:
    with ticking() as clock:
        yield clock


def nothing() -> None:
    return


# What is left.


def test_without_a_deadline_nothing_is_said_to_remain() -> None:
    assert remaining() is None
    check()


def test_remaining_counts_down_to_zero_and_never_below(clock: Clock) -> None:
    with deadline(1):
        assert remaining() == 1
        clock.tick(0.75)
        assert remaining() == 0.25
        clock.tick(5)
        assert remaining() == 0
    assert remaining() is None


@pytest.mark.parametrize(("outer", "inner"), [(1, 5), (5, 1), (1, 1)])
def test_of_nested_deadlines_the_earlier_counts(clock: Clock, outer: float, inner: float) -> None:
    with deadline(outer):
        with deadline(inner):
            assert remaining() == 1
        assert remaining() == outer


def test_one_deadline_can_be_in_force_many_times_at_once(clock: Clock) -> None:
    policy = deadline(3)
    with policy:
        clock.tick(1)
        with policy:
            assert remaining() == 2
        assert remaining() == 2


def test_leaving_where_nothing_was_entered_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="same task or thread"):
        deadline(1).__exit__(None, None, None)


# Around plain functions.


def test_a_sync_call_learns_what_is_left(clock: Clock) -> None:
    @deadline(0.5)
    def load() -> float | None:
        return remaining()

    assert load() == 0.5
    assert remaining() is None


def test_a_sync_call_is_not_begun_when_the_time_is_over(clock: Clock) -> None:
    calls: list[int] = []

    @deadline(5)
    def guarded() -> None:
        calls.append(1)

    with deadline(1):
        clock.tick(1)
        with pytest.raises(DeadlineExceeded) as caught:
            guarded()
    assert calls == []
    assert caught.value.budget == 1
    assert str(caught.value) == "not begun: the time of 1 s was over"


def test_a_call_that_was_not_begun_counts_as_rejected_so_that_no_breaker_blames_the_service(clock: Clock) -> None:
    breaker = Breaker("database", trip=consecutive(1))
    load = breaker(deadline(5)(nothing))
    with deadline(1):
        clock.tick(2)
        with pytest.raises(RejectedError):
            load()
    assert breaker.stats().failed == 0


def test_check_raises_once_the_time_is_over(clock: Clock) -> None:
    with deadline(1):
        check()
        clock.tick(1)
        with pytest.raises(DeadlineExceeded):
            check()


def test_the_result_of_a_late_sync_call_is_not_thrown_away(clock: Clock) -> None:
    @deadline(1)
    def slow() -> str:
        clock.tick(5)
        return "done"

    assert slow() == "done"


def test_the_error_crosses_processes() -> None:
    error = pickle.loads(pickle.dumps(DeadlineExceeded(0.5)))  # noqa: S301 - our own bytes
    assert (error.budget, str(error)) == (0.5, "not done within 0.5 s")


def test_name_and_signature_stay() -> None:
    @deadline(1)
    def load(item: int, *, fresh: bool = False) -> str:
        """Load it."""
        return f"{item}{fresh}"

    assert load.__name__ == "load"
    assert load.__doc__ == "Load it."
    assert list(inspect.signature(load).parameters) == ["item", "fresh"]
    assert load(1, fresh=True) == "1True"


# Around async functions.


@virtual
async def test_an_async_call_ends_when_its_time_is_over() -> None:
    @deadline(0.5)
    async def frozen() -> None:
        await asyncio.sleep(60)

    with pytest.raises(DeadlineExceeded) as caught:
        await frozen()
    assert now() == pytest.approx(0.5)
    assert caught.value.budget == 0.5
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    assert not isinstance(caught.value, RejectedError)


@virtual
async def test_an_async_call_in_time_returns_its_result() -> None:
    @deadline(0.5)
    async def load(item: int) -> int:
        await asyncio.sleep(0.25)
        return item

    assert await load(7) == 7
    assert remaining() is None


@virtual
async def test_a_timeout_of_the_call_itself_stays_what_it_is() -> None:
    @deadline(5)
    async def load() -> None:
        raise TimeoutError("the client's own")

    with pytest.raises(TimeoutError, match="the client's own"):
        await load()


@virtual
async def test_a_block_is_bounded_too() -> None:
    async def block() -> None:
        async with deadline(0.5):
            assert remaining() == 0.5
            await asyncio.sleep(60)

    with pytest.raises(DeadlineExceeded):
        await block()
    assert now() == pytest.approx(0.5)
    assert remaining() is None


@virtual
async def test_cancelling_the_caller_is_no_timeout() -> None:
    guarded = deadline(5)(asyncio.sleep)
    task = asyncio.create_task(guarded(60))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@virtual
async def test_a_task_inherits_the_deadline_of_who_starts_it() -> None:
    async def left() -> float | None:
        return remaining()

    async with deadline(2):
        await asyncio.sleep(0.5)
        assert await asyncio.create_task(left()) == 1.5


async def test_a_call_in_another_thread_inherits_the_deadline_of_who_makes_it(clock: Clock) -> None:
    with deadline(2):
        clock.tick(0.5)
        assert await asyncio.to_thread(remaining) == 1.5


@virtual
async def test_an_inner_deadline_bounded_by_the_outer_ends_first_so_that_a_breaker_between_sees_the_timeout() -> None:
    breaker = Breaker("database", trip=consecutive(2))
    load = deadline(1)(breaker(deadline(5)(asyncio.sleep)))
    for _ in range(2):
        with pytest.raises(DeadlineExceeded):
            await load(60)
    assert breaker.stats().failed == 2
    assert breaker.state.name == "OPEN"


@virtual
async def test_a_breaker_inside_a_lone_deadline_sees_a_cancellation_which_is_why_compose_refuses_it() -> None:
    breaker = Breaker("database", trip=consecutive(1))
    with pytest.raises(DeadlineExceeded):
        await deadline(1)(breaker(asyncio.sleep))(60)
    assert breaker.stats().failed == 0


# Abandoning.


async def _stubborn() -> None:
    """Takes 10 s to be cancelled, as a database client does that asks a frozen server."""
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(10)


@virtual
async def test_without_abandon_the_caller_waits_for_a_call_that_is_slow_to_cancel() -> None:
    with pytest.raises(DeadlineExceeded):
        await deadline(0.5)(_stubborn)()
    assert now() == pytest.approx(10.5)


@virtual
async def test_with_abandon_the_caller_goes_on_at_once() -> None:
    with pytest.raises(DeadlineExceeded) as caught:
        await deadline(0.5, abandon=True)(_stubborn)()
    assert now() == pytest.approx(0.5)
    assert caught.value.budget == 0.5
    assert remaining() is None


@virtual
async def test_an_abandoned_call_is_kept_until_it_ends_and_what_it_raises_is_taken_note_of() -> None:
    async def fails_late() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(10)
            raise ConnectionError("nobody listens")

    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    with pytest.raises(DeadlineExceeded):
        await deadline(0.5, abandon=True)(fails_late)()
    gc.collect()
    assert len(_deadline._abandoned) == 1
    await asyncio.sleep(11)
    gc.collect()
    assert not _deadline._abandoned
    assert complaints == []


@virtual
async def test_with_abandon_result_and_error_come_through_in_time() -> None:
    async def load(item: int) -> int:
        if item < 0:
            raise KeyError(item)
        return item

    guarded = deadline(0.5, abandon=True)(load)
    assert await guarded(7) == 7
    with pytest.raises(KeyError):
        await guarded(-1)


@virtual
async def test_a_cancelled_caller_abandons_as_well() -> None:
    task = asyncio.create_task(deadline(50, abandon=True)(_stubborn)())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert now() == pytest.approx(1)
    await asyncio.sleep(11)


@virtual
async def test_the_abandoned_call_knows_the_deadline_too() -> None:
    @deadline(0.5, abandon=True)
    async def left() -> float | None:
        return remaining()

    assert await left() == 0.5


@virtual
async def test_a_block_cannot_be_abandoned() -> None:
    with pytest.raises(TypeError, match="decorate an async def"):
        async with deadline(1, abandon=True):
            pass


# What it refuses.


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), True, "1", None])
def test_refuses_seconds_that_make_no_deadline(seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"seconds must be a finite number, more than 0, got .*; e\.g\. seconds=0\.5"):
        deadline(seconds)


def _items() -> Iterator[int]:
    yield 1


async def _async_items() -> AsyncIterator[int]:
    yield 1


class _Client:
    async def __call__(self) -> float | None:
        await asyncio.sleep(0)
        return remaining()


@pytest.mark.parametrize(
    ("thing", "hint"),
    [
        (_items, "around the loop that consumes it"),
        (_async_items, "around the loop that consumes it"),
        (_Client, "put it on the methods that call"),
        (staticmethod(_items), "goes below @staticmethod"),
        (classmethod(lambda cls: cls), "goes below @classmethod"),
        (7, "guards a function, got 7"),
    ],
)
def test_refuses_what_it_cannot_guard(thing: Any, hint: str) -> None:
    with pytest.raises(TypeError, match=hint):
        deadline(1)(thing)


def test_refuses_to_abandon_a_plain_function() -> None:
    with pytest.raises(TypeError, match="only a task can be abandoned"):
        deadline(1, abandon=True)(nothing)


def test_refuses_a_plain_function_that_returns_a_coroutine_since_nothing_of_it_would_be_guarded() -> None:
    def load() -> object:
        return asyncio.sleep(1)

    with pytest.raises(TypeError, match="write it with async def"):
        deadline(1)(load)()


@virtual
async def test_guards_an_object_that_is_called_async_and_a_partial_of_an_async_function() -> None:
    assert await deadline(1)(_Client())() == 1
    with pytest.raises(DeadlineExceeded):
        await deadline(1)(functools.partial(asyncio.sleep, 60))()


def test_an_object_without_a_name_is_called_by_its_repr() -> None:
    assert name_of(functools.partial(print)).startswith("functools.partial")
