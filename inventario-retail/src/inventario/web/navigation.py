"""Where a page may send a person next, and who may do what on it."""

from __future__ import annotations

from starlette.requests import Request

from inventario.errors import Forbidden
from inventario.web.services import principal

__all__ = ["is_partial", "require", "safe_next"]


def safe_next(target: str) -> str:
    """Return *target* if it is an address of this dashboard, else the start: a link must not lead people elsewhere after a login."""
    # Nothing but a path begins with one slash. Browsers take a backslash for a slash and skip control characters, so //evil.example could hide behind them.
    clean = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return target if clean else "/"


def require(request: Request, scope: str) -> None:
    """Let the request through only if it speaks for somebody with *scope*.

    Raises:
        Forbidden: It does not.
    """
    if scope not in principal(request).scopes:
        raise Forbidden(
            f"This key does not have the scope {scope}.", remedy=f"Use a key that has it: `inventario key create --scope {scope}`."
        )


def is_partial(request: Request) -> bool:
    """Tell whether htmx asks for a part of the page only."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-history-restore-request") != "true"
