"""What makes codes, names, category paths, units and time zones right."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, TypeGuard
from zoneinfo import ZoneInfo

__all__ = [
    "UNITS",
    "Unit",
    "ancestors",
    "canonical_category",
    "checked_code",
    "checked_sku",
    "checked_time_zone",
    "checked_unit",
    "clean_text",
    "printable",
]

Unit = Literal["unit", "kg", "g", "l", "ml", "m", "m2", "pack"]
UNITS: tuple[Unit, ...] = ("unit", "kg", "g", "l", "ml", "m", "m2", "pack")

_MAX_CATEGORY_LENGTH = 300
_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


def printable(text: str) -> str:
    """Return *text* with a mark in place of what cannot be shown, for use in a sentence."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def clean_text(text: str) -> str:
    """Return *text* in composed Unicode, without white space around it and with single spaces within.

    Raises:
        ValueError: It holds a control character or half a character.
    """
    found = " ".join(unicodedata.normalize("NFC", text).split())
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in found):
        raise ValueError("there is a control character in it; remove it, it may have come with a copy and paste")
    return found


def canonical_category(path: str) -> str:
    """Return a category's path in the form that is kept: names from the root down, joined by ``/`` without spaces around it.

    Raises:
        ValueError: "what is wrong; what to do".
    """
    names = [clean_text(name) for name in path.split("/")]
    if not all(names):
        raise ValueError(
            f'"{printable(path)}" has an empty part; write the names from the general to the particular, e.g. "Bebidas/Gaseosas"'
        )
    found = "/".join(names)
    if len(found) > _MAX_CATEGORY_LENGTH:
        raise ValueError(f"the category's path has {len(found)} characters; keep it under {_MAX_CATEGORY_LENGTH + 1}")
    return found


def ancestors(path: str) -> list[str]:
    """Return the paths from the root down to *path* itself: "A/B/C" gives "A", "A/B", "A/B/C"."""
    names = path.split("/")
    return ["/".join(names[: depth + 1]) for depth in range(len(names))]


def checked_sku(sku: str) -> str:
    """Return *sku* without white space around it.

    Raises:
        ValueError: "what is wrong; what to do".
    """
    return _matching(_SKU, sku, "SKU", 64)


def checked_code(code: str) -> str:
    """Return the code of a store or a supplier without white space around it.

    Raises:
        ValueError: "what is wrong; what to do".
    """
    return _matching(_CODE, code, "code", 32)


def _matching(pattern: re.Pattern[str], text: str, what: str, longest: int) -> str:
    found = text.strip()
    if not found:
        raise ValueError(f"the {what} is empty; send 1 to {longest} characters")
    if not pattern.fullmatch(found):
        shown = printable(found[:80])
        raise ValueError(
            f'"{shown}" is not a {what}; use at most {longest} of the letters A-Z and a-z, digits, ".", "_" and "-", and begin with a letter or a digit'
        )
    return found


def checked_unit(unit: object) -> Unit:
    """Return *unit*, one of `UNITS`.

    Raises:
        ValueError: It is none of them; the text lists them.
    """
    if not _is_unit(unit):
        shown = f'"{printable(unit[:80])}"' if isinstance(unit, str) else "that"
        raise ValueError(f"{shown} is not a unit; use one of {', '.join(UNITS)}")
    return unit


def _is_unit(unit: object) -> TypeGuard[Unit]:
    return isinstance(unit, str) and unit in UNITS


def checked_time_zone(name: str) -> str:
    """Return *name*, a time zone of the IANA database.

    Raises:
        ValueError: There is none of that name; the text gives an example.
    """
    try:
        # These are files of the database too, and mean whatever the machine they are read on is set to.
        ZoneInfo("" if name in {"localtime", "posixrules", "Factory"} else name)
    except (KeyError, ValueError, OSError) as error:  # unknown; not a relative path; a directory of the database
        shown = printable(name[:80])
        raise ValueError(
            f'"{shown}" is not a time zone; send a name of the IANA database, e.g. "America/Argentina/Buenos_Aires"'
        ) from error
    return name
