"""A guarded function looks, and is called, as before."""

import functools
import gc
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from brownout import Breaker, OpenError

DEFAULT = object()


def none() -> tuple[Any, ...]:
    return ()


def plain(a: int, b: object = DEFAULT) -> tuple[Any, ...]:
    return (a, b)


def positional(a: int, b: object = DEFAULT, /) -> tuple[Any, ...]:
    return (a, b)


def mixed(a: int, /, b: int, *, c: int, d: object = DEFAULT) -> tuple[Any, ...]:
    return (a, b, c, d)


def keywords(*, c: int, d: object = DEFAULT) -> tuple[Any, ...]:
    return (c, d)


def variadic(a: int, *rest: int, c: object = DEFAULT, **others: int) -> tuple[Any, ...]:
    return (a, rest, c, others)


def only_variadic(*args: int, **kwargs: int) -> tuple[Any, ...]:
    return (args, kwargs)


def clashing(_b_lane: int, _b_machine: int, _b__call: int = 3, *, _b_result: int = 4) -> tuple[Any, ...]:
    return (_b_lane, _b_machine, _b__call, _b_result)


SHAPES: list[tuple[Callable[..., Any], tuple[int, ...], dict[str, int]]] = [
    (none, (), {}),
    (plain, (1,), {}),
    (plain, (), {"a": 1, "b": 2}),
    (positional, (1,), {}),
    (positional, (1, 2), {}),
    (mixed, (1,), {"b": 2, "c": 3}),
    (mixed, (1, 2), {"c": 3, "d": 4}),
    (keywords, (), {"c": 3}),
    (variadic, (1, 2, 3), {"c": 4, "e": 5}),
    (only_variadic, (1, 2), {"e": 5}),
    (clashing, (1, 2), {"_b_result": 5}),
]


@pytest.fixture
def breaker() -> Breaker:
    return Breaker("service", ramp=0)


@pytest.mark.parametrize(("function", "args", "kwargs"), SHAPES)
def test_arguments_arrive_as_they_are_given(
    breaker: Breaker, function: Callable[..., Any], args: tuple[int, ...], kwargs: dict[str, int]
) -> None:
    assert breaker(function)(*args, **kwargs) == function(*args, **kwargs)


@pytest.mark.parametrize("function", [none, plain, positional, mixed, keywords, variadic, only_variadic, clashing])
def test_the_signature_is_kept_by_the_wrapper_itself(breaker: Breaker, function: Callable[..., Any]) -> None:
    own = inspect.signature(breaker(function), follow_wrapped=False).parameters.values()
    wanted = inspect.signature(function).parameters.values()
    assert [(p.name, p.kind, p.default) for p in own] == [(p.name, p.kind, p.default) for p in wanted]


def test_defaults_are_the_same_objects(breaker: Breaker) -> None:
    guarded = breaker(mixed)
    assert guarded(1, 2, c=3)[3] is DEFAULT
    assert breaker(plain)(1)[1] is DEFAULT


def test_the_name_and_the_documentation_are_kept(breaker: Breaker) -> None:
    def lookup() -> None:
        """Look it up."""

    guarded = breaker(lookup)
    assert (guarded.__name__, guarded.__doc__, guarded.__module__) == ("lookup", "Look it up.", __name__)


def test_wrong_arguments_count_nothing(breaker: Breaker) -> None:
    guarded: Any = breaker(plain)
    with pytest.raises(TypeError):
        guarded()
    assert breaker.stats().failed == 0


def test_a_partial_is_guarded(breaker: Breaker) -> None:
    assert breaker(functools.partial(plain, 1))(b=2) == (1, 2)


def test_a_lambda_is_guarded(breaker: Breaker) -> None:
    assert breaker(lambda a: a + 1)(1) == 2


def test_a_builtin_is_guarded(breaker: Breaker) -> None:
    assert breaker(len)([1, 2]) == 2


def test_a_builtin_without_a_signature_is_guarded(breaker: Breaker) -> None:
    assert breaker(max)(1, 3) == 3


def test_a_callable_object_is_guarded(breaker: Breaker) -> None:
    class Client:
        def __call__(self, a: int) -> int:
            return a * 2

    assert breaker(Client())(2) == 4


async def test_a_callable_object_with_an_async_call_is_guarded(breaker: Breaker) -> None:
    class Client:
        async def __call__(self, a: int) -> int:
            return a * 2

    guarded = breaker(Client())
    assert inspect.iscoroutinefunction(guarded)
    assert await guarded(2) == 4


async def test_a_partial_of_a_coroutine_function_is_guarded(breaker: Breaker) -> None:
    async def double(a: int) -> int:
        return a * 2

    assert await breaker(functools.partial(double, 2))() == 4


def test_a_method_is_guarded(breaker: Breaker) -> None:
    class Client:
        @breaker
        def double(self, a: int) -> int:
            return a * 2

    assert Client().double(2) == 4


def test_a_class_is_refused(breaker: Breaker) -> None:
    with pytest.raises(TypeError, match="is a class: guard the methods"):
        breaker(dict)


@pytest.mark.parametrize("kind", [staticmethod, classmethod, property])
def test_a_descriptor_is_refused(breaker: Breaker, kind: Any) -> None:
    with pytest.raises(TypeError, match=f"put the breaker below @{kind.__name__}"):
        breaker(kind(none))


def test_what_cannot_be_called_is_refused(breaker: Breaker) -> None:
    guard: Any = breaker
    with pytest.raises(TypeError, match="guards functions, coroutine functions"):
        guard(42)


def test_a_plain_function_that_returns_a_coroutine_is_refused_when_called(breaker: Breaker) -> None:
    async def work() -> None: ...

    def hidden() -> Awaitable[None]:
        return work()

    with pytest.raises(TypeError, match="returned something to await"):
        breaker(hidden)()
    assert breaker.stats().failed == 0


@pytest.mark.parametrize("way", ["wrapper", "acquire", "with"])
def test_a_rejected_call_leaves_no_garbage_cycle(breaker: Breaker, way: str) -> None:
    guarded = breaker(none)
    breaker.trip()

    def reject() -> None:
        try:
            if way == "wrapper":
                guarded()
            elif way == "acquire":
                breaker.acquire()
            else:
                with breaker:
                    pass
        except OpenError:
            pass

    reject()
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            reject()
        assert gc.collect() == 0
    finally:
        gc.enable()
