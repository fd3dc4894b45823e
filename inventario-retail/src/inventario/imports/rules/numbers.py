"""Numbers as people and programs write them: ``1.234,56``, ``1,234.56``, ``1 234,56``.

A single separator before three digits, as in ``1.234``, has two readings that differ by a factor of a thousand. Such a cell is never read on its
own: the other cells of its column say which mark separates the decimals, else the other columns of the file, else the person who imports it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["STORED_NUMBER", "Evidence", "Mark", "evidence", "read_number"]

# A spreadsheet keeps a number as a number: it has no separators to misread. Such a cell comes with this sign in front, which no text can hold,
# since control characters are refused before.
STORED_NUMBER = "\x01"

_SIGNS = str.maketrans({"−": "-", "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{THIN SPACE}": " "})
_BODY = re.compile(r"(?P<sign>[-+]?) ?(?P<currency>(?:AR)?\$)? ?(?P<late>[-+]?)(?P<digits>[0-9.,][0-9., ]*?) ?(?P<percent>%?)")
_EXPONENT = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?[eE][-+]?[0-9]+")
_GROUPED_BY_SPACE = re.compile(r"[1-9][0-9]{0,2}(?: [0-9]{3})+(?:[.,][0-9]+)?")


class Mark(StrEnum):
    """What separates the decimals; the other one then groups thousands."""

    COMMA = "comma"
    POINT = "point"

    @property
    def other(self) -> Mark:
        """The other one."""
        return Mark.POINT if self is Mark.COMMA else Mark.COMMA


class Evidence(StrEnum):
    """What one cell tells about the decimal mark of its column."""

    COMMA = "comma"
    POINT = "point"
    AMBIGUOUS = "ambiguous"
    NONE = "none"


_FORMS = {
    Mark.COMMA: re.compile(r"(?P<whole>[0-9]+|[1-9][0-9]{0,2}(?:\.[0-9]{3})+|(?=,))(?:,(?P<part>[0-9]+))?"),
    Mark.POINT: re.compile(r"(?P<whole>[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+|(?=\.))(?:\.(?P<part>[0-9]+))?"),
}


def evidence(text: str) -> Evidence:
    """Tell what *text* says about the decimal mark. What is no number says nothing."""
    taken = _take_apart(text)
    if taken is None or text.startswith(STORED_NUMBER):
        return Evidence.NONE
    digits = taken.digits
    points, commas = digits.count("."), digits.count(",")
    if not points and not commas:
        return Evidence.NONE
    if points and commas:
        mark = Mark.COMMA if digits.rindex(",") > digits.rindex(".") else Mark.POINT
    else:
        separator = Mark.POINT if points else Mark.COMMA
        whole, _, part = digits.partition("." if points else ",")
        # Nobody groups "0.350" or "1234.567"; and after a space that groups, the other sign can only be the decimal one.
        if points + commas == 1 and len(part) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0" and not taken.spaced:
            return Evidence.AMBIGUOUS
        mark = separator if points + commas == 1 else separator.other
    return Evidence(mark.value) if _FORMS[mark].fullmatch(digits) else Evidence.NONE


def read_number(text: str, mark: Mark | None, *, scale: int, signed: bool = False, money: bool = False, percent: bool = False) -> str:
    """Return *text* as a plain decimal with a point, without grouping and without useless zeros.

    Args:
        text: The cell, without blanks around it.
        mark: What separates decimals in this column; None while nothing tells.
        scale: Decimals that the value may have at most; 14 digits in all.
        signed: Whether it may be below zero.
        money: Whether a ``$`` may stand beside it.
        percent: Whether a ``%`` may follow it.

    Raises:
        ValueError: "what is wrong; what to do".
    """
    taken = _take_apart(text)
    if taken is None or (taken.currency and not money) or (taken.percent and not percent):
        raise ValueError(_no_number(text))
    if text.startswith(STORED_NUMBER):
        mark = Mark.POINT
    elif mark is None:
        mark = _mark_of_its_own(text, taken.digits)
    form = _FORMS[mark].fullmatch(taken.digits)
    if form is None:
        raise ValueError(_wrong_mark(text, mark))
    whole = form["whole"].replace(".", "").replace(",", "").lstrip("0") or "0"
    part = (form["part"] or "").rstrip("0")
    _check_size(whole, part, scale)
    number = f"{whole}.{part}" if part else whole
    if taken.sign != "-" or number == "0":
        return number
    if not signed:
        raise ValueError(f"{taken.shown} is below zero; give zero or more")
    return "-" + number


@dataclass(frozen=True, slots=True)
class _Taken:
    sign: str
    digits: str
    currency: bool
    percent: bool
    spaced: bool
    shown: str


def _take_apart(text: str) -> _Taken | None:
    shown = text.removeprefix(STORED_NUMBER)
    found = _BODY.fullmatch(shown.translate(_SIGNS).strip())
    if found is None or (found["sign"] and found["late"]):
        return None
    digits, spaced = found["digits"], " " in found["digits"]
    if spaced:
        if not _GROUPED_BY_SPACE.fullmatch(digits):
            return None
        digits = digits.replace(" ", "")
    if not any(character.isdigit() for character in digits):
        return None
    return _Taken(found["sign"] or found["late"], digits, bool(found["currency"]), bool(found["percent"]), spaced, shown)


def _mark_of_its_own(text: str, digits: str) -> Mark:
    """Return the mark of a cell that needs no help; raise for one that does."""
    told = evidence(text)
    if told is Evidence.AMBIGUOUS:
        separator = "." if "." in digits else ","
        grouped, decimal = digits.replace(separator, ""), digits.replace(separator, ".")
        as_decimal = Mark.POINT if separator == "." else Mark.COMMA
        raise ValueError(
            f"{text} may be {grouped} or {decimal}, and nothing in the file tells which; "
            f"say decimal={as_decimal.other} where it is {grouped}, decimal={as_decimal} where it is {decimal}"
        )
    return Mark(told.value) if told is not Evidence.NONE else Mark.POINT


def _check_size(whole: str, part: str, scale: int) -> None:
    if len(part) > scale:
        raise ValueError(f"it has {len(part)} decimals; give {scale} at most")
    if len(whole) > 14 - scale:
        raise ValueError(f"it is too large; give fewer than {15 - scale} digits before the decimals")


def _no_number(text: str) -> str:
    if _EXPONENT.fullmatch(text):
        return f"{text} has been shortened by a spreadsheet; format the column as a number and export the file again"
    return f"{text.removeprefix(STORED_NUMBER)} is no number; write only digits, with a decimal mark where one is needed"


def _wrong_mark(text: str, mark: Mark) -> str:
    if _FORMS[mark.other].fullmatch(text.lstrip("+-$ ")):
        return f"{text} has a decimal {mark.other}, in a column of decimal {mark}s; write the column in one way"
    return (
        f"{text} is no number with a decimal {mark}; write it like {'1.234,56' if mark is Mark.COMMA else '1,234.56'} or without grouping"
    )
