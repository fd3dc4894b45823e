"""Excel workbooks: numbers, dates and codes as a spreadsheet stores them."""

from __future__ import annotations

import asyncio
import datetime
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventario.imports import sheets
from inventario.imports.reading import RefusedFile, open_file
from inventario.imports.rules.options import Options
from inventario.imports.sheet_limits import panics_are_told

ReadFile = Callable[..., Any]


def workbook(path: Path, rows: Sequence[Sequence[Any]], *, sheet: str = "Hoja1", others: Sequence[str] = ()) -> Path:
    """Write *rows* as a spreadsheet would: every value as what it is."""
    with xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yyyy"}) as book:
        page = book.add_worksheet(sheet)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    page.write_string(number, column, value)
                elif value is not None:
                    page.write(number, column, value)
        for name in others:
            book.add_worksheet(name).write_row(0, 0, ["sku", "nombre"])
    return path


def test_numbers_are_taken_as_they_are_stored(tmp_path: Path, read_file: ReadFile) -> None:
    path = workbook(
        tmp_path / "t.xlsx",
        [["sku", "nombre", "costo", "precio", "iva"], [123, "Uno", 1.234, 1234.5, 10.5], ["A-1", 7, 0.1 + 0.2, 3, 0.21]],
    )

    found = read_file(path)

    assert not found.problems
    assert found.column("sku") == ["123", "A-1"]
    assert found.column("name") == ["Uno", "7"]
    assert found.column("cost") == ["1.234", "0.3"]
    assert found.column("price") == ["1234.5", "3"]
    assert found.column("vat_rate") == ["10.5", "21"]


def test_text_that_looks_like_a_number_follows_the_rules_of_text(tmp_path: Path, read_file: ReadFile) -> None:
    path = workbook(tmp_path / "t.xlsx", [["sku", "precio"], ["A", "1.234,50"], ["B", "1.234"], ["C", 1.234]])

    found = read_file(path)

    assert found.column("price")[:2] == ["1234.5", "1234"]
    assert [(line, column) for line, column, _ in found.problems] == [(4, "precio")]


def test_barcodes_stored_as_numbers(tmp_path: Path, read_file: ReadFile) -> None:
    path = workbook(tmp_path / "t.xlsx", [["sku", "ean"], ["A", 7790895000997], ["B", "0012345678905"], ["C", "  "]])

    found = read_file(path)

    assert not found.problems
    assert found.column("barcodes") == ["{ean13:7790895000997}", "{upca:0012345678905}", None]


def test_a_barcode_that_lost_its_zeros_is_an_error(tmp_path: Path, read_file: ReadFile) -> None:
    found = read_file(workbook(tmp_path / "t.xlsx", [["sku", "ean"], ["A", 12345678905]]))

    [(line, column, detail)] = found.problems
    assert (line, column) == (2, "ean")
    assert "lost zeros" in detail


def test_a_barcode_shortened_to_an_exponent_is_an_error(tmp_path: Path, read_file: ReadFile) -> None:
    found = read_file(workbook(tmp_path / "t.xlsx", [["sku", "ean"], ["A", "7.79E+12"], ["B", "7,79E+12"]]))

    assert ["shortened" in detail for _, _, detail in found.problems] == [True, True]


def test_date_cells_with_and_without_a_time(tmp_path: Path, read_file: ReadFile) -> None:
    moment = datetime.datetime(2026, 3, 31, 18, 5, 30)  # noqa: DTZ001 - a sheet knows no time zones
    day = datetime.date(2026, 2, 3)
    headers = ["store", "sku", "kind", "quantity", "date", "time"]
    path = workbook(
        tmp_path / "t.xlsx",
        [
            headers,
            ["CENTRO", "A", "sale", -1, moment],
            ["CENTRO", "A", "sale", -1.5, day],
            ["CENTRO", "A", "sale", -1, day, datetime.time(9, 30)],
        ],
    )

    found = read_file(path)

    assert not found.problems
    zone = "America/Argentina/Buenos_Aires"
    assert found.column("occurred_at") == [f"2026-03-31 18:05:30 {zone}", f"2026-02-03 12:00:00 {zone}", f"2026-02-03 09:30:00 {zone}"]
    assert found.column("quantity") == ["-1", "-1.5", "-1"]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.decimals(0, 10**6, places=2)), min_size=1, max_size=20))
def test_numbers_are_read_back(tmp_path: Path, read_file: ReadFile, rows: list[tuple[int, Any]]) -> None:
    path = workbook(tmp_path / "t.xlsx", [["sku", "precio"], *([float(sku), float(price)] for sku, price in rows)])

    found = read_file(path)

    assert found.column("sku") == [str(sku) for sku, _ in rows]
    assert [float(price) for price in found.column("price")] == [float(price) for _, price in rows]


def test_rows_keep_the_numbers_the_spreadsheet_shows(tmp_path: Path, read_file: ReadFile) -> None:
    path = workbook(tmp_path / "t.xlsx", [[], [None, None], [None, "sku", "nombre"], [], [None, "A B", "Uno"], [None, "C", "Dos"]])

    found = read_file(path)

    assert [line for line, _, _ in found.problems] == [5]
    assert found.column("line")[-1] == "6"


def test_the_first_sheet_is_read_unless_another_is_named(tmp_path: Path, read_file: ReadFile) -> None:
    path = workbook(tmp_path / "t.xlsx", [["sku", "nombre"], ["A", "Uno"]], sheet="Precios", others=["Viejos"])

    assert read_file(path).notes == ["Sheet Precios was read. Not read: Viejos."]
    assert read_file(path, sheet="Viejos").rows == []
    with pytest.raises(RefusedFile, match="no sheet 'Nuevos'"):
        open_file(path, Options(sheet="Nuevos"))


def test_text_cannot_pass_for_a_stored_number(tmp_path: Path, read_file: ReadFile) -> None:
    path = workbook(tmp_path / "t.xlsx", [["sku", "precio"], ["A", "\x011.234"], ["B", "\x02" + "2026"]])

    assert [(line, "control character" in detail) for line, _, detail in read_file(path).problems] == [(2, True), (3, True)]


def test_a_formula_counts_with_its_result(tmp_path: Path, read_file: ReadFile) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["sku", "precio"])
        page.write_row(1, 0, ["A"])
        page.write_formula(1, 1, "=100*1.21", None, 121)

    assert read_file(path).column("price") == ["121"]


@pytest.mark.parametrize(("result", "said"), [("#DIV/0!", "have failed: B2"), ("#N/A", "have failed: B2")])
def test_a_formula_that_failed_is_not_an_empty_cell(tmp_path: Path, result: str, said: str) -> None:
    path = tmp_path / "t.xlsx"
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["sku", "precio"])
        page.write_row(1, 0, ["A"])
        page.write_formula(1, 1, "=1/0", None, result)
        book.add_worksheet("other").write_row(0, 0, ["sku", "nombre"])

    with pytest.raises(RefusedFile, match=said):
        open_file(path, Options())
    open_file(path, Options(sheet="other"))


def test_a_formula_whose_result_was_never_worked_out_is_not_an_empty_cell(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", [["sku", "precio"], ["A", 1]])
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert b'<c r="B2"><v>1</v></c>' in members[sheet]
    members[sheet] = members[sheet].replace(b'<c r="B2"><v>1</v></c>', b'<c r="B2"><f>1+1</f></c>')
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)

    with pytest.raises(RefusedFile, match="no stored result: B2"):
        open_file(path, Options())


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    broken, other = tmp_path / "broken.xlsx", tmp_path / "other.zip"
    broken.write_bytes(b"PK\x03\x04 and nothing more")
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "hello")

    with pytest.raises(RefusedFile, match="damaged"):
        open_file(broken, Options())
    with pytest.raises(RefusedFile, match="no Excel workbook"):
        open_file(other, Options())


def test_a_workbook_without_its_sheet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook>")

    with pytest.raises(RefusedFile, match="cannot be read"):
        open_file(path, Options())


def test_a_workbook_too_large_for_the_memory_is_refused_before_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "t.xlsx", [["sku", "nombre"], ["A", "Uno"]])
    monkeypatch.setattr(sheets, "_LARGEST", 100)

    with pytest.raises(RefusedFile, match="MB are the most"):
        open_file(path, Options())


def test_an_empty_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFile, match="is empty"):
        open_file(workbook(tmp_path / "t.xlsx", []), Options())


def with_rows(path: Path, rows: str) -> Path:
    """Write a workbook whose sheet has *rows* as they are after a row of headers."""
    workbook(path, [["sku", "nombre"]])
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name).decode() for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    contents[sheet] = contents[sheet].replace("</sheetData>", f"{rows}</sheetData>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', "1,048,576 rows and 16,384 columns"),
        ('<row r="3000"><c r="XFD3000"><v>1</v></c></row>', "3,000 rows and 16,384 columns"),
        ('<row r="99999999999"><c r="ZZZZZZZ99999999999"><v>1</v></c></row>', "outside of the sheet"),
        ('<row r="2"><c r="XFE2"><v>1</v></c></row>', "outside of the sheet"),
        ('<row r="1048577"><c><v>1</v></c></row>', "outside of the sheet"),
        ("<row r='3000'><c s='1' r='xfd3000'><v>1</v></c></row>", "3,000 rows and 16,384 columns"),
    ],
)
def test_a_cell_far_from_the_table_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(RefusedFile, match=said) as refused:
        open_file(with_rows(tmp_path / "t.xlsx", rows), Options())

    assert "stray cells" in refused.value.problems[0].remedy


def test_formatted_empty_cells_far_from_the_table_do_no_harm(tmp_path: Path, read_file: ReadFile) -> None:
    path = with_rows(
        tmp_path / "t.xlsx", '<row r="2"><c r="A2"><v>1</v></c></row><row r="1048576" s="1"/><row r="3"><c r="XFD3" s="1"/></row>'
    )

    assert read_file(path).column("sku") == ["1"]


@pytest.mark.parametrize("far", ["XFD1048576", "ZZZZZZZ99999999999"])
def test_what_no_look_at_it_has_found_ends_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far: str) -> None:
    monkeypatch.setattr(sheets, "check_extent", lambda _: None)
    row = far.lstrip("XFDZ")

    with pytest.raises(RefusedFile, match=r"too much memory|cannot be read"):
        open_file(with_rows(tmp_path / "t.xlsx", f'<row r="{row}"><c r="{far}"><v>1</v></c></row>'), Options())


def test_a_panic_of_the_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "check_extent", lambda _: None)
    monkeypatch.setattr(sheets, "rehearse", lambda *_: None)

    with pytest.raises(RefusedFile, match=r"damaged|cannot be read"):
        open_file(with_rows(tmp_path / "t.xlsx", '<row r="99999999999"><c r="ZZZZZZZ99999999999"><v>1</v></c></row>'), Options())


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_the_end_of_the_program_is_no_panic(end: type[BaseException]) -> None:
    with pytest.raises(end), panics_are_told():
        raise end


def test_a_number_without_bound_is_text(tmp_path: Path, read_file: ReadFile) -> None:
    path = with_rows(tmp_path / "t.xlsx", '<row r="2"><c r="A2" t="str"><v>A</v></c><c r="B2"><v>1e400</v></c></row>')

    assert read_file(path).column("sku") == ["A"]
