"""Stores: the list, and a form for one more or for one of them."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from inventario.catalogue.schemas import StoreCreate, StoreEdit
from inventario.errors import Conflict, DomainError, Invalid
from inventario.web.forms import by_field, checked
from inventario.web.languages import language_of
from inventario.web.services import services
from inventario.web.templating import render

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_FIELDS = ("name", "code", "time_zone")
_EMPTY = {"name": "", "code": "", "time_zone": "America/Argentina/Buenos_Aires", "allow_oversell": True}


@router.get("/stores")
async def stores_page(request: Request, edit: str = "") -> Response:
    """Show where stock lies, and a form for a new store, or for the one to *edit*."""
    if not edit:
        return await _page(request, _EMPTY)
    store = await services(request).catalogue.get_store(edit)
    form = {"name": store.name, "code": store.code, "time_zone": store.time_zone, "allow_oversell": store.allow_oversell}
    return await _page(request, form, version=store.version)


@router.post("/stores")
async def create_store(request: Request) -> Response:
    """Add a store."""
    form = await _sent(request)
    try:
        store = checked(StoreCreate, form, numbers=(), language=language_of(request.scope))
        await services(request).catalogue.create_store(store)
    except (Invalid, Conflict) as error:
        return await _page(request, form, error=error)
    return RedirectResponse("/stores", 303)


@router.post("/stores/{code}")
async def edit_store(request: Request, code: str, version: Annotated[int, Form()] = 0) -> Response:
    """Save a store. Where it was changed meanwhile, say so; a second click saves all the same."""
    catalogue = services(request).catalogue
    form = await _sent(request) | {"code": code}
    try:
        edit = checked(StoreEdit, {name: form[name] for name in form if name != "code"}, numbers=(), language=language_of(request.scope))
        await catalogue.edit_store(code, edit, version)
    except (Invalid, Conflict) as error:
        return await _page(request, form, error=error, version=(await catalogue.get_store(code)).version)
    return RedirectResponse("/stores", 303)


async def _sent(request: Request) -> dict[str, Any]:
    sent = await request.form()
    return {name: str(sent.get(name, "")).strip() for name in _FIELDS} | {"allow_oversell": "allow_oversell" in sent}


async def _page(request: Request, form: dict[str, Any], *, error: DomainError | None = None, version: int = 0) -> Response:
    return render(
        request,
        "catalogue/stores.html",
        200 if error is None else error.status,
        stores=(await services(request).catalogue.list_stores()).items,
        form=form,
        version=version,
        errors=by_field(error, _FIELDS) if error else {},
        zones=sorted(zone for zone in available_timezones() if zone.startswith("America/")),
    )
