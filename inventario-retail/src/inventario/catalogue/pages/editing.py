"""Adding and editing a product."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, get_args

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from inventario.catalogue.pages.products import address
from inventario.catalogue.rules import Unit
from inventario.catalogue.schemas import Product, ProductCreate, ProductEdit
from inventario.editing import StaleVersion
from inventario.errors import Conflict, DomainError, Invalid
from inventario.web.forms import by_field, checked
from inventario.web.languages import Language, language_of
from inventario.web.services import services
from inventario.web.templating import render
from inventario.web.words import N_

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_NUMBERS = ("price", "cost", "vat_rate", "reorder_point", "reorder_quantity")
_EMPTY = {
    "sku": "",
    "name": "",
    "unit": "unit",
    "price": "",
    "cost": "",
    "vat_rate": "21",
    "category": "",
    "supplier": "",
    "barcodes": "",
    "reorder_point": "",
    "reorder_quantity": "",
    "allow_oversell": "",
    "status": "active",
}
_LABELS = {
    "name": N_("Name"),
    "unit": N_("Unit"),
    "price": N_("Price, tax included"),
    "cost": N_("Cost without tax"),
    "vat_rate": N_("VAT in percent"),
    "category": N_("Category"),
    "supplier": N_("Supplier"),
    "barcodes": N_("Barcodes"),
    "reorder_point": N_("Order again at"),
    "reorder_quantity": N_("How much to order"),
    "allow_oversell": N_("Sell more than there is"),
    "status": N_("Status"),
}
_OVERSELL = {"yes": True, "no": False, "": None}


@router.get("/new-product")
async def new_product(request: Request, name: str = "", barcode: str = "") -> Response:
    """Show an empty product."""
    return await _form(request, {**_EMPTY, "name": name, "barcodes": barcode})


@router.post("/new-product")
async def create_product(request: Request) -> Response:
    """Add a product, or show what is wrong with it and everything that was typed."""
    form = await _sent(request)
    try:
        product = await services(request).catalogue.create_product(
            checked(ProductCreate, _values(form), numbers=_NUMBERS, language=language_of(request.scope))
        )
    except (Invalid, Conflict) as error:
        return await _form(request, form, error=error)
    return RedirectResponse(f"{address(product.sku)}?saved=1", 303)


@router.get("/products/{sku}/edit")
async def edit_page(request: Request, sku: str) -> Response:
    """Show a product's fields to edit."""
    product = await services(request).catalogue.get_product(sku)
    return await _form(request, _form_of(product, language_of(request.scope)), product=product)


@router.post("/products/{sku}/edit")
async def edit_product(request: Request, sku: str) -> Response:
    """Save what the person changed. Where somebody else changed the same fields meanwhile, show both and let the person choose."""
    catalogue = services(request).catalogue
    language = language_of(request.scope)
    form = await _sent(request)
    original = _original(form)
    product = await catalogue.get_product(sku)
    changed = {
        name: text for name, text in form.items() if name in _LABELS and text != original.get(name) and form.get(f"keep.{name}") != "theirs"
    }
    try:
        edit = checked(ProductEdit, _values(changed), numbers=_NUMBERS, language=language)
        await catalogue.edit_product(sku, edit, _version(form))
    except StaleVersion:
        return await _settle(request, product, form, changed, original)
    except (Conflict, Invalid) as error:
        return await _form(request, {**_EMPTY, **form}, product=product, error=error)
    return RedirectResponse(f"{address(sku)}?saved=1", 303)


async def _settle(
    request: Request, product: Product, form: Mapping[str, str], changed: Mapping[str, str], original: Mapping[str, str]
) -> Response:
    """Save again where the other edit touched other fields; else show the difference."""
    language = language_of(request.scope)
    now = _form_of(product, language)
    disputed = [name for name, text in changed.items() if now[name] not in (original.get(name), text)]
    if not disputed:
        edit = checked(ProductEdit, _values(changed), numbers=_NUMBERS, language=language)
        await services(request).catalogue.edit_product(product.sku, edit, product.version)
        return RedirectResponse(f"{address(product.sku)}?saved=1", 303)
    differences = [
        {
            "field": name,
            "label": language.text(_LABELS[name]),
            "current": _shown(name, now[name], language),
            "yours": _shown(name, form[name], language),
        }
        for name in disputed
    ]
    # What is disputed now is compared with what stands there now when it is sent again.
    fields = {name: changed.get(name, now[name]) for name in _LABELS}
    return render(
        request,
        "catalogue/conflict.html",
        409,
        product=product,
        version=product.version,
        original=json.dumps(now),
        form=fields,
        differences=differences,
    )


async def _form(request: Request, form: Mapping[str, str], *, product: Product | None = None, error: DomainError | None = None) -> Response:
    shop = services(request)
    return render(
        request,
        "catalogue/edit.html",
        200 if error is None else error.status,
        form=form,
        product=product,
        version=form.get("version") or (product.version if product else ""),
        original=form.get("original") or json.dumps(dict(form)),
        errors=by_field(error, tuple(_EMPTY)) if error else {},
        units=get_args(Unit),
        categories=await shop.catalogue.list_categories(),
        suppliers=(await shop.purchasing.list_suppliers(limit=200)).items,
    )


async def _sent(request: Request) -> dict[str, str]:
    sent = await request.form()
    return {name: _encodable(value.strip()) for name, value in sent.items() if isinstance(value, str)}


def _encodable(text: str) -> str:
    # A form may name an encoding that lets halves of surrogate pairs in, and no page can show them.
    return text.encode("utf-8", "replace").decode()


def _version(form: Mapping[str, str]) -> int:
    """Return the version that the form was made from; 0, which no product has, where it says none: then every field is compared."""
    text = form.get("version", "")
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _original(form: Mapping[str, str]) -> dict[str, str]:
    try:
        original = json.loads(form.get("original", "{}"))
    except (ValueError, RecursionError):
        return {}
    return original if isinstance(original, dict) else {}


def _values(form: Mapping[str, str]) -> dict[str, Any]:
    """Turn texts of the form into what the models take: an empty text empties a field."""
    values: dict[str, Any] = {name: form[name] or None for name in _LABELS.keys() & form.keys()}
    for name in ("name", "unit", "vat_rate"):
        if name in values:
            values[name] = form[name]
    if "barcodes" in form:
        values["barcodes"] = [code.strip() for code in form["barcodes"].splitlines() if code.strip()]
    if "allow_oversell" in form:
        values["allow_oversell"] = _OVERSELL.get(form["allow_oversell"])
    if "sku" in form:
        values["sku"] = form["sku"]
        values.pop("status", None)
    return values


def _form_of(product: Product, language: Language) -> dict[str, str]:
    decimal = "," if language.tag.startswith("es") else "."

    def number(value: Decimal | None) -> str:
        return "" if value is None else format(value.normalize(), "f").replace(".", decimal)

    return {
        "name": product.name,
        "unit": product.unit,
        "price": number(product.price),
        "cost": number(product.cost),
        "vat_rate": number(product.vat_rate),
        "category": product.category or "",
        "supplier": product.supplier or "",
        "barcodes": "\n".join(barcode.code for barcode in product.barcodes),
        "reorder_point": number(product.reorder_point),
        "reorder_quantity": number(product.reorder_quantity),
        "allow_oversell": {True: "yes", False: "no", None: ""}[product.allow_oversell],
        "status": product.status,
    }


def _shown(name: str, text: str, language: Language) -> str:
    if name in {"price", "cost"} and text:
        return f"$ {text}"
    return text.replace("\n", ", ") if name == "barcodes" else language.text(text)
