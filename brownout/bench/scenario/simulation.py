"""A dependency that fails, clients that do not wait for one another, and a clock that jumps: discrete events, no real time, no threads.

The events are those of asyncio, on a loop whose clock is a number. So every breaker guards an ordinary ``async def``, through its public
interface, as it would in a service.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import selectors
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

__all__ = ["Clock", "Dependency", "Fault", "Service", "Ticket", "arrivals", "crowd", "run"]

LATENCY = 0.020
"""Seconds that a healthy call takes, on average."""


class Clock:
    """Seconds of virtual time."""

    def __init__(self) -> None:
        self.now = 1000.0  # zero would hide who mistakes "never" for "at the beginning"

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class _Jump(selectors.SelectSelector):
    """Where a loop would sleep, the clock jumps to the next event."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again, and somebody waits for it")
        self._clock.now += max(timeout, 0.0)
        return []


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: Clock) -> None:
        self._virtual = clock
        super().__init__(_Jump(clock))

    def time(self) -> float:
        return self._virtual.now


def run(main: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Run *main* to its end on *clock*."""

    async def entry() -> None:
        await main()

    with asyncio.Runner(loop_factory=lambda: _Loop(clock)) as runner:
        runner.run(entry())


class Fault(NamedTuple):
    """What is wrong with the dependency from ``begin`` to ``end``, in seconds of the run."""

    begin: float
    end: float
    errors: float = 1.0
    """Share of calls that fail."""
    latency: float = 0.005
    """Seconds that a call takes; a refused connection is quick."""

    @property
    def dead(self) -> bool:
        """Whether no call does any good: all fail, or they answer when nobody waits any more."""
        return self.errors >= 1.0 or self.latency >= 1.0


class Ticket:
    """One attempt of one client, as the dependency sees it."""

    __slots__ = ("reached",)

    def __init__(self) -> None:
        self.reached = False


class Dependency:
    """Answers after about 20 ms, any number at once, except during faults."""

    def __init__(self, faults: Sequence[Fault], clock: Clock, rng: random.Random) -> None:
        self.faults, self.clock, self.rng = faults, clock, rng
        self.began = clock.now
        self.leaked = 0
        """Calls that came while it was dead: trials and probes too."""

    async def call(self, ticket: Ticket) -> None:
        """Do the work of one call.

        Raises:
            ConnectionError: as the fault has it.
        """
        ticket.reached = True
        fault = self.fault()
        if fault is None:
            await self.work()
            return
        self.leaked += fault.dead
        await asyncio.sleep(fault.latency)
        if self.rng.random() < fault.errors:
            raise ConnectionError("the dependency fails")

    async def work(self) -> None:
        """Take the time of a healthy call."""
        await asyncio.sleep(LATENCY * self.rng.uniform(0.5, 1.5))

    def fault(self) -> Fault | None:
        """Return what is wrong now."""
        elapsed = self.clock.now - self.began
        return next((fault for fault in self.faults if fault.begin <= elapsed < fault.end), None)


class Service(Dependency):
    """A dependency with four workers, 200 calls a second, which does what is queued even when the caller has left, and which falls over
    for *rest* seconds when more than *limit* calls are in it.
    """

    def __init__(self, faults: Sequence[Fault], clock: Clock, rng: random.Random, *, workers: int = 4, limit: int = 300, rest: float = 5.0):
        super().__init__(faults, clock, rng)
        self.limit, self.rest = limit, rest
        self.free_at = [clock.now] * workers
        # In order: a set of futures is sorted by their addresses, and no run would be like another.
        self.inside: dict[asyncio.Future[None], None] = {}
        self.falls = 0
        self.down_until = clock.now

    async def work(self) -> None:
        """Queue for one of the workers, and take its time.

        Raises:
            ConnectionError: It has fallen over, now or a moment ago.
        """
        if self.clock.now < self.down_until:
            self.leaked += 1
            await asyncio.sleep(0.005)
            raise ConnectionError("the dependency restarts")
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self.inside[done] = None
        if len(self.inside) > self.limit:
            self._fall_over()
        else:
            start = max(self.clock.now, heapq.heappop(self.free_at))
            finish = start + LATENCY * self.rng.uniform(0.5, 1.5)
            heapq.heappush(self.free_at, finish)
            loop.call_at(finish, self._answer, done)
        # Shielded: a caller who leaves does not take the work out of the queue.
        await asyncio.shield(done)

    def _answer(self, done: asyncio.Future[None]) -> None:
        if done in self.inside:
            del self.inside[done]
            done.set_result(None)

    def _fall_over(self) -> None:
        self.falls += 1
        self.down_until = self.clock.now + self.rest
        self.free_at = [self.down_until] * len(self.free_at)
        for done in self.inside:
            done.set_exception(ConnectionError("the dependency has fallen over"))
            done.exception()  # looked at: whoever left need not be told
        self.inside.clear()


async def arrivals(rate: float, until: float, clock: Clock, rng: random.Random, request: Callable[[], Awaitable[None]]) -> None:
    """Start *request* at *rate* a second, as a Poisson process, whether or not earlier ones have ended; then wait for all of them."""
    async with asyncio.TaskGroup() as group:
        while True:
            await asyncio.sleep(rng.expovariate(rate))
            if clock.now >= until:
                return
            group.create_task(_as_coroutine(request))


async def _as_coroutine(request: Callable[[], Awaitable[None]]) -> None:
    await request()


async def crowd(
    number: int, attempt: Callable[[], Awaitable[bool]], clock: Clock, rng: random.Random, *, coming: tuple[float, float], until: float
) -> None:
    """Let *number* clients come between two times; each has one thing to do, and tries again every 0.5 to 1.5 s until *attempt* says it is done."""

    async def client() -> None:
        await asyncio.sleep(rng.uniform(*coming))
        while not await attempt():
            await asyncio.sleep(rng.uniform(0.5, 1.5))
            if clock.now >= until:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(number):
            group.create_task(client())
