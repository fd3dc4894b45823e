import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from virtual_time import now, virtual

from brownout import _deadline
from brownout._breaker import Breaker
from brownout._deadline import deadline
from brownout._errors import ConfigurationError, OpenError
from brownout._hedge import hedge
from brownout._retry import RetryBudget
from brownout._trips import consecutive


class Attempts:
    """Takes the *plans* in turn: seconds to take, and a result to return or an exception to raise."""

    def __init__(self, *plans: tuple[float, object]) -> None:
        self.plans = list(plans)
        self.began: list[float] = []
        self.ended: list[str] = []

    async def __call__(self) -> object:
        number = len(self.began)
        self.began.append(now())
        seconds, outcome = self.plans[number]
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.ended.append(f"{number} cancelled")
            raise
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


@virtual
async def test_a_quick_call_is_made_once() -> None:
    load = Attempts((0.5, "first"))
    assert await hedge(1)(load)() == "first"
    assert load.began == [0]


@virtual
async def test_a_slow_call_is_made_again_and_whichever_succeeds_first_wins() -> None:
    load = Attempts((9, "first"), (1, "second"))
    assert await hedge(2)(load)() == "second"
    assert load.began == pytest.approx([0, 2])
    assert now() == pytest.approx(3)
    assert load.ended == ["0 cancelled"]


@virtual
async def test_the_first_attempt_may_still_win() -> None:
    load = Attempts((3, "first"), (9, "second"))
    assert await hedge(2)(load)() == "first"
    assert load.ended == ["1 cancelled"]


@virtual
async def test_as_many_attempts_as_allowed_each_after_a_wait() -> None:
    load = Attempts((9, "first"), (9, "second"), (9, "third"))
    assert await hedge(1, attempts=3)(load)() == "first"
    assert load.began == pytest.approx([0, 1, 2])


@virtual
async def test_a_failure_begins_no_further_attempt() -> None:
    load = Attempts((0.5, ConnectionError()), (0, "second"))
    with pytest.raises(ConnectionError):
        await hedge(1)(load)()
    assert load.began == [0]


@virtual
async def test_when_one_fails_the_other_is_waited_for() -> None:
    load = Attempts((5, "first"), (1, ConnectionError()))
    assert await hedge(2)(load)() == "first"
    load = Attempts((3, ConnectionError()), (5, "second"))
    assert await hedge(2)(load)() == "second"


@virtual
async def test_a_failed_hedge_does_not_put_off_the_next() -> None:
    load = Attempts((9, "first"), (0.5, ConnectionError()), (1, "third"))
    assert await hedge(2, attempts=3)(load)() == "third"
    assert load.began == pytest.approx([0, 2, 4])


@virtual
async def test_when_all_fail_the_first_attempts_own_error_is_raised() -> None:
    first = ConnectionError("first")
    load = Attempts((5, first), (1, KeyError("second")))
    with pytest.raises(ConnectionError) as caught:
        await hedge(2)(load)()
    assert caught.value is first


@virtual
async def test_an_attempt_that_was_cancelled_from_within_is_no_success() -> None:
    load = Attempts((3, asyncio.CancelledError()), (2, "second"))
    assert await hedge(2)(load)() == "second"


@virtual
async def test_nothing_outlives_the_call_when_the_caller_is_cancelled() -> None:
    load = Attempts((60, "first"), (60, "second"))
    task = asyncio.create_task(hedge(1)(load)())
    await asyncio.sleep(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(load.ended) == ["0 cancelled", "1 cancelled"]


async def _slow_to_cancel() -> str:
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(10)
        raise ConnectionError("too late")


async def _second() -> str:
    return "second"


def _first_slow_to_cancel() -> Callable[[], Coroutine[Any, Any, str]]:
    turns = iter([_slow_to_cancel, _second])

    async def load() -> str:
        return await next(turns)()

    return load


@virtual
async def test_losers_are_waited_for_until_they_have_ended() -> None:
    assert await hedge(1)(_first_slow_to_cancel())() == "second"
    assert now() == pytest.approx(11)


@virtual
async def test_an_abandoning_deadline_inside_spares_the_wait_for_a_loser() -> None:
    assert await hedge(1)(deadline(30, abandon=True)(_first_slow_to_cancel()))() == "second"
    assert now() == pytest.approx(1)
    await asyncio.sleep(11)


@virtual
async def test_a_caller_cancelled_while_it_waits_for_losers_lets_them_go() -> None:
    task = asyncio.create_task(hedge(1)(_first_slow_to_cancel())())
    await asyncio.sleep(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert now() == pytest.approx(5)
    assert len(_deadline._abandoned) == 1
    await asyncio.sleep(11)
    assert not _deadline._abandoned


# When to begin another.


@virtual
async def test_a_function_tells_when_and_is_asked_each_time() -> None:
    waits = iter([1.0, 3.0])
    load = Attempts((9, "first"), (9, "second"), (1, "third"))
    assert await hedge(lambda: next(waits), attempts=3)(load)() == "third"
    assert load.began == pytest.approx([0, 1, 4])


@virtual
async def test_none_begins_no_other() -> None:
    load = Attempts((60, "first"))
    assert await hedge(lambda: None)(load)() == "first"
    assert load.began == [0]


# The budget.


@virtual
async def test_without_budget_left_the_first_attempt_is_waited_for() -> None:
    budget = RetryBudget(0, minimum_per_second=0, capacity=1)
    load = Attempts((9, "first"), (9, "second"), (9, "third"))
    assert await hedge(1, attempts=3, budget=budget)(load)() == "first"
    assert load.began == pytest.approx([0, 1])
    assert budget.balance == 0


@virtual
async def test_first_attempts_put_into_the_budget() -> None:
    budget = RetryBudget(0.5, minimum_per_second=0, capacity=1)
    budget.withdraw()
    await hedge(1, budget=budget)(Attempts((0, "first")))()
    assert budget.balance == 0.5


# With a breaker inside.


@virtual
async def test_an_open_breaker_is_told_at_once() -> None:
    breaker = Breaker("database", trip=consecutive(1))
    breaker.trip(reason="test")
    load = Attempts((1, "first"))
    with pytest.raises(OpenError):
        await hedge(1)(breaker(load))()
    assert now() == 0


@virtual
async def test_a_loser_is_no_failure_to_the_breaker_inside() -> None:
    breaker = Breaker("database", trip=consecutive(1))

    assert await hedge(2)(breaker(Attempts((9, "first"), (1, "second"))))() == "second"
    assert breaker.stats().failed == 0


# What it refuses.


def test_refuses_a_plain_function_whose_loser_could_not_be_cancelled() -> None:
    with pytest.raises(TypeError, match="write async def"):
        hedge(1)(now)


def test_refuses_an_async_generator() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(TypeError, match="an async def that opens the stream"):
        hedge(1)(items)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"after": 0}, "after must be a finite number, more than 0, got 0"),
        ({"after": 1, "attempts": 1}, "attempts must be a whole number, 2 or more"),
    ],
)
def test_refuses_parameters_that_make_no_sense(options: dict[str, Any], hint: str) -> None:
    with pytest.raises(ConfigurationError, match=hint):
        hedge(**options)
