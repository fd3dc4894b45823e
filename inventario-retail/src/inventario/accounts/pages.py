"""Login, logout, keys and password."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from inventario.accounts.schemas import NewKey
from inventario.accounts.service import SESSION_LIFE
from inventario.errors import DomainError, FieldProblem, Invalid, TooManyRequests, Unauthenticated
from inventario.platform.clock import now
from inventario.web.authentication import SESSION_COOKIE, session_token
from inventario.web.navigation import require, safe_next
from inventario.web.services import principal, services
from inventario.web.templating import render

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=1000)]


@router.get("/login")
async def login_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the name that everybody uses in the address
    """Ask for name and password."""
    return render(request, "accounts/login.html", next=safe_next(next), name="", error=None)


@router.post("/login")
async def log_in(request: Request, name: Text = "", password: Text = "", next: Text = "/") -> Response:  # noqa: A002 - as above
    """Open a session, always with a new token, and go on to where the person was going."""
    try:
        token = await services(request).accounts.log_in(name, password, source=_source(request))
    except (Unauthenticated, TooManyRequests) as error:
        page = render(request, "accounts/login.html", error.status, next=safe_next(next), name=name, error=error)
        if isinstance(error, TooManyRequests):
            page.headers["Retry-After"] = str(error.retry_after)
        return page
    return _with_session(request, RedirectResponse(safe_next(next), 303), token)


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the session."""
    token = session_token(request.scope)
    if token is not None:
        await services(request).accounts.log_out(token)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
    return response


@router.get("/account")
async def account_page(request: Request, changed: bool = False) -> Response:
    """Show the keys, and forms for a new one and for another password."""
    require(request, "admin")
    return await _account(request, changed=changed)


@router.post("/account/keys")
async def create_key(request: Request, name: Text = "", scopes: Annotated[list[str], Form()] = []) -> Response:  # noqa: B006 - FastAPI copies it
    """Make a key and show it once."""
    require(request, "admin")
    try:
        made = await services(request).accounts.create_key(name, scopes)
    except Invalid as error:
        return await _account(request, error, form={"name": name, "scopes": scopes})
    return await _account(request, new_key=made)


@router.post("/account/keys/{key}/revoke")
async def revoke_key(request: Request, key: str) -> Response:
    """Revoke a key."""
    require(request, "admin")
    await services(request).accounts.revoke_key(key)
    return RedirectResponse("/account", 303)


@router.post("/account/password")
async def change_password(request: Request, current: Text = "", new: Text = "") -> Response:
    """Change the password of the person who is logged in."""
    require(request, "admin")
    try:
        token = await services(request).accounts.change_password(principal(request).name, current, new, source=_source(request))
    except DomainError as error:
        return await _account(request, error)
    return _with_session(request, RedirectResponse("/account?changed=1", 303), token)


async def _account(
    request: Request,
    error: DomainError | None = None,
    *,
    form: dict[str, Any] | None = None,
    new_key: NewKey | None = None,
    changed: bool = False,
) -> Response:
    problems = error.errors if error is not None else ()
    if error is not None and not problems:
        problems = (FieldProblem("current", error.detail, error.remedy),)
    return render(
        request,
        "accounts/account.html",
        200 if error is None else error.status,
        keys=await services(request).accounts.keys(),
        errors={problem.field: problem for problem in problems},
        form=form or {"name": "", "scopes": ["read", "write"]},
        new_key=new_key,
        changed=changed,
        now=now(),
    )


def _with_session(request: Request, response: Response, token: str) -> Response:
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(SESSION_LIFE.total_seconds()),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


def _source(request: Request) -> str:
    """Return the address that logins are counted for: a network of IPv6, since one person has all of it."""
    host = request.client.host if request.client else ""
    return ":".join(host.split(":")[:4]) if ":" in host else host
