"""The state machine of a breaker. It does no input or output, starts no timer, and holds no lock while user code runs."""

from __future__ import annotations

import sys
import threading
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from brownout._bus import Bus, report
from brownout._errors import OpenError, RejectedError
from brownout._events import Failed, Rejected, Stale, Transition
from brownout._permit import CLOSED_LANE, Lane, Permit
from brownout._phases import Closed, HalfOpen, Open, Phase
from brownout._settings import Settings
from brownout._tally import Tally, Totals

if TYPE_CHECKING:
    from brownout._breaker import Breaker

__all__ = ["Fault", "Machine", "SharedLane", "ThreadLanes", "machine"]


class Fault(Protocol):
    """What a test does to every call that is let through, before it is made: it raises, or takes time."""

    def strike(self) -> None:
        """Do it."""

    async def strike_async(self) -> None:
        """Do it, in a coroutine function."""


KEPT_OUTAGES: Final = 64
"""So many past outages are remembered: enough for a forecast, and recent enough to mean something."""


class Machine(ABC):
    """What all states of one breaker share, and the ways from one to another."""

    __slots__ = (
        "attempt",
        "bus",
        "clock",
        "failures",
        "fault",
        "generation",
        "last_error",
        "last_failure_at",
        "lock",
        "opened_at",
        "outages",
        "owner",
        "phase",
        "probe_from",
        "rate",
        "rejected",
        "settings",
        "shadow",
        "stale_results",
        "streak",
        "succeeded_before",
    )

    def __init__(self, owner: Breaker, settings: Settings, clock: Callable[[], float]) -> None:
        self.owner = owner
        self.settings = settings
        self.clock = clock
        # Reentrant: the garbage collector may end an abandoned generator, and so hand a permit back, while this thread holds it.
        self.lock = threading.RLock()
        self.bus: Bus | None = None
        self.shadow: tuple[object, ...] = ()  # one for each `shadow` that has not ended
        self.fault: Fault | None = None
        self.streak = 0  # failures in a row when the last one came
        self.attempt = 0  # how often a trial has failed since the breaker opened
        self.failures = self.rejected = self.stale_results = self.succeeded_before = 0
        self.last_error = ""
        self.last_failure_at: float | None = None
        self.opened_at: float | None = None  # when the outage began that is still going on
        self.probe_from = 0.0
        self.rate = 0.0  # calls a second before the outage
        self.outages: array[float] | None = None
        self.generation = 1
        self.phase: Phase = Closed(self, clock())
        self._open_lane()

    @property
    @abstractmethod
    def lane(self) -> Lane:
        """Where the calls of this thread pass now."""

    @abstractmethod
    def _open_lane(self) -> None:
        """Set the lane for the phase that has just begun."""

    def quiet(self) -> bool:
        """Return whether nothing but the caller is to know of a refused call."""
        return not self.shadow and (self.bus is None or not self.bus.wants(Rejected))

    # What a call asks and tells. No lock is held.

    def refuse(self, wait: float, now: float, cause: Exception | None) -> Permit | OpenError:
        """Return the error for a call that must not be made for *wait* seconds; in shadow mode a permit without effect."""
        self.rejected += 1
        if self.bus is not None:
            self.tell(Rejected, wait, now)
            self.bus.deliver()
        if self.shadow:
            return Permit(self, None, now)
        error = OpenError(self.owner, wait)
        error.__cause__ = cause
        return error

    def admitted(self, probe: bool = False) -> Permit:
        """Return a permit, or raise the error that says why there is none."""
        permit = self.phase.admit(probe)
        if isinstance(permit, OpenError):
            try:
                raise permit
            finally:
                del permit  # or the error, its traceback and this frame would hold each other
        if self.fault is not None:
            try:
                self.fault.strike()
            except BaseException as error:
                permit.raised(error)
                raise
        return permit

    def verdict(self, error: BaseException) -> str:
        """Return what *error* says of the dependency: "failure", "success" (it answered), or "ignored"."""
        if not isinstance(error, Exception) or isinstance(error, RejectedError):
            return "ignored"
        try:
            if _means(self.settings.ignore, error):
                return "ignored"
            return "failure" if _means(self.settings.on, error) else "success"
        except Exception as problem:
            # The caller must get its own error, not that of the function which should have judged it.
            report(f"{self.owner.name}: on or ignore failed to judge {error!r}; it is counted as a failure", problem)
            return "failure"

    def judge(self, result: Any) -> str:
        """Return what *result* says of the dependency, as `verdict` does of an error."""
        on_result = self.settings.on_result
        try:
            return "failure" if on_result is not None and on_result(result) else "success"
        except Exception as problem:
            report(f"{self.owner.name}: on_result failed to judge a result; it is ignored", problem)
            return "ignored"

    def carried(self, error: Exception | None) -> float:
        """Return the seconds that *error* itself asks to wait, 0 when it does not say."""
        if error is None:
            return 0.0
        try:
            seconds = self.settings.retry_after_from(error)
            return min(max(0.0, float(seconds)), self.settings.retry_after.up_to) if seconds is not None else 0.0
        except Exception as problem:
            report(f"{self.owner.name}: retry_after_from failed on {error!r}; the breaker's own open time is used", problem)
            return 0.0

    def stale(self, outcome: str, now: float) -> None:
        """Count a result that came after the state in which its call began."""
        with self.lock:
            self.stale_locked(outcome, now)
        self.deliver()

    def note(self, error: Exception | None, now: float) -> None:
        """Remember a failure that decides nothing."""
        said = _words(error)
        with self.lock:
            self.last_error, self.last_failure_at = said, now

    def tell(self, kind: Callable[..., Any], *fields: Any) -> None:
        """Queue an event, if anybody listens."""
        if self.bus is not None:
            self.bus.queue.append(kind(self.owner, *fields))

    def deliver(self) -> None:
        """Hand queued events to those who listen."""
        if self.bus is not None:
            self.bus.deliver()

    # From one state to another. The caller holds the lock, and delivers after it has let it go.

    def stale_locked(self, outcome: str, now: float) -> None:
        """Count a stale result."""
        self.stale_results += 1
        self.tell(Stale, outcome, now)

    def failure(self, error: Exception | None, streak: int, now: float) -> None:
        """Count a failure."""
        self.failures += 1
        self.streak = streak
        self.last_error, self.last_failure_at = _words(error), now
        self.tell(Failed, error, streak, now)

    def tripped(self, tally: Tally) -> str:
        """Return why the evidence opens the breaker, or nothing."""
        try:
            return self.settings.trip.check(tally)
        except Exception as problem:
            report(f"{self.owner.name}: {self.settings.trip!r} failed to judge; the breaker stays closed", problem)
            return ""

    def open(self, reason: str, error: Exception | None, now: float, carried: float) -> None:
        """Let no call pass for the next open time, or for *carried* seconds if that is longer."""
        schedule = self.settings.retry_after
        if self.opened_at is None:
            self.opened_at = now
            if isinstance(self.phase, Closed) and self.phase.ramp is None:
                self.rate = self.phase.rate(now)
            self.probe_from = now + max(schedule.first, carried)
        wait = max(schedule.delay(self.attempt), carried)
        self.attempt += 1
        self.enter(Open(self, now, now + wait, reason, error), reason)

    def half_open(self, now: float) -> HalfOpen:
        """Let trials pass."""
        trying = HalfOpen(self, now, self.phase.reason, self.phase.error)
        self.enter(trying, "time for a trial")
        return trying

    def close(self, now: float) -> None:
        """Let calls pass again, more and more of them; everything begins anew."""
        if self.opened_at is not None:
            self.remember([now - self.opened_at])
        self.opened_at, self.attempt = None, 0
        self.enter(Closed(self, now, ramp=self.settings.ramp), "trials succeeded")

    def enter(self, phase: Phase, reason: str, at: float | None = None) -> None:
        """Go on to *phase*, which began *at* this time, if not when it was made."""
        before, self.phase = self.phase, phase
        self.generation += 1
        self._open_lane()
        before.left()
        if not self.quiet():
            phase.refusals_matter()
        if before.kind is not phase.kind:
            self.tell(Transition, before.kind, phase.kind, reason, phase.since if at is None else at, self.generation)

    def counted(self) -> tuple[int, ...]:
        """Return the counts in the order of `brownout.Stats`. The caller does not hold the lock."""
        with self.lock:
            phase = self.phase
            streak, totals, succeeded = self.streak, Totals(0, 0, 0, 0), self.succeeded_before
            if isinstance(phase, Closed):
                phase.settle(self.clock())
                streak, totals = phase.tally.failures_in_a_row(), phase.tally.everything()
                succeeded += phase.successes()
            return (streak, *totals, succeeded, self.failures, self.rejected, self.stale_results)

    def remember(self, durations: list[float]) -> None:
        """Add past outages, in seconds, and keep the newest."""
        known = self.outages if self.outages is not None else array("d")
        known.extend(durations)
        self.outages = known[-KEPT_OUTAGES:]


class SharedLane(Machine):
    """With the GIL: one lane for all threads."""

    __slots__ = ("lane",)
    lane: Lane

    def _open_lane(self) -> None:
        phase = self.phase
        self.lane = phase.lane() if isinstance(phase, Closed) else Lane(self, phase, CLOSED_LANE)


class ThreadLanes(Machine):
    """Without the GIL: a lane for each thread, made when the thread first calls in a phase.

    The lanes are found by the thread's identifier. The system gives that of a thread which has ended to a later one, so there are
    never more lanes than threads at a time.
    """

    __slots__ = ("_lanes",)

    def _open_lane(self) -> None:
        self._lanes: dict[int, Lane] = {}

    @property
    def lane(self) -> Lane:
        """Where the calls of this thread pass now. The caller does not hold the lock."""
        return self._lanes.get(threading.get_ident()) or self._lane_of_thread()

    def _lane_of_thread(self) -> Lane:
        with self.lock:
            phase = self.phase
            lane = phase.lane() if isinstance(phase, Closed) else Lane(self, phase, CLOSED_LANE)
            self._lanes[threading.get_ident()] = lane
            return lane


def machine(owner: Breaker, settings: Settings, clock: Callable[[], float]) -> Machine:
    """Return the machine for the interpreter that runs."""
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return (SharedLane if gil else ThreadLanes)(owner, settings, clock)


def _words(error: Exception | None) -> str:
    """Return *error* as one short line. The error itself would keep alive all that its traceback refers to."""
    if error is None:
        return "a result that counts as a failure"
    try:
        said = " ".join(str(error).split())
    except Exception as problem:
        report(f"str() failed on a {type(error).__name__}", problem)
        said = ""
    name = type(error).__name__
    return f"{name}: {said[:200]}" if said else name


def _means(errors: Any, error: Exception) -> bool:
    return isinstance(error, errors) if isinstance(errors, (type, tuple)) else bool(errors(error))
