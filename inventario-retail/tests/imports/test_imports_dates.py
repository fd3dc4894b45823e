"""Dates and times are read as they were meant, or not at all."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inventario.imports.rules.dates import STORED_MOMENT, Order, has_two_orders, order_evidence, read_moment

LATEST = date(2026, 12, 31)
DAYS = st.dates(date(2000, 1, 1), LATEST)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2026, 12, 31)).map(lambda moment: moment.replace(microsecond=0))  # noqa: DTZ001
FORMS = {Order.DMY: "%d/%m/%Y", Order.MDY: "%m/%d/%Y", Order.YMD: "%Y/%m/%d"}


def attempt(text: str, order: Order | None) -> tuple[str | None, str]:
    """Return what *text* is read as, or why it is refused."""
    try:
        return read_moment(text, order, LATEST), ""
    except ValueError as refusal:
        return None, str(refusal)


@settings(deadline=None)
@given(DAYS, st.sampled_from(list(Order)), st.sampled_from("/-."))
def test_a_day_is_read_back_from_every_order(day: date, order: Order, mark: str) -> None:
    assert read_moment(day.strftime(FORMS[order]).replace("/", mark), order, LATEST) == f"{day.isoformat()} 12:00:00"


@settings(deadline=None)
@given(
    MOMENTS, st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %I:%M:%S %p", "%d/%m/%Y, %H:%M:%S"])
)
def test_a_moment_is_read_back(moment: datetime, form: str) -> None:
    assert read_moment(moment.strftime(form), None, LATEST) == moment.isoformat(" ")


@settings(deadline=None)
@given(MOMENTS, st.integers(-12 * 60, 14 * 60))
def test_an_offset_is_kept(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    assert datetime.fromisoformat(read_moment(aware.isoformat(), None, LATEST)) == aware


@settings(deadline=None)
@given(DAYS)
def test_evidence_never_points_to_the_wrong_order(day: date) -> None:
    assert order_evidence(day.strftime("%d/%m/%Y")) in {None, Order.DMY}
    assert order_evidence(day.strftime("%m/%d/%Y")) in {None, Order.MDY}


@settings(deadline=None)
@given(DAYS)
def test_a_day_that_shows_no_order_has_two_unless_both_are_the_same_day(day: date) -> None:
    text = day.strftime("%d/%m/%Y")
    assume(order_evidence(text) is None)

    assert has_two_orders(text) == (day.day != day.month)


@settings(deadline=None)
@given(st.text(max_size=25), st.sampled_from([None, *Order]))
def test_any_text_is_a_moment_or_refused_with_a_remedy(text: str, order: Order | None) -> None:
    read, refusal = attempt(text.strip(), order)

    assert "; " in refusal if read is None else datetime.fromisoformat(read)


def test_the_day_comes_first_where_nothing_tells() -> None:
    assert read_moment("03/02/2026", None, LATEST).startswith("2026-02-03")


@pytest.mark.parametrize("text", ["10:30 a. m.", "10:30 AM", "10:30", "10:30:00"])
def test_a_time_may_stand_in_a_column_of_its_own(text: str) -> None:
    assert read_moment("31/03/2026", None, LATEST, text) == "2026-03-31 10:30:00"


def test_a_date_cell_with_a_time_cell() -> None:
    assert read_moment(f"{STORED_MOMENT}2026-03-31", None, LATEST, f"{STORED_MOMENT}18:05:00") == "2026-03-31 18:05:00"


def test_noon_and_midnight_in_the_twelve_hour_clock() -> None:
    assert read_moment("31/03/2026 12:15 am", None, LATEST).endswith("00:15:00")
    assert read_moment("31/03/2026 12:15 pm", None, LATEST).endswith("12:15:00")


def test_two_digits_are_a_year_only_where_the_order_is_known() -> None:
    assert read_moment("31/03/26", Order.DMY, LATEST).startswith("2026-03-31")
    with pytest.raises(ValueError, match="year of 2 digits"):
        read_moment("31/03/26", None, LATEST)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("02/13/2026", "no month 13; give date_order=mdy"),
        ("31/02/2026", "no day of the calendar"),
        ("01/01/2027", "has not come yet"),
        ("31/12/1999", "before 2000"),
        ("45000", "is no date"),
        ("2026-03-31 25:00", "no time of day"),
        ("2026-03-31 13:00 pm", "no such hour"),
        ("2026-03-31 10:00+99:00", "no such offset"),
        ("31-mar-26", "is no date"),
    ],
)
def test_refusals_say_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_moment(text, None, LATEST)
