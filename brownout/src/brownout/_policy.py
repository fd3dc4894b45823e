"""What the policies have in common: how one goes around a function, and how its parameters are read."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from types import CoroutineType
from typing import Any, ClassVar, NoReturn, TypeAlias, TypeVar, cast

from brownout._errors import ConfigurationError

__all__ = ["F", "Matches", "Policy", "matcher", "name_of", "settled", "sleeper", "whole", "within"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
Matches: TypeAlias = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]

sleeper: Callable[[float], object] | None = None
"""What waits, in place of ``time.sleep`` and ``asyncio.sleep``, while it is set: a test puts the ``tick`` of its clock here."""


class Policy(ABC):
    """Something that goes around a call.

    A policy decorates ``def`` and ``async def`` alike. Whatever it cannot guard it refuses when it is put on, with a TypeError that
    says what to do: a policy that silently guards nothing is found out in the outage it was meant for.
    """

    __slots__ = ("__weakref__",)

    kind: ClassVar[str]
    on_stream: ClassVar[str]

    def __call__(self, function: F, /) -> F:
        """Return *function* with the policy around it, under its own name and signature.

        Raises:
            TypeError: It is nothing that can be guarded; the text says what to guard instead.
        """
        wrapper: Any = wraps(function)(self._builder(function)(function))
        return cast("F", wrapper)

    def _builder(self, function: Any) -> Callable[[Any], Any]:
        _refuse_what_is_no_function(self.kind, function)
        for test, build in (
            (inspect.iscoroutinefunction, self._async),
            (inspect.isasyncgenfunction, self._async_stream),
            (inspect.isgeneratorfunction, self._stream),
        ):
            # An object with an ``async def __call__`` is no coroutine function itself.
            if test(function) or test(type(function).__call__):
                return build
        return self._sync

    @abstractmethod
    def _sync(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return what goes around a plain function."""

    @abstractmethod
    def _async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return what goes around an async function."""

    def _stream(self, function: Callable[..., Any]) -> Callable[..., Any]:
        self._refuse(f"the generator {name_of(function)}", self.on_stream)

    def _async_stream(self, function: Callable[..., Any]) -> Callable[..., Any]:
        self._refuse(f"the async generator {name_of(function)}", self.on_stream)

    def _refuse(self, what: str, instead: str) -> NoReturn:
        raise TypeError(f"{self.kind} cannot guard {what}: {instead}")


def _refuse_what_is_no_function(kind: str, function: Any) -> None:
    if isinstance(function, (staticmethod, classmethod)):
        raise TypeError(f"{kind} goes below @{type(function).__name__}, not above it: swap the two lines")
    if isinstance(function, type):
        raise TypeError(f"{kind} cannot guard the class {function.__name__}: put it on the methods that call, or on a function")
    if not callable(function):
        raise TypeError(f"{kind} guards a function, got {function!r}; write @{kind}(...) above a def")


def name_of(function: object) -> str:
    """Return what a reader knows *function* by."""
    return getattr(function, "__qualname__", None) or repr(function)


def settled(result: T, function: object) -> T:
    """Return *result*, unless the call has not even begun.

    A lambda or a plain ``def`` can hand out a coroutine; whoever guarded it would take its creation for a success.

    Raises:
        TypeError: *result* is a coroutine.
    """
    if isinstance(result, CoroutineType):
        result.close()
        raise TypeError(f"{name_of(function)} is no async def but returned a coroutine, which nothing guards: write it with async def")
    return result


def within(policy: str, parameter: str, value: object, *, least: float = 0.0, example: object) -> float:
    """Return *value* as a finite number above 0 and not below *least*.

    Raises:
        ConfigurationError: It is none.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf and value >= least:
        return value
    floor = f"{least:g} or more" if least else "more than 0"
    raise ConfigurationError(f"{policy}: {parameter} must be a finite number, {floor}, got {value!r}; e.g. {parameter}={example}")


def whole(policy: str, parameter: str, value: object, *, least: int, example: int) -> int:
    """Return *value* as a whole number that is at least *least*.

    Raises:
        ConfigurationError: It is none.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise ConfigurationError(f"{policy}: {parameter} must be a whole number, {least} or more, got {value!r}; e.g. {parameter}={example}")


def matcher(policy: str, on: Matches) -> Callable[[Exception], bool]:
    """Return the predicate that *on* stands for: an exception class, a tuple of them, or a predicate already.

    Raises:
        ConfigurationError: It is none of the three, or would take a cancellation or Ctrl-C for a failure.
    """
    if callable(on) and not isinstance(on, type):
        return on
    kinds: tuple[type[Exception], ...] = on if isinstance(on, tuple) else (on,)
    if kinds and all(isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds):
        return lambda error: isinstance(error, kinds)
    raise ConfigurationError(
        f"{policy}: on takes an Exception class, a tuple of them or a function of the exception, got {on!r}; "
        "e.g. on=(ConnectionError, TimeoutError)"
    )
