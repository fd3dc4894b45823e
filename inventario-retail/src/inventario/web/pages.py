"""Pages that belong to no feature: the language switch and the documentation of the API."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from inventario.web.kinds import problem_kinds
from inventario.web.languages import COOKIE, LANGUAGES
from inventario.web.navigation import safe_next
from inventario.web.templating import render

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_YEAR = 365 * 24 * 3600


@router.post("/language")
async def switch_language(request: Request, language: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Response:  # noqa: A002 - the name that everybody uses
    """Remember the language in a cookie, also before anybody has logged in."""
    response = RedirectResponse(safe_next(next), 303)
    if language in LANGUAGES:
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, language, max_age=_YEAR, path="/", samesite="lax", secure=secure, httponly=True)
    return response


@router.get("/docs")
async def api_page(request: Request) -> Response:
    """Show what the API offers, as its own description says it."""
    return render(request, "web/docs.html", groups=_operations(request.app.openapi()), base=str(request.base_url).rstrip("/"))


@router.get("/docs/problems")
async def problems_page(request: Request) -> Response:
    """Explain every kind of error; the ``type`` of a problem document leads here."""
    return render(request, "web/problems.html", kinds=problem_kinds())


def _operations(description: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    groups: dict[str, list[dict[str, str]]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            text = operation.get("description") or operation.get("summary", "")
            entry = {"method": method.upper(), "path": path, "text": text}
            groups.setdefault((operation.get("tags") or ["other"])[0], []).append(entry)
    return dict(sorted(groups.items()))
