"""The libraries that are measured, each used as its own documentation shows and with its own defaults.

What a library cannot do is said in ``cannot``, shape by shape, and becomes null in the results, with the reason beside it.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from importlib.metadata import version
from typing import Any, ClassVar

__all__ = ["EVERYONE", "NEVER", "PEERS", "Competitor", "Floor", "Function", "Ours", "failing", "failing_async"]

Function = Callable[[int], Any]

NEVER = 10**9
"""Failures that no run reaches: for the cost of a failing call while the breaker stays closed."""

_NO_BLOCK = "has no context manager"
_ASYNC_ONLY = "async only"

# grelmicro logs each opening, which is right, and a benchmark opens hundreds of times.
logging.getLogger("grelmicro").addHandler(logging.NullHandler())


class Competitor:
    """One library: how to make a breaker, how to put it around a function, what stands after ``with``."""

    name: ClassVar[str]
    module: ClassVar[str]
    block: ClassVar[str] = "breaker"
    async_block: ClassVar[str] = "breaker"
    cannot: ClassVar[dict[str, str]] = {}

    def __init__(self) -> None:
        self.library = importlib.import_module(self.module)

    @property
    def version(self) -> str:
        """The version that is installed."""
        return version(self.name)

    def create(self, *, failures: int | None = None, asynchronous: bool = False) -> Any:
        """Return a new breaker; *failures* says how many open it, None leaves that to the library."""
        raise NotImplementedError

    def guard(self, breaker: Any, function: Function) -> Function:
        """Return *function* with *breaker* around it."""
        guarded: Function = breaker(function)
        return guarded

    def many(self, names: Sequence[str]) -> list[Any]:
        """Return one breaker for each of *names*, each of which has seen a success and a failure, for its memory."""
        made = []
        for name in names:
            breaker = self.named(name)
            self.exercise(breaker)
            made.append(breaker)
        return made

    def named(self, name: str) -> Any:
        """Return a new breaker that is called *name*."""
        raise NotImplementedError

    def exercise(self, breaker: Any) -> None:
        """Let *breaker* see a success and a failure, so that what it makes at the first call counts too."""
        succeed_and_fail(self.guard(breaker, succeeding), self.guard(breaker, failing))


def succeeding(item: int) -> int:
    """Do nothing, well."""
    return item


async def succeeding_async(item: int) -> int:
    """Do nothing, well."""
    return item


# One error for all: who keeps the last error keeps a reference, not a megabyte of tracebacks.
_ERROR = ConnectionError("the dependency is away")


def failing(_item: int) -> Any:
    """Fail as a dependency does."""
    raise _ERROR.with_traceback(None)


async def failing_async(_item: int) -> Any:
    """Fail as a dependency does."""
    raise _ERROR.with_traceback(None)


def succeed_and_fail(good: Function, bad: Function) -> None:
    """Call both, and forget the error and its traceback."""
    good(1)
    try:
        bad(1)
    except ConnectionError:
        _ERROR.__traceback__ = None


def _finish(coroutine: Any) -> None:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise RuntimeError("the coroutine waits; it needs an event loop")


class _AsyncOnly(Competitor):
    cannot: ClassVar[dict[str, str]] = {
        "sync": _ASYNC_ONLY,
        "with": _ASYNC_ONLY,
        "rejected": _ASYNC_ONLY,
        "failing": _ASYNC_ONLY,
    }

    def exercise(self, breaker: Any) -> None:
        good, bad = self.guard(breaker, succeeding_async), self.guard(breaker, failing_async)
        succeed_and_fail(lambda item: _finish(good(item)), lambda item: _finish(bad(item)))


class Pybreaker(Competitor):
    """pybreaker: sync only, a lock around the call."""

    name = module = "pybreaker"
    block = "breaker.calling()"
    cannot: ClassVar[dict[str, str]] = dict.fromkeys(
        ("async", "async with", "rejected async", "failing async"), "counts no failure of an async function (asyncio)"
    )

    def create(self, *, failures: int | None = None, asynchronous: bool = False) -> Any:
        return self.library.CircuitBreaker(fail_max=failures or 5, reset_timeout=60)

    def named(self, name: str) -> Any:
        return self.library.CircuitBreaker(fail_max=5, reset_timeout=60, name=name)


class Circuitbreaker(Competitor):
    """circuitbreaker: counts consecutive failures."""

    name = module = "circuitbreaker"
    cannot: ClassVar[dict[str, str]] = dict.fromkeys(
        ("with", "async with"), "not documented as a context manager; the one it has runs its block while open"
    )

    def create(self, *, failures: int | None = None, asynchronous: bool = False) -> Any:
        return self.library.CircuitBreaker(failure_threshold=failures)

    def named(self, name: str) -> Any:
        return self.library.CircuitBreaker(name=name)


class Aiobreaker(Competitor):
    """aiobreaker: pybreaker for asyncio."""

    name = module = "aiobreaker"
    cannot: ClassVar[dict[str, str]] = dict.fromkeys(("with", "async with"), _NO_BLOCK)

    def create(self, *, failures: int | None = None, asynchronous: bool = False) -> Any:
        return self.library.CircuitBreaker(fail_max=failures or 5, timeout_duration=timedelta(seconds=60))

    def named(self, name: str) -> Any:
        return self.library.CircuitBreaker(name=name)


class Purgatory(Competitor):
    """purgatory: a factory that keeps its breakers by name."""

    name = module = "purgatory"
    block = 'breaker.get_breaker("bench")'
    async_block = 'await breaker.get_breaker("bench")'

    def create(self, *, failures: int | None = None, asynchronous: bool = False) -> Any:
        kind = self.library.AsyncCircuitBreakerFactory if asynchronous else self.library.SyncCircuitBreakerFactory
        return kind(default_threshold=failures or 5)

    def guard(self, breaker: Any, function: Function) -> Function:
        guarded: Function = breaker("bench")(function)
        return guarded

    def many(self, names: Sequence[str]) -> list[Any]:
        factory = self.library.SyncCircuitBreakerFactory()
        for name in names:
            succeed_and_fail(factory(name)(succeeding), factory(name)(failing))
        return [factory]


class Hyx(_AsyncOnly):
    """hyx: counts consecutive failures, async."""

    name = "hyx"
    module = "hyx.circuitbreaker"

    def create(self, *, failures: int | None = None, asynchronous: bool = False) -> Any:
        return self.library.consecutive_breaker(failure_threshold=failures or 5)

    def named(self, name: str) -> Any:
        return self.create()  # it has no names


class Interlock(Competitor):
    """interlock-cb: failure rate and slow calls over a sliding window."""

    name = "interlock-cb"
    module = "interlock"

    def create(self, *, failures: int | None = None, asynchronous: bool = False) -> Any:
        if failures is None:
            return self.library.CircuitBreaker(name="bench")
        return self.library.CircuitBreaker(name="bench", config=self.library.Config(minimum_number_of_calls=failures))

    def named(self, name: str) -> Any:
        return self.library.CircuitBreaker(name=name)


class Pyresilience(Competitor):
    """pyresilience: one decorator for all policies, here with the breaker alone."""

    name = module = "pyresilience"
    cannot: ClassVar[dict[str, str]] = dict.fromkeys(("with", "async with"), _NO_BLOCK)

    def create(self, *, failures: int | None = None, asynchronous: bool = False) -> Any:
        return self.library.resilient(circuit_breaker=self.library.CircuitBreakerConfig(failure_threshold=failures or 5))

    def named(self, name: str) -> Any:
        # Its breaker lives in the wrapped function, and there is no other way to have one.
        return self.create()(lambda item: item or failing(item))

    def exercise(self, breaker: Any) -> None:
        succeed_and_fail(breaker, lambda _item: breaker(0))


class Grelmicro(_AsyncOnly):
    """grelmicro: async, the state in a backend, here the one in memory."""

    name = "grelmicro"
    module = "grelmicro.resilience"

    def __init__(self) -> None:
        super().__init__()
        self.memory = importlib.import_module("grelmicro.resilience.circuitbreaker.memory").MemoryCircuitBreakerAdapter

    def create(self, *, failures: int | None = None, asynchronous: bool = False) -> Any:
        if failures is None:
            return self.library.CircuitBreaker("bench", backend=self.memory())
        return self.library.CircuitBreaker.consecutive_count("bench", error_threshold=failures, backend=self.memory())

    def many(self, names: Sequence[str]) -> list[Any]:
        backend = self.memory()
        made = [self.library.CircuitBreaker(name, backend=backend) for name in names]

        async def exercise() -> None:  # its backend wants a running loop
            for breaker in made:
                self.exercise(breaker)

        asyncio.run(exercise())
        return made


class Ours(Competitor):
    """brownout, with a rate window, a slow-call window, and latency sampled."""

    name = module = "brownout"

    def create(self, *, failures: int | None = None, asynchronous: bool = False) -> Any:
        """Return a breaker with the three trips of the promise."""
        return self.named("bench", failures=failures)

    def named(self, name: str, *, failures: int | None = None) -> Any:
        """Return a breaker with trips of its own, that *failures* open."""
        b = self.library
        least = failures or 20
        trip = b.consecutive(failures or 5) | b.rate(0.5, within=30, calls=least) | b.slow(0.5, within=30, calls=least)
        return b.Breaker(name, trip=trip, latency_limit=0.2)


class Floor(Competitor):
    """Not a breaker: what any decorator with ``*args, **kwargs`` and a ``try`` costs."""

    name = "floor"
    module = "builtins"
    version = ""
    cannot: ClassVar[dict[str, str]] = dict.fromkeys(("with", "async with", "rejected", "rejected async"), "not a breaker")

    def create(self, *, failures: int | None = None, asynchronous: bool = False) -> Any:
        """Return the decorator that passes for a breaker."""
        return _try_async if asynchronous else _try


def _note(_error: Exception) -> None:
    """Do what a breaker would do with a failure: here nothing."""


def _try(function: Function) -> Function:
    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            _note(error)
            raise

    return wrapper


def _try_async(function: Function) -> Function:
    @wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except Exception as error:
            _note(error)
            raise

    return wrapper


PEERS: tuple[type[Competitor], ...] = (Pybreaker, Circuitbreaker, Aiobreaker, Purgatory, Hyx, Interlock, Pyresilience, Grelmicro)
EVERYONE: tuple[type[Competitor], ...] = (Ours, *PEERS, Floor)
