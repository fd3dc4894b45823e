"""Concurrent movements share a statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Coalescer"]

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Outcome]):
    item: Item
    identity: object
    outcome: asyncio.Future[Outcome]


class Coalescer(Generic[Item, Outcome]):
    """Gathers what arrives while a batch is under way into the next batch.

    A lone item goes at once: nothing waits for company, there is no timer, and the batch grows by itself with the load. One batch at a
    time, so that two of ours never wait for each other's locks. Items with the same *identity* never share a batch.
    """

    def __init__(self, apply: Callable[[Sequence[Item]], Awaitable[Sequence[Outcome]]], *, most: int = 200) -> None:
        """Prepare.

        Args:
            apply: Carries out a batch and returns an outcome for each item, in order. What it raises reaches every item of the batch.
            most: Items in a batch at most.
        """
        self._apply = apply
        self._most = most
        self._waiting: list[_Waiting[Item, Outcome]] = []
        self._running: asyncio.Task[None] | None = None

    async def submit(self, item: Item, *, identity: object) -> Outcome:
        """Carry out *item* with whatever else is waiting, and return its outcome."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, identity, outcome))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await outcome

    async def _run(self) -> None:
        while self._waiting:
            batch = self._take()
            try:
                outcomes = await self._apply([waiting.item for waiting in batch])
            except BaseException as error:
                for waiting in batch:
                    if not waiting.outcome.done():
                        waiting.outcome.set_exception(error)
                if not isinstance(error, Exception):
                    # Cancelled: nobody runs what is still waiting, so it must not hang.
                    self._running = None
                    for waiting in self._waiting:
                        waiting.outcome.cancel()
                    raise
            else:
                for waiting, outcome in zip(batch, outcomes, strict=True):
                    # The request that waited may have been cancelled meanwhile; the item was carried out all the same.
                    if not waiting.outcome.done():
                        waiting.outcome.set_result(outcome)
        self._running = None

    def _take(self) -> list[_Waiting[Item, Outcome]]:
        batch: list[_Waiting[Item, Outcome]] = []
        left: list[_Waiting[Item, Outcome]] = []
        identities: set[object] = set()
        for waiting in self._waiting:
            if len(batch) < self._most and waiting.identity not in identities:
                identities.add(waiting.identity)
                batch.append(waiting)
            else:
                left.append(waiting)
        self._waiting = left
        return batch
