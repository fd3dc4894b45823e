"""Reads a text table in pieces: how much memory it takes does not depend on how long the file is."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol

from inventario.imports.rules.headers import recognised
from inventario.imports.rules.problems import CellProblem
from inventario.imports.rules.rows import RowSet
from inventario.imports.rules.text import DELIMITERS, TextSurvey, delimiter_hint

__all__ = ["Piece", "Position", "Start", "Table", "TextTable", "Unreadable", "blocks", "survey", "without_empty_end"]

BLOCK = 1 << 20
# Longer lines are no rows of a table; the limit keeps a file without line ends from being read as a whole.
_LONGEST_LINE = 1 << 20
# As many as a spreadsheet can have at most; a file of nothing else would be read for minutes, and nothing come of it.
_MOST_EMPTY = 1_048_576
# Before the headers, where lines are taken one by one.
_MOST_EMPTY_BEFORE = 1_000
_EMPTY = ' \t\r\n;,|"'
# Comes after the last line. It is a row of its own unless a quotation mark is still open there, and control characters are replaced in the
# file's own text.
_END = "\x04"
_RESERVED = str.maketrans({"\x01": "\x03", "\x02": "\x03", "\x04": "\x03"})


class Unreadable(Exception):
    """The file as a whole, or the rest of it, cannot be read. Carries what to tell."""

    def __init__(self, line: int, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.problem = CellProblem(line, "", "", detail, remedy)


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two rows: bytes before it (rows, in a sheet), and the line of the next row."""

    offset: int
    line: int


@dataclass(frozen=True, slots=True)
class Start:
    """How a table begins: its headers, the line they stand in, where the rows begin, and what separates the cells."""

    headers: list[str]
    line: int
    rows: Position
    delimiter: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows, where they end, and what of them could not be cut into rows."""

    rows: RowSet
    end: Position
    problems: tuple[CellProblem, ...] = ()


class Table(Protocol):
    """A file that can be read from any position on. ``damaged``: its cells may hold what no text holds."""

    damaged: bool

    def start(self) -> Start:
        """Find the headers."""

    def pieces(self, position: Position, size: int, delimiter: str) -> Iterator[Piece]:
        """Yield the rows from *position* on, *size* at a time."""


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of *file* in blocks of about a megabyte that end with a line.

    Raises:
        Unreadable: A line is longer than a megabyte. Its number is not known here.
    """
    rest = b""
    while read := file.read(BLOCK):
        block = rest + read
        cut = block.rfind(b"\n") + 1 or _after_return(block)
        if not cut and len(block) > _LONGEST_LINE:
            raise Unreadable(0, "A line is longer than a megabyte.", "Check that this is a table with one line a row.")
        if cut:
            yield block[:cut]
        rest = block[cut:]
    if rest:
        yield rest


def _after_return(block: bytes) -> int:
    # A file of an old Mac ends its lines with returns alone. One at the very end of a block may be the first half of a line end.
    return block.rfind(b"\r", 0, -1) + 1


def survey(path: Path) -> tuple[TextSurvey, bytes]:
    """Look through a file once: what its bytes tell, and their SHA-256. Takes about a tenth of a second for 100 MB.

    Raises:
        Unreadable: A line is longer than a megabyte.
    """
    found, digest = TextSurvey(), hashlib.sha256()
    with path.open("rb") as file:
        for block in blocks(file):
            found.add(block)
            digest.update(block)
    return found, digest.digest()


class TextTable:
    """A CSV file, whatever its separator, encoding and line ends."""

    def __init__(self, path: Path, found: TextSurvey) -> None:
        """Prepare to read *path*, of which *found* is what a look at its bytes told."""
        self._path, self._encoding, self._signature = path, found.encoding, 3 if found.has_byte_order_mark else 0
        self.damaged = bool(found.controls or found.foreign)

    def start(self) -> Start:
        """Find the headers: the first line that is not empty. What separates cells is what makes most headers known.

        Raises:
            Unreadable: There is none.
        """
        position, hint = self._skip_hint()
        starts = [self._start_with(delimiter, position) for delimiter in ((hint,) if hint else DELIMITERS)]
        return max(starts, key=lambda start: (sum(map(_known, start.headers)), len(start.headers)))

    def _skip_hint(self) -> tuple[Position, str | None]:
        with self._path.open("rb") as file:
            file.seek(self._signature)
            first = next(blocks(file), b"").split(b"\n", 1)[0]
        hint = delimiter_hint(first.decode("latin-1"))
        if hint is None:
            return Position(self._signature, 1), None
        return Position(self._signature + len(first) + 1, 2), hint

    def _start_with(self, delimiter: str, position: Position) -> Start:
        for piece in islice(self.pieces(position, 1, delimiter), _MOST_EMPTY_BEFORE):
            if piece.problems:
                raise Unreadable(piece.problems[0].line, piece.problems[0].detail, piece.problems[0].remedy)
            for cells, line in zip(piece.rows.cells, piece.rows.lines, strict=True):
                headers = [cell.strip().encode("utf-8", "replace").decode() for cell in cells]
                if any(headers):
                    return Start(without_empty_end(headers), line, piece.end, delimiter)
        raise Unreadable(position.line, "The file has no line of headers.", "Put the names of the columns into its first line.")

    def pieces(self, position: Position, size: int, delimiter: str) -> Iterator[Piece]:
        """Yield the rows from *position* on, *size* at a time. Ends early, with a problem, where the rest cannot be cut into rows."""
        lines = _Lines(self._path, self._encoding, position, clean=self.damaged)
        reader = csv.reader(iter(lines), delimiter=delimiter)
        line = position.line
        while True:
            cells: list[list[str]] = []
            ends: list[int] = []
            problem = _take(reader, size, cells, ends, position.line)
            if lines.ended and problem is None:
                problem = _drop_end(cells, ends, line, position.line)
            taken = ends[-1] if ends else line - position.line
            starts = [line, *(position.line + end for end in ends[:-1])]
            wrapped = bool(cells) and position.line + taken - line != len(cells)
            following = position.line + taken
            rows = RowSet(cells, starts[: len(cells)] if wrapped else range(line, line + len(cells)), wrapped)
            if cells or problem:
                yield Piece(rows, Position(lines.offset_after(taken), following), (problem,) if problem else ())
            if problem or lines.ended or len(cells) < size:
                return
            line = following


def _take(reader: Iterator[list[str]], size: int, cells: list[list[str]], ends: list[int], first: int) -> CellProblem | None:
    """Collect *size* rows, and after how many lines each ends. Returns why it cannot go on."""
    try:
        for row in islice(reader, size):
            cells.append(row)
            ends.append(reader.line_num)  # type: ignore[attr-defined]  # a csv.reader, whose type has no name
    except csv.Error:
        line = first + (ends[-1] if ends else 0)
        detail = "A quotation mark that opens here is not closed within 131,072 characters. The lines after it were not read."
        return CellProblem(line, "", "", detail, "Close the quotation mark, or double one that is part of the text.")
    except Unreadable as error:
        line = first + (ends[-1] if ends else 0)
        return CellProblem(line, "", "", f"{error.problem.detail} The lines after it were not read.", error.problem.remedy)
    return None


def _drop_end(cells: list[list[str]], ends: list[int], line: int, first: int) -> CellProblem | None:
    """Take the mark of the end away; where it is not a row of its own, a quotation mark is still open."""
    last = cells.pop() if cells else [_END]
    opened = first + ends[-2] if len(ends) > 1 else line
    if ends:
        ends.pop()
    if last == [_END]:
        return None
    detail = "A quotation mark that opens here is never closed, and takes in the rest of the file."
    return CellProblem(opened, "", "", detail, "Close the quotation mark, or double one that is part of the text.")


class _Lines:
    """The lines of a file from a position on, and how many bytes any number of them takes."""

    def __init__(self, path: Path, encoding: str, position: Position, *, clean: bool) -> None:
        self._path, self._encoding, self._clean = path, encoding, clean
        self._offset, self._before = position.offset, 0
        self._block: list[str] = []
        self._empty = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for block in blocks(file):
                self._offset += self._bytes(self._block)
                self._before += len(self._block)
                text = block.decode(self._encoding, "surrogateescape")
                self._block = list(io.StringIO(text.translate(_RESERVED) if self._clean else text, newline=""))
                for line in self._block:
                    self._count_empty(line)
                    yield line
        self.ended = True
        yield _END

    def _count_empty(self, line: str) -> None:
        self._empty = 0 if line.strip(_EMPTY) else self._empty + 1
        if self._empty > _MOST_EMPTY:
            raise Unreadable(0, f"There are more than {_MOST_EMPTY:,} empty lines in a row.", "Delete them, and import the file again.")

    def offset_after(self, lines: int) -> int:
        """Return the bytes of the file before line number *lines*, counted from 0 at the position."""
        return self._offset + self._bytes(self._block[: lines - self._before])

    def _bytes(self, lines: list[str]) -> int:
        return len("".join(lines).encode(self._encoding, "surrogateescape"))


def _known(header: str) -> bool:
    return any(recognised(header, kind) is not None for kind in ("products", "movements"))


def without_empty_end(headers: list[str]) -> list[str]:
    """Return *headers* without the empty ones at the end, which trailing separators make."""
    while headers and not headers[-1]:
        headers.pop()
    return headers
