"""Numbers and forms as people write them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from inventario.errors import Invalid
from inventario.web.code39 import code39
from inventario.web.forms import by_field, checked, plain_number
from inventario.web.languages import ENGLISH, LANGUAGES, SPANISH, Language
from inventario.web.navigation import safe_next


@pytest.mark.parametrize(
    ("text", "spanish", "english"),
    [
        ("1234,5", "1234.5", "1234.5"),
        ("1234.5", "1234.5", "1234.5"),
        ("1.234,56", "1234.56", None),
        ("1,234.56", None, "1234.56"),
        ("1.234", "1234", "1.234"),
        ("1,234", "1.234", "1234"),
        ("$ 1.234,00", "1234.00", None),
        ("\N{MINUS SIGN}3", "-3", "-3"),
        ("12.345.678", "12345678", None),
        ("", None, None),
        ("mucho", None, None),
        ("1e5", None, None),
        ("٣", None, None),
    ],
)
def test_a_number_is_read_as_its_language_writes_it(text: str, spanish: str | None, english: str | None) -> None:
    assert plain_number(text, SPANISH) == spanish
    assert plain_number(text, ENGLISH) == english


@given(st.decimals(min_value=-99999999, max_value=99999999, places=3), st.sampled_from(list(LANGUAGES.values())))
def test_what_we_show_we_read(value: Decimal, language: Language) -> None:
    shown = plain_number(language.quantity(value), language)
    assert shown is not None
    assert Decimal(shown) == value


class Thing(BaseModel):
    name: str = Field(max_length=5)
    price: Decimal = Field(ge=0)


def test_all_that_is_wrong_with_a_form_is_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        checked(Thing, {"name": "too long", "price": "barato"}, numbers=("price",), language=SPANISH)
    found = by_field(caught.value, ("name", "price"))
    assert set(found) == {"name", "price"}
    assert found["name"].detail == "It must have at most 5 characters."


def test_what_belongs_to_no_field_is_not_lost() -> None:
    assert by_field(Invalid("Something else.", remedy="Do this."))[""].detail == "Something else."


@given(st.text(alphabet="/\\:.@?#%&=abc \t\n", max_size=30))
def test_no_target_leads_away(target: str) -> None:
    found = safe_next(target)
    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))


def test_a_barcode_has_nine_elements_a_sign_of_which_three_are_wide() -> None:
    path, width = code39("OK")
    # Four signs with start and stop: each 6 narrow and 3 wide elements of 1 and 3, and a gap of 1.
    assert width == 4 * (6 + 9 + 1)
    assert path.count("M") == 4 * 5
