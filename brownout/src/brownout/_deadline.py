"""How long the caller still waits, known to everything that is called on the way."""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from brownout import _clock
from brownout._errors import DeadlineExceeded, RejectedError
from brownout._policy import Policy, name_of, settled, within

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Deadline", "check", "deadline", "let_go", "remaining", "usable"]

_HEAD_START = 0.01
"""Seconds, or a twentieth of what is left if that is less, by which an inner deadline ends before the outer one that bounds it.

When both end at once, the outer one cancels, and what lies between them sees a cancellation. A breaker there judges that as neither
success nor failure, so that a frozen server would never trip it. Ended first, the inner one gives it a DeadlineExceeded.
"""

_abandoned: set[asyncio.Task[Any]] = set()


class NotBegun(DeadlineExceeded, RejectedError):
    """The time was over before the call was made; so no breaker counts it and no retry repeats it."""

    def __str__(self) -> str:
        return f"not begun: the time of {self.budget:.3g} s was over"


class _Scope:
    """One deadline in force. Scopes are chained, not kept in the policy: a policy may be in force many times at once."""

    __slots__ = ("at", "budget", "inherited", "outer", "timer")

    def __init__(self, seconds: float, outer: _Scope | None) -> None:
        now = _clock.now()
        self.at: float = now + seconds
        self.budget: float = seconds
        self.inherited = False
        self.outer = outer
        self.timer: Any = None  # the asyncio.Timeout of an ``async with``
        if outer is not None and outer.at <= self.at:
            self.at, self.budget, self.inherited = outer.at, outer.at - now, True
            if self.budget <= 0:
                raise NotBegun(outer.budget)

    def patience(self) -> float:
        """Return how many seconds to wait from the start."""
        return self.budget - _head_start(self.budget) if self.inherited else self.budget


def _head_start(budget: float) -> float:
    return min(_HEAD_START, budget / 20)


_current: ContextVar[_Scope | None] = ContextVar("brownout_deadline", default=None)


def remaining() -> float | None:
    """Return the seconds until the deadline in force, 0.0 when it is over, or None when there is none.

    Give it to the client as its timeout: ``client.get(url, timeout=remaining())``. Tasks and ``asyncio.to_thread`` inherit the deadline
    of whoever starts them; a bare ``threading.Thread`` in general does not.
    """
    scope = _current.get()
    return None if scope is None else max(0.0, scope.at - _clock.now())


def check() -> None:
    """Do nothing while there is time.

    Raises:
        DeadlineExceeded: The deadline in force is over; also a RejectedError.
    """
    scope = _current.get()
    if scope is not None and scope.at <= _clock.now():
        raise NotBegun(scope.budget)


def usable() -> float | None:
    """Return the seconds in which another attempt can still be of use, 0.0 when there are none, or None without a deadline.

    An attempt that was bounded by the deadline in force ended a head start before it. Nothing is to be begun in that rest: it would be
    cut short in turn, and so would the one after it.
    """
    scope = _current.get()
    # A microsecond more, since the timer of an event loop may fire early by the resolution of its clock.
    return None if scope is None else max(0.0, scope.at - _clock.now() - _head_start(scope.budget) - 1e-6)


def let_go(task: asyncio.Task[Any]) -> None:
    """Cancel *task* and wait no longer for it.

    It stays referenced until it ends, since the event loop holds tasks only weakly, and what it raises then is taken note of: its
    caller has been told already that it took too long.
    """
    task.cancel()
    _abandoned.add(task)
    task.add_done_callback(_ended)


def _ended(task: asyncio.Task[Any]) -> None:
    _abandoned.discard(task)
    if not task.cancelled():
        task.exception()


class Deadline(Policy):
    """A bound on the time that a call may take. Made by `deadline`."""

    __slots__ = ("abandon", "seconds")

    kind: ClassVar[str] = "deadline"
    on_stream: ClassVar[str] = "its consumer decides how long it takes; write `async with deadline(...)` around the loop that consumes it"

    def __init__(self, seconds: float, *, abandon: bool = False) -> None:
        self.seconds = within("deadline", "seconds", seconds, example=0.5)
        self.abandon = abandon

    def _sync(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if self.abandon:
            self._refuse(f"{name_of(function)} with abandon=True", "only a task can be abandoned; write async def, or leave abandon out")

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self:
                return settled(function(*args, **kwargs), function)

        return wrapper

    def _async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def bounded(*args: Any, **kwargs: Any) -> Any:
            async with self:
                return await function(*args, **kwargs)

        async def abandoning(*args: Any, **kwargs: Any) -> Any:
            scope = self._enter()
            try:
                return await _wait_at_most(function(*args, **kwargs), scope)
            finally:
                _leave()

        return abandoning if self.abandon else bounded

    def _enter(self) -> _Scope:
        scope = _Scope(self.seconds, _current.get())
        _current.set(scope)
        return scope

    def __enter__(self) -> None:
        self._enter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _leave()

    async def __aenter__(self) -> None:
        import asyncio  # here, since whoever only calls synchronously need not load it

        if self.abandon:
            self._refuse("a block with abandon=True", "the rest of a block cannot go on elsewhere; decorate an async def instead")
        scope = _Scope(self.seconds, _current.get())
        scope.timer = asyncio.timeout(scope.patience())
        await scope.timer.__aenter__()
        _current.set(scope)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        scope = _leave()
        try:
            await scope.timer.__aexit__(kind, error, trace)
        except TimeoutError as over:
            raise DeadlineExceeded(scope.budget) from over.__cause__


def _leave() -> _Scope:
    scope = _current.get()
    if scope is None:
        raise RuntimeError("deadline: left where it was not entered; enter and leave it in the same task or thread")
    _current.set(scope.outer)
    return scope


async def _wait_at_most(call: Any, scope: _Scope) -> Any:
    """Await *call* while *scope* has time, and let it go then.

    ``asyncio.timeout`` would cancel it and then wait for it to end, which takes as long as its clean-up does.
    """
    import asyncio  # here, since whoever only calls synchronously need not load it

    task = asyncio.ensure_future(call)
    try:
        await asyncio.wait({task}, timeout=scope.patience())
    finally:
        if not task.done():
            let_go(task)
    if not task.done():
        raise DeadlineExceeded(scope.budget)
    return task.result()


def deadline(seconds: float, *, abandon: bool = False) -> Deadline:
    """Give a call, or a block, *seconds* of time, and let everything it calls know how much is left.

    ``@deadline(0.5)`` goes on ``def`` and ``async def``; ``with deadline(0.5):`` and ``async with deadline(0.5):`` go around a block.
    Inside, `remaining` tells what is left. Of nested deadlines the earlier one counts.

    - Async, the wait ends when the time is over: the call is cancelled and raises DeadlineExceeded.
    - Sync, nothing can interrupt a call. It is not begun when the time is over already; else give the client ``timeout=remaining()``.
      The same holds for ``with`` in async code: it tells, but does not bound.
    - A cancelled call may take long to end: a database client that asks a frozen server to cancel waits for its answer.
      With ``abandon=True`` the caller does not wait for that: the call goes on as a task of its own, already cancelled, and whatever it
      holds (a connection, a slot) it holds until it ends. It runs in a copy of the caller's context variables.

    A deadline set inside an outer one that is as early ends up to 10 ms before it, so that what lies between the two, say a breaker,
    sees a timeout and not a cancellation. The idea of handing the deadline on: Beyer et al., *Site Reliability Engineering*, 2016,
    chapter 22.

    Args:
        seconds: From the start of the call or block, more than 0.
        abandon: Do not wait for a call that takes its time to be cancelled; only on ``async def``.

    Raises:
        DeadlineExceeded: By the call; ``budget`` is the seconds it had. If the time was over before the call was made, it is a
            RejectedError too.
        ConfigurationError: *seconds* is not a finite number above 0.
    """
    return Deadline(seconds, abandon=abandon)
