"""Suppliers: the list, and a form for one more."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from inventario.errors import Conflict, DomainError, Invalid
from inventario.purchasing.schemas import SupplierCreate
from inventario.web.forms import by_field, checked
from inventario.web.languages import language_of
from inventario.web.services import services
from inventario.web.templating import render

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_FIELDS = ("name", "code", "cuit", "email", "phone", "lead_time_days")


@router.get("/suppliers")
async def suppliers_page(request: Request, cursor: Annotated[str | None, Query(max_length=4000)] = None) -> Response:
    """Show whom the shop buys from."""
    return await _page(request, dict.fromkeys(_FIELDS, ""), cursor=cursor)


@router.post("/suppliers")
async def create_supplier(request: Request) -> Response:
    """Add a supplier."""
    sent = await request.form()
    form = {name: str(sent.get(name, "")).strip() for name in _FIELDS}
    try:
        supplier = checked(
            SupplierCreate,
            {name: text for name, text in form.items() if text},
            numbers=("lead_time_days",),
            language=language_of(request.scope),
        )
        await services(request).purchasing.create_supplier(supplier)
    except (Invalid, Conflict) as error:
        return await _page(request, form, error=error)
    return RedirectResponse("/suppliers", 303)


async def _page(request: Request, form: dict[str, str], *, cursor: str | None = None, error: DomainError | None = None) -> Response:
    page = await services(request).purchasing.list_suppliers(cursor=cursor)
    return render(
        request,
        "purchasing/suppliers.html",
        200 if error is None else error.status,
        suppliers=page.items,
        next=page.next,
        form=form,
        errors=by_field(error, _FIELDS) if error else {},
    )
