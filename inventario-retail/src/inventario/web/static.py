"""The files of the pages, from memory, under an address that changes with their content."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from starlette.types import Receive, Scope, Send

from inventario.web.languages import LANGUAGES, catalog
from inventario.web.messages import script_messages

__all__ = ["StaticFiles"]

DIRECTORY = Path(__file__).parent.parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True)
class _File:
    body: bytes
    media_type: str

    @cached_property
    def compressed(self) -> bytes | None:
        smaller = gzip.compress(self.body, 9, mtime=0)
        return smaller if len(smaller) < len(self.body) * 0.9 else None


class StaticFiles:
    """Serves ``/static/<hash>/<path>``. The hash is of all files together, so that a script's relative imports carry it too.

    A page of an older release gets today's file under yesterday's address, uncached, rather than a 404.
    """

    def __init__(self) -> None:
        self._files = {name: _File(body, _TYPES[Path(name).suffix]) for name, body in _contents().items()}
        parts = [name.encode() + b"\0" + hashlib.sha256(file.body).digest() for name, file in sorted(self._files.items())]
        self._hash = hashlib.sha256(b"".join(parts)).hexdigest()[:12]

    def url(self, name: str) -> str:
        """Return the address of the file *name*.

        Raises:
            KeyError: There is no such file; a template is wrong.
        """
        self._files[name]
        return f"/static/{self._hash}/{name}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. *scope* is an HTTP request below ``/static/``."""
        del receive
        given, _, name = scope["path"].removeprefix("/static/").partition("/")
        file = self._files.get(name)
        if file is None or scope["method"] not in {"GET", "HEAD"}:
            await _send(send, 404, [(b"content-type", b"text/plain")], b"Not found")
            return
        zipped = file.compressed if _takes_gzip(scope) else None
        body = file.body if zipped is None else zipped
        headers = [
            (b"content-type", file.media_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"public, max-age=31536000, immutable" if given == self._hash else b"no-cache"),
            (b"vary", b"accept-encoding"),
        ]
        if zipped is not None:
            headers.append((b"content-encoding", b"gzip"))
        await _send(send, 200, headers, b"" if scope["method"] == "HEAD" else body)


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _takes_gzip(scope: Scope) -> bool:
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])


def _contents() -> dict[str, bytes]:
    files = {path.relative_to(DIRECTORY).as_posix(): path.read_bytes() for path in DIRECTORY.rglob("*") if path.suffix in _TYPES}
    for tag in LANGUAGES:
        files[f"messages/{tag}.js"] = _messages_script(tag)
    return files


def _messages_script(tag: str) -> bytes:
    """The sentences that scripts say, as a script of its own: the content security policy allows no data in the page to be run."""
    translated = {} if tag == "en" else {message: catalog(tag).get(message) for message in script_messages()}
    table = {message: found.string for message, found in translated.items() if found is not None}
    return f"globalThis.inventarioMessages = {json.dumps(table, ensure_ascii=False, sort_keys=True)};\n".encode()
