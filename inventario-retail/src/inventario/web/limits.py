"""A bound on what a request may carry."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventario.errors import DomainError, TooLarge
from inventario.web.problems import from_domain_error

__all__ = ["HEADER_BYTES", "BodyLimit", "HeaderLimit"]

HEADER_BYTES = 64 * 1024

_MEGABYTE = 1024 * 1024
# A year of a shop's movements as a spreadsheet has some 60 MB; everything else is small.
_FILES = ("/api/v1/imports", "/imports")


class BodyLimit:
    """Refuses bodies over *limit* bytes, or over *file_limit* where files are taken, with 413 before they are read."""

    def __init__(self, app: ASGIApp, *, limit: int = 2 * _MEGABYTE, file_limit: int = 256 * _MEGABYTE) -> None:
        self._app = app
        self._limit = limit
        self._file_limit = file_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self._app(scope, receive, send)
            return
        limit = self._file_limit if scope["path"].startswith(_FILES) else self._limit
        announced = _content_length(scope)
        if announced is not None and announced > limit:
            response = from_domain_error(TooLarge(_detail(limit), remedy="Send it in smaller parts."))
            await response(scope, receive, send)
            return
        # The server itself never reads past an announced length, so only a body of unknown length is counted.
        await self._app(scope, receive if announced is not None else _counted(receive, limit), send)


class HeadersTooLarge(DomainError):
    """Address and headers together are larger than what is taken here."""

    status = 431
    slug = "headers-too-large"
    title = "Too many headers"
    advice = "Send fewer or shorter headers; in a browser, delete the cookies of this address."


class HeaderLimit:
    """Refuses requests whose address and headers together have more than 64 KB with 431."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or _header_bytes(scope) <= HEADER_BYTES:
            await self._app(scope, receive, send)
            return
        error = HeadersTooLarge("The address and the headers have more than 65,536 bytes together.", remedy=HeadersTooLarge.advice)
        await from_domain_error(error)(scope, receive, send)


def _header_bytes(scope: Scope) -> int:
    # Four for the colon, the space and the end of the line.
    address = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    return address + sum(len(name) + len(value) + 4 for name, value in scope["headers"])


def _counted(receive: Receive, limit: int) -> Receive:
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise HTTPException(413, _detail(limit))
        return message

    return counted


def _content_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


def _detail(limit: int) -> str:
    return f"The body has more than {limit:,} bytes, the most that is taken here."
