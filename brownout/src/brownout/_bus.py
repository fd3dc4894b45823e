"""Telling those who listen, and the log when nobody else can be told."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from brownout._events import Event

__all__ = ["Bus", "report"]


def report(problem: str, error: Exception) -> None:
    """Write *problem* and *error* to the log ``brownout``."""
    import logging  # here, since it takes as long to import as all the rest, and is needed only when something is wrong

    logging.getLogger("brownout").error(problem, exc_info=error)


class Bus:
    """Who listens, and what they have not heard yet. Events are delivered outside of the machine's lock, one after the other."""

    __slots__ = ("_delivering", "listeners", "queue")

    def __init__(self) -> None:
        self.listeners: tuple[tuple[Callable[[Any], object], tuple[type, ...]], ...] = ()
        self.queue: deque[Event] = deque()
        self._delivering = threading.Lock()

    def wants(self, kind: type) -> bool:
        """Return whether anybody listens to events of *kind*."""
        return any(not kinds or kind in kinds for _, kinds in self.listeners)

    def deliver(self) -> None:
        """Hand on what is queued. Only one thread does at a time, so that everybody hears everything in order."""
        while self.queue and self._delivering.acquire(blocking=False):
            try:
                while self.queue:
                    self._hand_on(self.queue.popleft())
            finally:
                self._delivering.release()

    def _hand_on(self, event: Event) -> None:
        for callback, kinds in self.listeners:
            if not kinds or isinstance(event, kinds):
                try:
                    callback(event)
                except Exception as error:
                    # Whoever listens must not decide what happens to the call that is told of.
                    report(f"brownout: {callback!r} failed on {type(event).__name__}", error)
