"""Keeps a workbook from taking the process along that reads it.

The library that reads a sheet puts all of it into one grid, as wide and as high as its farthest cell: two cells can ask for more memory than there
is, and then the library ends the process instead of raising an error.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from inventario.imports.source import Unreadable

__all__ = ["check_extent", "panics_are_told", "rehearse"]

_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384  # XFD
# 32 bytes each, whether there is anything in them or not.
_MOST_CELLS = 20_000_000
# Rows and cells with something in them: empty ones that only have a format take no place in the grid.
_PLACE = re.compile(rb'<(?:\w+:)?(?:row|c)\s(?:[^>]*?\s)?r\s*=\s*["\']([A-Za-z]*)([0-9]*)["\'][^>]*(?<!/)>')
_SAVE_AGAIN = "Save it again as XLSX, or as CSV (UTF-8)."
_MEMORY, _PATIENCE = 2 << 30, 120
# A workbook that breaks a rule is told by whoever opens it next, with its sentence; here that is a success.
_REHEARSAL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]),) * 2)
from python_calamine import CalamineError, CalamineWorkbook
try:
    workbook = CalamineWorkbook.from_path(sys.argv[1])
    workbook.get_sheet_by_name(sys.argv[2] or workbook.sheet_names[0])
except (CalamineError, IndexError):
    pass
"""


def check_extent(file: IO[bytes]) -> None:
    """Look at where the cells of the sheet in *file* lie.

    Raises:
        Unreadable: One lies where no spreadsheet has a cell, or they span too large a table.
    """
    height = width = 0
    rest = b""
    while block := file.read(1 << 20):
        text = rest + block
        cut = text.rfind(b">") + 1
        found = _PLACE.findall(text, 0, cut)
        rest = text[cut:][-(1 << 16) :]
        # Cells of a column share its letters, so few of them are left to be worked out.
        width = max(width, max(map(_column, {letters for letters, _ in found}), default=0))
        height = max(height, max((_row(number) for number in {digits for _, digits in found}), default=0))
        _check(height, width)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters[:8].upper():
        number = number * 26 + letter - 64
    return number


def _row(digits: bytes) -> int:
    return int(digits[:12] or b"0")


def _check(height: int, width: int) -> None:
    remedy = "Delete the stray cells beside or below the table (Ctrl+End leads to the last one), or save the sheet as CSV (UTF-8)."
    if height > _LAST_ROW or width > _LAST_COLUMN:
        raise Unreadable(1, "A cell lies outside of the sheet: the last one possible is XFD1048576.", remedy)
    if height * width > _MOST_CELLS:
        detail = f"The sheet spans {height:,} rows and {width:,} columns; {_MOST_CELLS:,} cells are the most that is read."
        raise Unreadable(1, detail, remedy)


def rehearse(path: Path, sheet: str | None) -> None:
    """Load *sheet* of the workbook at *path*, or the first one, in a process of its own with bounded memory. Blocks.

    What looked at the bytes before can be deceived: an archive may lie about the size of its files, and XML can be written in many ways.

    Raises:
        Unreadable: That process did not get through.
    """
    command = [sys.executable, "-I", "-c", _REHEARSAL, str(path), sheet or "", str(_MEMORY)]
    try:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False).returncode  # noqa: S603 - no shell
    except subprocess.TimeoutExpired:
        code = -1
    if code:
        raise Unreadable(1, "The workbook is damaged, or takes too much memory to be read.", _SAVE_AGAIN)


@contextmanager
def panics_are_told(*expected: type[BaseException]) -> Iterator[None]:
    """Turn what the library does not expect of a file into `Unreadable`, and let *expected* errors through.

    Its panics are no `Exception`, so that nobody else would catch them.

    Raises:
        Unreadable: Anything else than the end of the program was raised.
    """
    try:
        yield
    except expected:
        raise
    except (Unreadable, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise Unreadable(1, "The workbook is damaged.", _SAVE_AGAIN) from error
