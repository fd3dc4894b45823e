"""What an edit changes, and what it is told when it comes too late."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from inventario.catalogue.schemas import Product, Store
from inventario.editing import stale
from inventario.errors import Conflict, PreconditionFailed

__all__ = ["fields", "of_product", "of_store", "stale_product", "stale_store"]

_EDITABLE = (
    "name",
    "unit",
    "category",
    "supplier",
    "cost",
    "price",
    "vat_rate",
    "reorder_point",
    "reorder_quantity",
    "allow_oversell",
    "status",
)


def fields(product: Product) -> dict[str, Any]:
    """Return what an edit can change, as an edit would name it."""
    return {name: getattr(product, name) for name in _EDITABLE} | {"barcodes": [barcode.code for barcode in product.barcodes]}


def of_product(product: Product, wanted: Mapping[str, Any], category: str | None, supplier: str | None) -> dict[str, Any]:
    """Return the fields of *wanted* that *product* does not have already; *category* and *supplier* are what they are called where they are kept."""
    canonical = {"category": category, "supplier": supplier}
    now = fields(product)
    spelt = {name: canonical.get(name, value) for name, value in wanted.items()}
    if "barcodes" in spelt:
        spelt["barcodes"] = sorted(spelt["barcodes"])
    return {name: value for name, value in spelt.items() if now[name] != value}


def stale_product(product: Product, sent: int, changed: Mapping[str, Any], *, by_header: bool) -> Conflict | PreconditionFailed:
    """Return the error for an edit that starts from the version *sent* of a product that stands at another."""
    now = fields(product)
    differences = [{"field": name, "current": _plain(now[name]), "yours": _plain(value)} for name, value in changed.items()]
    return stale(f'product "{product.sku}"', current=product.version, sent=sent, by_header=by_header, differences=differences)


def of_store(store: Store, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of *wanted* that *store* does not have already."""
    return {name: value for name, value in wanted.items() if getattr(store, name) != value}


def stale_store(store: Store, sent: int, changed: Mapping[str, Any], *, by_header: bool) -> Conflict | PreconditionFailed:
    """Return the error for an edit that starts from the version *sent* of a store that stands at another."""
    differences = [{"field": name, "current": getattr(store, name), "yours": value} for name, value in changed.items()]
    return stale(f'store "{store.code}"', current=store.version, sent=sent, by_header=by_header, differences=differences)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
