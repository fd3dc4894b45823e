"""JSON API of the catalogue."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Request, Response

from inventario.catalogue.schemas import (
    BarcodeMatch,
    Category,
    CategoryCreate,
    Price,
    PriceCreate,
    Product,
    ProductCreate,
    ProductEdit,
    ProductStatus,
    Store,
    StoreCreate,
    StoreEdit,
)
from inventario.editing import etag, expected_version
from inventario.paging import DEFAULT_LIMIT, MAX_LIMIT, Page
from inventario.web.services import services

__all__ = ["Cursor", "IfMatch", "Limit", "router"]

router = APIRouter(tags=["catalogue"])

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=4000, description="`next` of the page before.")]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=200, description='The ETag of the version that the edit starts from, e.g. `"3"`.')
]


@router.post("/products", status_code=201)
async def create_product(request: Request, response: Response, product: ProductCreate) -> Product:
    """Add a product with its barcodes and its price from now on. `sku`, `name` and `unit` are enough."""
    created = await services(request).catalogue.create_product(product)
    response.headers["Location"] = f"/api/v1/products/{quote(created.sku)}"
    response.headers["ETag"] = etag(created.version)
    return created


@router.get("/products")
async def list_products(
    request: Request,
    q: Annotated[
        str | None,
        Query(max_length=200, description="A SKU, a barcode, or words: the beginning is enough, accents and typos do not matter."),
    ] = None,
    category: Annotated[str | None, Query(max_length=300, description="Path of a category; those below it are included.")] = None,
    supplier: Annotated[str | None, Query(max_length=300, description="Code of a supplier.")] = None,
    status: ProductStatus | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[Product]:
    """List products by name, or search them, best first."""
    return await services(request).catalogue.list_products(
        q=q, category=category, supplier=supplier, status=status, limit=limit, cursor=cursor
    )


@router.get("/products/{sku}")
async def read_product(request: Request, response: Response, sku: str) -> Product:
    """Return a product. Its ETag is what an edit sends as If-Match."""
    found = await services(request).catalogue.get_product(sku)
    response.headers["ETag"] = etag(found.version)
    return found


@router.patch("/products/{sku}")
async def edit_product(request: Request, response: Response, sku: str, edit: ProductEdit, if_match: IfMatch = None) -> Product:
    """Change the fields that are sent. The version that the edit starts from is needed, as `If-Match` or as `version` in the body.

    If the product is at another version by now: 412 for `If-Match`, 409 for `version`, with the fields that differ.
    """
    version = expected_version(if_match, edit.version)
    edited = await services(request).catalogue.edit_product(sku, edit, version, by_header=edit.version is None)
    response.headers["ETag"] = etag(edited.version)
    return edited


@router.get("/products/{sku}/prices")
async def list_prices(request: Request, sku: str, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Page[Price]:
    """List the product's prices, planned ones included, the latest first."""
    return await services(request).catalogue.list_prices(sku, limit=limit, cursor=cursor)


@router.post("/products/{sku}/prices", status_code=201)
async def set_price(request: Request, response: Response, sku: str, price: PriceCreate) -> Price:
    """Set the price from a moment on, or from now on. It holds until the next one that is already planned."""
    made = await services(request).catalogue.set_price(sku, price)
    response.headers["Location"] = f"/api/v1/products/{quote(sku)}/prices"
    return made


@router.get("/barcodes/{code}")
async def find_barcode(request: Request, code: str) -> BarcodeMatch:
    """Return the product of a barcode, with its price. Spaces and dashes do not matter, and a UPC-A may come with or without its leading zero."""
    return await services(request).catalogue.find_barcode(code)


@router.get("/categories")
async def list_categories(request: Request, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Page[Category]:
    """List the categories in the order of the tree."""
    return await services(request).catalogue.page_categories(limit=limit, cursor=cursor)


@router.post("/categories", status_code=201)
async def create_category(request: Request, response: Response, category: CategoryCreate) -> Category:
    """Add a category, and those above it that are missing. A product that names a new category creates it as well."""
    response.headers["Location"] = "/api/v1/categories"
    return await services(request).catalogue.create_category(category)


@router.post("/stores", status_code=201)
async def create_store(request: Request, response: Response, store: StoreCreate) -> Store:
    """Add a store. `code` and `name` are enough."""
    created = await services(request).catalogue.create_store(store)
    response.headers["Location"] = f"/api/v1/stores/{quote(created.code)}"
    response.headers["ETag"] = etag(created.version)
    return created


@router.get("/stores")
async def list_stores(request: Request, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Page[Store]:
    """List the stores by their codes."""
    return await services(request).catalogue.list_stores(limit=limit, cursor=cursor)


@router.get("/stores/{code}")
async def read_store(request: Request, response: Response, code: str) -> Store:
    """Return a store. Its ETag is what an edit sends as If-Match."""
    found = await services(request).catalogue.get_store(code)
    response.headers["ETag"] = etag(found.version)
    return found


@router.patch("/stores/{code}")
async def edit_store(request: Request, response: Response, code: str, edit: StoreEdit, if_match: IfMatch = None) -> Store:
    """Change the fields that are sent; see `PATCH /products/{sku}` for the version."""
    version = expected_version(if_match, edit.version)
    edited = await services(request).catalogue.edit_store(code, edit, version, by_header=edit.version is None)
    response.headers["ETag"] = etag(edited.version)
    return edited
