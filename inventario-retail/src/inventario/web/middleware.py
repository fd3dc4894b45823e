"""The middleware in its order: plain ASGI, outside FastAPI's own."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from inventario.accounts.service import Accounts
from inventario.settings import Settings
from inventario.web.authentication import Authentication
from inventario.web.envelope import HeadAsGet, LastResort, RequestId, SecurityHeaders
from inventario.web.hosts import HostCheck
from inventario.web.limits import BodyLimit, HeaderLimit
from inventario.web.metrics import Metrics
from inventario.web.origin import SameOrigin
from inventario.web.specification import complete
from inventario.web.static import StaticFiles

__all__ = ["Dashboard"]


class Dashboard(FastAPI):
    """FastAPI behind our guards.

    FastAPI puts added middleware inside its handler of crashes, whose answer would then go without request id and security headers. So the guards
    are wrapped around the finished stack instead.
    """

    def guard(self, settings: Settings, accounts: Accounts, static: StaticFiles) -> None:
        """Say what to guard with; to be called before the first request."""
        self._guards = (settings, accounts, static)

    def openapi(self) -> dict[str, Any]:
        """Return the description of the API, made once."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi())
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """Build the stack, outermost last."""
        settings, accounts, static = self._guards
        app: ASGIApp = SameOrigin(super().build_middleware_stack())
        app = Authentication(app, accounts, exists=self._exists)
        app = BodyLimit(app)
        app = _StaticFirst(app, static)
        app = HostCheck(app, settings.allowed_hosts)
        app = HeaderLimit(app)
        app = LastResort(app)
        app = SecurityHeaders(app)
        app = Metrics(app)
        app = RequestId(app)
        return HeadAsGet(app)

    def _exists(self, scope: Scope) -> bool:
        probe = {name: value for name, value in scope.items() if name != "fastapi"}
        return any(route.matches(probe)[0] is not Match.NONE for route in self.router.routes)


class _StaticFirst:
    def __init__(self, app: ASGIApp, static: StaticFiles) -> None:
        self._app = app
        self._static = static

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        below = scope["type"] == "http" and scope["path"].startswith("/static/")
        await (self._static if below else self._app)(scope, receive, send)
