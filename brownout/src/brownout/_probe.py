"""Asking a dependency how it is, so that no user's request needs to be the guinea pig."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from brownout._breaker import Breaker
from brownout._bus import report
from brownout._errors import ConfigurationError, DeadlineExceeded
from brownout._events import Event, Failed, State, Transition

if TYPE_CHECKING:
    from asyncio import Future

    from brownout._permit import Permit

__all__ = ["Probe", "Schedule", "probed"]

probed: Final[WeakSet[Breaker]] = WeakSet()
"""The breakers whose trials a probe makes now."""


class Schedule:
    """When the next probe is due, by the breaker's state and what is known of the last probe. It does nothing by itself.

    A failure, of a call or of a probe, is a doubt: then a probe is due at once, and every *repeat* seconds, until one succeeds or the
    breaker opens. While it is open they go on at their interval, and one is due right when the first open time is over. While it is
    half open the remaining trials are due at once.
    """

    def __init__(self, breaker: Breaker, interval: float, repeat: float) -> None:
        self._breaker = breaker
        self._interval = interval
        self._repeat = repeat
        self._pause = interval
        self._started = -inf
        self._doubt: float | None = None
        self._doubted_before = False
        self._follow_up = False
        self._counted = False

    def due(self) -> float:
        """Return when the next probe is due, in seconds of the breaker's clock."""
        machine, started = self._breaker._machine, self._started
        state = self._breaker.state
        if state is State.HALF_OPEN:
            return started if self._counted else started + self._repeat
        if state is State.OPEN:
            at_interval = started + self._pause
            return min(at_interval, machine.probe_from) if started < machine.probe_from else at_interval
        if self._doubt is None:
            return started + self._pause
        return started if self._follow_up else max(self._doubt, started + self._repeat)

    def heard(self, event: Event) -> None:
        """Take note of a failure, or of another state."""
        if isinstance(event, Transition):
            if event.after is not State.CLOSED:
                self._doubt = None
        elif isinstance(event, Failed) and self._breaker.state is State.CLOSED:
            self._doubt = event.at

    def started(self, now: float, share: float = 1.0) -> None:
        """A probe begins; the next regular one comes after *share* of the interval."""
        self._started, self._pause = now, self._interval * share
        self._doubted_before = self._doubt is not None

    def ended(self, *, succeeded: bool, counted: bool) -> None:
        """A probe has ended. Only one that *counted*, as a trial, is followed by the next trial at once."""
        self._counted = succeeded and counted
        # The probe that raised the doubt is followed at once, once; those that follow keep the distance.
        self._follow_up = not succeeded and self._doubt is not None and not self._doubted_before
        if succeeded and self._doubt is not None and self._doubt <= self._started:
            self._doubt = None


class Probe:
    """Asks a dependency how it is, on an interval, and more often while there is doubt.

    A failed check counts as a failure of the dependency. A check that succeeds never clears failures of real calls; once the breaker's
    first open time is over it counts as a trial, and the other trials follow at once. Run it by ``await probe.run()`` in a task, or by
    ``with probe.thread():`` in a program without event loop; either way it ends at once when told to, outlives whatever the check
    raises, and never has two checks under way.

    A check that has not ended after *timeout* seconds has failed. A coroutine is cancelled and left to itself, since some clients wait
    for the server even then; a plain function cannot be stopped. Until it has ended no other check is made, and each that was due
    counts as failed; ``hung`` is the seconds since.

    Args:
        breaker: The breaker of the dependency. It judges what the check raises, and its result if it judges results.
        check: A function or coroutine function without parameters. It fails by raising, or by returning False.
        interval: Seconds between probes.
        repeat: Seconds between probes while failures are undecided.
        timeout: Seconds after which a check has failed.
        jitter: By up to this share the interval is shortened at random, so that replicas do not probe in step.

    Raises:
        ConfigurationError: A parameter makes no sense.
    """

    def __init__(
        self,
        breaker: Breaker,
        check: Callable[[], Any],
        *,
        interval: float = 30.0,
        repeat: float = 0.2,
        timeout: float = 2.0,
        jitter: float = 0.1,
    ) -> None:
        import random

        for name, seconds in ("interval", interval), ("repeat", repeat), ("timeout", timeout):
            if not (seconds > 0 and isfinite(seconds)):
                raise ConfigurationError(
                    f"{name}: seconds above 0, got {seconds}; e.g. Probe(redis, ping, interval=30, repeat=0.2, timeout=2)"
                )
        if not 0 <= jitter < 1:
            raise ConfigurationError(f"jitter: a share from 0 up and below 1, got {jitter}; e.g. jitter=0.1")
        if not callable(check):
            raise ConfigurationError(f"check: give a function without parameters, got {check!r}; e.g. Probe(redis, client.ping)")
        self.breaker: Final = breaker
        self.check: Final = check
        self.timeout: Final = timeout
        self.latency: float | None = None
        """Seconds that the last check took that succeeded; None before the first one."""
        self._repeat = repeat
        self._jitter = jitter
        self._uniform = random.random
        self._schedule = Schedule(breaker, interval, repeat)
        self._running = threading.Lock()
        self._asked = 0.0
        self._hangs = False

    @property
    def hung(self) -> float:
        """Seconds for which a check has been hanging that has not ended in time; 0 when none does."""
        return self.breaker._machine.clock() - self._asked if self._hangs else 0.0

    async def run(self, after: Callable[[], object] | None = None) -> None:
        """Probe until the task is cancelled; call *after*, such as `Brownout.refresh`, after each probe.

        Raises:
            ConfigurationError: It runs already.
        """
        import asyncio

        loop, wake = asyncio.get_running_loop(), asyncio.Event()
        pending: Future[Any] | None = None
        with self._started(lambda: loop.call_soon_threadsafe(wake.set)):
            while True:
                wake.clear()
                if (wait := self._wait()) > 0:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            await wake.wait()
                    continue
                pending = await self._probe(pending)
                self._afterwards(after)

    async def _probe(self, pending: Future[Any] | None) -> Future[Any] | None:
        """Make one probe; return its check when it still hangs."""
        import asyncio

        permit, before = self._begin()
        seconds = self._repeat
        if pending is None:
            pending = self._ask()
            seconds, self._asked = self.timeout, permit.started
        try:
            await asyncio.wait({pending}, timeout=seconds)
        except asyncio.CancelledError:
            permit.ignored()
            _leave(pending)
            raise
        if not pending.done():
            _leave(pending)
            self._too_late(permit)
            return pending
        if self._hangs:  # what it says comes too late to mean anything of now
            self._hangs = False
            permit.ignored()
            self._schedule.ended(succeeded=False, counted=False)
        else:
            self._settle(permit, before, *_outcome(pending))
        return None

    def _ask(self) -> Future[Any]:
        import asyncio
        import inspect

        if inspect.iscoroutinefunction(self.check) or inspect.iscoroutinefunction(type(self.check).__call__):
            task: Future[Any] = asyncio.ensure_future(self.check())
            return task
        # Not in the loop's own pool: a check that hangs would take one of its threads, and keep the program from ending.
        return _in_thread(self.check, asyncio.get_running_loop())

    @contextmanager
    def thread(self, after: Callable[[], object] | None = None) -> Iterator[Probe]:
        """Probe in a daemon thread during the block; call *after*, such as `Brownout.refresh`, after each probe.

        At the end of the block, a check that is under way is left to itself.

        Raises:
            ConfigurationError: It runs already.
        """
        import asyncio

        ready: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []
        begun = threading.Event()

        async def main() -> None:
            task = asyncio.create_task(self.run(after))
            ready.append((asyncio.get_running_loop(), task))
            begun.set()
            with suppress(asyncio.CancelledError):
                await task

        worker = threading.Thread(target=lambda: asyncio.run(main()), name=f"probe of {self.breaker.name}", daemon=True)
        if self._running.locked():
            raise ConfigurationError(f"probe: the probe of {self.breaker.name} runs already; make one for each loop")
        worker.start()
        begun.wait()
        loop, task = ready[0]
        try:
            yield self
        finally:
            with suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(task.cancel)
            worker.join(timeout=self.timeout)

    # One probe, whoever runs it.

    @contextmanager
    def _started(self, wake: Callable[[], object]) -> Iterator[None]:
        if not self._running.acquire(blocking=False):
            raise ConfigurationError(f"probe: the probe of {self.breaker.name} runs already; make one for each loop")

        def heard(event: Event) -> None:
            self._schedule.heard(event)
            wake()

        end = self.breaker.subscribe(heard, Failed, Transition)
        probed.add(self.breaker)
        try:
            yield
        finally:
            probed.discard(self.breaker)
            end()
            self._running.release()

    def _wait(self) -> float:
        return self._schedule.due() - self.breaker._machine.clock()

    def _begin(self) -> tuple[Permit, State]:
        before = self.breaker.state
        permit = self.breaker.acquire(probe=True)
        self._schedule.started(permit.started, 1 - self._jitter * self._uniform())
        return permit, before

    def _settle(self, permit: Permit, before: State, result: Any, error: BaseException | None) -> None:
        machine = self.breaker._machine
        took = machine.clock() - permit.started
        verdict = machine.verdict(error) if error is not None else "failure" if result is False else machine.judge(result)
        if verdict == "failure":
            permit.failed(error if isinstance(error, Exception) else None)
        elif error is not None:
            # The dependency answered, or nothing is known; whoever wrote the check did not expect this.
            report(f"probe: the check of {self.breaker.name} raised what counts as {verdict}", _as_exception(error))
            permit.raised(error)
        else:
            self.latency = took
            permit.succeeded(result)
        counted = permit.trial or before is not State.HALF_OPEN
        self._schedule.ended(succeeded=verdict == "success", counted=counted)

    def _too_late(self, permit: Permit) -> None:
        self._hangs = True
        permit.failed(DeadlineExceeded(self.hung))
        self._schedule.ended(succeeded=False, counted=False)

    def _afterwards(self, after: Callable[[], object] | None) -> None:
        if after is not None:
            try:
                after()
            except Exception as error:
                report(f"probe: {after!r} failed after a probe of {self.breaker.name}", error)


def _outcome(done: Future[Any]) -> tuple[Any, BaseException | None]:
    import asyncio

    if done.cancelled():
        return None, asyncio.CancelledError()
    error = done.exception()
    return (None, error) if error is not None else (done.result(), None)


def _leave(pending: Future[Any]) -> None:
    """Wait for it no longer. What runs in a thread cannot be cancelled, and must not look as if it had ended."""
    import asyncio

    if isinstance(pending, asyncio.Task):
        pending.cancel()
    pending.add_done_callback(_look_at)


def _look_at(done: Future[Any]) -> None:
    """Take what nobody waits for any more, or the loop would complain."""
    if not done.cancelled():
        done.exception()


def _as_exception(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else RuntimeError(repr(error))


def _in_thread(check: Callable[[], Any], loop: Any) -> Future[Any]:
    future: Future[Any] = loop.create_future()

    def tell(result: Any, error: Exception | None) -> None:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def work() -> None:
        result, problem = None, None
        try:
            result = check()
        except Exception as error:
            problem = error
        with suppress(RuntimeError):  # the loop has been closed: nobody wants to know any more
            loop.call_soon_threadsafe(tell, result, problem)

    threading.Thread(target=work, name="probe check", daemon=True).start()
    return future
