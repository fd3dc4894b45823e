"""Recording movements, the ledger, and what is missing."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from inventario.web.code39 import code39
from inventario.web.languages import language_of
from inventario.web.navigation import safe_next
from inventario.web.services import principal, services
from inventario.web.templating import render
from inventario.web.words import N_

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_KINDS = ("sale", "receipt", "count", "return", "waste", "adjustment")
# What the scanner may say instead of a product. Letters only: every keyboard layout has them in the same place but for a few.
_COMMANDS = [
    ("INVOK", N_("Record it")),
    ("INVUNDO", N_("Undo the last one")),
    ("INVSALE", N_("Sell")),
    ("INVRECEIPT", N_("Receive")),
    ("INVCOUNT", N_("Count")),
    ("INVRETURN", N_("Return")),
    ("INVWASTE", N_("Waste")),
]


@router.get("/record")
async def record_page(request: Request, kind: str = "sale", store: str = "") -> Response:
    """Show the page that records movements; the rest of it is a script's, which speaks to the API."""
    stores = await services(request).catalogue.list_stores()
    chosen = kind if kind in _KINDS else "sale"
    return render(request, "stock/record.html", stores=stores.items, chosen_kind=chosen, chosen_store=store)


@router.get("/record/codes")
async def codes_page(request: Request) -> Response:
    """Show barcodes to print, with which a scanner alone can work."""
    language = language_of(request.scope)
    codes = [(language.text(words), text, *code39(text)) for text, words in _COMMANDS]
    return render(request, "stock/codes.html", codes=codes)


@router.get("/movements")
async def movements_page(request: Request, store: str = "", cursor: Annotated[str | None, Query(max_length=4000)] = None) -> Response:
    """Show what moved, newest first."""
    shop = services(request)
    page = await shop.stock.movements(store=store or None, cursor=cursor)
    stores = (await shop.catalogue.list_stores()).items
    products = await shop.analytics.products({movement.sku for movement in page.items})
    return render(
        request,
        "stock/movements.html",
        page=page,
        stores=stores,
        chosen_store=store,
        zones={store.code: store.time_zone for store in stores},
        named={sku: product.name for sku, product in products.items()},
        units={sku: product.unit for sku, product in products.items()},
    )


@router.post("/movements/{movement}/undo")
async def undo(request: Request, movement: UUID, next: Annotated[str, Form()] = "/movements") -> Response:  # noqa: A002 - as everywhere
    """Take a movement back and return to the page where it was seen."""
    await services(request).stock.reverse(movement, actor=principal(request).name)
    return RedirectResponse(safe_next(next), 303)


@router.get("/missing")
async def missing_page(request: Request) -> Response:
    """Show what has to be ordered or counted."""
    shop = services(request)
    stores = (await shop.catalogue.list_stores()).items
    return render(
        request, "stock/missing.html", found=await shop.stock.needing_attention(), names={store.code: store.name for store in stores}
    )
