"""Numbers are read as they were meant, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inventario.imports.rules.numbers import STORED_NUMBER, Evidence, Mark, evidence, read_number

MARKS = st.sampled_from(list(Mark))
NUMBERS = st.decimals(min_value=0, max_value=10**9, allow_nan=False, places=3)


def written(value: Decimal, mark: Mark, *, grouped: str | None) -> str:
    """Return *value* as a program of that habit writes it; *grouped* by ``"sign"``, by ``"space"`` or not."""
    whole, _, part = f"{value:f}".partition(".")
    part = part.rstrip("0")
    if grouped:
        separator = " " if grouped == "space" else "." if mark is Mark.COMMA else ","
        whole = f"{int(whole):,}".replace(",", separator)
    return f"{whole}{',' if mark is Mark.COMMA else '.'}{part}" if part else whole


def attempt(text: str, mark: Mark | None) -> tuple[str | None, str]:
    """Return what *text* is read as, or why it is refused."""
    try:
        return read_number(text, mark, scale=3, signed=True), ""
    except ValueError as refusal:
        return None, str(refusal)


@settings(deadline=None)
@given(NUMBERS, MARKS, st.sampled_from([None, "sign", "space"]), st.booleans())
def test_a_number_is_read_back_from_every_way_of_writing_it(value: Decimal, mark: Mark, grouped: str | None, negative: bool) -> None:
    text = ("-" if negative else "") + written(value, mark, grouped=grouped)

    read = Decimal(read_number(text, mark, scale=3, signed=True))

    assert read == (-value if negative else value)


@settings(deadline=None)
@given(NUMBERS, MARKS, st.sampled_from([None, "sign", "space"]))
def test_what_a_number_shows_of_its_mark_is_never_the_other_mark(value: Decimal, mark: Mark, grouped: str | None) -> None:
    assert evidence(written(value, mark, grouped=grouped)) != mark.other.value


@settings(deadline=None)
@given(NUMBERS, MARKS, st.sampled_from([None, "sign", "space"]))
def test_without_help_a_number_is_read_right_or_refused(value: Decimal, mark: Mark, grouped: str | None) -> None:
    read, refusal = attempt(written(value, mark, grouped=grouped), None)

    assert "decimal=" in refusal if read is None else Decimal(read) == value


@settings(deadline=None)
@given(st.integers(1, 999), st.integers(0, 999), MARKS)
def test_one_separator_before_three_digits_is_never_read_without_help(left: int, right: int, mark: Mark) -> None:
    text = f"{left}{',' if mark is Mark.COMMA else '.'}{right:03}"

    assert evidence(text) is Evidence.AMBIGUOUS
    with pytest.raises(ValueError, match="may be"):
        read_number(text, None, scale=3)


@settings(deadline=None)
@given(st.text(max_size=30), st.one_of(st.none(), MARKS))
def test_any_text_is_a_plain_number_or_refused_with_a_remedy(text: str, mark: Mark | None) -> None:
    assume(not text.startswith(STORED_NUMBER))
    read, refusal = attempt(text.strip(), mark)

    assert "; " in refusal if read is None else Decimal(read).is_finite() and read.isascii()


@settings(deadline=None)
@given(st.floats(min_value=0, max_value=1e9, allow_nan=False).map(lambda value: round(value, 3)))
def test_what_a_spreadsheet_stores_is_read_whatever_the_column_looks_like(value: float) -> None:
    text = format(Decimal(str(value)), "f")

    assert Decimal(read_number(STORED_NUMBER + text, Mark.COMMA, scale=3)) == Decimal(str(value))
    assert evidence(STORED_NUMBER + text) is Evidence.NONE


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1.234,56", Evidence.COMMA),
        ("1,234.56", Evidence.POINT),
        ("1.234.567", Evidence.COMMA),
        ("1,234,567", Evidence.POINT),
        ("0.350", Evidence.POINT),
        ("0,350", Evidence.COMMA),
        ("1234.567", Evidence.POINT),
        ("12,5", Evidence.COMMA),
        (",5", Evidence.COMMA),
        ("1 234,567", Evidence.COMMA),
        ("-1.234", Evidence.AMBIGUOUS),
        ("$ 1.234", Evidence.AMBIGUOUS),
        ("12", Evidence.NONE),
        ("1.23.4", Evidence.NONE),
        ("12.", Evidence.NONE),
        ("n/a", Evidence.NONE),
    ],
)
def test_evidence(text: str, told: Evidence) -> None:
    assert evidence(text) is told


@pytest.mark.parametrize("text", ["$1.234,50", "$ 1.234,50", "AR$ 1234,5", "1 234,50", "1\N{NO-BREAK SPACE}234,50", "+1234,5"])
def test_an_amount_of_pesos(text: str) -> None:
    assert read_number(text, Mark.COMMA, scale=2, money=True) == "1234.5"


@pytest.mark.parametrize("text", ["-3", "−3", "$-3", "-$3", "- 3"])
def test_signs(text: str) -> None:
    assert read_number(text, None, scale=2, signed=True, money=True) == "-3"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("USD 5", "is no number"),
        ("$5", "is no number"),
        ("7,79E+12", "shortened by a spreadsheet"),
        ("12.5", "has a decimal point, in a column of decimal commas"),
        ("1.23,4", "is no number with a decimal comma"),
        ("1,2345", "4 decimals"),
        ("123456789012", "too large"),
        ("-1", "below zero"),
        ("1 23", "is no number"),
        ("--1", "is no number"),
        ("١٢", "is no number"),
        ("", "is no number"),
    ],
)
def test_refusals_say_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_number(text, Mark.COMMA, scale=3)
