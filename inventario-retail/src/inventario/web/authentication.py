"""Who is asking: a key or a session, or else no answer."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from inventario.accounts.schemas import Principal
from inventario.accounts.service import Accounts
from inventario.errors import DomainError, Forbidden, Unauthenticated
from inventario.web.origin import OPEN_FORMS, SAFE_METHODS
from inventario.web.problems import answer_error

__all__ = ["SESSION_COOKIE", "Authentication", "session_token"]

SESSION_COOKIE = "inventario_session"
_COOKIE = SESSION_COOKIE.encode() + b"="
_OPEN = OPEN_FORMS | {"/livez", "/readyz"}
_OPERATIONS = frozenset({"/metrics", "/health"})
_SEE_OPERATIONS = frozenset({"read", "metrics:read", "admin"})


class Authentication:
    """Sets ``scope["principal"]`` or answers 401, 403 or 503. Pages of a browser without a session go to the login page.

    Safe methods need the scope ``read``, others ``write``; routes that need ``admin`` say so themselves. What does not exist is 404 for everybody.
    """

    def __init__(self, app: ASGIApp, accounts: Accounts, *, exists: Callable[[Scope], bool]) -> None:
        """Prepare.

        Args:
            app: What is guarded.
            accounts: Knows keys and sessions.
            exists: Tells whether any route stands at a scope's path.
        """
        self._app = app
        self._accounts = accounts
        self._exists = exists

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        # No request can put a principal into its scope: where one stands, an application around ours has vouched for it.
        if scope["type"] != "http" or scope["path"] in _OPEN or "principal" in scope:
            await self._app(scope, receive, send)
            return
        try:
            principal = scope["principal"] = await self._identify(scope)
            _require_scope(principal, scope)
        except DomainError as error:
            if not self._exists(scope):
                await self._app(scope, receive, send)
                return
            await _refusal(scope, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _identify(self, scope: Scope) -> Principal:
        key = token = None
        for name, value in scope["headers"]:
            if name == b"x-api-key":
                key = value
            elif name == b"authorization" and value[:7].lower() == b"bearer " and key is None:
                key = value[7:].strip()
            elif name == b"cookie" and token is None:
                token = _session_of(value)
        if key is not None:
            return await self._accounts.by_key(key.decode("latin-1"))
        if token:
            return await self._accounts.by_session(token)
        raise Unauthenticated(
            "A valid API key or a login is needed.", remedy="Send a key in the header X-API-Key; `inventario key create` makes one."
        )


def session_token(scope: Scope) -> str | None:
    """Return the session's token that the request carries."""
    for name, value in scope["headers"]:
        if name == b"cookie" and (token := _session_of(value)):
            return token
    return None


def _session_of(cookies: bytes) -> str | None:
    for cookie in cookies.split(b";"):
        stripped = cookie.strip()
        if stripped.startswith(_COOKIE):
            return stripped[len(_COOKIE) :].decode("latin-1")
    return None


def _require_scope(principal: Principal, scope: Scope) -> None:
    if scope["path"] in _OPERATIONS:
        if principal.scopes & _SEE_OPERATIONS:
            return
        needed = "metrics:read"
    else:
        needed = "read" if scope["method"] in SAFE_METHODS else "write"
        if needed in principal.scopes:
            return
    raise Forbidden(
        f"This key does not have the scope {needed}.", remedy=f"Use a key that has it: `inventario key create --scope {needed}`."
    )


def _refusal(scope: Scope, error: DomainError) -> Response:
    if isinstance(error, Unauthenticated) and _is_page(scope):
        return _to_login(scope)
    response = answer_error(scope, error)
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="inventario"'
    return response


def _is_page(scope: Scope) -> bool:
    machine = any(name in {b"x-api-key", b"authorization"} for name, _ in scope["headers"])
    return not machine and not scope["path"].startswith("/api/") and scope["path"] not in _OPERATIONS


def _to_login(scope: Scope) -> Response:
    if any(name == b"hx-request" for name, _ in scope["headers"]):
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    # After a login only a page can be asked for again, not a form.
    back = f"?next={quote(_target(scope), safe='/')}" if scope["method"] in SAFE_METHODS else ""
    return Response(status_code=303, headers={"Location": f"/login{back}"})


def _target(scope: Scope) -> str:
    path: str = scope["path"]
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path
