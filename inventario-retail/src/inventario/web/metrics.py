"""Counts and times every answer, and shows the counts to Prometheus."""

from __future__ import annotations

from time import perf_counter

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventario.observability.metrics import request_duration_ms, request_duration_seconds, requests_total

__all__ = ["Metrics", "endpoint_of", "router"]

router = APIRouter(tags=["operations"])

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Observes one counter and two histograms a request. Their children are looked up once for each label set, not for each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._counters: dict[tuple[str, int, str], Counter] = {}
        self._histograms: dict[str, tuple[Histogram, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        started = perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._observe(endpoint_of(scope), status, scope["method"], perf_counter() - started)

    def _observe(self, endpoint: str, status: int, method: str, seconds: float) -> None:
        labels = (endpoint, status, method if method in _METHODS else "OTHER")
        counter = self._counters.get(labels)
        if counter is None:
            counter = self._counters[labels] = requests_total.labels(endpoint, str(status), labels[2])
        counter.inc()
        histograms = self._histograms.get(endpoint)
        if histograms is None:
            histograms = self._histograms[endpoint] = (request_duration_seconds.labels(endpoint), request_duration_ms.labels(endpoint))
        histograms[0].observe(seconds)
        histograms[1].observe(seconds * 1000)


def endpoint_of(scope: Scope) -> str:
    """Return the template of the route that answered, never the path that was asked for: the number of label values stays bounded."""
    # FastAPI keeps the prefixes of included routers apart from the route itself.
    context = scope.get("fastapi", {}).get("effective_route_context")
    template = getattr(context or scope.get("route"), "path_format", None)
    if template is not None:
        return str(template)
    return "/static" if scope["path"].startswith("/static/") else "none"


@router.get("/metrics", response_class=PlainTextResponse, summary="Metrics in Prometheus' text format")
async def metrics() -> Response:
    """Show what this process has counted since it started."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
