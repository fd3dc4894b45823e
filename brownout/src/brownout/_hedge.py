"""A second attempt while the first is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from brownout._deadline import let_go
from brownout._policy import Policy, name_of, whole, within
from brownout._retry import RetryBudget

__all__ = ["Hedge", "hedge"]

After = float | Callable[[], float | None]


class Hedge(Policy):
    """Attempts that overlap. Made by `hedge`."""

    __slots__ = ("after", "attempts", "budget")

    kind: ClassVar[str] = "hedge"
    on_stream: ClassVar[str] = "the items of two attempts cannot be mixed; hedge an async def that opens the stream"

    def __init__(self, after: After, *, attempts: int, budget: RetryBudget | None) -> None:
        self.after = after if callable(after) else within("hedge", "after", after, example=0.05)
        self.attempts = whole("hedge", "attempts", attempts, least=2, example=2)
        self.budget = budget

    def _sync(self, function: Callable[..., Any]) -> Callable[..., Any]:
        self._refuse(f"the plain def {name_of(function)}", "the attempt that loses could not be cancelled; write async def")

    def _async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            if self.budget is not None:
                self.budget.deposit()
            tasks: list[asyncio.Task[Any]] = []
            try:
                return await self._race(lambda: function(*args, **kwargs), tasks)
            finally:
                await _end(tasks)

        return wrapper

    async def _race(self, call: Callable[[], Any], tasks: list[asyncio.Task[Any]]) -> Any:
        """Return what the first success returned; *tasks* collects the attempts, oldest first."""
        more = self.attempts
        while True:
            tasks.append(asyncio.ensure_future(call()))
            more -= 1
            winner = await _winner(tasks, self._patience() if more else None)
            if winner is None and not _all_done(tasks):
                if self._affords_one():
                    continue
                winner = await _winner(tasks, None)
            # Where nobody won, the first attempt tells why.
            return (winner or tasks[0]).result()

    def _patience(self) -> float | None:
        return self.after() if callable(self.after) else self.after

    def _affords_one(self) -> bool:
        return self.budget is None or self.budget.withdraw()


async def _winner(tasks: list[asyncio.Task[Any]], patience: float | None) -> asyncio.Task[Any] | None:
    """Return the first task to succeed, or None when all failed, or nobody succeeded within *patience* seconds."""
    now = asyncio.get_running_loop().time
    end = None if patience is None else now() + patience
    while True:
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception() is None:
                return task
        left = None if end is None else end - now()
        if _all_done(tasks) or (left is not None and left <= 0):
            return None
        await asyncio.wait([task for task in tasks if not task.done()], timeout=left, return_when=asyncio.FIRST_COMPLETED)


def _all_done(tasks: list[asyncio.Task[Any]]) -> bool:
    return all(task.done() for task in tasks)


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel what still runs, and wait for it, so that nothing outlives the call."""
    losers = [task for task in tasks if not task.done()]
    for task in losers:
        task.cancel()
    try:
        if losers:
            await asyncio.wait(losers)
    finally:
        # Only those are still running here whose caller was cancelled while it waited for them. For the others it takes note of what
        # they raised, since the call has its answer already.
        for task in losers:
            let_go(task)


def hedge(after: After, *, attempts: int = 2, budget: RetryBudget | None = None) -> Hedge:
    """Begin another attempt when a call has taken *after* seconds, and take whichever succeeds first.

    ``@hedge(0.05)`` goes on ``async def`` only. It shortens the slow tail of a dependency that is well otherwise (Dean and Barroso,
    "The Tail at Scale", 2013), for calls that may be made twice: reads, or writes under an idempotency key. Take the 95th percentile of
    the latency for *after*, and the load grows by a twentieth.

    A failure begins no further attempt, that is what `retry` is for; when all fail, the first attempt's own exception is raised.
    The losers are cancelled, and waited for until they have ended. A loser that takes its time to be cancelled holds up the answer; put
    ``deadline(..., abandon=True)`` inside where a client does that.

    Args:
        after: Seconds before each further attempt, more than 0; or a function that tells them, and None to make no further attempt.
        attempts: Calls in progress at most, the first one included, 2 or more.
        budget: A further attempt takes a token from it, as a retry does; share it with `retry`. None sets no bound.

    Raises:
        ConfigurationError: A parameter makes no sense; the text names it.
    """
    return Hedge(after, attempts=attempts, budget=budget)
