"""Suppliers: the list, and a form for one more or for one of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from inventario.errors import Conflict, DomainError, Invalid
from inventario.purchasing.schemas import SupplierCreate, SupplierEdit
from inventario.web.forms import by_field, checked
from inventario.web.languages import language_of
from inventario.web.services import services
from inventario.web.templating import render

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_FIELDS = ("name", "code", "cuit", "email", "phone", "lead_time_days")


@router.get("/suppliers")
async def suppliers_page(request: Request, cursor: Annotated[str | None, Query(max_length=4000)] = None, edit: str = "") -> Response:
    """Show whom the shop buys from, and a form for a new supplier, or for the one to *edit*."""
    if not edit:
        return await _page(request, dict.fromkeys(_FIELDS, ""), cursor=cursor)
    supplier = await services(request).purchasing.get_supplier(edit)
    form = {name: "" if getattr(supplier, name) is None else str(getattr(supplier, name)) for name in _FIELDS}
    return await _page(request, form, version=supplier.version)


@router.post("/suppliers")
async def create_supplier(request: Request) -> Response:
    """Add a supplier."""
    form = await _sent(request)
    given = {name: text for name, text in form.items() if text}
    try:
        supplier = checked(SupplierCreate, given, numbers=("lead_time_days",), language=language_of(request.scope))
        await services(request).purchasing.create_supplier(supplier)
    except (Invalid, Conflict) as error:
        return await _page(request, form, error=error)
    return RedirectResponse("/suppliers", 303)


@router.post("/suppliers/{code}")
async def edit_supplier(request: Request, code: str, version: Annotated[int, Form()] = 0) -> Response:
    """Save a supplier. Where it was changed meanwhile, say so; a second click saves all the same."""
    purchasing = services(request).purchasing
    form = await _sent(request) | {"code": code}
    given = {name: form[name] or None for name in _FIELDS if name != "code"} | {"name": form["name"]}
    try:
        edit = checked(SupplierEdit, given, numbers=("lead_time_days",), language=language_of(request.scope))
        await purchasing.edit_supplier(code, edit, version)
    except (Invalid, Conflict) as error:
        return await _page(request, form, error=error, version=(await purchasing.get_supplier(code)).version)
    return RedirectResponse("/suppliers", 303)


async def _sent(request: Request) -> dict[str, str]:
    sent = await request.form()
    return {name: str(sent.get(name, "")).strip() for name in _FIELDS}


async def _page(
    request: Request, form: dict[str, str], *, cursor: str | None = None, error: DomainError | None = None, version: int = 0
) -> Response:
    page = await services(request).purchasing.list_suppliers(cursor=cursor)
    return render(
        request,
        "purchasing/suppliers.html",
        200 if error is None else error.status,
        suppliers=page.items,
        next=page.next,
        form=form,
        version=version,
        errors=by_field(error, _FIELDS) if error else {},
    )
