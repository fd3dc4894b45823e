"""The words of a shop for what the API calls by one name."""

from __future__ import annotations

__all__ = ["N_", "WORDS"]


def N_(message: str) -> str:  # noqa: N802 - the name that gettext's tools give to "to be translated later"
    """Mark *message* for the catalogue."""
    return message


WORDS = {
    "sale": N_("Sale"),
    "return": N_("Customer return"),
    "receipt": N_("Goods received"),
    "adjustment": N_("Adjustment"),
    "count": N_("Stock count"),
    "waste": N_("Waste"),
    "opening": N_("Opening stock"),
    "reversal": N_("Correction"),
    "transfer": N_("Transfer"),
    "active": N_("for sale"),
    "discontinued": N_("discontinued"),
    "unit": N_("unit"),
    "kg": N_("kg"),
    "products": N_("products"),
    "movements": N_("movements"),
    "staging": N_("interrupted"),
    "checked": N_("checked, not applied"),
    "failed": N_("has errors"),
    "applying": N_("being applied"),
    "applied": N_("applied"),
    "reversed": N_("taken back"),
    "reading": N_("Reading the file"),
    "checking": N_("Checking it against the shop"),
    "reversing": N_("Taking it back"),
    "waiting": N_("Waiting"),
    "done": N_("Done"),
    "name": N_("Name"),
    "price": N_("Price"),
    "cost": N_("Cost"),
    "vat_rate": N_("VAT"),
    "category": N_("Category"),
    "supplier": N_("Supplier"),
    "barcodes": N_("Barcodes"),
    "reorder_point": N_("Order at"),
    "reorder_quantity": N_("Order quantity"),
    "status": N_("Status"),
    "read": N_("read"),
    "write": N_("write"),
    "admin": N_("manage keys"),
    "metrics:read": N_("read the metrics"),
}
