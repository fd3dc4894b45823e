"""One file under way from its bytes to the rows of the staging table. Blocking: a service runs it in a thread."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from inventario.imports.rules.conventions import Conventions
from inventario.imports.rules.headers import Kind, Layout, guess_kind, layout_problems, read_headers
from inventario.imports.rules.options import Options
from inventario.imports.rules.problems import CellProblem
from inventario.imports.rules.translate import Translation, Translator
from inventario.imports.sheets import MAGIC, SheetTable
from inventario.imports.source import Piece, Position, Start, Table, TextTable, Unreadable, survey

__all__ = ["Batch", "Reading", "RefusedFile", "open_file"]

# Part of a file's identity: rows that were staged by other rules are not gone on with. Raise it whenever a rule changes what a cell means.
RULES = 1
# A kill loses the rows of two pieces at most, the one being written and the one read ahead. With two hundred pieces that is under a tenth of
# what was done from a tenth of the file on; ten thousand rows are enough for full speed.
_SMALLEST, _LARGEST, _PIECES = 50, 10_000, 200


class RefusedFile(Exception):
    """The file cannot be imported at all; nothing of its rows was read."""

    def __init__(self, problems: list[CellProblem]) -> None:
        super().__init__(problems[0].detail)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Batch:
    """The next rows: ``data`` for COPY into ``columns``, and the checkpoint after them."""

    data: bytes
    columns: tuple[str, ...]
    rows: int
    problems: list[CellProblem]
    end: Position
    conventions: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """An opened file whose headers are understood.

    ``lines`` is about how many rows it has: empty lines and cells of several lines count too. ``identity`` is the same for the same content
    under the same options, and for nothing else.
    """

    path: Path
    table: Table
    start: Start
    kind: Kind
    layout: Layout
    options: Options
    size: int
    hash: bytes
    lines: int
    modified: int
    notes: tuple[str, ...]

    @property
    def identity(self) -> bytes:
        """What a later run must have in common with this one to go on where it stopped."""
        told = orjson.dumps([RULES, self.kind, asdict(self.options)], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(self.hash + told).digest()

    @property
    def piece(self) -> int:
        """How many rows are staged together."""
        return min(_LARGEST, max(_SMALLEST, self.lines // _PIECES))

    def batches(
        self, import_id: str, position: Position, conventions: Mapping[str, Any], zones: Mapping[str, str], latest: date
    ) -> Iterator[Batch]:
        """Yield the rows from *position* on.

        Args:
            import_id: Under which they are staged.
            position: Where to begin.
            conventions: What an earlier run had learnt of the file by then; empty at the start.
            zones: Time zone of each store, by its code.
            latest: The last date that is believed.

        Raises:
            Unreadable: The file changed while it was read.
        """
        learnt = Conventions(self.layout, self.options, conventions)
        translator = Translator(
            kind=self.kind,
            layout=self.layout,
            options=self.options,
            conventions=learnt,
            zones=zones,
            latest=latest,
            damaged=self.table.damaged,
            delimiter=self.start.delimiter,
        )
        for piece in self.table.pieces(position, self.piece, self.start.delimiter):
            translator.learn(piece.rows)
            if learnt.needs_search:
                self._search(translator, learnt, piece.end)
            yield _batch(translator.translate(piece.rows, import_id), translator.target, piece, learnt)
        if self._changed():
            raise Unreadable(0, "The file was changed while it was read.", "Import it again when nobody writes to it.")

    def _search(self, translator: Translator, conventions: Conventions, position: Position) -> None:
        """Look for what tells how doubtful cells are meant, in the rest of the file if need be: once, and without keeping anything."""
        for piece in self.table.pieces(position, _LARGEST, self.start.delimiter):
            translator.learn(piece.rows)
            if not conventions.needs_search:
                return
        conventions.search_ended()

    def _changed(self) -> bool:
        found = self.path.stat()
        return found.st_size != self.size or found.st_mtime_ns != self.modified


def _batch(translation: Translation, columns: tuple[str, ...], piece: Piece, conventions: Conventions) -> Batch:
    problems = [*translation.problems, *piece.problems]
    return Batch(translation.data, columns, translation.rows, problems, piece.end, conventions.state())


def open_file(path: Path, options: Options) -> Reading:
    """Look at a file as a whole: what it is, its hash, its headers.

    Raises:
        RefusedFile: It is no table that can be imported; with everything that is wrong so far.
        OSError: It cannot be opened.
    """
    try:
        status = path.stat()
        with path.open("rb") as file:
            is_sheet = file.read(len(MAGIC)) == MAGIC
        table, hashed, lines, notes = _sheet(path, options) if is_sheet else _text(path)
        start = table.start()
    except Unreadable as error:
        raise RefusedFile([replace(error.problem, line=max(error.problem.line, 1))]) from error
    kind = options.kind or guess_kind(start.headers)
    if kind is None:
        raise RefusedFile([_unknown_kind(start)])
    layout = read_headers(start.headers, kind)
    problems = layout_problems(layout, kind, start.line)
    if problems:
        raise RefusedFile(problems)
    return Reading(path, table, start, kind, layout, options, status.st_size, hashed, max(lines - start.line, 0), status.st_mtime_ns, notes)


def _text(path: Path) -> tuple[Table, bytes, int, tuple[str, ...]]:
    found, hashed = survey(path)
    refusal = found.refusal()
    if refusal:
        raise Unreadable(1, *refusal)
    notes = ("Read as Windows-1252 (Latin-1).",) if found.encoding == "cp1252" else ()
    return TextTable(path, found), hashed, found.lines, notes


def _sheet(path: Path, options: Options) -> tuple[Table, bytes, int, tuple[str, ...]]:
    with path.open("rb") as file:
        hashed = hashlib.file_digest(file, "sha256").digest()
    table = SheetTable(path, options.sheet)
    others = f" Not read: {', '.join(table.others)}." if table.others else ""
    return table, hashed, table.rows, (f"Sheet {table.name} was read.{others}",)


def _unknown_kind(start: Start) -> CellProblem:
    headers = ", ".join(header for header in start.headers if header)[:200]
    detail = f"The headers do not tell whether these are products or movements: {headers}."
    remedy = (
        "Give kind=products or kind=movements; products need sku (codigo) and name (nombre), movements need sku and quantity (cantidad)."
    )
    return CellProblem(start.line, "", headers, detail, remedy)
