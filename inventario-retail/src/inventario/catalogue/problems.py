"""What the catalogue says when something cannot be done."""

from __future__ import annotations

from collections.abc import Sequence

from inventario.catalogue.repository.products import Holder
from inventario.catalogue.schemas import Store
from inventario.errors import Conflict, FieldProblem, Invalid, NotFound

__all__ = [
    "category_exists",
    "no_barcode",
    "no_product",
    "no_status",
    "no_store",
    "no_supplier",
    "no_time_zone",
    "price_in_the_past",
    "store_exists",
    "taken",
    "unknown_barcode",
]


def no_product(sku: str) -> NotFound:
    """There is no product of that SKU."""
    return NotFound(
        f'There is no product "{_short(sku)}".', remedy="Check the SKU, or look for the product by its name: GET /api/v1/products?q=..."
    )


def no_store(code: str) -> NotFound:
    """There is no store of that code."""
    return NotFound(f'There is no store "{_short(code)}".', remedy="GET /api/v1/stores lists the stores.")


def unknown_barcode(code: str) -> NotFound:
    """The barcode is right, and no product has it."""
    return NotFound(
        f"No product has the barcode {code}.",
        remedy="Add the barcode to its product with PATCH /api/v1/products/{sku}, or create the product with POST /api/v1/products.",
    )


def no_barcode(reason: str) -> Invalid:
    """What was scanned is no barcode; *reason* is "what is wrong; what to do"."""
    detail, _, remedy = reason.partition("; ")
    return Invalid("The code is not a barcode.", errors=[FieldProblem("code", detail, remedy)])


def no_supplier(code: str) -> Invalid:
    """A product names a supplier that does not exist."""
    problem = FieldProblem(
        "supplier", f'There is no supplier "{code}".', "Create it first with POST /api/v1/suppliers, or leave the field out."
    )
    return Invalid("The supplier does not exist; nothing was changed.", errors=[problem])


def no_status(status: str) -> Invalid:
    """There is no such status to filter by."""
    problem = FieldProblem("status", f'"{_short(status)}" is not a status.', "Use active or discontinued, or leave it out for both.")
    return Invalid("The status is not right.", errors=[problem])


def no_time_zone(name: str) -> Invalid:
    """The database knows fewer time zones than this machine."""
    problem = FieldProblem(
        "time_zone",
        f'The database does not know the time zone "{name}".',
        'Use an older name for it, e.g. "America/Argentina/Buenos_Aires".',
    )
    return Invalid("The time zone is not right; nothing was changed.", errors=[problem])


def price_in_the_past() -> Invalid:
    """A price is to begin before now."""
    problem = FieldProblem(
        "valid_from",
        "A price cannot begin in the past: what was sold has been charged.",
        "Send a moment to come, or leave it out to begin now.",
    )
    return Invalid("The price begins in the past; nothing was changed.", errors=[problem])


def store_exists(code: str, holder: Store) -> Conflict:
    """The code of a new store is taken."""
    problem = FieldProblem(
        "code", f'The code "{code}" is taken by the store {holder.code} ({holder.name}).', "Edit that store, or choose another code."
    )
    return Conflict("There is such a store already; nothing was changed.", errors=[problem])


def category_exists(path: str, holder: str) -> Conflict:
    """There is a category of that path, perhaps in other letters."""
    problem = FieldProblem("path", f'The category "{path}" exists already, as "{holder}".', "Use it, or choose another name.")
    return Conflict("There is such a category already; nothing was changed.", errors=[problem])


def taken(sku: Holder | None, codes: Sequence[Holder], barcodes: Sequence[str]) -> Conflict:
    """The SKU or some barcodes of a product belong to others; *barcodes* are all that were sent."""
    problems = []
    if sku is not None:
        problems.append(
            FieldProblem(
                "sku",
                f'The SKU "{sku.key}" is taken by "{sku.name}".',
                f"Edit that product with PATCH /api/v1/products/{sku.sku}, or choose another SKU.",
            )
        )
    problems += [
        FieldProblem(
            f"barcodes.{barcodes.index(holder.key)}",
            f'The barcode {holder.key} belongs to {holder.sku} ("{holder.name}").',
            f"Take it away from {holder.sku} first, or correct the code.",
        )
        for holder in codes
    ]
    if not problems:
        # Whoever had it has given it up between our attempt and our asking.
        return Conflict(
            "Somebody else was changing the same product at this moment; nothing was changed.", remedy="Send the same request again."
        )
    return Conflict("Something of this belongs to another product already; nothing was changed.", errors=problems)


def _short(text: str) -> str:
    shown = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"
