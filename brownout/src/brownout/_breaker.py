"""The breaker as its users see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from math import inf
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeVar, cast

from brownout import _clock, _hand
from brownout._backoff import Backoff, backoff
from brownout._errors import ConfigurationError
from brownout._events import Event, Mode, State
from brownout._hand import Restoring
from brownout._machine import machine
from brownout._permit import Lane, Permit
from brownout._phases import Closed, Disabled, Isolated
from brownout._settings import Errors, Settings, carried_retry_after, checked
from brownout._trips import Trip, consecutive, rate

if TYPE_CHECKING:
    from brownout._forecast import Forecast
    from brownout._keyed import Keyed
    from brownout._machine import Machine
    from brownout._needs import Need

__all__ = ["Breaker", "Stats"]

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_TRIP: Final = consecutive(10) | rate(0.5, within=30, calls=20)
"""At 20 % errors five failures in a row come every 40 s by chance at 100 calls a second; ten every 34 hours."""
DEFAULT_RETRY_AFTER: Final = backoff(20, up_to=300, jitter=0.5)

# The `with` blocks that the running task, or thread, is in: the innermost, as a list of its lane or permit, and of the block around
# it if there is one. A block that has ended is empty.
_blocks: Final[ContextVar[list[Any] | None]] = ContextVar("brownout_blocks", default=None)
# Generators take turns, so blocks end in another order than they began: this stands for one that ended before the blocks around it.
_ENDED: Final = Permit(cast("Machine", None), None, 0.0)
_innermost = _blocks.get
_enter_block = _blocks.set


class Stats(NamedTuple):
    """What a breaker has counted. The first five are of now and the window; the last four since the breaker was made."""

    streak: int
    """Failures in a row."""
    calls: int
    failures: int
    timed: int
    slow: int
    succeeded: int
    failed: int
    rejected: int
    stale: int


class Breaker:
    """A circuit breaker: calls that are known to fail are not made, and the service behind it is left in peace to recover.

    Use it as a decorator of functions, coroutine functions, generators and async generators, or as a context manager. It is safe
    to share among threads and tasks; a breaker stands for one dependency, so make one for each and keep it.

    An error that *on* means counts as a failure. Any other `Exception` counts as a success, because the dependency answered,
    unless *ignore* means it. What is no `Exception` (cancellation, Ctrl-C, exit) is neither, and the right to try goes back.

    Args:
        name: What people and metrics call it.
        on: The errors that are failures: an exception class, a tuple of them, or a function of the error.
        ignore: The errors that say nothing about the dependency, in the same form. It is asked before *on*.
        on_result: A function that says of a result whether it is a failure, for clients that return errors.
        trip: When to open: `consecutive`, `rate` and `slow`, combined with ``|`` and ``&``.
        retry_after: Seconds until the first trial, or a `backoff` for the trials after failed ones. The first wait is exact.
        trials: Trials that must succeed to close it again.
        at_once: Trials that may be in progress at a time.
        tolerate: Trials that may fail before it opens again.
        lease: Seconds after which a trial without result gives its place to another.
        ramp: Seconds after closing in which more and more calls are let through, from 10 to 100 % of the rate before the outage;
            longer when there is a crowd. Ten calls a second always pass.
        latency_limit: Seconds above which a call is slow, for `slow` and for health.
        retry_after_from: Returns the seconds that an error asks to wait, or None. By default its attribute ``retry_after``.
        clock: Returns monotonic seconds, for tests and simulations.

    Raises:
        ConfigurationError: A parameter makes no sense; the text says which, and gives an example.
    """

    __slots__ = ("__weakref__", "_machine", "key", "name")

    def __init__(
        self,
        name: str,
        *,
        on: Errors = Exception,
        ignore: Errors = (),
        on_result: Callable[[Any], bool] | None = None,
        trip: Trip = DEFAULT_TRIP,
        retry_after: float | Backoff = DEFAULT_RETRY_AFTER,
        trials: int = 1,
        at_once: int = 1,
        tolerate: int = 0,
        lease: float = 30.0,
        ramp: float = 3.0,
        latency_limit: float | None = None,
        retry_after_from: Callable[[Exception], float | None] = carried_retry_after,
        clock: Callable[[], float] | None = None,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f'name: give the breaker a name, got {name!r}; e.g. Breaker("database")')
        self.name = name
        self.key: object = None
        """The key that this breaker is for, when it is one of `keyed` ones."""
        settings = checked(
            on=on,
            ignore=ignore,
            on_result=on_result,
            trip=trip,
            retry_after=retry_after,
            trials=trials,
            at_once=at_once,
            tolerate=tolerate,
            lease=lease,
            ramp=ramp,
            latency_limit=latency_limit,
            retry_after_from=retry_after_from,
        )
        self._machine = machine(self, settings, clock or _clock.now)

    # Guarding calls.

    def __call__(self, function: Function) -> Function:
        """Return *function*, guarded, with its own signature.

        Raises:
            TypeError: It is nothing that can be guarded, such as a class; the text says what to guard instead.
        """
        from brownout._wrap import guarded

        return guarded(function, self._machine)

    def acquire(self, *, probe: bool = False) -> Permit:
        """Return the right to make one call, for code that cannot be decorated: a context manager, or settle it by hand.

        Args:
            probe: The call only asks whether the dependency is well. A failed probe counts like a failed call. A successful one
                counts as a trial once the first open time is over, and otherwise changes nothing.

        Raises:
            OpenError: The call must not be made now.
        """
        return self._machine.admitted(probe)

    def failed(self, error: Exception | None = None) -> None:
        """Count a failure by hand: in a ``with`` block that handles *error* itself, its call; elsewhere a call of its own."""
        block = self._block()
        if block is None:
            now = self._machine.clock()
            self._machine.phase.failed(None, error, now)
            return
        right, block[0] = block[0], Permit(self._machine, None, 0.0)
        if isinstance(right, Lane):
            right.phase.failed(None, error, self._machine.clock())
        else:
            right.failed(error)

    def __enter__(self) -> Self:
        lane = self._machine.lane
        right = lane if lane.successes < lane.stop else self.acquire()
        around = _innermost()
        _enter_block([right, around] if around else [right])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        block = _innermost()
        if block and kind is None:
            right = block.pop()
            lane = self._machine.lane
            if right is lane:  # which also tells that its state goes on
                lane.successes += 1
                return
            block.append(right)
        self._leave(error)

    def _leave(self, error: BaseException | None) -> None:
        """End a block whose call has a permit, or failed, or which stands in another block."""
        machine = self._machine
        block = self._block()
        if block is None:
            # It was entered in another task or context: nobody knows when, so it can decide nothing.
            if error is not None and machine.verdict(error) == "failure":
                machine.stale("failure", machine.clock())
            return
        right = block[0]
        block[:] = [_ENDED, block[1]] if len(block) > 1 else []
        innermost = _innermost()
        while innermost and innermost[0] is _ENDED:
            innermost = innermost[1]
        _enter_block(innermost)
        if error is not None:
            right.raised(error)
        else:
            right.succeeded()

    def _block(self) -> list[Any] | None:
        """Return the innermost block of this breaker that has not ended."""
        block = _innermost()
        while block and block[0].machine is not self._machine:
            block = block[1] if len(block) > 1 else None
        return block or None

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.__exit__(kind, error, traceback)

    # What it knows.

    @property
    def state(self) -> State:
        """What it does with the next call. It stays OPEN until a call, or a probe, comes as the first trial."""
        return self._machine.phase.kind

    @property
    def mode(self) -> Mode:
        """Who decides: the breaker itself, or a person."""
        return _hand.mode(self._machine)

    @property
    def reason(self) -> str:
        """Why calls are refused, in words, such as "open (5 failures in a row)"; empty while all is well."""
        machine = self._machine
        return machine.phase.words(machine.clock())

    @property
    def ramping(self) -> bool:
        """Whether it has just closed, and lets more and more calls through."""
        phase = self._machine.phase
        ramp = phase.ramp if isinstance(phase, Closed) else None
        return ramp is not None and ramp.left(self._machine.clock()) > 0

    @property
    def retry_in(self) -> float:
        """Seconds until the next trial: 0 when a call may be made now, infinite while it is isolated."""
        machine = self._machine
        return machine.phase.opens_in(machine.clock())

    @property
    def last_error(self) -> str:
        """The last failure in one line, such as "ConnectionError: refused"; empty before the first one."""
        return self._machine.last_error

    @property
    def last_failure_at(self) -> float | None:
        """When the last failure was, in seconds of the breaker's clock."""
        return self._machine.last_failure_at

    @property
    def opened_at(self) -> float | None:
        """When the outage began that is going on, in seconds of the breaker's clock; None when there is none."""
        return self._machine.opened_at

    @property
    def outages(self) -> tuple[float, ...]:
        """How long past outages took, in seconds from opening to closing, oldest first, 64 at most."""
        return tuple(self._machine.outages or ())

    @property
    def threshold(self) -> int | None:
        """How many failures in a row open it, or None when that is not one of its trips."""
        return self._machine.settings.trip.failures

    @property
    def settings(self) -> Settings:
        """The settings in use; change them by `configure`."""
        return self._machine.settings

    def stats(self) -> Stats:
        """Return what was counted. Successes on several threads are exact, as are failures."""
        return Stats(*self._machine.counted())

    def forecast(self) -> Forecast | None:
        """Return when the dependency may be back, judged by its past outages; None while there is no outage."""
        machine = self._machine
        now = machine.clock()
        opened_at = machine.opened_at
        if opened_at is None:
            return None
        from brownout._forecast import forecast

        return forecast(self.outages, elapsed=now - opened_at, next_trial=machine.phase.opens_in(now))

    def remember(self, durations: Iterable[float]) -> None:
        """Add past outages, in seconds, oldest first, that were kept elsewhere: over a restart, for example.

        Raises:
            ConfigurationError: A duration is negative or not finite.
        """
        seconds = [float(duration) for duration in durations]
        if not all(0 <= duration < inf for duration in seconds):
            raise ConfigurationError(
                f"remember: durations of outages are seconds from 0 up, got {seconds}; e.g. breaker.remember([12.5, 40.0])"
            )
        with self._machine.lock:
            self._machine.remember(seconds)

    # By hand.

    def isolated(self, reason: str) -> Restoring:
        """Hold it open from now on, for maintenance. As a context manager, only for the block.

        Calls that are in progress end as stale. Afterwards it is as it was, with an empty window. `reset` ends it as well.
        """
        return _hand.force(self._machine, Isolated, reason)

    def disabled(self) -> Restoring:
        """Let every call through and count none from now on. As a context manager, only for the block."""
        return _hand.force(self._machine, Disabled, "by hand")

    def shadow(self) -> Restoring:
        """Decide and count as ever, tell of `Rejected` calls, but let them through: to try settings in production.

        As a context manager, only for the block.
        """
        return _hand.shade(self._machine)

    def trip(self, reason: str = "tripped by hand") -> None:
        """Open it now, as if the dependency had failed: it recovers by itself, after the first open time."""
        _hand.trip(self._machine, reason)

    def reset(self) -> None:
        """Close it now, without a ramp, and end what `isolated`, `shadow` and `disabled` have set."""
        _hand.reset(self._machine)

    def configure(self, **changes: Any) -> None:
        """Change settings while it works. State and failures in a row stay; windows of another length start empty.

        Raises:
            ConfigurationError: A value makes no sense, or there is no such setting; nothing is changed.
        """
        _hand.configure(self._machine, changes)

    def subscribe(self, callback: Callable[[Any], object], *kinds: type[Event]) -> Callable[[], None]:
        """Call *callback* with each event, or with those of *kinds*; return a function that ends it.

        Events come in order, in the thread of some call, after the breaker has let go of its lock. What a callback raises is
        logged and goes no further.
        """
        return _hand.subscribe(self._machine, callback, kinds)

    def keyed(self, maxsize: int = 1024) -> Keyed:
        """Return breakers with these settings, one for each key: a shard, a tenant, a host.

        Raises:
            ConfigurationError: *maxsize* is below 1.
        """
        from brownout._keyed import Keyed

        return Keyed(self.name, self._like_this, maxsize)

    def _like_this(self, key: object) -> Breaker:
        like = type(self)(self.name, clock=self._machine.clock, **self._machine.settings._asdict())
        like.key = key
        return like

    # What features need; see `brownout.Feature`.

    def __and__(self, other: Breaker | Need) -> Need:
        from brownout._needs import needs

        return needs(self) & other

    def __or__(self, other: Breaker | Need) -> Need:
        from brownout._needs import needs

        return needs(self) | other

    def __repr__(self) -> str:
        key = "" if self.key is None else f" for {self.key!r}"
        return f"<Breaker {self.name}{key}: {self.reason or 'closed'}>"
