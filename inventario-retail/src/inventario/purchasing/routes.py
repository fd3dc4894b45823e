"""JSON API of purchasing."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Request, Response

from inventario.editing import etag, expected_version
from inventario.paging import DEFAULT_LIMIT, MAX_LIMIT, Page
from inventario.purchasing.schemas import Supplier, SupplierCreate, SupplierEdit
from inventario.web.services import services

__all__ = ["router"]

router = APIRouter(tags=["purchasing"])

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=4000, description="`next` of the page before.")]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=200, description='The ETag of the version that the edit starts from, e.g. `"3"`.')
]


@router.post("/suppliers", status_code=201)
async def create_supplier(request: Request, response: Response, supplier: SupplierCreate) -> Supplier:
    """Add a supplier. `code` and `name` are enough."""
    created = await services(request).purchasing.create_supplier(supplier)
    response.headers["Location"] = f"/api/v1/suppliers/{quote(created.code)}"
    response.headers["ETag"] = etag(created.version)
    return created


@router.get("/suppliers")
async def list_suppliers(request: Request, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Page[Supplier]:
    """List the suppliers by their codes."""
    return await services(request).purchasing.list_suppliers(limit=limit, cursor=cursor)


@router.get("/suppliers/{code}")
async def read_supplier(request: Request, response: Response, code: str) -> Supplier:
    """Return a supplier. Its ETag is what an edit sends as If-Match."""
    found = await services(request).purchasing.get_supplier(code)
    response.headers["ETag"] = etag(found.version)
    return found


@router.patch("/suppliers/{code}")
async def edit_supplier(request: Request, response: Response, code: str, edit: SupplierEdit, if_match: IfMatch = None) -> Supplier:
    """Change the fields that are sent; see `PATCH /products/{sku}` for the version."""
    version = expected_version(if_match, edit.version)
    edited = await services(request).purchasing.edit_supplier(code, edit, version, by_header=edit.version is None)
    response.headers["ETag"] = etag(edited.version)
    return edited
