"""What every answer carries, errors included: a request id and the security headers; and that there always is an answer."""

from __future__ import annotations

import re

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventario.errors import InternalError
from inventario.platform.clock import new_id
from inventario.web.problems import from_domain_error

__all__ = ["HeadAsGet", "LastResort", "RequestId", "SecurityHeaders"]

log = structlog.get_logger(__name__)

_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)

_ALWAYS = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-xss-protection", b"0"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), geolocation=(), microphone=(), payment=(), usb=()"),
]
_NO_STORE = (b"cache-control", b"no-store")


class RequestId:
    """Names each request: the caller's ``X-Request-ID`` where it is well formed, else one of ours. It stands in the scope and in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _requested(scope) or new_id().hex.encode()
        scope["request_id"] = name.decode()

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", name)]
            await send(message)

        await self._app(scope, receive, named)


class SecurityHeaders:
    """Puts the same headers on every answer. What sets no ``Cache-Control`` of its own is private and is not kept anywhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                kept = any(name == b"cache-control" for name, _ in headers)
                message["headers"] = [*headers, *_ALWAYS] if kept else [*headers, *_ALWAYS, _NO_STORE]
            await send(message)

        await self._app(scope, receive, secured)


class LastResort:
    """Answers 500 where a guard itself breaks, which no handler inside it can see."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            # The server closes the connection of an answer that broke off; only so can the client tell.
            if begun:
                raise
            log.exception("unhandled_error", path=scope["path"], request_id=scope.get("request_id"))
            await from_domain_error(_broken())(scope, receive, send)


class HeadAsGet:
    """Answers HEAD as GET without the body, on every route. The answer is complete with its headers: streams see the client leave, and end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def headers_only(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        # The server goes on seeing HEAD: it checks the length of a body by it.
        await self._app({**scope, "method": "GET"}, receive, headers_only)


def _broken() -> InternalError:
    return InternalError(
        "The request was not understood by our own code. It may or may not have taken effect.",
        remedy="Repeat it with the same Idempotency-Key: what was already applied is not applied again.",
    )


def _requested(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return bytes(value) if _WELL_FORMED.fullmatch(value) else None
    return None
