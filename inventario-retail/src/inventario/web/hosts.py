"""No answer to a foreign ``Host``: a page on another name that resolves to this machine gets nothing from it."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from inventario.errors import DomainError
from inventario.web.problems import from_domain_error

__all__ = ["ForeignHost", "HostCheck", "host_name"]


class ForeignHost(DomainError):
    """The dashboard does not answer to the name in the Host header."""

    status = 421
    slug = "foreign-host"
    title = "Not the name of this dashboard"
    advice = "Open it by a name it knows, or add yours to the variable `ALLOWED_HOSTS`."


def host_name(host: str) -> str:
    """Return *host* in lower case without its port; an IPv6 address keeps its brackets."""
    name = host.strip().lower()
    head, separator, port = name.rpartition(":")
    return head if separator and port.isdigit() and not head.endswith(":") else name


class HostCheck:
    """Refuses requests whose ``Host`` is not one of ``ALLOWED_HOSTS`` with 421. The port does not matter."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self._app = app
        self._allowed = frozenset(host_name(name) for name in allowed)
        # Clients repeat the same few headers: what was let through once is not taken apart again.
        self._seen: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan" or self._known(scope):
            await self._app(scope, receive, send)
            return
        example = ",".join([*sorted(self._allowed), "shop.example.com"])
        error = ForeignHost(
            "This dashboard does not answer to the name in the Host header.",
            remedy=f"Open it by a name it knows, or add yours to the variable ALLOWED_HOSTS, e.g. ALLOWED_HOSTS={example}",
        )
        await from_domain_error(error)(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return False
        if hosts[0] in self._seen:
            return True
        if host_name(hosts[0].decode("latin-1")) not in self._allowed:
            return False
        if len(self._seen) < 100:
            self._seen.add(hosts[0])
        return True
