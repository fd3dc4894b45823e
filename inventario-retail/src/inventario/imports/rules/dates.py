"""Dates and times as people and programs write them.

ISO dates are read as such. Of ``03/02/2026`` the day comes first, as it does wherever Spanish is spoken, unless the column or the person says otherwise.
"""

from __future__ import annotations

import re
from datetime import date, time
from enum import StrEnum
from functools import lru_cache

__all__ = ["STORED_MOMENT", "Order", "has_two_orders", "order_evidence", "read_moment"]

# A cell that a spreadsheet keeps as a date, in ISO form after this sign. See ``numbers.STORED_NUMBER``.
STORED_MOMENT = "\x02"

_DATE = re.compile(
    r"(?P<first>[0-9]{1,4})(?P<mark>[-/.])(?P<second>[0-9]{1,2})(?P=mark)(?P<third>[0-9]{1,4})(?:(?:[T ]|, ) *(?P<time>.+))?"
)
_TIME = re.compile(
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?: ?(?P<half>[apAP])\.? ?[mM]\.?)?(?P<zone> ?(?:[zZ]|[-+][0-9]{2}(?::?[0-9]{2})?))?"
)
# The date of a movement whose hour nobody wrote down is what counts, and noon keeps it in every time zone a shop of this one could be in.
_NOON = "12:00:00"
_EARLIEST = date(2000, 1, 1)
_SECONDS = frozenset(f"{second:02}" for second in range(60))


class Order(StrEnum):
    """In which order a date that is not ISO has day, month and year."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"


def order_evidence(text: str) -> Order | None:
    """Tell which order *text* can only have, or None where it could have several or is no such date."""
    first, second = _first_two(text)
    if first > 12 >= second > 0:
        return Order.DMY
    return Order.MDY if second > 12 >= first > 0 else None


def has_two_orders(text: str) -> bool:
    """Tell whether *text* is one day with the day first and another one with the month first."""
    first, second = _first_two(text)
    return 0 < first <= 12 and 0 < second <= 12 and first != second


def _first_two(text: str) -> tuple[int, int]:
    found = _DATE.fullmatch(_split(text)[0])
    if found is None or len(found["first"]) > 2 or len(found["third"]) != 4:
        return 0, 0
    return int(found["first"]), int(found["second"])


def _split(text: str) -> tuple[str, str]:
    """Return the date and the time of day in *text*, the latter empty where there is none."""
    day, _, clock = text.partition("T" if "T" in text else " ")
    return day.removesuffix(","), clock.strip()


def read_moment(text: str, order: Order | None, latest: date, clock: str = "") -> str:
    """Return *text* as ``YYYY-MM-DD HH:MM:SS``, with its offset from UTC where it has one and without where it is the store's own time.

    Args:
        text: The cell, without blanks around it.
        order: How dates that are not ISO are written; None stands for day, month, year, and then a year needs four digits.
        latest: The last date that is believed.
        clock: The time of day, where it stands in a column of its own.

    Raises:
        ValueError: "what is wrong; what to do".
    """
    shown = text.removeprefix(STORED_MOMENT)
    day, within = _split(shown)
    if clock and within not in {"", "00:00", "00:00:00"}:
        raise ValueError(f"{shown} has a time and {clock} is another; keep the time in one of the two columns")
    return f"{_day(day, order, latest)} {_clock(clock.removeprefix(STORED_MOMENT) or within or _NOON)}"


# Days and times repeat, even where no moment does.
@lru_cache(4_096)
def _day(text: str, order: Order | None, latest: date) -> str:
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is no date; write it like 2026-03-31, 2026-03-31 18:30 or 31/03/2026")
    numbers = (found["first"], found["second"], found["third"])
    if len(found["first"]) == 4 or order is Order.YMD:
        year, month, day = numbers
    elif order is Order.MDY:
        month, day, year = numbers
    else:
        day, month, year = numbers
    if len(year) == 2 and order is not None:
        year = "20" + year
    if len(year) != 4:
        raise ValueError(f"{text} has a year of {len(year)} digits; write four, or give date_order=dmy (or mdy, ymd)")
    return _believed(_calendar(text, int(year), int(month), int(day)), latest)


def _calendar(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        if month > 12 >= day:
            raise ValueError(f"{text} has no month {month}; give date_order=mdy if the file writes the month first") from error
        raise ValueError(f"{text} is no day of the calendar; correct it") from error


def _believed(day: date, latest: date) -> str:
    if day > latest:
        raise ValueError(f"{day.isoformat()} has not come yet; check the order of day and month, or give date_order=mdy")
    if day < _EARLIEST:
        raise ValueError(f"{day.isoformat()} lies before 2000; check the year")
    return day.isoformat()


def _clock(text: str) -> str:
    seconds = text[6:8]
    if text[5:6] != ":" or seconds not in _SECONDS:
        return _read_clock(text)
    # A day has 86,400 seconds and 1,440 minutes: only the latter are worth remembering.
    minute = _read_clock(f"{text[:6]}00{text[8:]}")
    return minute[:6] + seconds + minute[8:]


@lru_cache(4_096)
def _read_clock(text: str) -> str:
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text} is no time of day; write it like 18:30 or 18:30:05")
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"{text} has no such hour; write it like 6:30 pm or 18:30")
        hour = hour % 12 + (12 if found["half"] in "pP" else 0)
    try:
        clock = time(hour, minute, second).isoformat()
    except ValueError as error:
        raise ValueError(f"{text} is no time of day; write it like 18:30 or 18:30:05") from error
    fraction = f".{found['fraction'][:6]}" if found["fraction"] else ""
    return clock + fraction + _offset(found["zone"], text)


def _offset(zone: str | None, text: str) -> str:
    if not zone:
        return ""
    offset = zone.strip().upper()
    if offset == "Z":
        return "+00"
    hours, minutes = int(offset[1:3]), int(offset[3:].lstrip(":") or 0)
    if hours > 14 or minutes > 59:
        raise ValueError(f"{text} has no such offset from UTC; write it like 18:30-03:00")
    return offset
