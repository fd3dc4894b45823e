"""The right to make one call, and the lane in which the calls of a closed breaker pass without asking for one."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, cast

if TYPE_CHECKING:
    from brownout._machine import Machine
    from brownout._phases import Phase

__all__ = ["CLOSED_LANE", "Lane", "Permit"]

CLOSED_LANE: Final = -1
"""The value of ``Lane.stop`` that sends every call to the breaker first, and marks what ends in the lane as stale."""

NOT_GIVEN: Final = object()
"""Blocks and streams have no result that could be judged."""


class Lane:
    """Where successes of a closed breaker are counted, without a lock.

    A call may pass while ``successes`` is below ``stop``; then the next one asks for a permit, is timed, and moves ``stop`` on.
    One statement counts a success. Under the GIL no other thread can come between its parts (threads change only where a
    function is called or a loop jumps back), so one lane serves all threads; without the GIL each thread has its own.
    """

    __slots__ = ("machine", "older", "phase", "sampled", "slow", "stop", "stride", "successes", "timed")

    def __init__(self, machine: Machine, phase: Phase, stop: int, older: Lane | None = None) -> None:
        self.machine = machine
        self.older = older  # the lane of another thread in the same phase
        self.phase = phase
        self.stop = stop
        self.successes = 0
        self.timed = 0
        self.slow = 0
        self.stride = 1
        self.sampled = 0.0

    def raised(self, error: BaseException) -> None:
        """A call that passed without a permit ended with *error*."""
        verdict = self.machine.verdict(error)
        if verdict == "failure":
            self.phase.failed(None, cast("Exception", error), self.machine.clock())
        elif verdict == "success":
            self.succeeded()

    def judged(self, result: object) -> None:
        """A call that passed without a permit returned *result*, and results are judged here."""
        verdict = self.machine.judge(result)
        if verdict == "failure":
            self.phase.failed(None, None, self.machine.clock())
        elif verdict == "success":
            self.succeeded()

    def succeeded(self) -> None:
        """A call that passed without a permit succeeded. (Where it matters, these lines stand in the caller.)"""
        self.successes += 1
        if self.stop < 0:
            self.late()

    def late(self) -> None:
        """A success came after the state in which its call began."""
        self.machine.stale("success", self.machine.clock())


class Permit:
    """The right to make one call. Settle it once, by `succeeded`, `failed` or `ignored`; what comes later changes nothing.

    As a context manager it settles itself by what its block raises. ``trial`` tells that the call decides about a half-open
    breaker. A trial that is never settled expires after the breaker's ``lease``, and its place goes to another call.
    """

    __slots__ = ("_phase", "expires", "machine", "probe", "started", "took", "trial")

    def __init__(self, machine: Machine, phase: Phase | None, started: float, *, probe: bool = False, expires: float | None = None) -> None:
        self.machine = machine
        self._phase = phase  # None: settled, or without any effect
        self.started = started
        self.took: float | None = None
        self.probe = probe
        self.trial = expires is not None
        self.expires = expires or 0.0

    def succeeded(self, result: object = NOT_GIVEN) -> None:
        """Say that the dependency answered; when the breaker judges results, *result*, if given, decides whether that was a success."""
        machine = self.machine
        verdict = "success" if result is NOT_GIVEN or machine.settings.on_result is None else machine.judge(result)
        phase, self._phase = self._phase, None
        if phase is None:
            return
        if verdict == "success":
            phase.succeeded(self, machine.clock())
        elif verdict == "failure":
            phase.failed(self, None, machine.clock())
        else:
            phase.returned(self)

    def failed(self, error: Exception | None = None) -> None:
        """Say that the dependency failed, with *error* when there was one, whatever the breaker's ``on`` says."""
        phase, self._phase = self._phase, None
        if phase is not None:
            phase.failed(self, error, self.machine.clock())

    def ignored(self) -> None:
        """Give the permit back: the call says nothing about the dependency."""
        phase, self._phase = self._phase, None
        if phase is not None:
            phase.returned(self)

    def raised(self, error: BaseException) -> None:
        """Settle by the breaker's ``on`` and ``ignore``."""
        verdict = self.machine.verdict(error)
        if verdict == "failure":
            self.failed(cast("Exception", error))
        elif verdict == "success":
            phase, self._phase = self._phase, None
            if phase is not None:
                phase.succeeded(self, self.machine.clock())
        else:
            self.ignored()

    def answered(self) -> None:
        """Take the time now: the first item of a stream has come, and the rest depends on who reads it."""
        if self.took is None:
            self.took = self.machine.clock() - self.started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is None:
            self.succeeded()
        else:
            self.raised(error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.__exit__(kind, error, traceback)
