"""What the person at the terminal sees."""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Terminal"]


class Terminal:
    """Short lines, with a moving bar where there is a real terminal.

    A thread of its own writes them: a terminal that is paused with Ctrl-S, or a pipe that nobody reads, would otherwise stop whoever looks after the
    servers. Lines that nobody takes are dropped.
    """

    def __init__(self) -> None:
        """Start the writer; nothing is written yet."""
        self._lines: queue.Queue[tuple[str, str]] = queue.Queue(maxsize=500)
        self._moving = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self._idle = threading.Event()
        self._broken = False
        self._last_share = -1
        threading.Thread(target=self._write_all, name="terminal", daemon=True).start()

    def line(self, text: str) -> None:
        """Show a line."""
        self._put("line", text)

    def done(self, text: str) -> None:
        """Show that a step is done."""
        self._put("done", text)

    def problem(self, text: str) -> None:
        """Show that something needs attention."""
        self._put("problem", text)

    def progress(self, text: str, share: float) -> None:
        """Show that *share* (0 to 1) of a step is done. Without a real terminal only its beginning is shown."""
        percent = int(share * 100)
        if percent != self._last_share:
            self._last_share = percent
            if self._moving:
                self._put("progress", f"{text} {percent:3d} %")
            elif percent == 0:
                self._put("line", f"  {text}")

    def flush(self, *, within: float = 5.0) -> bool:
        """Wait until all is written, and tell whether somebody has taken it."""
        self._idle.clear()
        self._put("flush", "")
        return self._idle.wait(within) and not self._broken

    def _put(self, kind: str, text: str) -> None:
        try:
            self._lines.put_nowait((kind, text))
        except queue.Full:
            # Whoever comes back to the terminal finds the rest in the logs.
            return

    def _write_all(self) -> None:
        write = self._rich() if self._moving else self._plain
        while True:
            kind, text = self._lines.get()
            if kind == "flush":
                self._idle.set()
                continue
            try:
                write(kind, text)
            except (OSError, ValueError):
                self._broken = True

    @staticmethod
    def _plain(kind: str, text: str) -> None:
        mark = {"done": "  ok  ", "problem": "  !   "}.get(kind, "")
        sys.stdout.write(f"{mark}{text}\n")
        sys.stdout.flush()

    def _rich(self) -> _RichWriter:
        from rich.console import Console  # noqa: PLC0415 - loaded while the servers start, and only for a real terminal

        return _RichWriter(Console(highlight=False, soft_wrap=True))


class _RichWriter:
    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, kind: str, text: str) -> None:
        from rich.text import Text  # noqa: PLC0415

        mark, style = {"done": ("  ✓ ", "green"), "problem": ("  ! ", "yellow"), "progress": ("  … ", "cyan")}.get(kind, ("", ""))
        # A line of progress is overwritten by the next line, whatever that is.
        self._console.file.write("\r\x1b[2K")
        self._console.print(Text(mark, style) + Text(text), end="" if kind == "progress" else "\n")
        self._console.file.flush()
