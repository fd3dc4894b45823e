"""Stores: the list, and a form for one more."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from inventario.catalogue.schemas import StoreCreate
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
async def stores_page(request: Request) -> Response:
    """Show where stock lies."""
    return await _page(request, _EMPTY)


@router.post("/stores")
async def create_store(request: Request) -> Response:
    """Add a store."""
    sent = await request.form()
    form = {name: str(sent.get(name, "")).strip() for name in _FIELDS} | {"allow_oversell": "allow_oversell" in sent}
    try:
        store = checked(StoreCreate, form, numbers=(), language=language_of(request.scope))
        await services(request).catalogue.create_store(store)
    except (Invalid, Conflict) as error:
        return await _page(request, form, error=error)
    return RedirectResponse("/stores", 303)


async def _page(request: Request, form: dict[str, Any], *, error: DomainError | None = None) -> Response:
    return render(
        request,
        "catalogue/stores.html",
        200 if error is None else error.status,
        stores=(await services(request).catalogue.list_stores()).items,
        form=form,
        errors=by_field(error, _FIELDS) if error else {},
        zones=sorted(zone for zone in available_timezones() if zone.startswith("America/")),
    )
