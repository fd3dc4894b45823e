"""Pages that belong to no feature: the language switch and the documentation of the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from inventario.web.languages import COOKIE, LANGUAGES
from inventario.web.navigation import safe_next

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_YEAR = 365 * 24 * 3600


@router.post("/language")
async def switch_language(request: Request, language: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Response:  # noqa: A002
    """Remember the language in a cookie, also before anybody has logged in."""
    response = RedirectResponse(safe_next(next), 303)
    if language in LANGUAGES:
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, language, max_age=_YEAR, path="/", samesite="lax", secure=secure, httponly=True)
    return response
