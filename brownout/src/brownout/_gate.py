"""Functions that belong to a feature."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from brownout._errors import FeatureUnavailable

if TYPE_CHECKING:
    from brownout._levels import Brownout

__all__ = ["gate"]


def gate(brownout: Brownout, name: str, otherwise: Callable[..., Any] | None) -> Callable[[Any], Any]:
    """Return the decorator of `Brownout.feature`."""

    def refuse(*args: object, **kwargs: object) -> Any:
        raise FeatureUnavailable(name, brownout.level, brownout.explain(name), _wait(brownout, name))

    instead = refuse if otherwise is None else otherwise

    def decorate(function: Any) -> Any:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                if brownout.available(name):
                    return await function(*args, **kwargs)
                result = instead(*args, **kwargs)
                return await result if inspect.isawaitable(result) else result

            return wrapper
        if not inspect.isroutine(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"feature {name}: give a function or coroutine function, got {function!r}")

        @functools.wraps(function)
        def plain(*args: Any, **kwargs: Any) -> Any:
            return (function if brownout.available(name) else instead)(*args, **kwargs)

        return plain

    return decorate


def _wait(brownout: Brownout, name: str) -> float | None:
    """Return the seconds until the feature may be back: the forecast of the slowest service, or its next trial."""
    waits = []
    for breaker in brownout.features[name].needs.breakers():
        forecast = breaker.forecast()
        if forecast is not None and breaker not in brownout.absent:
            waits.append(forecast.median)
    return max(waits, default=None)
