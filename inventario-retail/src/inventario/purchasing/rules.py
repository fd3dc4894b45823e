"""What makes a supplier's tax number and address right. Pure."""

from __future__ import annotations

import re

from stdnum import exceptions
from stdnum.ar import cuit

__all__ = ["canonical_cuit", "checked_email", "checked_phone", "shown_cuit"]

_KINDS = "20, 23, 24, 27, 30, 33, 34, 50, 51 or 55"
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s.\x00-\x1f\x7f]+(\.[^@\s.\x00-\x1f\x7f]+)+")
_PHONE = re.compile(r"[0-9+*#()./ xX-]+")


def canonical_cuit(text: str) -> str:
    """Return a CUIT as its 11 digits; spaces and dashes fall away.

    Raises:
        ValueError: "what is wrong; what to do". For a wrong check digit it says which one would be right.
    """
    digits = re.sub(r"[\s\u2010-\u2015\u2212.-]+", "", text)
    if not re.fullmatch("[0-9]{11}", digits):
        raise ValueError("a CUIT has 11 digits; send it like 30-71234567-1")
    try:
        return str(cuit.validate(digits))
    except exceptions.InvalidComponent as error:
        raise ValueError(f"no CUIT begins with {digits[:2]}; correct the first two digits: they are {_KINDS}") from error
    except exceptions.InvalidChecksum as error:
        right = cuit.calc_check_digit(digits[:-1])
        raise ValueError(
            f"the check digit of {shown_cuit(digits)} is wrong: it ends in {digits[-1]}, and {right} would be right; correct the digit that was mistyped"
        ) from error


def shown_cuit(digits: str) -> str:
    """Return a CUIT as it is written: ``30-71234567-1``."""
    return str(cuit.format(digits))


def checked_email(text: str) -> str:
    """Return an e-mail address without white space around it.

    Raises:
        ValueError: "what is wrong; what to do".
    """
    found = text.strip()
    if len(found) > 254 or not _EMAIL.fullmatch(found):
        raise ValueError("it is not an e-mail address; send it like pedidos@proveedor.com.ar, or leave it out")
    return found


def checked_phone(text: str) -> str:
    """Return a telephone number with single spaces.

    Raises:
        ValueError: "what is wrong; what to do".
    """
    found = " ".join(text.split())
    if len(found) > 40 or not _PHONE.fullmatch(found) or not any(character.isdigit() for character in found):
        raise ValueError(
            "it is not a telephone number; send digits, spaces, dashes, + and brackets, like +54 11 4321-0000, or leave it out"
        )
    return found
