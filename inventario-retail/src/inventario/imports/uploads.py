"""Takes a file out of a multipart body straight to the disk: a large one never lies in memory."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from inventario.errors import DependencyUnavailable, FieldProblem, Invalid

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks  # exists for type checkers alone

__all__ = ["Upload", "receive"]

_LONGEST_FIELD, _MOST_FIELDS, _LONGEST_HEADERS = 10_000, 50, 16 * 1024
# A server that was killed leaves the file it was reading. Nothing else needs one for so long.
_FORGOTTEN = 24 * 3600


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that arrived, and the other fields of its form. Whoever gets it deletes ``path``."""

    path: Path
    file_name: str
    fields: dict[str, str]


async def receive(body: AsyncIterator[bytes], content_type: str, directory: Path) -> Upload:
    """Write the part ``file`` of a multipart *body* into *directory*, made where it is absent.

    Raises:
        Invalid: The body is no form with one file.
        DependencyUnavailable: The disk is full or may not be written.
    """
    boundary = _boundary(content_type)
    try:
        spool = await asyncio.to_thread(_open, directory)
    except OSError as error:
        raise _unwritable(error, directory) from error
    form = _Form(spool, directory)
    try:
        with spool:
            parser = MultipartParser(boundary, form.callbacks())
            async for chunk in body:
                parser.write(chunk)
            return form.finished()
    except FormParserError as error:
        await asyncio.to_thread(os.unlink, spool.name)
        raise _no_form("The body is not what its Content-Type says.") from error
    except BaseException:
        await asyncio.to_thread(os.unlink, spool.name)
        raise


def _boundary(content_type: str) -> bytes:
    kind, parameters = parse_options_header(content_type)
    boundary = parameters.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise _no_form("The body is no form.")
    return boundary


def _open(directory: Path) -> IO[bytes]:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in directory.glob("import-*"):
        if left.stat().st_mtime < time.time() - _FORGOTTEN:
            left.unlink(missing_ok=True)
    return tempfile.NamedTemporaryFile(dir=directory, prefix="import-", delete=False)


@dataclass(slots=True)
class _Form:
    """The parts as they come along."""

    spool: IO[bytes]
    directory: Path
    fields: dict[str, str] = field(default_factory=dict)
    file_name: str | None = None
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _disposition: bytes = b""
    _name: str = ""
    _is_file: bool = False
    _ended: bool = False
    _headers: int = 0

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add_header(self._header, data[start:end]),
            "on_header_value": lambda data, start, end: self._add_header(self._value, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._end_body,
        }

    def finished(self) -> Upload:
        """Return the whole.

        Raises:
            Invalid: The body ended early, or had no file. Half a file must not pass for a whole one.
            DependencyUnavailable: The disk is full.
        """
        if not self._ended:
            raise _no_form("The body is cut off.")
        if self.file_name is None:
            raise _no_form("The form has no file.")
        self._written(self.spool.flush)
        return Upload(Path(self.spool.name), self.file_name, self.fields)

    def _written(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            raise _unwritable(error, self.directory) from error

    def _end_body(self) -> None:
        self._ended = True

    def _begin(self) -> None:
        self._disposition, self._name, self._is_file, self._headers = b"", "", False, 0
        self._header.clear()
        self._value.clear()

    def _add_header(self, to: bytearray, data: bytes) -> None:
        self._headers += len(data)
        if self._headers > _LONGEST_HEADERS:
            raise _no_form("The headers of a part are too long.")
        to.extend(data)

    def _end_header(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _end_headers(self) -> None:
        _, parameters = parse_options_header(self._disposition)
        self._name = parameters.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in parameters and self._name == "file":
            if self.file_name is not None:
                raise _no_form("The form has several files.")
            self._is_file = True
            self.file_name = _base_name(parameters[b"filename"].decode("utf-8", "replace"))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._written(lambda: self.spool.write(data[start:end]))
            return
        self._value.extend(data[start:end])
        if len(self._value) > _LONGEST_FIELD:
            raise _no_form(f"The field {self._name[:50]} is too long.")

    def _end(self) -> None:
        if not self._is_file:
            if len(self.fields) >= _MOST_FIELDS:
                raise _no_form("The form has too many fields.")
            self.fields[self._name] = self._value.decode("utf-8", "replace")


def _base_name(name: str) -> str:
    # Only shown, never opened; but a path is nobody's business, and a NUL is none of PostgreSQL's.
    return "".join(letter for letter in name.replace("\\", "/").rpartition("/")[2] if letter.isprintable())[:200] or "file"


def _no_form(detail: str) -> Invalid:
    remedy = "Send multipart/form-data with the table as the part called file."
    return Invalid(detail, errors=[FieldProblem("file", detail, remedy)])


def _unwritable(error: OSError, directory: Path) -> DependencyUnavailable:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DependencyUnavailable(
            "disk", "The disk is full; the file was not taken.", remedy="Free some space in the data directory.", retry_after=60
        )
    detail = f"{directory.name} in the data directory cannot be written: {error.strerror}."
    return DependencyUnavailable("disk", detail, remedy="Correct its owner or mode.", retry_after=60)
