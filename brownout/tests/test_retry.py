import asyncio
import random
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_time import Clock, now, ticking, virtual

from brownout import _policy, backoff
from brownout._breaker import Breaker
from brownout._deadline import deadline
from brownout._errors import BulkheadFullError, ConfigurationError, DeadlineExceeded, OpenError, RejectedError
from brownout._retry import RetryBudget, retry
from brownout._trips import consecutive


@pytest.fixture
def clock() -> Iterator[Clock]:
    with ticking() as clock:
        yield clock


class Failing:
    """Raises the *errors* in turn, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


class Busy(Exception):
    def __init__(self, retry_after: object) -> None:
        super().__init__("busy")
        self.retry_after = retry_after


def notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])


# Attempts.


def test_calls_again_until_it_succeeds(clock: Clock) -> None:
    load = Failing(ConnectionError(), ConnectionError())
    assert retry(3, sleep=clock.tick)(load)() == "done"
    assert load.calls == 3


def test_a_call_that_succeeds_is_made_once(clock: Clock) -> None:
    load = Failing()
    assert retry(3, sleep=clock.tick)(load)() == "done"
    assert load.calls == 1


def test_raises_the_last_own_error_with_a_note_of_the_attempts(clock: Clock) -> None:
    last = ConnectionError("third")
    load = Failing(ConnectionError("first"), ConnectionError("second"), last)
    with pytest.raises(ConnectionError) as caught:
        retry(3, sleep=clock.tick)(load)()
    assert caught.value is last
    assert caught.value.__context__ is None
    assert notes(last) == ["brownout: attempt 3 of 3; no attempt is left"]


def test_does_not_repeat_an_error_that_is_not_meant(clock: Clock) -> None:
    load = Failing(KeyError("gone"))
    with pytest.raises(KeyError) as caught:
        retry(3, on=(ConnectionError, TimeoutError), sleep=clock.tick)(load)()
    assert load.calls == 1
    assert notes(caught.value) == ["brownout: attempt 1 of 3; an error of this kind is not retried"]


def test_a_predicate_says_what_is_retried(clock: Clock) -> None:
    load = Failing(ValueError("again"), ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        retry(5, on=lambda error: str(error) == "again", sleep=clock.tick)(load)()
    assert load.calls == 2


@pytest.mark.parametrize("refusal", [RejectedError("no"), BulkheadFullError("full")])
def test_never_repeats_what_was_refused(clock: Clock, refusal: Exception) -> None:
    load = Failing(refusal)
    with pytest.raises(RejectedError):
        retry(3, on=lambda _: True, sleep=clock.tick)(load)()
    assert load.calls == 1


def test_an_open_breaker_ends_the_attempts(clock: Clock) -> None:
    breaker = Breaker("database", trip=consecutive(2))
    load = Failing(*[ConnectionError()] * 9)
    with pytest.raises(OpenError):
        retry(9, sleep=clock.tick)(breaker(load.__call__))()
    assert load.calls == 2


def test_one_error_object_raised_for_ever_does_not_collect_notes(clock: Clock) -> None:
    error = ConnectionError()
    guarded = retry(2, budget=None, sleep=clock.tick)(Failing(*[error] * 100))
    for _ in range(50):
        with pytest.raises(ConnectionError):
            guarded()
    assert len(notes(error)) == 1


def test_ctrl_c_is_not_retried(clock: Clock) -> None:
    calls = []

    def interrupted() -> None:
        calls.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retry(3, sleep=clock.tick)(interrupted)()
    assert calls == [1]


def test_a_plain_function_that_returns_a_coroutine_is_refused_and_not_retried(clock: Clock) -> None:
    calls = []

    def load() -> object:
        calls.append(1)
        return asyncio.sleep(1)

    with pytest.raises(TypeError, match="async def"):
        retry(3, sleep=clock.tick)(load)()
    assert calls == [1]


# Waits.


def waits_of(clock: Clock, errors: list[Exception], **options: Any) -> list[float]:
    at = []

    def load() -> None:
        at.append(clock())
        if errors:
            raise errors.pop(0)

    retry(len(errors) + 1, budget=None, sleep=clock.tick, **options)(load)()
    return [after - before for before, after in pairwise(at)]


def test_waits_grow_by_the_schedule(clock: Clock) -> None:
    assert waits_of(clock, [OSError()] * 4, wait=backoff(1, up_to=4)) == [1, 2, 4, 4]


def test_a_number_waits_the_same_each_time_and_zero_not_at_all(clock: Clock) -> None:
    assert waits_of(clock, [OSError()] * 2, wait=0.5) == [0.5, 0.5]
    assert waits_of(clock, [OSError()] * 2, wait=0) == [0, 0]


def test_the_first_wait_is_jittered_too_so_that_those_who_fail_together_do_not_return_together(clock: Clock) -> None:
    assert waits_of(clock, [OSError()] * 2, wait=backoff(1, up_to=4, jitter=0.5), uniform=lambda: 0.5) == [0.75, 1.5]


def test_the_same_seed_waits_the_same(clock: Clock) -> None:
    schedule = backoff(1, up_to=4, jitter=1)
    first, second = (waits_of(clock, [OSError()] * 5, wait=schedule, uniform=random.Random(7).random) for _ in range(2))
    assert first == pytest.approx(second)


def test_by_default_waits_are_jittered_at_random(clock: Clock) -> None:
    (wait,) = waits_of(clock, [OSError()])
    assert 0.05 <= wait <= 0.1 + 1e-9


@pytest.mark.parametrize(("asked", "waited"), [(7, 7), (0.5, 1), (None, 1), ("soon", 1), (-3, 1), (float("nan"), 1)])
def test_waits_as_long_as_the_error_asks(clock: Clock, asked: object, waited: float) -> None:
    assert waits_of(clock, [Busy(asked)], wait=1) == [waited]


def test_an_error_that_asks_for_too_long_is_raised_at_once(clock: Clock) -> None:
    load = Failing(Busy(3600))
    with pytest.raises(Busy) as caught:
        retry(3, sleep=clock.tick)(load)()
    assert clock() == 1000
    assert notes(caught.value) == ["brownout: attempt 1 of 3; the next would begin in 3.6e+03 s, and a wait takes 30 s at most"]


# Deadlines.


def test_a_wait_that_would_outlast_the_deadline_is_not_begun(clock: Clock) -> None:
    load = Failing(ConnectionError())
    with deadline(2), pytest.raises(ConnectionError) as caught:
        retry(3, wait=2, sleep=clock.tick)(load)()
    assert load.calls == 1
    assert clock() == 1000
    assert notes(caught.value) == ["brownout: attempt 1 of 3; the next would begin in 2 s, and the deadline leaves 2 s"]


def test_a_wait_within_the_deadline_is_made(clock: Clock) -> None:
    with deadline(2):
        assert retry(3, wait=1.5, sleep=clock.tick)(Failing(ConnectionError()))() == "done"


def test_a_sleep_that_overslept_the_deadline_is_followed_by_no_attempt(clock: Clock) -> None:
    load = Failing(ConnectionError())
    with deadline(2), pytest.raises(ConnectionError) as caught:
        retry(3, wait=1, sleep=lambda _: clock.tick(5))(load)()
    assert load.calls == 1
    assert notes(caught.value) == ["brownout: attempt 1 of 3; the deadline is over"]


def test_the_first_attempt_is_not_made_when_the_time_is_over(clock: Clock) -> None:
    load = Failing()
    with deadline(1):
        clock.tick(1)
        with pytest.raises(DeadlineExceeded):
            retry(3)(load)()
    assert load.calls == 0


def test_an_attempt_that_ran_into_its_own_deadline_is_repeated_while_the_whole_has_time(clock: Clock) -> None:
    load = Failing(DeadlineExceeded(0.5))
    with deadline(5):
        assert retry(2, sleep=clock.tick)(load)() == "done"


@virtual
async def test_each_attempt_has_a_deadline_within_that_of_the_whole() -> None:
    began = []

    async def frozen() -> None:
        began.append(now())
        await asyncio.sleep(60)

    guarded = deadline(2.5)(retry(9, wait=0, budget=None)(deadline(1)(frozen)))
    with pytest.raises(DeadlineExceeded):
        await guarded()
    assert began == pytest.approx([0, 1, 2])
    assert now() == pytest.approx(2.5, abs=0.02)


# Async.


@virtual
async def test_an_async_call_is_retried_and_waits_on_the_loop() -> None:
    errors = [ConnectionError(), ConnectionError()]

    async def load(item: int) -> int:
        await asyncio.sleep(0)
        if errors:
            raise errors.pop()
        return item

    assert await retry(3, wait=1)(load)(7) == 7
    assert now() == pytest.approx(2)


@virtual
async def test_an_async_call_that_fails_for_good_raises_its_own_error() -> None:
    async def load() -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError) as caught:
        await retry(3, on=ConnectionError)(load)()
    assert notes(caught.value) == ["brownout: attempt 1 of 3; an error of this kind is not retried"]


@virtual
async def test_an_async_sleep_that_overslept_is_followed_by_no_attempt() -> None:
    async def load() -> None:
        raise ConnectionError

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds * 9)

    with deadline(2), pytest.raises(ConnectionError) as caught:
        await retry(3, wait=1, sleep=sleep)(load)()
    assert notes(caught.value) == ["brownout: attempt 1 of 3; the deadline is over"]


@virtual
async def test_cancelled_while_it_waits_it_makes_no_further_attempt() -> None:
    calls = []

    async def load() -> None:
        calls.append(now())
        raise ConnectionError

    task = asyncio.create_task(retry(3, wait=5)(load)())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(calls) == 1


async def test_a_test_kit_can_replace_every_sleep(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_policy, "sleeper", clock.tick)

    call = Failing(ConnectionError())

    async def load() -> str:
        return call()

    assert retry(2, wait=5)(Failing(ConnectionError()))() == "done"
    assert await retry(2, wait=5)(load)() == "done"
    assert clock() == 1010


def test_without_any_replacement_it_sleeps_for_real() -> None:
    assert retry(2, wait=0)(Failing(ConnectionError()))() == "done"


# The budget.


def test_in_a_total_outage_the_budget_bounds_the_load(clock: Clock) -> None:
    load = Failing(*[ConnectionError()] * 10_000)
    budget = RetryBudget(0.1, minimum_per_second=0, capacity=1)
    guarded = retry(3, budget=budget, wait=0, sleep=clock.tick)(load)
    for _ in range(1000):
        with pytest.raises(ConnectionError):
            guarded()
    assert load.calls == 1000 + 100


def test_an_empty_budget_is_told_in_the_note(clock: Clock) -> None:
    budget = RetryBudget(0, minimum_per_second=0, capacity=1)
    with pytest.raises(ConnectionError) as caught:
        retry(3, budget=budget, sleep=clock.tick)(Failing(*[ConnectionError()] * 3))()
    assert notes(caught.value) == ["brownout: attempt 2 of 3; the retry budget is empty"]


def test_functions_share_a_budget(clock: Clock) -> None:
    budget = RetryBudget(0, minimum_per_second=0, capacity=1)
    first, second = Failing(ConnectionError()), Failing(ConnectionError())
    assert retry(2, budget=budget, sleep=clock.tick)(first)() == "done"
    with pytest.raises(ConnectionError):
        retry(2, budget=budget, sleep=clock.tick)(second)()


def test_each_retry_has_a_budget_of_its_own_unless_told_otherwise() -> None:
    first, second = retry(), retry()
    assert first.budget is not None
    assert first.budget is not second.budget
    assert retry(budget=None).budget is None


@virtual
async def test_retries_that_wait_are_in_the_budget_already() -> None:
    budget = RetryBudget(0, minimum_per_second=0, capacity=3)

    async def load() -> None:
        raise ConnectionError

    guarded = retry(2, wait=5, budget=budget)(load)
    tasks = [asyncio.create_task(guarded()) for _ in range(10)]
    await asyncio.sleep(1)
    assert budget.balance == 0
    assert sum(task.done() for task in tasks) == 7
    await asyncio.gather(*tasks, return_exceptions=True)


def test_a_retry_that_is_not_made_takes_nothing(clock: Clock) -> None:
    budget = RetryBudget(0, minimum_per_second=0, capacity=1)
    with deadline(1), pytest.raises(ConnectionError):
        retry(2, wait=5, budget=budget, sleep=clock.tick)(Failing(ConnectionError()))()
    assert budget.balance == 1


def test_ten_deposits_of_a_tenth_are_a_retry(clock: Clock) -> None:
    budget = RetryBudget(0.1, minimum_per_second=0, capacity=1)
    assert budget.withdraw()
    for _ in range(9):
        budget.deposit()
    assert not budget.withdraw()
    budget.deposit()
    assert budget.withdraw()


def test_tokens_come_with_the_time_up_to_the_capacity(clock: Clock) -> None:
    budget = RetryBudget(0.1, minimum_per_second=2, capacity=5)
    for _ in range(5):
        assert budget.withdraw()
    assert not budget.withdraw()
    clock.tick(1)
    assert budget.balance == 2
    clock.tick(100)
    assert budget.balance == 5


@given(st.lists(st.sampled_from(["deposit", "withdraw", "tick"]), max_size=200), st.floats(0, 1), st.floats(0, 10), st.floats(1, 20))
def test_never_more_retries_than_were_earned(steps: list[str], ratio: float, rate: float, capacity: float) -> None:
    with ticking() as clock:
        budget = RetryBudget(ratio, minimum_per_second=rate, capacity=capacity)
        taken, earned = 0, capacity
        for step in steps:
            if step == "tick":
                clock.tick(0.1)
                earned += 0.1 * rate
            elif step == "deposit":
                budget.deposit()
                earned += ratio
            else:
                taken += budget.withdraw()
            assert 0 <= budget.balance <= capacity + 1e-6
        assert taken <= earned + 1e-3


def test_threads_take_no_token_twice(clock: Clock) -> None:
    budget = RetryBudget(0, minimum_per_second=0, capacity=1000)
    taken: list[int] = []
    threads = [threading.Thread(target=lambda: taken.append(sum(budget.withdraw() for _ in range(500)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 1000


# What it refuses.


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"attempts": 0}, "attempts must be a whole number, 1 or more, got 0; e.g. attempts=3"),
        ({"attempts": 2.5}, "attempts must be a whole number"),
        ({"attempts": True}, "attempts must be a whole number"),
        ({"wait": -1}, "wait must be a finite number"),
        ({"longest": 0}, "longest must be a finite number"),
        ({"on": ()}, "on takes an Exception class"),
        ({"on": "OSError"}, "on takes an Exception class"),
        ({"on": BaseException}, "on takes an Exception class"),
        ({"on": (OSError, asyncio.CancelledError)}, "on takes an Exception class"),
    ],
)
def test_refuses_parameters_that_make_no_sense(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint):
        retry(**options)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"ratio": 2}, "ratio is a share from 0 to 1"),
        ({"minimum_per_second": -1}, "minimum_per_second must be finite"),
        ({"capacity": 0.5}, "capacity must be a finite number, 1 or more"),
    ],
)
def test_refuses_a_budget_that_makes_no_sense(options: dict[str, float], hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint):
        RetryBudget(**options)


def test_refuses_a_generator_whose_items_may_be_consumed_already() -> None:
    def items() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="retry a function that opens the stream"):
        retry()(items)
