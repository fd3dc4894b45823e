"""Importing a list: send a file, see what it would change and what is wrong, apply it, take it back."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any, get_args
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from inventario.errors import Conflict, DomainError, FieldProblem, Invalid
from inventario.imports.rules.dates import Order
from inventario.imports.rules.headers import Kind
from inventario.imports.rules.numbers import Mark
from inventario.imports.rules.options import MovementKind, Options
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


@router.get("/imports")
async def imports_page(request: Request, cursor: Annotated[str | None, Query(max_length=4000)] = None) -> Response:
    """Show the form for a file, and the imports until now."""
    return await _page(request, dict.fromkeys(_OPTIONS, ""), cursor=cursor)


@router.post("/imports")
async def check_file(request: Request) -> Response:
    """Read the file without changing anything, and show what it says."""
    sent = await request.form()
    form = {name: str(sent.get(name) or "") for name in _OPTIONS}
    try:
        found = await _dry_run(request, sent, form)
    except (Invalid, Conflict) as error:
        return await _page(request, form, error=error)
    return RedirectResponse(f"/imports/{found}", 303)


@router.get("/imports/{import_id}")
async def import_page(request: Request, import_id: UUID) -> Response:
    """Show how far an import is, what is wrong, and what it changes."""
    return await _report(request, import_id)


@router.post("/imports/{import_id}/apply")
async def apply(request: Request, import_id: UUID) -> Response:
    """Apply what was checked."""
    work = services(request).imports.apply_in_background(import_id, actor=principal(request).name, again=False, within=_AT_ONCE)
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


async def _dry_run(request: Request, sent: FormData, form: dict[str, str]) -> UUID:
    file = sent.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        detail = N_("No file was chosen.")
        raise Invalid(detail, errors=[FieldProblem("file", detail, "Choose a CSV or XLSX file.")])
    options = Options(
        kind=next((kind for kind in get_args(Kind) if kind == form["kind"]), None),
        store=form["store"] or None,
        movement=next((kind for kind in get_args(MovementKind) if kind == form["movement"]), None),
        decimal=next((mark for mark in Mark if mark == form["decimal"]), None),
        date_order=next((order for order in Order if order == form["date_order"]), None),
        unsigned=form["unsigned"] == "yes",
    )
    path = await asyncio.to_thread(_keep, file)
    found = await services(request).imports.run_in_background(
        path, file_name=file.filename[:200], options=options, actor=principal(request).name, dry_run=True, again=False, within=_AT_ONCE
    )
    return found.id


def _keep(file: UploadFile) -> Path:
    """Copy the file to where the import may work on it after this request has been answered."""
    with tempfile.NamedTemporaryFile(prefix="inventario-import-", suffix=Path(file.filename or "").suffix[:8], delete=False) as kept:
        shutil.copyfileobj(file.file, kept, 1024 * 1024)
        return Path(kept.name)


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
