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
from typing import Final

from brownout import _clock, _policy
from brownout._breaker import Breaker
from brownout._errors import ConfigurationError
from brownout._phases import Closed, Phase

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
        ahead = virtual.now - before()
        _clock.source = before if ahead <= 0 else _Ahead(before, ahead)
        _policy.sleeper = sleeper


class _Ahead:
    """A clock that is so many seconds ahead of another."""

    def __init__(self, other: Callable[[], float], seconds: float) -> None:
        self._other = other
        self._seconds = seconds

    def __call__(self) -> float:
        return self._other() + self._seconds


class _Fault:
    """Strikes some calls: with an error, or with a wait."""

    def __init__(self, errors: float, error: Callable[[], Exception], latency: float, seed: int) -> None:
        self._random = random.Random(seed)
        self._errors = errors
        self._error = error
        self._latency = latency

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


@contextmanager
def outage(breaker: Breaker, *, error: Callable[[], Exception] | None = None) -> Iterator[Breaker]:
    """Let every call that *breaker* lets through fail, before it is made: its function is not called.

    The breaker counts these failures as real ones, so it opens, tries and opens again as it would. A ``with`` block, and `acquire`,
    fail as they begin. Afterwards the breaker is as it was, with an empty window. What is in progress is not touched.

    Args:
        breaker: The breaker of the dependency.
        error: Makes the error of each call; by default the first of the breaker's ``on``, or ConnectionError.
    """
    with _struck(breaker, _Fault(1.0, error or _error_of(breaker), 0.0, 0)):
        yield breaker


@contextmanager
def chaos(
    breaker: Breaker, *, errors: float = 0.0, latency: float = 0.0, error: Callable[[], Exception] | None = None, seed: int = 1
) -> Iterator[Breaker]:
    """Let a share of the calls that *breaker* lets through fail, and let all of them take longer.

    Args:
        breaker: The breaker of the dependency.
        errors: Share of the calls that fail, 0 to 1: below 1 it is a partial outage.
        latency: Seconds that each call takes longer. They pass on the clock of `clock` while there is one, or else really.
        error: Makes the error of each call, as in `outage`.
        seed: The same seed strikes the same calls.

    Raises:
        ConfigurationError: A number makes no sense.
    """
    if not 0 <= errors <= 1:
        raise ConfigurationError(f"chaos: errors is a share from 0 to 1, got {errors}; 0.2 lets a fifth of the calls fail")
    if not 0 <= latency < 86_400:
        raise ConfigurationError(f"chaos: latency is seconds from 0 up, got {latency}; e.g. latency=0.5")
    with _struck(breaker, _Fault(errors, error or _error_of(breaker), latency, seed)):
        yield breaker


@contextmanager
def _struck(breaker: Breaker, fault: _Fault) -> Iterator[None]:
    machine: Final = breaker._machine
    before, outer = machine.phase, machine.fault
    opened_at, attempt = machine.opened_at, machine.attempt
    machine.fault = fault
    _ask_first(before)
    try:
        yield
    finally:
        machine.fault = outer
        with machine.lock:
            if machine.phase is not before or isinstance(before, Closed):
                machine.opened_at, machine.attempt = opened_at, attempt
                back: Phase = Closed(machine, machine.clock()) if isinstance(before, Closed) else before
                machine.enter(back, "the test is over")
        machine.deliver()


def _ask_first(phase: Phase) -> None:
    """Let every call ask for a permit, since only such calls can be struck."""
    if isinstance(phase, Closed):
        for lane in phase.lanes():
            lane.stop = 0


def _error_of(breaker: Breaker) -> Callable[[], Exception]:
    on = breaker.settings.on
    first = on[0] if isinstance(on, tuple) and on else on
    kind = first if isinstance(first, type) and first is not Exception else ConnectionError
    return lambda: kind("outage, made by a test")
