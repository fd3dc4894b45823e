"""Reads a sheet of an Excel workbook.

The sheet is loaded whole, about 750 bytes a row of eight cells, because that is how the format is made; so its size is bounded.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inventario.imports.rules.dates import STORED_MOMENT
from inventario.imports.rules.numbers import STORED_NUMBER
from inventario.imports.rules.rows import RowSet
from inventario.imports.rules.text import is_damaged
from inventario.imports.sheet_limits import check_extent, panics_are_told, rehearse
from inventario.imports.source import Piece, Position, Start, Unreadable, without_empty_end

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

__all__ = ["MAGIC", "SheetTable"]

MAGIC = b"PK\x03\x04"
_LARGEST = 400 * 1024 * 1024
# A formula that failed, and one whose result was never worked out, both come out of the sheet as an empty cell. Empty means "leave it as it is",
# so the file would lie.
_FAILED = re.compile(rb'<c r="(?P<cell>[A-Z]+[0-9]+)"[^>]*\bt="e"')
_UNKNOWN = re.compile(rb'<c r="(?P<cell>[A-Z]+[0-9]+)"[^>]*><f[^>]*(?:/>|>[^<]*</f>)(?:<v/>|<v></v>)?</c>')
_EXCEL_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet knows no time zones


class SheetTable:
    """One sheet of an XLSX file."""

    # Text in a sheet is checked cell by cell, since nothing was known of it before.
    damaged = True

    def __init__(self, path: Path, sheet: str | None) -> None:
        """Load a sheet of *path*, the first one unless *sheet* names another.

        Raises:
            Unreadable: It is no workbook that can be read, it is too large, or formulas in it have no result.
        """
        names = _check_archive(path)
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - only who imports a sheet pays for it

        _check_extents(path, names)
        rehearse(path, sheet)
        try:
            with panics_are_told(CalamineError):
                workbook = CalamineWorkbook.from_path(str(path))
                self.name = self._choose(workbook.sheet_names, sheet)
                _check_formulas(path, names, workbook.sheet_names.index(self.name))
                self._sheet: CalamineSheet = workbook.get_sheet_by_name(self.name)
        except CalamineError as error:
            raise Unreadable(
                1, f"The workbook cannot be read: {error}.", "Open it, save it as XLSX without a password, and import that."
            ) from error
        self.others = [name for name in workbook.sheet_names if name != self.name]
        self.rows = self._sheet.total_height

    @staticmethod
    def _choose(names: list[str], wanted: str | None) -> str:
        if wanted is None and names:
            return names[0]
        if wanted not in names:
            raise Unreadable(1, f"There is no sheet {wanted!r}.", f"Choose one of {', '.join(names)}.")
        return wanted

    def start(self) -> Start:
        """Find the headers: the first row that is not empty.

        Raises:
            Unreadable: The sheet is empty.
        """
        with panics_are_told():
            for line, row in enumerate(self._sheet.iter_rows(), start=1):
                headers = [cell.lstrip(STORED_NUMBER).strip() for cell in map(as_text, row)]
                if any(headers):
                    return Start(without_empty_end(headers), line, Position(line, line + 1), "\t")
        raise Unreadable(1, f"The sheet {self.name} is empty.", "Put the names of the columns into its first row, or choose another sheet.")

    def pieces(self, position: Position, size: int, delimiter: str) -> Iterator[Piece]:
        """Yield the rows from *position* on, *size* at a time."""
        rows = islice(self._sheet.iter_rows(), position.offset, None)
        line = position.line
        while cells := _taken(rows, size):
            following = line + len(cells)
            yield Piece(RowSet(cells, range(line, following)), Position(following - 1, following))
            line = following


def _taken(rows: Iterator[list[Any]], size: int) -> list[list[str]]:
    with panics_are_told():
        return [list(map(as_text, row)) for row in islice(rows, size)]


def as_text(value: Any) -> str:
    """Return a cell as the rules read it: numbers and dates keep a mark that says that they were stored as such."""
    if isinstance(value, str):
        # Text must not pass for a number or a date.
        return value.replace("\x01", "\x03").replace("\x02", "\x03") if is_damaged(value) else value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # What is no number after all (1e400) is text that the rules refuse where they want a number.
        return STORED_NUMBER + _plain_number(value) if isfinite(value) else str(value)
    if isinstance(value, date | time):  # a datetime is a date
        return STORED_MOMENT + value.isoformat()
    if isinstance(value, timedelta):
        return f"{STORED_MOMENT}{_EXCEL_DAY_ZERO + value:%H:%M:%S}"
    return STORED_NUMBER + str(value)


def _plain_number(value: float) -> str:
    # Fifteen digits are what a spreadsheet shows and means; the rest of 0.30000000000000004 comes from binary arithmetic.
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    text = format(value, ".15g")
    return format(Decimal(text), "f") if "e" in text else text


def _check_archive(path: Path) -> list[str]:
    """Return the files in the workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise Unreadable(1, "The workbook is damaged.", "Save it again as XLSX, or as CSV (UTF-8).") from error
    names = [entry.filename for entry in entries]
    if "xl/workbook.xml" not in names:
        raise Unreadable(1, "This archive is no Excel workbook.", "Save the table as XLSX or CSV (UTF-8).")
    size = sum(entry.file_size for entry in entries)
    if size > _LARGEST:
        detail = f"The workbook takes {size / 2**20:,.0f} MB in memory; {_LARGEST / 2**20:,.0f} MB are the most that is read."
        raise Unreadable(1, detail, "Save the sheet as CSV (UTF-8): that can be of any length.")
    return names


def _check_extents(path: Path, names: list[str]) -> None:
    # All sheets, since which one will be read is only known once the workbook is open.
    with zipfile.ZipFile(path) as archive, panics_are_told():
        for name in names:
            if name.lower().startswith("xl/worksheets/") and name.lower().endswith(".xml"):
                with archive.open(name) as file:
                    check_extent(file)


def _check_formulas(path: Path, names: list[str], index: int) -> None:
    with zipfile.ZipFile(path) as archive:
        member = _member(archive, names, index)
        if member is None:
            return
        failed, unknown = _formulas_without_result(archive, member)
    if failed:
        cells = ", ".join(failed)
        raise Unreadable(1, f"Formulas in these cells have failed: {cells}.", "Correct them (#DIV/0!, #N/A, ...), or clear the cells.")
    if unknown:
        cells = ", ".join(unknown)
        raise Unreadable(
            1, f"Formulas in these cells have no stored result: {cells}.", "Open the file in a spreadsheet program and save it."
        )


def _member(archive: zipfile.ZipFile, names: list[str], index: int) -> str | None:
    sheets = re.findall(rb'<sheet [^>]*r:id="([^"]+)"', archive.read("xl/workbook.xml"))
    if index >= len(sheets) or "xl/_rels/workbook.xml.rels" not in names:
        return None
    for relation in re.findall(rb"<Relationship [^>]*>", archive.read("xl/_rels/workbook.xml.rels")):
        target = re.search(rb'Target="([^"]+)"', relation)
        if target and b'Id="' + sheets[index] + b'"' in relation:
            name = target[1].decode().lstrip("/")
            return next((found for found in (name, f"xl/{name}") if found in names), None)
    return None


def _formulas_without_result(archive: zipfile.ZipFile, member: str) -> tuple[list[str], list[str]]:
    """Return the first cells of each sort, ten at most."""
    failed: list[str] = []
    unknown: list[str] = []
    with archive.open(member) as file:
        rest = b""
        while (block := file.read(1 << 20)) and len(failed) < 10 and len(unknown) < 10:
            text = rest + block
            cut = text.rfind(b"</c>") + 4 if b"</c>" in text else 0
            failed += [found["cell"].decode() for found in _FAILED.finditer(text, 0, cut)]
            unknown += [found["cell"].decode() for found in _UNKNOWN.finditer(text, 0, cut)]
            rest = text[cut:][-(1 << 20) :]
    return failed[:10], unknown[:10]
