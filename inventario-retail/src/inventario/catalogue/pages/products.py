"""Products: the list, and one of them. Scanning anywhere leads here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from inventario.catalogue.schemas import Product
from inventario.errors import Invalid, NotFound
from inventario.stock.schemas import History
from inventario.web.languages import Language, language_of
from inventario.web.navigation import is_partial
from inventario.web.services import services
from inventario.web.templating import render
from inventario.web.words import N_

__all__ = ["address", "router"]

router = APIRouter(include_in_schema=False)

Cursor = Annotated[str | None, Query(max_length=4000)]


@router.get("/products")
async def product_list(
    request: Request, q: str = "", category: str = "", supplier: str = "", status: str = "active", cursor: Cursor = None, rows: bool = False
) -> Response:
    """Show products; for htmx only the results, or only further rows."""
    shop = services(request)
    q = q.strip()
    wanted = None if status == "all" else status
    page = await shop.catalogue.list_products(
        q=q or None, category=category or None, supplier=supplier or None, status=wanted, cursor=cursor
    )
    scanned = _scanned(q, page.items)
    if scanned is not None:
        # A scan into the search field means the product, not a list of one.
        return Response(headers={"HX-Redirect": address(scanned)}) if is_partial(request) else RedirectResponse(address(scanned), 303)
    context = {
        "page": page,
        "levels": await shop.analytics.on_hand([product.sku for product in page.items]),
        "search": q,
        "category": category,
        "supplier": supplier,
        "status": status,
        "guessed": bool(q) and cursor is None and _only_looks_like(q, page.items),
        "only_rows": rows,
    }
    if is_partial(request):
        return render(request, "catalogue/results.html", **context)
    return render(request, "catalogue/list.html", categories=await shop.catalogue.list_categories(), **context)


@router.get("/scan")
async def scan(request: Request, code: str = "") -> Response:
    """Lead from a scanned code to its product; what no product has becomes a search."""
    shop = services(request)
    try:
        found = (await shop.catalogue.find_barcode(code)).product
    except (NotFound, Invalid):
        try:
            found = await shop.catalogue.get_product(code)
        except (NotFound, Invalid):
            return RedirectResponse(f"/products?{urlencode({'q': code})}", 303)
    return RedirectResponse(address(found.sku), 303)


@router.get("/products/{sku}")
async def product_page(request: Request, sku: str, cursor: Cursor = None, saved: bool = False) -> Response:
    """Show a product: where it lies, how its stock went, and its ledger."""
    shop = services(request)
    product = await shop.catalogue.get_product(sku)
    stores = list((await shop.catalogue.list_stores()).items)
    levels = (await shop.stock.levels(sku=product.sku, limit=200)).items
    history = await shop.stock.history(product.sku, days=90)
    return render(
        request,
        "catalogue/product.html",
        product=product,
        levels=levels,
        total=sum((level.on_hand for level in levels), Decimal(0)),
        history=history,
        days=_days(history),
        summary=_summary(history, product.unit, language_of(request.scope)),
        movements=await shop.stock.movements(sku=product.sku, limit=25, cursor=cursor),
        names={store.code: store.name for store in stores},
        zones={store.code: store.time_zone for store in stores},
        saved=saved,
    )


def _days(history: Iterable[History]) -> list[tuple[date, list[Decimal | None]]]:
    """Put the stores' days beside each other, newest first."""
    stores = [{day.day: day.on_hand for day in store.days} for store in history]
    every = sorted({day for store in stores for day in store}, reverse=True)
    return [(day, [store.get(day) for store in stores]) for day in every]


def _summary(history: list[History], unit: str, language: Language) -> str:
    """Say in one sentence what the chart shows."""
    totals = [sum((value for value in values if value is not None), Decimal(0)) for _, values in _days(history)]
    if not totals:
        return ""
    sentence = language.text(N_("From {first} to {last}; at least {low}, at most {high}."))
    shown = {"first": totals[-1], "last": totals[0], "low": min(totals), "high": max(totals)}
    return sentence.format(**{name: language.quantity(value, unit) for name, value in shown.items()})


def _scanned(q: str, products: Iterable[Product]) -> str | None:
    """Return the SKU of the product whose barcode *q* is, to the last figure."""
    if not q.isdigit() or len(q) < 8:
        return None
    # A UPC-A is kept as the EAN-13 that it is with a zero in front.
    return next((product.sku for product in products if any(barcode.code in {q, f"0{q}"} for barcode in product.barcodes)), None)


def _only_looks_like(q: str, products: Iterable[Product]) -> bool:
    """Tell whether none of *products* holds what was typed: then the search has allowed for typos."""
    words = _folded(q).split()
    texts = [_folded(" ".join([product.name, product.sku, *(barcode.code for barcode in product.barcodes)])) for product in products]
    return bool(texts) and not any(all(word in text for word in words) for text in texts)


def _folded(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(sign))


def address(sku: str) -> str:
    """Return where the page of a product stands."""
    return f"/products/{quote(sku, safe='')}"
