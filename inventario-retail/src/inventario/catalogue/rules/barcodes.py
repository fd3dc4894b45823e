"""What makes a barcode right, and the one form in which it is kept."""

from __future__ import annotations

import re
from typing import Literal

from stdnum import ean

from inventario.catalogue.rules.names import printable

__all__ = ["BarcodeKind", "barcode_kind", "canonical_barcode"]

BarcodeKind = Literal["ean13", "ean8", "upca", "internal"]

_GTIN = re.compile(r"[0-9]{8}|[0-9]{12,13}")
_INTERNAL = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,39}")
# What people and labels put between the digits: white space, invisible characters, every kind of dash.
_SPACES = re.compile(r"[\s\u200b-\u200d\u2060\ufeff]+")
_DASHES = re.compile(r"[-\u2010-\u2015\u2212]+")


def canonical_barcode(code: str) -> tuple[str, BarcodeKind]:
    """Return the one form in which *code* is kept, and its kind.

    Spaces fall away, and so do dashes where the rest is a number of the length of a GTIN. A UPC-A gets its leading zero, because that is what many
    scanners make of it; a GTIN-14 that begins with zero is its EAN-13. Anything else of letters, digits, ``.``, ``_`` and ``-`` is an internal code, in capitals.

    Raises:
        ValueError: "what is wrong; what to do". For a wrong check digit it says which one would be right.
    """
    text = _SPACES.sub("", code)
    digits = _DASHES.sub("", text)
    if _is_number(digits, 14) and digits[0] == "0":
        digits = digits[1:]
    if _GTIN.fullmatch(digits):
        _check_digit(digits)
        number = digits.zfill(13) if len(digits) == 12 else digits
        return number, _gtin_kind(number)
    # Only ASCII has capitals of the same length: "ß" would become two letters.
    internal = text.upper() if text.isascii() else text
    if not _INTERNAL.fullmatch(internal):
        raise ValueError(_internal_problem(text))
    return internal, "internal"


def barcode_kind(code: str) -> BarcodeKind | None:
    """Return the kind of *code*, which is in the form that `canonical_barcode` gives, or None where it is not. The database has the same rule."""
    try:
        canonical, kind = canonical_barcode(code)
    except ValueError:
        return None
    return kind if canonical == code else None


def _is_number(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdigit()


def _gtin_kind(number: str) -> BarcodeKind:
    if len(number) == 8:
        return "ean8"
    return "upca" if number[0] == "0" else "ean13"


def _check_digit(digits: str) -> None:
    right = ean.calc_check_digit(digits[:-1])
    if right == digits[-1]:
        return
    raise ValueError(
        f"the check digit of {digits} is wrong: it ends in {digits[-1]}, and {right} would be right; "
        f"scan it again, or correct a digit (an internal code needs a letter, or a length other than 8, 12 and 13)"
    )


def _internal_problem(text: str) -> str:
    if not text:
        return "a barcode is missing; send at least one character, or leave the barcode out"
    if len(text) > 40:
        return f"a barcode of {len(text)} characters is too long; send at most 40"
    return (
        f'"{printable(text)}" is not a barcode; send an EAN-13, EAN-8 or UPC-A, or an internal code of A-Z, 0-9, ".", "_" and "-" '
        f"that begins with a letter or a digit"
    )
