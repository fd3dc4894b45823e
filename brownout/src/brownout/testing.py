"""For tests of code that uses brownout: a clock that you move, outages and chaos. All of it ends with its ``with`` block.

A fixture for pytest takes three lines::

    @pytest.fixture
    def clock():
        with brownout.testing.clock() as virtual:
            yield virtual
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Final, cast

from brownout import _clock, _policy
from brownout._breaker import Breaker
from brownout._errors import ConfigurationError
from brownout._phases import Closed, Phase

if TYPE_CHECKING:
    from brownout._machine import Fault, Machine

__all__ = ["Clock", "chaos", "clock", "outage"]


class Clock:
    """A clock that stands still until `tick` moves it."""

    def __init__(self, now: float) -> None:
        self.now = now

    def tick(self, seconds: float) -> None:
        """Let *seconds* pass.

        Raises:
            ConfigurationError: *seconds* is negative: time never goes back here.
        """
        if not seconds >= 0:
            raise ConfigurationError(f"tick: seconds from 0 up, got {seconds}; e.g. clock.tick(30)")
        self.now += seconds

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@contextmanager
def clock() -> Iterator[Clock]:
    """Put a clock that you move in the place of the one that breakers, deadlines and retries read; waits of retries move it, too.

    It starts at the present time. Afterwards time goes on from where the clock then stands, for a breaker that lives on must not see
    it go back. Breakers that were made with a ``clock`` of their own keep it, and timers of an event loop are not moved.
    """
    before, sleeper = _clock.source, _policy.sleeper
    virtual = Clock(before())
    _clock.source, _policy.sleeper = virtual, virtual.tick
    try:
        yield virtual
    finally:
        _clock.source = _later(before, virtual.now - before())
        _policy.sleeper = sleeper


class _Ahead:
    """A clock that is so many seconds ahead of another."""

    def __init__(self, other: Callable[[], float], seconds: float) -> None:
        self.other = other
        self.seconds = seconds

    def __call__(self) -> float:
        return self.other() + self.seconds


def _later(source: Callable[[], float], seconds: float) -> Callable[[], float]:
    """Return what tells a time that is *seconds* later than that of *source*."""
    if seconds <= 0:
        return source
    if isinstance(source, Clock):
        source.tick(seconds)  # one clock within another: the outer one must not take time back either
        return source
    if isinstance(source, _Ahead):
        return _Ahead(source.other, source.seconds + seconds)  # or a thousand tests would make a thousand calls of each look at the time
    return _Ahead(source, seconds)


class _Fault:
    """Strikes some calls: with an error, or with a wait."""

    def __init__(self, errors: float, error: Callable[[], Exception], latency: float = 0.0, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._errors = errors
        self._error = error
        self._latency = latency
        self.outer: Fault | None = None
        self.restore: Callable[[], None] = _nothing

    def strike(self) -> None:
        """Wait, and raise."""
        if self._latency:
            (_policy.sleeper or time.sleep)(self._latency)
        self._raise()

    async def strike_async(self) -> None:
        """Wait, and raise, without holding up the event loop."""
        if self._latency and _policy.sleeper is not None:
            _policy.sleeper(self._latency)
        elif self._latency:
            import asyncio

            await asyncio.sleep(self._latency)
        self._raise()

    def _raise(self) -> None:
        if self._random.random() < self._errors:
            raise self._error()


def _nothing() -> None:
    """Restore nothing."""


class _Outage(_Fault):
    """Strikes every call for some time."""

    def __init__(self, error: Callable[[], Exception], clock: Callable[[], float], after: float, lasting: float) -> None:
        super().__init__(1.0, error)
        self._clock = clock
        self._begins = clock() + after
        self._ends = self._begins + lasting

    def _raise(self) -> None:
        if self._begins <= self._clock() < self._ends:
            super()._raise()


@contextmanager
def outage(
    breaker: Breaker, *, error: Callable[[], Exception] | None = None, after: float = 0.0, lasting: float = inf
) -> Iterator[Breaker]:
    """Let every call that *breaker* lets through fail, before it is made: its function is not called.

    The breaker counts these failures as real ones, so it opens, tries and opens again as it would. A ``with`` block, and `acquire`,
    fail as they begin. Afterwards the breaker is as it was, with an empty window. What is in progress is not touched. To see how it
    recovers, let the outage end before its block does, by *lasting*. Of one outage, or chaos, within another only the inner one
    strikes. All threads and tasks are struck.

    Args:
        breaker: The breaker of the dependency.
        error: Makes the error of each call; by default the first of the breaker's ``on``, or ConnectionError.
        after: Seconds, on the breaker's clock, until it begins; calls are made until then.
        lasting: Seconds that it lasts; calls are made again afterwards.

    Raises:
        ConfigurationError: A number makes no sense, or the breaker would not count the default error as a failure.
    """
    for name, value in (("after", after), ("lasting", lasting)):
        if not value >= 0:
            raise ConfigurationError(f"outage: {name} is seconds from 0 up, got {value}; e.g. {name}=60")
    with _struck(breaker, _Outage(error or _error_of(breaker), breaker._machine.clock, after, lasting)):
        yield breaker


@contextmanager
def chaos(
    breaker: Breaker, *, errors: float = 0.0, latency: float = 0.0, error: Callable[[], Exception] | None = None, seed: int = 1
) -> Iterator[Breaker]:
    """Let a share of the calls that *breaker* lets through fail, and let all of them take longer.

    Args:
        breaker: The breaker of the dependency.
        errors: Share of the calls that fail, 0 to 1: below 1 it is a partial outage.
        latency: Seconds that each call takes longer. They pass on the clock of `clock` while there is one, or else really; then an
            ``async with`` block holds up its event loop, which a coroutine function does not.
        error: Makes the error of each call, as in `outage`.
        seed: The same seed strikes the same calls.

    Raises:
        ConfigurationError: A number makes no sense, or the breaker would not count the default error as a failure.
    """
    if not 0 <= errors <= 1:
        raise ConfigurationError(f"chaos: errors is a share from 0 to 1, got {errors}; 0.2 lets a fifth of the calls fail")
    if not 0 <= latency < 86_400:
        raise ConfigurationError(f"chaos: latency is seconds from 0 up, got {latency}; e.g. latency=0.5")
    makes = error or (_error_of(breaker) if errors else ConnectionError)
    with _struck(breaker, _Fault(errors, makes, latency, seed)):
        yield breaker


@contextmanager
def _struck(breaker: Breaker, fault: _Fault) -> Iterator[None]:
    machine: Final = breaker._machine
    fault.outer, fault.restore = machine.fault, _as_it_is(machine)
    machine.fault = fault
    _ask_first(machine.phase)
    try:
        yield
    finally:
        _end(machine, fault)


def _as_it_is(machine: Machine) -> Callable[[], None]:
    """Return what makes *machine* again what it is now."""
    before, opened_at, attempt = machine.phase, machine.opened_at, machine.attempt

    def restore() -> None:
        with machine.lock:
            if machine.phase is not before or isinstance(before, Closed):
                machine.opened_at, machine.attempt = opened_at, attempt
                back: Phase = Closed(machine, machine.clock()) if isinstance(before, Closed) else before
                machine.enter(back, "the test is over")
        machine.deliver()

    return restore


def _end(machine: Machine, fault: _Fault) -> None:
    """End *fault*. When one that began later goes on, as happens among tasks, that one restores what was before both."""
    if machine.fault is fault:
        machine.fault = fault.outer
        fault.restore()
        return
    later = cast("_Fault", machine.fault)
    while later.outer is not fault:
        later = cast("_Fault", later.outer)
    later.outer, later.restore = fault.outer, fault.restore


def _ask_first(phase: Phase) -> None:
    """Let every call ask for a permit, since only such calls can be struck."""
    if isinstance(phase, Closed):
        for lane in phase.lanes():
            lane.stop = 0


def _error_of(breaker: Breaker) -> Callable[[], Exception]:
    on = breaker.settings.on
    first = on[0] if isinstance(on, tuple) and on else on
    kind = first if isinstance(first, type) and first is not Exception else ConnectionError
    try:
        counts = breaker._machine.verdict(kind("outage, made by a test")) == "failure"
    except TypeError:
        counts = False  # its class wants to know more
    if not counts:
        raise ConfigurationError(
            f"error: {breaker.name} would not count a {kind.__name__} as a failure; give one that it does, e.g. error=lambda: MyError(503)"
        )
    return lambda: kind("outage, made by a test")
