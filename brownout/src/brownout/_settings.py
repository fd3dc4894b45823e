"""What can be set on a breaker, checked."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any, NamedTuple

from brownout._backoff import Backoff, backoff
from brownout._errors import ConfigurationError
from brownout._tally import buckets
from brownout._trips import Trip

__all__ = ["Errors", "Settings", "carried_retry_after", "checked"]

Errors = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]
"""Which errors are meant: a class, several, or a function that says so of one."""


class Settings(NamedTuple):
    """The settings of a breaker; see `brownout.Breaker` for what each means."""

    on: Errors
    ignore: Errors
    on_result: Callable[[Any], bool] | None
    trip: Trip
    retry_after: Backoff
    trials: int
    at_once: int
    tolerate: int
    lease: float
    ramp: float
    latency_limit: float | None
    retry_after_from: Callable[[Exception], float | None]


def carried_retry_after(error: Exception) -> float | None:
    """Return the error's own ``retry_after``, in seconds, when it has one."""
    seconds = getattr(error, "retry_after", None)
    return float(seconds) if isinstance(seconds, (int, float)) else None


def checked(**values: Any) -> Settings:
    """Return the settings, or say which of them makes no sense.

    Raises:
        ConfigurationError: The text names the parameter, the value, and an example.
    """
    if isinstance(values["retry_after"], (int, float)):
        values["retry_after"] = backoff(values["retry_after"], up_to=values["retry_after"])
    settings = Settings(**values)
    for name in ("on", "ignore"):
        _check_errors(name, getattr(settings, name))
    _check_kinds(settings)
    _check_numbers(settings)
    buckets(settings.trip.windows)
    return settings


def _check_errors(name: str, errors: Any) -> None:
    classes = errors if isinstance(errors, tuple) else (errors,)
    for error in classes:
        if isinstance(error, type):
            if not issubclass(error, Exception):
                raise ConfigurationError(
                    f"{name}: {error.__name__} is no Exception; cancellation, Ctrl-C and exit never count. E.g. {name}=(ConnectionError, TimeoutError)"
                )
        elif isinstance(errors, tuple) or not callable(error):
            raise ConfigurationError(
                f"{name}: give an exception class, a tuple of them, or a function of the exception, got {error!r}; e.g. {name}=(ConnectionError, TimeoutError)"
            )


def _check_kinds(settings: Settings) -> None:
    if not isinstance(settings.trip, Trip):
        raise ConfigurationError(f"trip: give a trip, got {settings.trip!r}; e.g. trip=consecutive(5) | rate(0.5, within=30)")
    if not isinstance(settings.retry_after, Backoff):
        raise ConfigurationError(
            f"retry_after: give seconds or a backoff, got {settings.retry_after!r}; e.g. retry_after=backoff(20, up_to=300)"
        )
    for name in ("on_result", "retry_after_from"):
        value = getattr(settings, name)
        if not callable(value) and not (name == "on_result" and value is None):
            raise ConfigurationError(f"{name}: give a function, got {value!r}")


def _check_numbers(settings: Settings) -> None:
    if settings.trials < 1:
        raise ConfigurationError(f"trials: successes needed to close, 1 or more, got {settings.trials}; e.g. trials=2")
    if not 1 <= settings.at_once <= settings.trials:
        raise ConfigurationError(
            f"at_once: trials in progress at a time, from 1 to trials ({settings.trials}), got {settings.at_once}; e.g. trials=3, at_once=3"
        )
    if settings.tolerate < 0:
        raise ConfigurationError(f"tolerate: failed trials that do not open it again, 0 or more, got {settings.tolerate}; e.g. tolerate=1")
    if not (settings.lease > 0 and isfinite(settings.lease)):
        raise ConfigurationError(
            f"lease: seconds after which an unfinished trial gives up its place, above 0, got {settings.lease}; e.g. lease=30"
        )
    if not 0 <= settings.ramp < 86_400:
        raise ConfigurationError(
            f"ramp: seconds from 10 % to all of the former calls after closing, 0 for none, got {settings.ramp}; e.g. ramp=3"
        )
    if settings.latency_limit is not None and not (settings.latency_limit > 0 and isfinite(settings.latency_limit)):
        raise ConfigurationError(f"latency_limit: seconds above 0, or None, got {settings.latency_limit}; e.g. latency_limit=0.2")
    if settings.latency_limit is None and settings.trip.latency:
        raise ConfigurationError("trip: slow() needs to know what is slow; e.g. Breaker(..., trip=slow(0.5), latency_limit=0.2)")
