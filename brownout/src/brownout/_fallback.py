"""Something to answer with when the call fails."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar, get_origin, overload

from brownout._policy import Matches, Policy, matcher, name_of, settled

__all__ = ["Fallback", "fallback"]

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")


class Fallback(Policy, Generic[V]):
    """An answer in place of a failure. Made by `fallback`."""

    __slots__ = ("_answer", "_is_async", "_matches")

    kind: ClassVar[str] = "fallback"
    on_stream: ClassVar[str] = "its consumer may have had the first items when it fails; guard the function that opens the stream"

    def __init__(self, value: Any, *, on: Matches) -> None:
        self._answer = _answer(value)
        self._is_async = inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(type(value).__call__)
        self._matches = matcher("fallback", on)

    @overload  # type: ignore[override]  # the result may be the answer, too
    def __call__(self, function: Callable[P, Coroutine[Any, Any, T]], /) -> Callable[P, Coroutine[Any, Any, T | V]]: ...

    @overload
    def __call__(self, function: Callable[P, T], /) -> Callable[P, T | V]: ...

    def __call__(self, function: Callable[..., Any], /) -> Callable[..., Any]:
        """Return *function*, which now returns its own result or the fallback."""
        return super().__call__(function)

    def _sync(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if self._is_async:
            self._refuse(name_of(function), "it is a plain def and the fallback is async; make both the same")

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                result = function(*args, **kwargs)
            except Exception as error:
                if not self._matches(error):
                    raise
                result = self._answer(error)
            return settled(result, function)

        return wrapper

    def _async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except Exception as error:
                if not self._matches(error):
                    raise
                answer = self._answer(error)
                return await answer if inspect.iscoroutine(answer) else answer

        return wrapper


def _answer(value: Any) -> Callable[[Exception], Any]:
    """Return what makes the answer from the exception."""
    if not callable(value):
        return lambda _: value
    return value if _takes_an_error(value) else lambda _: value()


def _takes_an_error(make: Callable[..., Any]) -> bool:
    # A class (``list``, ``dict``) that could be called with an exception would make nonsense of it.
    if isinstance(get_origin(make) or make, type):
        return False
    try:
        inspect.signature(make).bind(Exception())
    except (TypeError, ValueError):  # it takes none; or it is written in C and does not say
        return False
    return True


@overload
def fallback(value: Callable[..., Awaitable[V]], *, on: Matches = Exception) -> Fallback[V]: ...


@overload
def fallback(value: Callable[..., V], *, on: Matches = Exception) -> Fallback[V]: ...


@overload
def fallback(value: V, *, on: Matches = Exception) -> Fallback[V]: ...


def fallback(value: Any, *, on: Matches = Exception) -> Fallback[Any]:
    """Answer with *value* when the call fails.

    ``@fallback(None)`` goes on ``def`` and ``async def``. A *value* that can be called is called for each failure, with the exception
    if it takes one argument; around an ``async def`` it may be async itself. A class is called without arguments: ``@fallback(list)``
    makes a new list each time, while ``@fallback([])`` hands the same list to everybody. To answer with a function, wrap it in a lambda.

    A fallback that fails raises its own exception, with the call's as ``__context__``.

    Args:
        value: The answer, or what makes it.
        on: What is answered for: an exception class, a tuple of them, or a predicate. RejectedErrors are Exceptions and so among them
            unless you say otherwise.

    Raises:
        ConfigurationError: *on* is nothing that can be matched.
    """
    return Fallback(value, on=on)
