"""The states of a breaker, one class each. An object is one stay in a state, and so also the generation of its permits:
a result whose permit belongs to an earlier stay is stale, and cannot move the breaker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, Final

from brownout._errors import OpenError
from brownout._events import Slow, State
from brownout._permit import CLOSED_LANE, Lane, Permit
from brownout._tally import Tally

if TYPE_CHECKING:
    from brownout._machine import Machine

__all__ = ["Closed", "Disabled", "HalfOpen", "Isolated", "Open", "Phase"]

FIRST_SHARE: Final = 0.1
"""The share of the former rate that the ramp lets through right after closing."""
ALWAYS_PER_SECOND: Final = 10.0
"""Calls a second that the ramp never refuses, and how many it lets through at once."""
SOON: Final = 1.0
"""Seconds after which to ask again when a trial is under way: it is over in much less than its lease as a rule."""
LONGEST_STRIDE: Final = 1024
"""At most so many calls share one reading of the clock."""


class Phase(ABC):
    """One stay in one state."""

    __slots__ = ("machine", "since")
    kind: State
    refuses_until = -inf
    """Until when every call is refused and nobody need be told, so that wrappers can refuse by themselves."""
    reason = ""
    error: Exception | None = None

    def __init__(self, machine: Machine, since: float) -> None:
        self.machine = machine
        self.since = since

    @abstractmethod
    def admit(self, probe: bool = False) -> Permit | OpenError:
        """Return a permit for one call, or the error that says why there is none; never raise it."""

    @abstractmethod
    def words(self, now: float) -> str:
        """Return what a person should know of this state; nothing when all is well."""

    def succeeded(self, permit: Permit, now: float) -> None:
        """A call with a permit of this phase succeeded."""

    def failed(self, permit: Permit | None, error: Exception | None, now: float) -> None:
        """A call of this phase failed."""

    def returned(self, permit: Permit) -> None:
        """A call with a permit of this phase says nothing about the dependency."""

    def left(self) -> None:
        """The machine has gone on to another phase. The caller holds the lock."""

    def refusals_matter(self) -> None:
        """From now on refused calls are let through, or told of."""

    def opens_in(self, now: float) -> float:
        """Return the seconds until a call may be let through."""
        return 0.0


class Ramp:
    """Lets more and more calls through: in *seconds*, in a straight line from 10 to 100 % of the rate before the outage, and so on.

    It is over when the seconds are, and nobody was refused for one more: as long as there is a crowd, it would break down again what
    has just recovered. Ten calls a second always pass, and as many at once, so that a quiet service notices nothing of it.
    """

    __slots__ = ("_credit", "_credited", "_refused", "rate", "seconds", "since")

    def __init__(self, since: float, seconds: float, rate: float) -> None:
        self.since = since
        self.seconds = seconds
        self.rate = rate
        self._credit = ALWAYS_PER_SECOND
        self._credited = self._refused = since

    def left(self, now: float) -> float:
        """Return the seconds until all calls pass, if no more are refused."""
        crowd = self._refused + 1 if self._refused > self.since else self.since
        return max(self.since + self.seconds, crowd) - now

    def passes(self, now: float) -> bool:
        """Return whether the call that asks now may pass. The caller holds the lock."""
        share = FIRST_SHARE + (1 - FIRST_SHARE) * (now - self.since) / self.seconds
        speed = max(ALWAYS_PER_SECOND, self.rate * share)
        self._credit = min(self._credit + speed * (now - self._credited), ALWAYS_PER_SECOND)
        self._credited = now
        if self._credit >= 1:
            self._credit -= 1
            return True
        self._refused = now
        return False


class Closed(Phase):
    """Calls pass; failures are held against the trip. Right after an outage only a growing share passes."""

    __slots__ = ("_newest", "ramp", "tally")
    kind = State.CLOSED

    def __init__(self, machine: Machine, since: float, *, ramp: float = 0.0) -> None:
        super().__init__(machine, since)
        self.tally = Tally(since, machine.settings.trip)
        self._newest: Lane | None = None
        self.ramp = Ramp(since, ramp, machine.rate) if ramp else None

    def lane(self) -> Lane:
        """Return a new lane, counted with the others. The caller holds the lock."""
        self._newest = Lane(self.machine, self, 0, self._newest)
        return self._newest

    def lanes(self) -> Iterator[Lane]:
        """Iterate over the lanes of all threads."""
        lane = self._newest
        while lane is not None:
            yield lane
            lane = lane.older

    def admit(self, probe: bool = False) -> Permit | OpenError:
        machine = self.machine
        now = machine.clock()
        ramp = self.ramp  # once, for another thread may end it
        if ramp is None:
            self._sample(machine.lane, now)
        elif not probe and (refusal := self._ramped(ramp, now)):
            return refusal
        return Permit(machine, self, now, probe=probe)

    def _sample(self, lane: Lane, now: float) -> None:
        """Move the lane's stop on, by a stride that grows with the rate of calls.

        A bucket of the window gets some 256 to 1024 timed calls where there are that many: slow traffic is timed call by call,
        and a rate that breaks down is noticed after a hundredth of a window's worth of its former calls.
        """
        if lane.phase is not self:
            return  # another thread has left this phase, and the lane of the next one is not ours to open
        gap = now - lane.sampled
        width = self.tally.width
        if gap * 1024 < width:
            lane.stride = min(lane.stride * 2, LONGEST_STRIDE)
        elif gap * 256 > width:
            lane.stride = max(lane.stride // 2, 1)
        lane.sampled = now
        lane.stop = lane.successes + lane.stride if self.machine.fault is None else 0
        if self.machine.phase is not self:
            # Another thread left this phase meanwhile, and its mark must not be lost.
            lane.stop = CLOSED_LANE

    def _ramped(self, ramp: Ramp, now: float) -> Permit | OpenError | None:
        """Return None for a call that the ramp lets through."""
        left = ramp.left(now)
        with self.machine.lock:
            if left <= 0:
                self.ramp = None
                return None
            if ramp.passes(now):
                return None
        # The golden ratio spreads those who are told to wait evenly over what is left of the ramp.
        return self.machine.refuse(left * (self.machine.rejected * 0.618034 % 1), now, None)

    def succeeded(self, permit: Permit, now: float) -> None:
        machine = self.machine
        if permit.probe:
            return  # that a ping works does not undo the failures of real calls
        lane = machine.lane
        if lane.phase is not self:
            machine.stale("success", now)
            return
        lane.successes += 1
        if (took := self._timed(lane, permit, now)) is not None:
            self._slow(took, now)
        elif self.tally.behind(now) and machine.lock.acquire(blocking=False):
            # Once per bucket, and never waiting: a thread that finds the lock taken leaves it to the next one.
            try:
                self.settle(now)
            finally:
                machine.lock.release()

    def _slow(self, took: float, now: float) -> None:
        machine = self.machine
        with machine.lock:
            if machine.phase is self:
                machine.tell(Slow, took, now)
                self.settle(now)
                if machine.settings.trip.latency and (reason := machine.tripped(self.tally)):
                    machine.open(reason, None, now, 0.0)
        machine.deliver()

    def failed(self, permit: Permit | None, error: Exception | None, now: float) -> None:
        machine = self.machine
        carried = machine.carried(error)
        lane = machine.lane
        with machine.lock:
            if machine.phase is not self:
                machine.stale_locked("failure", now)
            else:
                if permit is not None and not permit.probe:
                    self._timed(lane, permit, now)
                self.settle(now)
                machine.failure(error, self.tally.failure(now), now)
                if reason := machine.tripped(self.tally):
                    machine.open(reason, error, now, carried)
        machine.deliver()

    def _timed(self, lane: Lane, permit: Permit, now: float) -> float | None:
        """Count the duration of a call; return it when it was too long."""
        took = permit.took if permit.took is not None else now - permit.started
        limit = self.machine.settings.latency_limit
        lane.timed += 1
        if limit is None or took <= limit:
            return None
        lane.slow += 1
        return took

    def settle(self, now: float) -> None:
        """Bring the tally up to *now*. The caller holds the lock."""
        self.tally.settle(now, self.successes(), sum(lane.timed for lane in self.lanes()), sum(lane.slow for lane in self.lanes()))

    def successes(self) -> int:
        """Return how many calls succeeded in this phase."""
        return sum(lane.successes for lane in self.lanes())

    def rate(self, now: float) -> float:
        """Return the calls a second of late. The caller holds the lock, and has settled."""
        tally = self.tally
        return tally.everything().calls / max(1.0, min(now - self.since, tally.width * tally.size))

    def configured(self) -> None:
        """Judge by other settings from now on. The caller holds the lock."""
        trip = self.machine.settings.trip
        if not self.tally.adopt(trip):
            tally = Tally(self.machine.clock(), trip)
            tally.carry_on(self.tally)
            self.tally = tally

    def left(self) -> None:
        # First the mark, then the sum: a success that comes between is counted as stale, never lost.
        for lane in self.lanes():
            lane.stop = CLOSED_LANE
        self.machine.succeeded_before += self.successes()
        self.settle(self.machine.clock())
        self.machine.streak = self.tally.failures_in_a_row()

    def words(self, now: float) -> str:
        ramp = self.ramp
        left = ramp.left(now) if ramp else 0.0
        return f"recovering (all calls are let through in {left:.0f} s)" if left > 0 else ""


class Open(Phase):
    """No call passes before ``retry_at``. Probes do, and may end it from the outage's first open time on."""

    __slots__ = ("error", "reason", "refuses_until", "retry_at")
    kind = State.OPEN

    def __init__(self, machine: Machine, since: float, retry_at: float, reason: str, error: Exception | None) -> None:
        super().__init__(machine, since)
        self.retry_at = retry_at
        self.refuses_until = retry_at if machine.quiet() else -inf
        self.reason = reason
        self.error = error

    def admit(self, probe: bool = False) -> Permit | OpenError:
        machine = self.machine
        now = machine.clock()
        if probe:
            return Permit(machine, self, now, probe=True)
        if now < self.retry_at:
            return machine.refuse(self.retry_at - now, now, self.error)
        with machine.lock:
            if machine.phase is self:
                machine.half_open(now)
        result = machine.phase.admit()
        machine.deliver()
        return result

    def succeeded(self, permit: Permit, now: float) -> None:
        """Only a probe has a permit of this phase: it counts as the first trial."""
        machine = self.machine
        with machine.lock:
            if machine.phase is self and now >= machine.probe_from:
                machine.half_open(now).count(now)
        machine.deliver()

    def failed(self, permit: Permit | None, error: Exception | None, now: float) -> None:
        self.machine.note(error, now)

    def refusals_matter(self) -> None:
        self.refuses_until = -inf

    def words(self, now: float) -> str:
        return f"open ({self.reason})"

    def opens_in(self, now: float) -> float:
        return max(0.0, self.retry_at - now)


class HalfOpen(Phase):
    """A few calls pass on trial, each with a lease; enough successes close the breaker, a failure too many opens it again."""

    __slots__ = ("error", "failures", "leases", "reason", "successes")
    kind = State.HALF_OPEN

    def __init__(self, machine: Machine, since: float, reason: str, error: Exception | None) -> None:
        super().__init__(machine, since)
        self.reason = reason
        self.error = error
        self.leases: list[Permit] = []
        self.successes = 0
        self.failures = 0

    def admit(self, probe: bool = False) -> Permit | OpenError:
        machine = self.machine
        now = machine.clock()
        settings = machine.settings
        with machine.lock:
            if machine.phase is self:
                self.leases = [lease for lease in self.leases if now < lease.expires]
                under_way = len(self.leases)
                if under_way < settings.at_once and self.successes + under_way < settings.trials:
                    permit = Permit(machine, self, now, probe=probe, expires=now + settings.lease)
                    self.leases.append(permit)
                    return permit
                wait = min(SOON, min(lease.expires for lease in self.leases) - now)
        if machine.phase is not self:
            return machine.phase.admit(probe)
        if probe:
            return Permit(machine, None, now, probe=True)  # no place is free, and a probe without one has no effect
        return machine.refuse(wait, now, self.error)

    def succeeded(self, permit: Permit, now: float) -> None:
        machine = self.machine
        if self._too_slow(permit, now):
            self.failed(permit, None, now)
            return
        with machine.lock:
            if self._hand_back(permit):
                self.count(now)
            else:
                machine.stale_locked("success", now)
        machine.deliver()

    def _too_slow(self, permit: Permit, now: float) -> bool:
        """Return whether slowness opened it, or would, and the trial was slow: then nothing has recovered yet."""
        settings = self.machine.settings
        took = permit.took if permit.took is not None else now - permit.started
        return settings.trip.latency and settings.latency_limit is not None and took > settings.latency_limit

    def count(self, now: float) -> None:
        """Count a successful trial. The caller holds the lock."""
        self.successes += 1
        self.machine.succeeded_before += 1
        if self.successes >= self.machine.settings.trials:
            self.machine.close(now)

    def failed(self, permit: Permit | None, error: Exception | None, now: float) -> None:
        machine = self.machine
        carried = machine.carried(error)
        with machine.lock:
            if permit is None or not self._hand_back(permit):
                machine.stale_locked("failure", now)
            else:
                self.failures += 1
                machine.failure(error, self.failures, now)
                if self.failures > machine.settings.tolerate:
                    machine.open("a failed trial", error, now, carried)
        machine.deliver()

    def returned(self, permit: Permit) -> None:
        with self.machine.lock:
            self._hand_back(permit)

    def _hand_back(self, permit: Permit) -> bool:
        """End the permit's lease; return whether it still counted."""
        if permit not in self.leases:
            return False
        self.leases.remove(permit)  # even while the breaker is isolated, for it may come back to this phase
        return self.machine.phase is self

    def words(self, now: float) -> str:
        return f"half open ({self.successes} of {self.machine.settings.trials} trials done)"


class Isolated(Phase):
    """Held open by a person, until the person ends it."""

    __slots__ = ("back", "reason")
    kind = State.OPEN

    def __init__(self, machine: Machine, since: float, reason: str) -> None:
        super().__init__(machine, since)
        self.reason = reason
        self.back: Phase | None = None  # where to go instead, when the block that held it has ended

    def admit(self, probe: bool = False) -> Permit | OpenError:
        machine = self.machine
        now = machine.clock()
        if probe:
            return Permit(machine, None, now, probe=True)
        # Nobody knows when it ends; the first open time is a polite interval to ask again.
        return machine.refuse(machine.settings.retry_after.first, now, None)

    def opens_in(self, now: float) -> float:
        return inf

    def words(self, now: float) -> str:
        return f"isolated ({self.reason})"


class Disabled(Phase):
    """Switched off by a person: every call passes, and none counts."""

    __slots__ = ("back", "reason")
    kind = State.CLOSED

    def __init__(self, machine: Machine, since: float, reason: str) -> None:
        super().__init__(machine, since)
        self.reason = reason
        self.back: Phase | None = None  # where to go instead, when the block that held it has ended

    def admit(self, probe: bool = False) -> Permit | OpenError:
        return Permit(self.machine, None, self.machine.clock(), probe=probe)

    def words(self, now: float) -> str:
        return "disabled (every call is let through)"
