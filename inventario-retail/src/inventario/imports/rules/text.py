"""The bytes of a text table: their encoding, and what separates the cells."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Literal

__all__ = ["CONTROLS", "DELIMITERS", "TextSurvey", "delimiter_hint", "is_damaged", "split_cells"]

Encoding = Literal["utf-8", "cp1252"]

DELIMITERS = (";", ",", "\t", "|")
# Control characters have no place in a table, except tabs and line ends. PostgreSQL cannot even store a NUL.
CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\t\n\r")
_DAMAGED = frozenset(CONTROLS.decode("ascii")) | {chr(code) for code in range(0xDC80, 0xDD00)}

_BINARY = {
    b"\x89PNG": "a PNG image",
    b"%PDF": "a PDF document",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls)",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


@dataclass(slots=True)
class TextSurvey:
    """What the bytes of a file tell, gathered block by block. A block ends with a line, so that no character is cut."""

    size: int = 0
    lines: int = 0
    controls: int = 0
    foreign: int = 0
    multibyte: int = 0
    start: bytes = b""

    def add(self, block: bytes) -> None:
        """Look at the next block."""
        if not self.size:
            self.start = block[:4]
        self.size += len(block)
        self.lines += block.count(b"\n") or block.count(b"\r")
        self.controls += len(block) - len(block.translate(None, CONTROLS))
        if block.isascii():
            return
        text = block.decode("utf-8", "surrogateescape")
        clean = text.encode("utf-8", "ignore").decode("utf-8")
        self.foreign += len(text) - len(clean)
        self.multibyte += len(clean) - len(clean.encode("ascii", "ignore"))

    @property
    def encoding(self) -> Encoding:
        """UTF-8, unless the file has bytes that are none and little that can only be UTF-8.

        Where both occur, the file mixes two encodings. It is then read as the one of the majority, and the lines of the other one are errors:
        ``Ã©`` for ``é`` in a product's name would be found too late.
        """
        return "cp1252" if self.foreign > self.multibyte else "utf-8"

    @property
    def has_byte_order_mark(self) -> bool:
        """Whether the UTF-8 signature stands in front."""
        return self.start.startswith(b"\xef\xbb\xbf")

    def refusal(self) -> tuple[str, str] | None:
        """Return what is wrong with the file as a whole and what to do, or None where it can be a text table."""
        if not self.size:
            return "The file is empty.", "Export it again, with a line of headers and one line a row."
        for magic, name in _BINARY.items():
            if self.start.startswith(magic):
                return f"This is {name}, no table.", "Save it as CSV (UTF-8) or XLSX and import that."
        if self.controls > self.size // 50:
            return "This is no text: it is full of control characters.", "Save the table as CSV (UTF-8) or XLSX and import that."
        return None


def delimiter_hint(line: str) -> str | None:
    """Return the delimiter that a first line ``sep=;`` names, as Excel writes and reads it."""
    hint = line.strip("\r\n")
    return hint[4] if len(hint) == 5 and hint.lower().startswith("sep=") else None


def split_cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line."""
    return next(csv.reader([line], delimiter=delimiter), [])


def is_damaged(cell: str) -> bool:
    """Tell whether *cell* holds a control character, or a byte that is not of the file's encoding."""
    return not _DAMAGED.isdisjoint(cell)
