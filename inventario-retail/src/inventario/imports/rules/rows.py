"""The shape of rows: as many cells as there are headers, and nothing in them that no text holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inventario.imports.rules.dates import STORED_MOMENT
from inventario.imports.rules.numbers import STORED_NUMBER
from inventario.imports.rules.problems import CellProblem
from inventario.imports.rules.text import is_damaged

__all__ = ["RowSet", "SoundRows", "sound_rows", "without_marks"]

_MARKS = STORED_NUMBER + STORED_MOMENT


@dataclass(frozen=True, slots=True)
class RowSet:
    """Some rows of a file as they were cut, and the line in which each begins. ``wrapped``: a row of them spans several lines."""

    cells: list[list[str]]
    lines: Sequence[int]
    wrapped: bool = False


@dataclass(frozen=True, slots=True)
class SoundRows:
    """Rows that all have one width, and what is wrong with the others. Empty rows are left out without a word: spreadsheets write them."""

    cells: list[list[str]]
    lines: Sequence[int]
    problems: list[CellProblem]


def sound_rows(rows: RowSet, *, width: int, delimiter: str, damaged: bool) -> SoundRows:
    """Sort out the rows of *rows* that cannot be read.

    Args:
        rows: As they were cut.
        width: How many cells a row has.
        delimiter: What separates cells.
        damaged: Whether cells may hold control characters or foreign bytes, so that each must be looked at.
    """
    if not damaged and not rows.wrapped and set(map(len, rows.cells)) <= {width} and [""] * width not in rows.cells:
        return SoundRows(rows.cells, rows.lines, [])
    cells: list[list[str]] = []
    lines: list[int] = []
    problems: list[CellProblem] = []
    for row, line in zip(rows.cells, rows.lines, strict=True):
        if not any(map(str.strip, row)):
            continue
        problem = _misshapen(row, line, width) or _damaged(row, line, damaged) or _swallowed(row, line, delimiter, rows.wrapped)
        if problem:
            problems.append(problem)
        else:
            cells.append(row[:width])
            lines.append(line)
    return SoundRows(cells, lines, problems)


def without_marks(cell: str) -> str:
    """Return *cell* as a person sees it, without what tells that a spreadsheet keeps it as a number or a date."""
    return cell[1:] if cell[:1] in _MARKS and cell else cell


def _misshapen(row: list[str], line: int, width: int) -> CellProblem | None:
    if len(row) == width or (len(row) > width and not any(map(str.strip, row[width:]))):
        return None
    detail = f"The row has {len(row)} cells, and there are {width} headers."
    remedy = "Give every row one cell a column; a cell that contains the separator belongs in quotation marks."
    return CellProblem(line, "", _shown(row), detail, remedy)


def _damaged(row: list[str], line: int, damaged: bool) -> CellProblem | None:
    if not damaged or not any(map(is_damaged, map(without_marks, row))):
        return None
    detail = "A cell holds a control character, or a byte that does not fit the encoding of the rest of the file."
    return CellProblem(line, "", _shown(row), detail, "Correct the character, or export the file again as CSV UTF-8.")


def _swallowed(row: list[str], line: int, delimiter: str, wrapped: bool) -> CellProblem | None:
    """Find a cell with whole rows in it: a quotation mark that opens and is never closed takes in all lines up to the next one."""
    if not wrapped:
        return None
    for cell in row:
        if "\n" in cell and any(part.count(delimiter) * 2 >= len(row) - 1 > 0 for part in cell.splitlines()):
            detail = f"A cell that begins here holds {cell.count(chr(10)) + 1} lines with whole rows in them."
            return CellProblem(line, "", _shown(row), detail, "Close the quotation mark, or double one that is part of the text.")
    return None


def _shown(row: list[str]) -> str:
    text = " | ".join(map(without_marks, row[:20]))[:200]
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
