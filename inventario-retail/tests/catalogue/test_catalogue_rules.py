"""Barcodes, categories, names and units, without a database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean

from inventario.catalogue import rules
from inventario.catalogue.rules.search import Alternative, Terms, alternatives, read, typo_distance, typo_queries

digits = st.text("0123456789", min_size=7, max_size=12).filter(lambda text: len(text) in {7, 11, 12})
separators = st.sampled_from(["", " ", "-", "\N{NO-BREAK SPACE}", "\N{EN DASH}", "\N{ZERO WIDTH SPACE}"])


def with_check_digit(body: str) -> str:
    return body + ean.calc_check_digit(body)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("7790895000997", ("7790895000997", "ean13")),
        (" 779 0895-000997 ", ("7790895000997", "ean13")),
        ("73513537", ("73513537", "ean8")),
        ("036000291452", ("0036000291452", "upca")),
        ("0036000291452", ("0036000291452", "upca")),
        ("07790895000997", ("7790895000997", "ean13")),
        ("abc-12", ("ABC-12", "internal")),
        ("12-34", ("12-34", "internal")),
        ("4011", ("4011", "internal")),
        ("10012345678902", ("10012345678902", "internal")),
    ],
)
def test_a_barcode_has_one_form(typed: str, kept: tuple[str, str]) -> None:
    assert rules.canonical_barcode(typed) == kept


@pytest.mark.parametrize("typed", ["7790895000991", "73513538", "036000291453", "12345678"])
def test_a_wrong_check_digit_names_the_right_one(typed: str) -> None:
    with pytest.raises(ValueError, match=f"ends in {typed[-1]}, and {ean.calc_check_digit(typed[:-1])} would be right; scan it again"):
        rules.canonical_barcode(typed)


@pytest.mark.parametrize("typed", ["", "  ", "ñandú", "a/b", "-12", "x" * 41, "\N{ARABIC-INDIC DIGIT ONE}" * 13, "ABC\0", "ß"])
def test_nonsense_is_no_barcode_and_the_error_says_what_to_do(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^[^;]+; \w+"):
        rules.canonical_barcode(typed)


@given(digits, st.lists(separators, min_size=14, max_size=14))
def test_separators_in_a_gtin_do_not_matter(body: str, between: list[str]) -> None:
    code = with_check_digit(body)
    spread = "".join(character + separator for character, separator in zip(code, between, strict=False))
    assert rules.canonical_barcode(spread) == rules.canonical_barcode(code)


@given(st.text("0123456789", min_size=11, max_size=11))
def test_a_upca_and_the_ean13_that_a_scanner_makes_of_it_are_one_code(body: str) -> None:
    code = with_check_digit(body)
    assert rules.canonical_barcode(code) == rules.canonical_barcode("0" + code) == ("0" + code, "upca")


@given(st.text(max_size=45))
def test_the_form_that_is_kept_is_kept_again(text: str) -> None:
    try:
        code, kind = rules.canonical_barcode(text)
    except ValueError:
        return
    assert rules.canonical_barcode(code) == (code, kind)
    assert rules.barcode_kind(code) == kind


@given(digits, st.integers(1, 9))
def test_every_wrong_check_digit_is_noticed(body: str, off: int) -> None:
    code = with_check_digit(body)
    wrong = code[:-1] + str((int(code[-1]) + off) % 10)
    with pytest.raises(ValueError, match="check digit"):
        rules.canonical_barcode(wrong)


names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"], exclude_characters="/"), min_size=1, max_size=20)


@given(st.lists(names, min_size=1, max_size=8), st.sampled_from(["/", " / ", "/ ", "\t/"]))
def test_a_category_path_does_not_depend_on_spaces_and_is_kept_again(parts: list[str], joined: str) -> None:
    path = rules.canonical_category(joined.join(parts))
    assert path == rules.canonical_category("/".join(parts))
    assert rules.canonical_category(path) == path
    assert rules.ancestors(path)[-1] == path
    assert len(rules.ancestors(path)) == len(parts)


@pytest.mark.parametrize("path", ["", "/", "Bebidas/", "/Gaseosas", "Bebidas//Gaseosas", "a/\u0007", "x" * 301])
def test_a_category_path_without_sense_says_what_to_do(path: str) -> None:
    with pytest.raises(ValueError, match=r"^[^;]+; \w+"):
        rules.canonical_category(path)


def test_a_name_is_composed_and_has_single_spaces() -> None:
    assert rules.clean_text("  Azu\u0301car \t común ") == "Azúcar común"


def test_a_wrong_unit_is_told_all_units() -> None:
    with pytest.raises(ValueError, match="unit, kg, g, l, ml, m, m2, pack"):
        rules.checked_unit("litro")


@pytest.mark.parametrize("name", ["America/Buenos_Air", "", "..", "/etc/localtime", "America", "localtime", "\0"])
def test_a_wrong_time_zone_is_told_a_right_one(name: str) -> None:
    with pytest.raises(ValueError, match="America/Argentina/Buenos_Aires"):
        rules.checked_time_zone(name)


@pytest.mark.parametrize(
    ("typed", "word", "slips"),
    [("lehce", "leche", 1), ("azcar", "azucar", 1), ("leche", "leche", 0), ("lecje", "leche", 1), ("", "ab", 2), ("cocacla", "coca", 3)],
)
def test_slips_of_the_finger_are_counted(typed: str, word: str, slips: int) -> None:
    assert typo_distance(typed, word) == slips


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_slips_are_the_same_both_ways_and_none_only_for_the_same_word(one: str, other: str) -> None:
    assert typo_distance(one, other) == typo_distance(other, one)
    assert (typo_distance(one, other) == 0) == (one == other)


def test_the_nearest_word_comes_first_and_numbers_are_meant_as_they_are() -> None:
    found = alternatives("lehce", [("lehi", 0.375), ("leche", 0.2), ("azul", 0.1)])
    assert [one.term for one in found][:2] == ["'lehce':*", "'leche'"]
    assert alternatives("225", [("224", 0.5)]) == [Alternative("'225':*", 0)]


def test_guesses_at_several_words_are_ordered_by_how_far_they_are_together() -> None:
    words = [[Alternative("'a'", 0), Alternative("'b'", 1.5)], [Alternative("'c'", 0), Alternative("'d'", 1)]]
    assert typo_queries(words) == ["'a' & 'd'", "'b' & 'c'", "'b' & 'd'"]


def test_short_words_are_whole_words_but_the_last_may_be_going_on() -> None:
    assert Terms("de la co", ("de", "la", "co"), None, (), ()).prefixes == "'de' & 'la' & 'co':*"


@pytest.mark.parametrize(
    ("query", "sku", "codes"),
    [
        ("cola-2", "COLA-2", ("COLA-2",)),
        ("0360 0029", None, ("03600029", "003600029")),
        ("leche entera", None, ()),
        ("ñandú", None, ()),
        ("ab", "AB", ()),
    ],
)
def test_a_query_is_read_as_what_it_may_begin(query: str, sku: str | None, codes: tuple[str, ...]) -> None:
    terms = read(query, query, [])
    assert (terms.sku, terms.codes) == (sku, codes)
