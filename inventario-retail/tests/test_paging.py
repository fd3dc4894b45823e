"""Cursors: every list's places survive the way to the client and back; nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventario.errors import Invalid
from inventario.paging import Cursor

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
numbers = st.integers(-(2**63), 2**63 - 1)
lists = st.lists(st.one_of(st.none(), texts), max_size=4).map(tuple)


@given(lists, texts, numbers)
def test_a_place_comes_back_as_it_was(of: tuple[str | None, ...], text: str, number: int) -> None:
    cursor = Cursor(of).write(text, number)
    assert Cursor(of).read(cursor, str, int) == [text, number]
    assert cursor.isascii()
    assert not set(cursor) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(lists, lists, texts)
def test_a_cursor_of_another_list_is_refused(of: tuple[str | None, ...], other: tuple[str | None, ...], text: str) -> None:
    if of == other:
        return
    with pytest.raises(Invalid):
        Cursor(other).read(Cursor(of).write(text), str)


@given(st.text())
def test_nonsense_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        Cursor(("list",)).read(text, str)
    assert [(problem.field, bool(problem.remedy)) for problem in caught.value.errors] == [("cursor", True)]


@pytest.mark.parametrize("place", [(), ("a", "b"), (1,), (True,), (2**63,), ("a\0",)])
def test_a_place_of_another_shape_is_refused(place: tuple[str | int, ...]) -> None:
    with pytest.raises(Invalid):
        Cursor(("list",)).read(Cursor(("list",)).write(*place), str)


@given(st.data())
def test_a_cursor_with_a_changed_character_is_never_another_place_of_another_list(data: st.DataObject) -> None:
    cursor = Cursor(("list",)).write("name", 7)
    at = data.draw(st.integers(0, len(cursor) - 1))
    changed = cursor[:at] + data.draw(st.sampled_from("AZaz09-_")) + cursor[at + 1 :]
    try:
        place = Cursor(("list",)).read(changed, str, int)
    except Invalid:
        return
    assert isinstance(place[0], str)
    assert isinstance(place[1], int)
