"""Text tables in every dialect: separators, encodings, line ends, quotation marks, and what is no table."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventario.imports import source
from inventario.imports.rules.headers import FIELDS, guess_kind, read_headers, recognised
from inventario.imports.rules.problems import CellProblem
from inventario.imports.rules.rows import sound_rows
from inventario.imports.source import BLOCK, Piece, Position, TextTable, Unreadable, survey

HEADERS = ["sku", "nombre", "observación"]
# Everything but control characters, which are refused, and surrogates, which no encoding has. The carriage return is changed by csv itself.
TEXTS = st.text(st.characters(blacklist_categories=("Cc", "Cs"), whitelist_characters="\n\t"), max_size=20)
LATIN = st.text(st.sampled_from([chr(code) for code in range(32, 127)] + list("áéíóúñÑüç¿°€“”")), max_size=20)


def pieces(path: Path, size: int = 7, position: Position | None = None) -> tuple[list[str], list[Piece]]:
    """Return headers and pieces of the table at *path*."""
    table = TextTable(path, survey(path)[0])
    start = table.start()
    return start.headers, list(table.pieces(position or start.rows, size, start.delimiter))


def rows(found: Sequence[Piece]) -> list[list[str]]:
    """Return the rows of *found* that are not empty."""
    return [row for piece in found for row in piece.rows.cells if any(row)]


def problems(found: Sequence[Piece]) -> list[CellProblem]:
    return [problem for piece in found for problem in piece.problems]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=30),
    st.sampled_from(";,\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.integers(1, 9),
)
def test_rows_are_read_back_from_every_dialect(
    tmp_path: Path, table: list[tuple[str, str, str]], delimiter: str, end: str, encoding: str, quoting: int, size: int
) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows([HEADERS, *table])  # type: ignore[arg-type]  # an int
    path = tmp_path / "table.csv"
    path.write_bytes(text.getvalue().encode(encoding))

    headers, found = pieces(path, size)

    assert headers == HEADERS
    assert rows(found) == [list(row) for row in table if any(row)]
    assert not problems(found)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(LATIN, LATIN, LATIN), min_size=1, max_size=10))
def test_windows_1252_is_recognised_by_what_is_no_utf_8(tmp_path: Path, table: list[tuple[str, str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([HEADERS, *table])
    path = tmp_path / "table.csv"
    path.write_bytes(text.getvalue().encode("cp1252"))

    headers, found = pieces(path)

    assert headers == HEADERS
    assert rows(found) == [list(row) for row in table if any(row)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=20), st.sampled_from(["utf-8", "utf-8-sig"]), st.integers(1, 6), st.data()
)
def test_reading_goes_on_from_the_end_of_any_piece(
    tmp_path: Path, table: list[tuple[str, str, str]], encoding: str, size: int, data: st.DataObject
) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([HEADERS, *table])
    path = tmp_path / "table.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    _, whole = pieces(path, size)
    cut = data.draw(st.integers(0, len(whole) - 1))

    _, rest = pieces(path, size, whole[cut].end)

    assert [(piece.rows.cells, list(piece.rows.lines)) for piece in rest] == [
        (piece.rows.cells, list(piece.rows.lines)) for piece in whole[cut + 1 :]
    ]


def test_a_long_file_is_read_in_blocks_without_losing_a_row(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    lines = [f'{number};"Ñandú\n{number}"' for number in range(150_000)]
    path.write_text("sku;nombre\n" + "\n".join(lines), encoding="utf-8")
    assert path.stat().st_size > 2 * BLOCK

    _, found = pieces(path, 10_000)

    assert rows(found) == [[str(number), f"Ñandú\n{number}"] for number in range(150_000)]
    assert found[-1].end == Position(path.stat().st_size, 300_002)
    assert found[3].rows.lines[0] == 60_002


def test_lines_of_an_old_mac(tmp_path: Path) -> None:
    path = tmp_path / "mac.csv"
    path.write_bytes(b"sku;nombre\rA;Uno\rB;Dos\r")

    assert rows(pieces(path)[1]) == [["A", "Uno"], ["B", "Dos"]]


def test_the_hint_of_excel_names_the_separator(tmp_path: Path) -> None:
    path = tmp_path / "hint.csv"
    path.write_bytes(codecs.BOM_UTF8 + b"sep=|\r\nsku|nombre\r\nA|Uno; dos, tres\r\n")

    headers, found = pieces(path)

    assert headers == ["sku", "nombre"]
    assert rows(found) == [["A", "Uno; dos, tres"]]
    assert list(found[0].rows.lines) == [3]


def test_the_separator_is_what_makes_the_headers_known(tmp_path: Path) -> None:
    path = tmp_path / "commas.csv"
    path.write_text("codigo;nombre, largo, marca, tamaño\nA;Uno, dos, tres, cuatro\n", encoding="utf-8")

    assert pieces(path)[0] == ["codigo", "nombre, largo, marca, tamaño"]


def test_empty_lines_before_the_headers_and_empty_headers_at_the_end_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "padded.csv"
    path.write_text(";;;\n\nsku;nombre;;\nA;Uno;;\n", encoding="utf-8")

    assert pieces(path)[0] == ["sku", "nombre"]


def test_a_quotation_mark_that_is_never_closed_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "open.csv"
    path.write_text('sku;nombre\nA;Uno\nB;"Dos\nC;Tres\n', encoding="utf-8")

    found = pieces(path)[1]

    assert rows(found) == [["A", "Uno"]]
    assert [(problem.line, "never closed" in problem.detail) for problem in problems(found)] == [(3, True)]


def test_a_quotation_mark_open_over_many_lines_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "open.csv"
    path.write_text('sku;nombre\nA;Uno\nB;"Dos\n' + "C;Tres\n" * 30_000, encoding="utf-8")

    found = pieces(path, 3)[1]

    assert [(problem.line, "not closed within" in problem.detail) for problem in problems(found)] == [(3, True)]


def test_a_cell_that_swallows_whole_rows_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "swallowed.csv"
    path.write_text('sku;nombre;precio\nA;Uno;1\nB;"Caño 3;2\nC;Tres;3\nD;Caño 4" largo;4\nE;Cinco;5\n', encoding="utf-8")
    piece = pieces(path)[1][0]

    sound = sound_rows(piece.rows, width=3, delimiter=";", damaged=False)

    assert [row[0] for row in sound.cells] == ["A", "E"]
    assert [(problem.line, "whole rows" in problem.detail) for problem in sound.problems] == [(3, True)]


def test_an_address_of_two_lines_is_no_swallowed_row(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text('sku;nombre;precio\nA;"Uno\ndos; tres";1\n', encoding="utf-8")
    piece = pieces(path)[1][0]

    assert sound_rows(piece.rows, width=3, delimiter=",", damaged=False).cells == [["A", "Uno\ndos; tres", "1"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, "PNG image"),
        (b"\xff\xfe" + "sku;nombre\n".encode("utf-16-le"), "UTF-16"),
        (b"\xd0\xcf\x11\xe0" + bytes(1000), "old Excel file"),
        (bytes(range(256)) * 40, "control characters"),
        (bytes(5000), "control characters"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    refusal = survey(path)[0].refusal()

    assert refusal is not None
    assert said in refusal[0]


def test_a_line_of_a_million_columns_does_not_end_up_as_a_table(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_bytes(b"a;" * 1_100_000)

    with pytest.raises(Unreadable, match="longer than a megabyte"):
        survey(path)


def test_only_empty_lines_are_no_headers(tmp_path: Path) -> None:
    path = tmp_path / "blank.csv"
    path.write_bytes(b"\n\n ; \n")

    with pytest.raises(Unreadable, match="no line of headers"):
        pieces(path)


def test_a_few_foreign_bytes_in_utf_8_are_errors_of_their_lines_not_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "mixed.csv"
    path.write_bytes("sku;nombre\nA;Ñandú\n".encode() + b"B;A\xf1o\n" + "C;Café\n".encode())
    piece = pieces(path)[1][0]

    sound = sound_rows(piece.rows, width=2, delimiter=";", damaged=True)

    assert [row[1] for row in sound.cells] == ["Ñandú", "Café"]
    assert [problem.line for problem in sound.problems] == [3]


def test_control_characters_are_errors_of_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "nul.csv"
    path.write_bytes(b"sku;nombre\nA;U\0no\n\x01B;Dos\nC;Tres\n" + b"D;Cuatro\n" * 50)
    piece = pieces(path, 100)[1][0]

    sound = sound_rows(piece.rows, width=2, delimiter=";", damaged=True)

    assert [problem.line for problem in sound.problems] == [2, 3]
    assert all(problem.value.isprintable() for problem in sound.problems)
    assert len(sound.cells) == 51


@settings(deadline=None)
@given(
    st.sampled_from(["products", "movements"]).flatmap(lambda kind: st.tuples(st.just(kind), st.sampled_from(FIELDS[kind]))),  # type: ignore[index]
    st.sampled_from([str.upper, str.title, lambda name: name.replace("_", " "), lambda name: f"  {name.replace('_', '-')}. "]),
)
def test_a_header_is_known_in_capitals_with_spaces_and_signs(kind_and_field: tuple[str, str], spelt: object) -> None:
    kind, field = kind_and_field

    assert recognised(spelt(field), kind) == field  # type: ignore[operator,arg-type]  # what the strategies draw


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Código", "sku"),
        ("Descripción", "name"),
        ("Categoría", "category"),
        ("Precio de venta", "price"),
        ("IVA %", "vat_rate"),
        ("Código de barras", "barcodes"),
        ("EAN13", "barcodes"),
        ("EAN 2", "barcodes"),
        ("Stock mínimo", "reorder_point"),
        ("Proveedor", "supplier"),
        ("precio 2", None),
        ("color", None),
    ],
)
def test_headers_in_spanish(header: str, field: str | None) -> None:
    assert recognised(header, "products") == field


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (["codigo", "nombre", "precio"], "products"),
        (["sku", "price"], "products"),
        (["sucursal", "codigo", "tipo", "cantidad", "fecha"], "movements"),
        (["sku", "quantity"], "movements"),
        (["fecha", "codigo", "producto", "cantidad"], "movements"),
        (["codigo", "nombre", "cantidad"], None),
        (["codigo"], None),
        (["nombre", "precio"], None),
        (["a", "b"], None),
    ],
)
def test_the_headers_tell_the_kind_or_it_is_asked_for(headers: list[str], kind: str | None) -> None:
    assert guess_kind(headers) == kind


def test_unknown_columns_are_reported_and_nameless_ones_are_not() -> None:
    assert read_headers(["sku", "nombre", "color", "", "talle  único"], "products").unknown == ("color", "talle único")


@pytest.mark.parametrize("empty", ["\n", " \r\n", ";;\n"])
def test_empty_lines_without_end_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: str) -> None:
    monkeypatch.setattr(source, "_MOST_EMPTY", 20)
    path = tmp_path / "table.csv"
    path.write_text("sku;nombre;costo\n" + empty * 20 + "A;Uno;1\n" + empty * 21 + "B;Dos;2\n", newline="")

    found = pieces(path)[1]

    assert [row[0] for row in rows(found) if row[0].strip()] == ["A"]
    assert ["empty lines in a row" in problem.detail for problem in problems(found)] == [True]


def test_headers_are_not_looked_for_without_end(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("\n" * 1_000_000 + "sku;nombre\n")

    with pytest.raises(Unreadable, match="no line of headers"):
        pieces(path)
