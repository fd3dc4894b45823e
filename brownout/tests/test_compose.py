import asyncio
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_time import Clock, now, ticking, virtual

from brownout._breaker import Breaker
from brownout._bulkhead import bulkhead
from brownout._compose import _RANK, _order, compose
from brownout._deadline import deadline
from brownout._errors import CompositionError, ConfigurationError, OpenError
from brownout._events import State
from brownout._fallback import fallback
from brownout._hedge import hedge
from brownout._retry import RetryBudget, retry
from brownout._trips import consecutive

MAKE: dict[str, Callable[[], Any]] = {
    "fallback": lambda: fallback("spare"),
    "retry": retry,
    "hedge": lambda: hedge(1),
    "breaker": lambda: Breaker("database"),
    "bulkhead": lambda: bulkhead(2),
    "deadline": lambda: deadline(1),
}


@pytest.fixture
def clock() -> Iterator[Clock]:
    with ticking() as clock:
        yield clock


# How it reads.


def test_the_first_is_outermost(clock: Clock) -> None:
    calls = []

    def load() -> str:
        calls.append(1)
        raise ConnectionError

    guarded = compose(fallback("spare"), retry(3, sleep=clock.tick))(load)
    assert guarded() == "spare"
    assert len(calls) == 3


def test_a_composition_is_a_part_of_another() -> None:
    inner = compose(retry(), Breaker("database"))
    outer = compose(fallback(None), inner, deadline(1))
    assert outer.policies[1:3] == inner.policies


def test_the_parts_of_a_composition_are_checked_with_the_whole() -> None:
    with pytest.raises(CompositionError, match="retry inside breaker"):
        compose(Breaker("database"), compose(retry(), deadline(1)))


def test_name_and_signature_stay() -> None:
    @compose(fallback(None), retry(), Breaker("database"), bulkhead(1), deadline(1))
    def load(item: int, *, fresh: bool = False) -> str:
        """Load it."""
        return f"{item}{fresh}"

    assert (load.__name__, load.__doc__) == ("load", "Load it.")
    assert list(inspect.signature(load).parameters) == ["item", "fresh"]
    assert load(1, fresh=True) == "1True"


def test_a_policy_that_cannot_guard_the_function_says_so() -> None:
    with pytest.raises(TypeError, match="write async def"):
        compose(hedge(1), deadline(1))(now)


# The orders that work.


@pytest.mark.parametrize(
    "order",
    [
        "fallback retry breaker bulkhead deadline",
        "fallback deadline retry breaker bulkhead deadline",
        "deadline retry breaker deadline",
        "deadline fallback retry deadline",
        "retry hedge breaker deadline",
        "bulkhead breaker deadline",
        "breaker breaker bulkhead deadline",
        "fallback fallback breaker",
        "deadline bulkhead",
        "deadline retry",
        "deadline",
    ],
)
def test_accepts(order: str) -> None:
    assert len(compose(*(MAKE[kind]() for kind in order.split())).policies) == len(order.split())


# The orders that do not.


@pytest.mark.parametrize(
    ("order", "why", "works"),
    [
        ("retry fallback", "nothing is ever retried", "fallback, retry"),
        ("hedge fallback", "would win against the attempt that is about to succeed", "fallback, hedge"),
        ("breaker fallback", "takes each failure for a success", "fallback, breaker"),
        ("breaker retry", "counts all attempts as one call", "retry, breaker"),
        ("breaker hedge", "sees only the winner", "hedge, breaker"),
        ("bulkhead retry", "the slot is held while the retry waits", "retry, bulkhead"),
        ("bulkhead hedge", "one slot stands for several calls", "hedge, bulkhead"),
        ("hedge retry", "multiplies the load", "retry, hedge"),
        ("retry retry", "three of three are nine calls", "retry"),
        ("hedge hedge", "two of two are four calls", "hedge"),
        ("deadline breaker", "a frozen server would never trip it", "breaker, deadline"),
        ("deadline fallback", "cannot answer for the timeout", "fallback, deadline"),
        ("deadline deadline breaker", "a frozen server would never trip it", "deadline, breaker, deadline"),
        ("deadline retry breaker bulkhead", "a frozen server would never trip it", "retry, breaker, bulkhead, deadline"),
        ("bulkhead breaker retry fallback deadline", "takes", "fallback, retry, breaker, bulkhead, deadline"),
    ],
)
def test_refuses_with_the_reason_and_the_order_that_works(order: str, why: str, works: str) -> None:
    with pytest.raises(CompositionError) as caught:
        compose(*(MAKE[kind]() for kind in order.split()))
    assert why in str(caught.value) or order.startswith("bulkhead breaker")
    assert str(caught.value).endswith(f"write compose({works})")


@pytest.mark.parametrize("kind", ["breaker", "bulkhead"])
def test_refuses_the_same_one_twice(kind: str) -> None:
    same = MAKE[kind]()
    with pytest.raises(CompositionError, match=f"the same {kind} twice"):
        compose(same, same)


def test_the_same_deadline_may_bound_the_whole_and_each_attempt() -> None:
    same = deadline(1)
    compose(same, retry(), same)


@given(st.lists(st.sampled_from(sorted(_RANK)), min_size=1, max_size=7))
def test_the_order_that_it_advises_is_one_that_it_accepts(kinds: list[str]) -> None:
    compose(*(MAKE[kind]() for kind in _order(kinds)))


@pytest.mark.parametrize("part", [retry, print, 7, None, Breaker])
def test_refuses_what_is_no_policy(part: Any) -> None:
    with pytest.raises(CompositionError, match="is no policy; it takes a Breaker and what"):
        compose(retry(), part)


def test_knows_that_there_are_no_breakers_where_nobody_loaded_them(monkeypatch: pytest.MonkeyPatch) -> None:
    breaker = Breaker("database")
    monkeypatch.delitem(sys.modules, "brownout._breaker")
    with pytest.raises(CompositionError, match="is no policy"):
        compose(breaker)


def test_refuses_to_be_made_of_nothing() -> None:
    with pytest.raises(ConfigurationError, match=r"got no policy; e\.g\. compose"):
        compose()


# All together.


@virtual
async def test_a_frozen_server_trips_the_breaker_and_the_fallback_answers_in_time() -> None:
    calls: list[float] = []

    async def frozen() -> str:
        calls.append(now())
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(10)
        return "never"

    breaker = Breaker("database", trip=consecutive(3))
    guarded = compose(fallback("spare"), deadline(2), retry(2, wait=0, budget=None), breaker, bulkhead(5), deadline(0.5, abandon=True))(
        frozen
    )
    assert [await guarded(), await guarded(), await guarded()] == ["spare"] * 3
    assert calls == pytest.approx([0, 0.5, 1])
    assert now() == pytest.approx(1.5)
    assert breaker.state is State.OPEN
    await asyncio.sleep(20)


def test_in_an_outage_the_breaker_stops_the_retries_that_the_budget_allows(clock: Clock) -> None:
    calls = []

    def load() -> None:
        calls.append(1)
        raise ConnectionError

    breaker = Breaker("database", trip=consecutive(5))
    guarded = compose(retry(3, wait=0.01, budget=RetryBudget(capacity=100), sleep=clock.tick), breaker)(load)
    for _ in range(100):
        with pytest.raises((ConnectionError, OpenError)):
            guarded()
    assert len(calls) == 5
