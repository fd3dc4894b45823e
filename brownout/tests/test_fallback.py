import asyncio
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from virtual_time import virtual

from brownout._breaker import Breaker
from brownout._errors import BulkheadFullError, ConfigurationError
from brownout._fallback import fallback
from brownout._trips import consecutive


def broken(*_: object) -> str:
    raise ConnectionError("away")


async def broken_async(*_: object) -> str:
    raise ConnectionError("away")


def test_a_call_that_succeeds_keeps_its_result() -> None:
    def load(item: int) -> int:
        return item

    assert fallback("spare")(load)(7) == 7


def test_a_call_that_fails_is_answered_with_the_value() -> None:
    assert fallback("spare")(broken)(7) == "spare"
    assert fallback(None)(broken)() is None


def test_a_function_without_parameters_makes_the_answer() -> None:
    assert fallback(lambda: "made")(broken)() == "made"


def test_a_function_with_one_parameter_is_given_the_exception() -> None:
    assert fallback(lambda error: f"because it is {error}")(broken)() == "because it is away"


@pytest.mark.parametrize("make", [list, list[str]])
def test_a_class_makes_a_new_object_each_time(make: type[list[str]]) -> None:
    guarded = fallback(make)(broken)
    assert guarded() == []
    assert guarded() is not guarded()


def test_a_function_in_c_that_does_not_tell_its_parameters_is_called_without() -> None:
    class Opaque:
        __signature__ = "unreadable"

        def __call__(self) -> str:
            return "made"

    assert fallback(Opaque())(broken)() == "made"


def test_only_errors_that_are_meant_are_answered_for() -> None:
    guarded = fallback("spare", on=(KeyError, TimeoutError))(broken)
    with pytest.raises(ConnectionError):
        guarded()
    assert fallback("spare", on=lambda error: str(error) == "away")(broken)() == "spare"


def test_a_rejected_call_is_answered_too() -> None:
    breaker = Breaker("database", trip=consecutive(1))
    guarded = fallback("spare")(breaker(broken))
    assert [guarded(), guarded()] == ["spare", "spare"]

    def full() -> str:
        raise BulkheadFullError("full")

    assert fallback("spare")(full)() == "spare"


def test_ctrl_c_is_not_answered_for() -> None:
    def interrupted() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fallback("spare")(interrupted)()


def test_a_fallback_that_fails_raises_its_own_error_with_the_calls_as_context() -> None:
    def spare() -> NoReturn:
        raise KeyError("the cache is empty")

    with pytest.raises(KeyError) as caught:
        fallback(spare)(broken)()
    assert isinstance(caught.value.__context__, ConnectionError)


@virtual
async def test_around_an_async_function_value_function_and_async_function_work() -> None:
    async def spare(error: Exception) -> str:
        await asyncio.sleep(1)
        return f"{error}, so made"

    assert await fallback("spare")(broken_async)() == "spare"
    assert await fallback(lambda: "made")(broken_async)() == "made"
    assert await fallback(spare)(broken_async)() == "away, so made"


@virtual
async def test_around_an_async_function_results_and_other_errors_come_through() -> None:
    async def load(item: int) -> int:
        await asyncio.sleep(1)
        return item

    assert await fallback(0)(load)(7) == 7
    with pytest.raises(ConnectionError):
        await fallback(0, on=KeyError)(broken_async)()


@virtual
async def test_cancellation_is_not_answered_for() -> None:
    task = asyncio.create_task(fallback("spare")(asyncio.sleep)(60))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class _AsyncSpare:
    async def __call__(self) -> str:
        return "spare"


@pytest.mark.parametrize("spare", [broken_async, _AsyncSpare()])
def test_refuses_an_async_fallback_around_a_plain_function(spare: Any) -> None:
    with pytest.raises(TypeError, match="make both the same"):
        fallback(spare)(broken)


def test_refuses_a_generator_whose_items_may_be_consumed_already() -> None:
    def items() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="function that opens the stream"):
        fallback([])(items)


def test_refuses_what_matches_no_exception() -> None:
    with pytest.raises(ConfigurationError, match="on takes an Exception class"):
        fallback(None, on=KeyboardInterrupt)  # type: ignore[arg-type]  # that is what is tested
