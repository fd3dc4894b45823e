"""The misfortunes of a dependency, and one run of one of them: one scenario, one guard, one seed."""

from __future__ import annotations

import asyncio
import random
from typing import Any, NamedTuple

from scenario import guards, simulation
from scenario.guards import Kind
from scenario.simulation import Clock, Dependency, Fault, Service, Ticket

__all__ = ["AFTER", "BEGIN", "SCENARIOS", "Request", "Run", "Scenario", "outage"]

RATE = 100.0
"""Calls a second of the open-loop clients."""
BEGIN = 40.0
"""Seconds of health before the fault: longer than any window."""
AFTER = 20.0
"""Seconds after the fault that show how well one recovers."""


class Scenario(NamedTuple):
    """A dependency's misfortune, and who depends on it."""

    name: str
    title: str
    faults: tuple[Fault, ...]
    length: float
    timeout: float = 1.0
    """Seconds after which the caller gives a call up, which counts as a failure."""
    patience: float = 1.0
    """Seconds after which an answer is of no use to the user any more."""
    workers: int | None = None
    """Slots of the caller's own process, held through a request; None: as many as it takes."""
    other: float = 0.0
    """Requests a second, on the same workers, that take 20 ms and do not need the dependency."""
    waiting: int = 0
    """Clients who wait for the dependency's return."""
    dependency: type[Dependency] = Dependency
    guards: tuple[Kind, ...] = guards.PLAIN

    @property
    def begin(self) -> float:
        """When the first fault begins, in seconds of the run."""
        return self.faults[0].begin

    @property
    def end(self) -> float:
        """When the last fault ends, in seconds of the run."""
        return self.faults[-1].end


def outage(length: float, **fault: float) -> tuple[Fault, ...]:
    """Return one fault of *length* seconds."""
    return (Fault(BEGIN, BEGIN + length, **fault),)


_SLOW: dict[str, Any] = {"faults": outage(60, errors=0.0, latency=2.0), "length": 180.0, "workers": 40, "other": 100.0}

SCENARIOS = (
    Scenario("errors-20-percent", "20 % of the calls fail, for 120 s", outage(120, errors=0.2, latency=0.02), 200, guards=guards.RETRYING),
    Scenario("errors-100-percent", "All calls fail, for 60 s", outage(60), 180),
    Scenario("outage-20-seconds", "Total outage of 20 s: connections are refused", outage(20), 120),
    Scenario("outage-hanging", "Total outage of 20 s: calls hang until the caller gives up, after 1 s", outage(20, latency=60.0), 120),
    Scenario("slow", "Answers take 2 s instead of 20 ms, for 60 s; the caller waits up to 5 s", timeout=5.0, **_SLOW),
    Scenario("slow-given-up", "Answers take 2 s instead of 20 ms, for 60 s; the caller gives up after 0.5 s", timeout=0.5, **_SLOW),
    Scenario("flapping", "Down for 10 s, up for 10 s, six times", tuple(Fault(BEGIN + 20 * n, BEGIN + 20 * n + 10) for n in range(6)), 220),
    Scenario(
        "recovery",
        "Outage of 20 s, then 1,000 clients who waited; the dependency can do 200 calls a second",
        outage(20),
        120,
        waiting=1000,
        dependency=Service,
        guards=guards.CROWDED,
    ),
)


class Request(NamedTuple):
    """How one request ended: when it came, in seconds of the run; whether its user had any use of it; whether it was refused."""

    at: float
    useful: bool
    refused: bool


class Run:
    """One scenario, one guard, one seed."""

    def __init__(self, scenario: Scenario, kind: Kind, seed: int) -> None:
        self.scenario = scenario
        self.clock = Clock()
        self.began = self.clock.now
        self.guard = kind(self.clock)
        self.requests: list[Request] = []
        self.crowd_done: list[float] = []
        self.openings: list[float] = []
        self._was_closed = True
        # Who asks must not change what happens to others: each has random numbers of its own.
        self._rngs = [random.Random(f"{seed} {purpose}") for purpose in ("dependency", "calls", "other", "crowd")]
        self.dependency = scenario.dependency(scenario.faults, self.clock, self._rngs[0])
        random.seed(f"{seed} jitter")  # for whoever jitters with the shared source
        simulation.run(self._main, self.clock)

    @property
    def elapsed(self) -> float:
        """Seconds of the run so far."""
        return self.clock.now - self.began

    async def _main(self) -> None:
        scenario, until = self.scenario, self.began + self.scenario.length
        self._workers = asyncio.Semaphore(scenario.workers or 10**9)
        _, calls, other, crowd = self._rngs
        with self.guard.running(self.dependency):
            self._call = self.guard.around(self._remote)
            async with asyncio.TaskGroup() as group:
                group.create_task(simulation.arrivals(RATE, until, self.clock, calls, self._request))
                if scenario.other:
                    group.create_task(simulation.arrivals(scenario.other, until, self.clock, other, self._other))
                if scenario.waiting:
                    group.create_task(
                        simulation.crowd(
                            scenario.waiting, self._attempt, self.clock, crowd, coming=(scenario.begin, scenario.end), until=until
                        )
                    )

    async def _remote(self, ticket: Ticket) -> None:
        async with asyncio.timeout(self.scenario.timeout):
            await self.dependency.call(ticket)

    async def _try(self) -> tuple[bool, bool]:
        """Return whether the call succeeded, and whether it was refused."""
        ticket = Ticket()
        self._look()
        try:
            await self._call(ticket)
        except Exception:  # each library has its own refusal; the dependency knows whether it was asked
            return False, not ticket.reached
        finally:
            self._look()
        return True, False

    async def _request(self) -> None:
        at = self.elapsed
        async with self._workers:
            done, refused = await self._try()
        self.requests.append(Request(at, done and self.elapsed - at <= self.scenario.patience, refused))

    async def _other(self) -> None:
        at = self.elapsed
        async with self._workers:
            await asyncio.sleep(simulation.LATENCY)
        self.requests.append(Request(at, self.elapsed - at <= self.scenario.patience, False))

    async def _attempt(self) -> bool:
        done, _ = await self._try()
        if done:
            self.crowd_done.append(self.elapsed)
        return done

    def _look(self) -> None:
        """Note an opening: from closed to open. A trial that fails is none."""
        if self._was_closed and self.guard.open:
            self.openings.append(self.elapsed)
            self._was_closed = False
        elif not self._was_closed and self.guard.closed:
            self._was_closed = True
