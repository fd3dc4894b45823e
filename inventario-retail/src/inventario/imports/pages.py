"""Importing a list: send a file, see what it would change and what is wrong, apply it, take it back."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from inventario.errors import Conflict, DomainError, Invalid
from inventario.imports.routes import take_form
from inventario.imports.rules.dates import Order
from inventario.web.languages import language_of
from inventario.web.navigation import is_partial
from inventario.web.services import principal, services
from inventario.web.templating import render
from inventario.web.words import N_

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

# Seconds that a person waits for a small file before the page shows how far a large one is.
_AT_ONCE = 1.5
_OPTIONS = ("kind", "store", "movement", "decimal", "date_order", "unsigned")
_ORDERS = ((Order.DMY, N_("day, month, year")), (Order.MDY, N_("month, day, year")), (Order.YMD, N_("year, month, day")))

# The database puts this together, where no tool finds it.
_FROM_SQL = (
    N_("Add the store first, or correct the code; the stores are {stores}."),
    N_("{product} has {stock} of {name} at that moment, and may not fall below zero."),
)


@router.get("/imports")
async def imports_page(request: Request, cursor: Annotated[str | None, Query(max_length=4000)] = None) -> Response:
    """Show the form for a file, and the imports until now."""
    return await _page(request, dict.fromkeys(_OPTIONS, ""), cursor=cursor)


@router.post("/imports")
async def check_file(request: Request) -> Response:
    """Read the file without changing anything, and show what it says."""
    said = dict.fromkeys(_OPTIONS, "")
    try:
        form, file = await take_form(request)
        said = {name: str(value or "") for name, value in form.model_dump(include=set(_OPTIONS)).items()}
        found = await services(request).imports.run_in_background(
            **file, options=form.options(), actor=principal(request).name, dry_run=True, again=False, within=_AT_ONCE
        )
    except (Invalid, Conflict) as error:
        return await _page(request, said, error=error)
    return RedirectResponse(f"/imports/{found.id}", 303)


@router.get("/imports/{import_id}")
async def import_page(request: Request, import_id: UUID) -> Response:
    """Show how far an import is, what is wrong, and what it changes."""
    return await _report(request, import_id)


@router.post("/imports/{import_id}/apply")
async def apply(request: Request, import_id: UUID, again: Annotated[str, Form()] = "") -> Response:
    """Apply what was checked; *again* also where the same content was applied before."""
    work = services(request).imports.apply_in_background(import_id, actor=principal(request).name, again=bool(again), within=_AT_ONCE)
    try:
        await work
    except (Invalid, Conflict) as error:
        return await _report(request, import_id, problem=error)
    return RedirectResponse(f"/imports/{import_id}", 303)


@router.post("/imports/{import_id}/reverse")
async def reverse(request: Request, import_id: UUID) -> Response:
    """Take an import back as a whole."""
    work = services(request).imports.reverse_in_background(import_id, actor=principal(request).name, within=_AT_ONCE)
    try:
        await work
    except (Invalid, Conflict) as error:
        return await _report(request, import_id, problem=error)
    return RedirectResponse(f"/imports/{import_id}", 303)


async def _page(request: Request, form: dict[str, str], *, cursor: str | None = None, error: DomainError | None = None) -> Response:
    shop = services(request)
    stores = (await shop.catalogue.list_stores()).items
    say = language_of(request.scope).text
    return render(
        request,
        "imports/list.html",
        200 if error is None else error.status,
        page=await shop.imports.list_imports(limit=20, cursor=cursor),
        stores=stores,
        zone=_zone(stores),
        form=form,
        opened=any(form.values()),
        orders=[(value, say(words)) for value, words in _ORDERS],
        error=error,
    )


async def _report(request: Request, import_id: UUID, *, problem: DomainError | None = None) -> Response:
    shop = services(request)
    found = await shop.imports.get(import_id)
    template = "imports/report.html" if is_partial(request) else "imports/import.html"
    stores = (await shop.catalogue.list_stores()).items
    return render(request, template, 200 if problem is None else problem.status, found=found, zone=_zone(stores), problem=problem)


def _zone(stores: Any) -> str:
    return stores[0].time_zone if stores else "UTC"
