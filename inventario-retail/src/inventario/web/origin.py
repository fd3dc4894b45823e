"""Unsafe requests that a browser's session carries must come from our own pages."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from inventario.errors import Forbidden
from inventario.web.problems import answer_error

__all__ = ["OPEN_FORMS", "SAFE_METHODS", "SameOrigin"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_FORMS = frozenset({"/login", "/language"})


class SameOrigin:
    """Refuses cross-site requests with 403 where a cookie would speak for the person.

    ``Sec-Fetch-Site`` decides where the browser sends it, ``Origin`` otherwise; a browser sends at least one of them with every unsafe request.
    Keys are exempt: no other site can make a browser send a header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or not _by_cookie(scope) or _same_origin(scope):
            await self._app(scope, receive, send)
            return
        error = Forbidden(
            "This request did not come from a page of this dashboard.", remedy="Open the dashboard at its own address and do it from there."
        )
        await answer_error(scope, error)(scope, receive, send)


def _by_cookie(scope: Scope) -> bool:
    principal = scope.get("principal")
    # Logging somebody in as somebody else is an attack as well.
    return scope["path"] in OPEN_FORMS if principal is None else bool(principal.session)


def _same_origin(scope: Scope) -> bool:
    headers = {name: value for name, value in scope["headers"] if name in {b"sec-fetch-site", b"origin", b"host"}}
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return bool(site == b"same-origin")
    # Compared as a whole, as browsers write it: nothing that anybody sends is taken apart here.
    return bool(headers.get(b"origin") == scope["scheme"].encode() + b"://" + headers.get(b"host", b""))
