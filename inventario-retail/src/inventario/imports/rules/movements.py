"""What a row of movements must say as a whole: which quantity goes with which kind."""

from __future__ import annotations

from decimal import Decimal

from inventario.imports.rules.cells import NULL
from inventario.stock.rules import quantity_problem

__all__ = ["settle_quantity"]

_OUTGOING = frozenset({"sale", "waste"})


def settle_quantity(kind: str, quantity: str, counted: str, *, unsigned: bool, counted_column: bool) -> tuple[str, str]:
    """Return ``quantity`` and ``counted`` as the ledger wants them, both in COPY's form.

    Args:
        kind: Kind of the movement.
        quantity: The cell's number, signed unless *unsigned*; `NULL` where it is empty.
        counted: Likewise, what lay on the shelf.
        unsigned: Quantities are amounts whose direction the kind tells.
        counted_column: Whether the file has a column for counts. Where it has none, the quantity of a count is what was counted.

    Raises:
        ValueError: "what is wrong; what to do".
    """
    if kind == "count":
        return _settle_count(quantity, counted, counted_column=counted_column)
    if counted != NULL:
        raise ValueError(f"a {kind} has no counted quantity; leave the cell empty, or make the row a count")
    if quantity == NULL:
        raise ValueError("the quantity is missing; write how much moved")
    if unsigned:
        quantity = _directed(kind, quantity)
    problem = quantity_problem(kind, Decimal(quantity))
    if problem:
        detail, _, remedy = problem.partition("; ")
        hint = ", or give unsigned=true if the file writes amounts" if kind in _OUTGOING and not unsigned else ""
        raise ValueError(f"{detail}; {remedy.replace('send', 'write')}{hint}")
    return quantity, NULL


def _settle_count(quantity: str, counted: str, *, counted_column: bool) -> tuple[str, str]:
    if counted_column and quantity != NULL:
        raise ValueError("the quantity of a count is worked out from the stock; leave it empty and write what was counted")
    found = counted if counted_column else quantity
    if found == NULL:
        raise ValueError("a count says what lies on the shelf; write the number, 0 where nothing was there")
    if found.startswith("-"):
        raise ValueError("a count cannot be below zero; write what lies on the shelf")
    return NULL, found


def _directed(kind: str, amount: str) -> str:
    if kind == "adjustment":
        return amount
    if amount.startswith("-"):
        raise ValueError(f"{amount} is below zero, though quantities are amounts here; write {amount[1:]}, or make it another kind")
    return "-" + amount if kind in _OUTGOING and amount != "0" else amount
