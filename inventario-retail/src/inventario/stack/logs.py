"""Logs of the servers: bounded, and read when something does not start."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

__all__ = ["bound", "tail"]

_LIMIT = 4 * 2**20


def bound(log: Path) -> None:
    """Keep *log* and one older part, `_LIMIT` bytes each. Failing to is no reason to stop anything.

    The server holds the file open, in append mode, so it is copied and emptied rather than renamed.
    """
    with contextlib.suppress(OSError):
        if log.stat().st_size > _LIMIT:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            with log.open("r+b") as file:
                file.truncate(0)


def tail(log: Path, lines: int = 20) -> list[str]:
    """Return the last *lines* of *log*."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            return file.read().decode("utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []
