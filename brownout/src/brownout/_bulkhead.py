"""No more than so many calls at once, so that one slow dependency cannot take every thread or connection."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from brownout._deadline import remaining
from brownout._errors import BulkheadFullError
from brownout._policy import Policy, settled, whole, within

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Bulkhead", "bulkhead"]


class _Waiter(Protocol):
    granted: bool

    def wake(self) -> bool: ...


class _Thread:
    """A thread in the queue."""

    __slots__ = ("event", "granted")

    def __init__(self) -> None:
        self.event = threading.Event()
        self.granted = False

    def wake(self) -> bool:
        self.event.set()
        return True


class _Task:
    """A task in the queue; whoever gives it its slot may be another thread."""

    __slots__ = ("future", "granted", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()
        self.granted = False

    def wake(self) -> bool:
        try:
            self.loop.call_soon_threadsafe(self.future.set_result, None)
        except RuntimeError:  # the loop was closed over its waiting tasks: nobody is there to take the slot
            return False
        return True


class Bulkhead(Policy):
    """A number of slots and a queue. Made by `bulkhead`.

    A freed slot is handed to the first in the queue and never passes through "free" then, so that whoever comes later cannot take it.
    """

    __slots__ = ("_active", "_lock", "_queue", "limit", "timeout", "waiting")

    kind: ClassVar[str] = "bulkhead"

    def __init__(self, n: int, *, waiting: int = 0, timeout: float | None = None) -> None:
        self.limit = whole("bulkhead", "n", n, least=1, example=10)
        self.waiting = whole("bulkhead", "waiting", waiting, least=0, example=20)
        self.timeout = None if timeout is None else within("bulkhead", "timeout", timeout, example=0.2)
        # Reentrant, because the garbage collector may close an abandoned generator, and so give its slot back, in the middle of ours.
        self._lock = threading.RLock()
        self._active = 0
        self._queue: deque[_Waiter] = deque()

    @property
    def active(self) -> int:
        """Calls in progress."""
        return self._active

    @property
    def queued(self) -> int:
        """Calls that wait for a slot."""
        return len(self._queue)

    def __enter__(self) -> None:
        if self._take():
            return
        waiter = _Thread()
        self._queue_up(waiter)
        patience = self._patience()
        try:
            waiter.event.wait(patience)
        except BaseException:
            self._withdraw(waiter)
            raise
        self._granted_or_raise(waiter, patience)

    async def __aenter__(self) -> None:
        if self._take():
            return
        import asyncio  # here, since whoever only calls synchronously need not load it

        waiter = _Task(asyncio.get_running_loop())
        self._queue_up(waiter)
        patience = self._patience()
        try:
            await asyncio.wait({waiter.future}, timeout=patience)
        except BaseException:
            self._withdraw(waiter)
            raise
        self._granted_or_raise(waiter, patience)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._give_back()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._give_back()

    def _take(self) -> bool:
        with self._lock:
            if self._active < self.limit:  # then the queue is empty
                self._active += 1
                return True
            return False

    def _queue_up(self, waiter: _Waiter) -> None:
        with self._lock:
            if self._active < self.limit:  # given back since we looked
                self._active += 1
                waiter.granted = True
                waiter.wake()
            elif len(self._queue) < self.waiting:
                self._queue.append(waiter)
            else:
                raise BulkheadFullError(
                    self, f"{self.limit} calls are in progress and {len(self._queue)} wait, which is all the bulkhead allows"
                )

    def _patience(self) -> float | None:
        bounds = [bound for bound in (self.timeout, remaining()) if bound is not None]
        return min(bounds, default=None)

    def _granted_or_raise(self, waiter: _Waiter, patience: float | None) -> None:
        with self._lock:
            if waiter.granted:
                return
            self._queue.remove(waiter)
        raise BulkheadFullError(self, f"no slot became free within {round(patience or 0.0, 3)} s: {self.limit} calls are in progress")

    def _withdraw(self, waiter: _Waiter) -> None:
        with self._lock:
            if not waiter.granted:
                self._queue.remove(waiter)
                return
        self._give_back()

    def _give_back(self) -> None:
        with self._lock:
            while self._queue:
                waiter = self._queue.popleft()
                waiter.granted = True
                if waiter.wake():
                    return
            self._active -= 1

    def _sync(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self:
                return settled(function(*args, **kwargs), function)

        return wrapper

    def _async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            async with self:
                return await function(*args, **kwargs)

        return wrapper

    def _stream(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self:
                return (yield from function(*args, **kwargs))

        return wrapper

    def _async_stream(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            async with self:
                stream = function(*args, **kwargs)
                step, given = stream.asend, None
                try:
                    while True:
                        item = await step(given)
                        try:
                            step, given = stream.asend, (yield item)
                        except Exception as error:  # thrown in by the consumer, for the stream to see
                            step, given = stream.athrow, error
                except StopAsyncIteration:
                    return
                finally:
                    await stream.aclose()

        return wrapper


def bulkhead(n: int, *, waiting: int = 0, timeout: float | None = None) -> Bulkhead:
    """Let at most *n* calls be in progress at once, and at most *waiting* more wait for their turn, first come, first served.

    ``@bulkhead(10)`` goes on ``def``, ``async def``, generators and async generators, which hold their slot to the last item; ``with``
    and ``async with`` go around a block. Threads and tasks of any event loop share the slots of one bulkhead. A call that is cancelled
    in the queue leaves it.

    A call that takes a slot while it has one already, by way of another guarded function, waits for itself when all are taken:
    give inner and outer calls bulkheads of their own.

    Args:
        n: Slots, 1 or more.
        waiting: Places in the queue; 0 refuses at once.
        timeout: Seconds that a call waits in the queue at most; None sets no bound. A deadline in force bounds the wait too.

    Raises:
        BulkheadFullError: By the call, which was not made; ``bulkhead`` is the one that refused.
        ConfigurationError: A parameter makes no sense; the text names it.
    """
    return Bulkhead(n, waiting=waiting, timeout=timeout)
