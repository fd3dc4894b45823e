"""A function that is called while its feature is available."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from brownout._errors import FeatureUnavailable, OpenError
from brownout._events import State
from brownout._health import effective
from brownout._policy import name_of, settled
from brownout._probe import probed

if TYPE_CHECKING:
    from brownout._breaker import Breaker
    from brownout._levels import Brownout

__all__ = ["gate"]

Function = TypeVar("Function", bound=Callable[..., Any])


def gate(service: Brownout, name: str, otherwise: Callable[..., Any] | None) -> Callable[[Function], Function]:
    """Return a decorator: the function is called while the feature *name* is available, else *otherwise*.

    It is also called when only a service is in the way whose breaker is due for a trial that no probe makes, or else a feature that
    nobody may use would never be used again. What a breaker of the feature refuses is answered by *otherwise* as well.
    """

    def decorate(function: Function) -> Function:
        _check(function, otherwise)
        guard = _async if inspect.iscoroutinefunction(function) else _sync
        return cast("Function", wraps(function)(guard(_Gate(service, name, otherwise), function)))

    return decorate


def _check(function: object, otherwise: object) -> None:
    if isinstance(function, type) or not callable(function):
        raise TypeError(f"feature: give a function, got {function!r}; write @service.feature(...) above a def")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"feature: {name_of(function)} is a generator, which the feature may leave half-way; guard the function that opens it"
        )
    if inspect.iscoroutinefunction(otherwise) and not inspect.iscoroutinefunction(function):
        raise TypeError(f"feature: {name_of(function)} is a plain def and otherwise is async; make both the same")


def _sync(gate: _Gate, function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        refused = None
        if gate.lets_through():
            try:
                return settled(function(*args, **kwargs), function)
            except OpenError as error:
                refused = gate.own(error)
        return settled(gate.instead(refused)(*args, **kwargs), gate.otherwise)

    return wrapper


def _async(gate: _Gate, function: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        refused = None
        if gate.lets_through():
            try:
                return await function(*args, **kwargs)
            except OpenError as error:
                refused = gate.own(error)
        answer = gate.instead(refused)(*args, **kwargs)
        return await answer if inspect.isawaitable(answer) else answer

    return wrapper


class _Gate:
    __slots__ = ("_name", "_service", "otherwise")

    def __init__(self, service: Brownout, name: str, otherwise: Callable[..., Any] | None) -> None:
        self._service = service
        self._name = name
        self.otherwise = otherwise

    def lets_through(self) -> bool:
        """Return whether to call the function."""
        status = self._service.snapshot.features[self._name]
        # Shed into its full mode it goes on, though it does not count as available any more.
        return status.available or status.mode == "full" or self._trial()

    def _trial(self) -> bool:
        needs = self._service.features[self._name].needs
        return not needs.met(self._usable).met and needs.met(lambda breaker: self._usable(breaker) or _due(breaker)).met

    def _usable(self, breaker: Breaker) -> bool:
        return breaker not in self._service.absent and effective(breaker) is State.CLOSED

    def own(self, error: OpenError) -> OpenError:
        """Return *error* when a breaker of the feature refused; raise it when it was another one."""
        if error.breaker not in set(self._service.features[self._name].needs.breakers()):
            raise error
        return error

    def instead(self, refused: OpenError | None) -> Callable[..., Any]:
        """Return what to call instead."""
        return self._fail(refused) if self.otherwise is None else self.otherwise

    def _fail(self, refused: OpenError | None) -> NoReturn:
        service = self._service
        missing = [] if refused else service.features[self._name].needs.met(self._usable).missing
        waits = [refused.retry_after] if refused else [_wait(breaker) for breaker in missing if breaker not in service.absent]
        after = max((wait for wait in waits if isfinite(wait)), default=None)
        why = str(refused) if refused else service.explain(self._name)
        raise FeatureUnavailable(self._name, service.level, why, after) from refused


def _due(breaker: Breaker) -> bool:
    return breaker.state is not State.CLOSED and breaker.retry_in <= 0 and breaker not in probed


def _wait(breaker: Breaker) -> float:
    forecast = breaker.forecast()
    return max(forecast.median, breaker.retry_in) if forecast is not None and forecast.basis else breaker.retry_in
