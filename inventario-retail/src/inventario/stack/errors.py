"""What the person at the terminal reads instead of a traceback."""

from __future__ import annotations

import errno
from pathlib import Path

__all__ = ["StackError", "explain", "reason"]


class StackError(Exception):
    """Something keeps the shop from starting. The text is one line: what failed, and what to do about it."""

    def __init__(self, text: str) -> None:
        """Keep *text* on one line, whatever characters a path in it has."""
        super().__init__("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text))


def explain(error: OSError, path: Path) -> StackError:
    """Turn what the file system refused at *path* into a line that says what to do."""
    where = error.filename or path
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StackError(f"The disk of {path} is full. Free some space there, or choose another place with --data DIRECTORY.")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return StackError(
            f"{where} may not be written by this user ({error.strerror}). Correct its owner or mode, or choose another place with --data DIRECTORY."
        )
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        return StackError(f"{where} is in the way: a directory is needed there. Move it, or choose another place with --data DIRECTORY.")
    return StackError(f"{where}: {error.strerror}. Choose another place with --data DIRECTORY.")


def reason(error: BaseException) -> str:
    """Return what a driver says about a failed connection, without the hints in its further lines."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
