"""Waiting for whatever comes first: a signal, a child's end, something to read, or time."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Signals"]


class Signals:
    """Turns signals into something the main loop waits for; ``stops`` counts the requests to stop."""

    def __init__(self) -> None:
        """Change nothing yet; a ``with`` block does."""
        self.stops = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        wanted = {signal.SIGCHLD: self._wake, signal.SIGINT: self._stop, signal.SIGTERM: self._stop, signal.SIGHUP: self._stop}
        # Who starts us with nohup wants us to outlive the terminal.
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
            del wanted[signal.SIGHUP]
        self._before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float, readers: Sequence[int] = ()) -> list[int]:
        """Wait *seconds* at most, less when a signal comes; return the *readers* that have something to read."""
        ready, _, _ = select.select([self._read, *readers], [], [], max(0.0, seconds))
        if self._read in ready:
            ready.remove(self._read)
            os.read(self._read, 4096)
        return ready

    def _stop(self, _: int, __: FrameType | None) -> None:
        self.stops += 1

    def _wake(self, _: int, __: FrameType | None) -> None:
        """A handler has to be there for the signal to wake the loop."""
