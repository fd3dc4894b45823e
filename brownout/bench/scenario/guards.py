"""What stands between the clients and the dependency: nothing, a classic breaker, peers, ours."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar, TypeAlias
from unittest import mock

import brownout
from brownout import _clock
from scenario.simulation import Clock, Dependency, Ticket

__all__ = ["CROWDED", "PLAIN", "RETRYING", "Guard", "Kind"]

Call = Callable[[Ticket], Awaitable[None]]


class Guard:
    """Nothing: every call goes through."""

    name: ClassVar[str] = "no breaker"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def around(self, call: Call) -> Call:
        """Return *call* with the guard around it."""
        return call

    @property
    def open(self) -> bool:
        """Whether ordinary calls are refused now."""
        return False

    @property
    def closed(self) -> bool:
        """Whether it has recovered, or never opened."""
        return True

    @contextlib.contextmanager
    def running(self, dependency: Dependency) -> Iterator[None]:
        """Keep up what goes on beside the calls, such as probes and a patched clock."""
        yield


Kind: TypeAlias = type[Guard]


class Refused(Exception):
    """The classic breaker is open."""


class Classic(Guard):
    """The breaker of the books: five consecutive failures open it for 30 s, then one trial decides."""

    name = "classic"

    def __init__(self, clock: Clock, *, failures: int = 5, rest: float = 30.0) -> None:
        super().__init__(clock)
        self.failures, self.rest = failures, rest
        self.streak = 0
        self.opened_at: float | None = None
        self.trying = False

    def around(self, call: Call) -> Call:
        async def guarded(ticket: Ticket) -> None:
            trial = self._enter()
            try:
                await call(ticket)
            except Exception:
                self._failed()
                raise
            else:
                self._succeeded()
            finally:
                if trial:
                    self.trying = False

        return guarded

    def _enter(self) -> bool:
        if self.opened_at is None:
            return False
        if self.trying or self.clock.now < self.opened_at + self.rest:
            raise Refused
        self.trying = True
        return True

    def _failed(self) -> None:
        self.streak += 1
        if self.trying or self.streak >= self.failures:
            self.opened_at = self.clock.now

    def _succeeded(self) -> None:
        # A call from before the opening may end now; it says nothing about the time since.
        if self.opened_at is None or self.trying:
            self.streak, self.opened_at = 0, None

    @property
    def open(self) -> bool:
        return self.opened_at is not None

    @property
    def closed(self) -> bool:
        return self.opened_at is None


class Pybreaker(Guard):
    """pybreaker as it comes, around a block; its wall clock is set by ours."""

    name = "pybreaker"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.library = importlib.import_module("pybreaker")
        self.breaker = self.library.CircuitBreaker(fail_max=5, reset_timeout=60)

    def around(self, call: Call) -> Call:
        async def guarded(ticket: Ticket) -> None:
            with self.breaker.calling():
                await call(ticket)

        return guarded

    @property
    def open(self) -> bool:
        return bool(self.breaker.current_state == "open")

    @property
    def closed(self) -> bool:
        return bool(self.breaker.current_state == "closed")

    @contextlib.contextmanager
    def running(self, dependency: Dependency) -> Iterator[None]:
        clock = self.clock

        class Datetime(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Datetime:
                return cls.fromtimestamp(clock.now, tz or UTC)

        with mock.patch.object(self.library, "datetime", Datetime):
            yield


class Circuitbreaker(Guard):
    """circuitbreaker as it comes, as a decorator; its clock is ours."""

    name = "circuitbreaker"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.library = importlib.import_module("circuitbreaker")
        self.breaker = self.library.CircuitBreaker()

    def around(self, call: Call) -> Call:
        guarded: Call = self.breaker(call)
        return guarded

    @property
    def open(self) -> bool:
        return bool(self.breaker.opened)

    @property
    def closed(self) -> bool:
        return bool(self.breaker.closed)

    @contextlib.contextmanager
    def running(self, dependency: Dependency) -> Iterator[None]:
        with mock.patch.object(self.library, "monotonic", self.clock):
            yield


class Interlock(Guard):
    """interlock-cb as it comes, as a decorator, with our clock, and told from which latency on a call is slow, as ours is."""

    name = "interlock-cb"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.library = importlib.import_module("interlock")
        config = self.library.Config(slow_call_duration_threshold=0.2, slow_call_rate_threshold=0.5)
        self.breaker = self.library.CircuitBreaker(name="dependency", config=config, clock=self)

    def monotonic(self) -> float:
        """Return the time, as the library asks for it."""
        return self.clock.now

    def around(self, call: Call) -> Call:
        guarded: Call = self.breaker(call)
        return guarded

    @property
    def open(self) -> bool:
        return bool(self.breaker.state is self.library.State.OPEN)

    @property
    def closed(self) -> bool:
        return bool(self.breaker.state is self.library.State.CLOSED)


class Brownout(Guard):
    """Ours: its default trip, open time and ramp, and a trip for slowness, over a short window: slow calls are few calls."""

    name = "brownout"

    def __init__(self, clock: Clock, **settings: Any) -> None:
        super().__init__(clock)
        trip = brownout.consecutive(10) | brownout.rate(0.5, within=30, calls=20) | brownout.slow(0.5, within=5, calls=20)
        self.breaker = brownout.Breaker("dependency", clock=clock, **{"trip": trip, "latency_limit": 0.2, **settings})

    def around(self, call: Call) -> Call:
        return self.breaker(call)

    @property
    def open(self) -> bool:
        return self.breaker.state is brownout.State.OPEN

    @property
    def closed(self) -> bool:
        return self.breaker.state is brownout.State.CLOSED

    @contextlib.contextmanager
    def running(self, dependency: Dependency) -> Iterator[None]:
        # The breaker has been given the clock; a retry budget reads the default one.
        with mock.patch.object(_clock, "source", self.clock):
            yield


class Probed(Brownout):
    """Ours, with a probe every second."""

    name = "brownout, probes"

    @contextlib.contextmanager
    def running(self, dependency: Dependency) -> Iterator[None]:
        task = asyncio.get_running_loop().create_task(self._probe(dependency))
        try:
            with super().running(dependency):
                yield
        finally:
            task.cancel()

    async def _probe(self, dependency: Dependency) -> None:
        while True:
            await asyncio.sleep(1.0)
            try:
                permit = self.breaker.acquire(probe=True)
            except brownout.OpenError:
                continue
            try:
                async with asyncio.timeout(1.0):
                    await dependency.call(Ticket())
            except Exception as error:  # what a probe meets is its news, not its failure
                permit.failed(error)
            else:
                permit.succeeded()


class Retried(Probed):
    """Ours, with a probe every second, and retries that a budget of 20 % of the calls pays for."""

    name = "brownout, probes, retries"

    def around(self, call: Call) -> Call:
        budget = brownout.RetryBudget(0.2)
        again = brownout.retry(3, on=ConnectionError, wait=brownout.backoff(0.05, up_to=0.2, jitter=0.5), budget=budget)
        return again(super().around(call))


class Five(Probed):
    """Ours, with a probe every second, and a hastier trip."""

    name = "brownout, probes, consecutive(5)"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, trip=brownout.consecutive(5))


class Bulkheaded(Probed):
    """Ours, with a probe every second, and at most 20 calls at once."""

    name = "brownout, probes, bulkhead"

    def around(self, call: Call) -> Call:
        return brownout.bulkhead(20)(super().around(call))


class Ramped(Probed):
    """Ours, with a probe every second, and a ramp as long as the crowd needs."""

    name = "brownout, probes, ramp of 15 s"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, ramp=15.0)


PLAIN: tuple[Kind, ...] = (Guard, Classic, Pybreaker, Circuitbreaker, Interlock, Brownout, Probed)
RETRYING: tuple[Kind, ...] = (*PLAIN, Five, Retried)
CROWDED: tuple[Kind, ...] = (*PLAIN, Ramped, Bulkheaded)
