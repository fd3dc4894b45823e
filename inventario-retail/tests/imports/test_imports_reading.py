"""From the text of a file to the rows that are staged, and to all that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventario.imports.reading import RefusedFile, open_file
from inventario.imports.rules.dates import Order
from inventario.imports.rules.numbers import Mark
from inventario.imports.rules.options import Options

ReadText = Callable[..., Any]


def test_a_product_with_everything(read_text: ReadText) -> None:
    found = read_text(
        "Código;Descripción;Rubro;Unidad;Costo;Precio;IVA;Stock mínimo;Cantidad a pedir;Proveedor;Código de barras;Estado\n"
        "COLA-225;  Gaseosa   cola 2,25 l ;Bebidas > Gaseosas;Unidades;$ 980,50;$ 1.850,00;21%;12;24;BEBIDAS;779-0895-000997;Activo\n"
    )

    assert not found.problems
    assert found.rows == [
        {
            "import_id": "id",
            "line": "2",
            "sku": "COLA-225",
            "name": "Gaseosa cola 2,25 l",
            "category": "Bebidas/Gaseosas",
            "unit": "unit",
            "cost": "980.5",
            "price": "1850",
            "vat_rate": "21",
            "reorder_point": "12",
            "reorder_quantity": "24",
            "supplier": "BEBIDAS",
            "barcodes": "{ean13:7790895000997}",
            "status": "active",
        }
    ]


def test_empty_cells_of_a_product_say_nothing(read_text: ReadText) -> None:
    found = read_text("sku,name,price,ean\nA,,,\n")

    assert found.rows == [{"import_id": "id", "line": "2", "sku": "A", "name": None, "price": None, "barcodes": None}]


def test_a_movement_with_everything(read_text: ReadText) -> None:
    found = read_text(
        "sucursal,sku,tipo,cantidad,fecha,hora,precio,costo,motivo,clave,caja,secuencia\n"
        'CENTRO,A,Venta,"-1,5",31/03/2026,18:30,"1.234,50","2,5",promo,k-1,POS 1,17\n'
    )

    assert not found.problems
    [row] = found.rows
    assert row == {
        "import_id": "id",
        "line": "2",
        "store": "CENTRO",
        "sku": "A",
        "kind": "sale",
        "quantity": "-1.5",
        "counted": None,
        "unit_price": "1234.5",
        "unit_cost": "2.5",
        "reason": "promo",
        "key": "k-1",
        "device": "POS 1",
        "device_sequence": "17",
        "occurred_at": "2026-03-31 18:30:00 America/Argentina/Buenos_Aires",
    }


def test_all_errors_come_at_once_with_line_and_column(read_text: ReadText) -> None:
    found = read_text(
        "codigo;nombre;precio;iva;ean\n"
        "A B;Uno;1,5;21;7790895000997\n"
        "B;Dos;-1;300;7790895000998\n"
        "C;Tres\n"
        "D;Cuatro;x;;7,79E+12\n"
        "E;Cinco;2;21;;extra\n"
    )

    assert [(line, column) for line, column, _ in found.problems] == [
        (2, "codigo"),
        (3, "precio"),
        (3, "iva"),
        (3, "ean"),
        (4, ""),
        (5, "precio"),
        (5, "ean"),
        (6, ""),
    ]
    assert all(found.remedies)
    assert [row["line"] for row in found.rows] == ["2", "3", "5"]


def test_a_wrong_cell_does_not_hide_the_others_of_its_row(read_text: ReadText) -> None:
    found = read_text("store,sku,kind,quantity,price,date\nCENTRO,A,gift,x,1.2.3,31/02/2026\n")

    assert [column for _, column, _ in found.problems] == ["kind", "quantity", "price", "date"]


@pytest.mark.parametrize(
    ("cells", "meaning"), [("1.234;12,5", "1234"), ("1.234;12.5", "1.234"), ("1,234;12.5", "1234"), ("1,234;0,5", "1.234")]
)
def test_another_cell_of_the_column_tells_how_a_doubtful_one_is_meant(read_text: ReadText, cells: str, meaning: str) -> None:
    first, second = cells.split(";")
    found = read_text(f"sku;reorder_point\nA;{first}\nB;{second}\n")

    assert found.column("reorder_point")[0] == meaning
    assert any(f"{first} is read as {meaning}" in note for note in found.notes)


def test_what_tells_may_come_at_the_end_of_a_long_file(read_text: ReadText) -> None:
    found = read_text("sku;precio\n" + "".join(f"A{number};1.234\n" for number in range(30_000)) + "B;0,5\n")

    assert not found.problems
    assert set(found.column("price")) == {"1234", "0.5"}


def test_another_column_tells_where_the_own_one_does_not(read_text: ReadText) -> None:
    found = read_text("sku;costo;precio\nA;1.234;1,5\n")

    assert found.column("cost") == ["1234"]
    assert any("because the column precio has 1,5" in note for note in found.notes)


def test_the_own_column_counts_more_than_another_one(read_text: ReadText) -> None:
    found = read_text("sku;punto de pedido;precio\n" + "A;1.250;1,5\n" * 20_000 + "B;0.350;1,5\n")

    assert not found.problems
    assert found.column("reorder_point")[0] == "1.25"


def test_where_nothing_tells_it_is_asked_for_at_every_cell(read_text: ReadText) -> None:
    found = read_text("sku;precio\nA;1.234\nB;12\nC;-\nD;2.000\n")

    assert [(line, column) for line, column, _ in found.problems] == [(2, "precio"), (4, "precio"), (5, "precio")]
    assert "decimal=comma where it is 1234, decimal=point where it is 1.234" in found.remedies[0]


def test_columns_that_disagree_tell_nothing_of_a_third(read_text: ReadText) -> None:
    found = read_text("sku;costo;precio;stock minimo\nA;1,5;1.5;1.234\n")

    assert [column for _, column, _ in found.problems] == ["stock minimo"]


def test_a_column_written_in_two_ways_is_an_error(read_text: ReadText) -> None:
    found = read_text("sku;precio\nA;1,5\nB;2.75\n")

    assert [(line, column) for line, column, _ in found.problems] == [(3, "precio")]


@pytest.mark.parametrize(("mark", "meaning"), [(Mark.COMMA, "1234"), (Mark.POINT, "1.23")])
def test_what_the_person_says_decides(read_text: ReadText, mark: Mark, meaning: str) -> None:
    assert read_text("sku;precio\nA;1.234\n" if mark is Mark.COMMA else "sku;precio\nA;1.23\n", decimal=mark).column("price") == [meaning]


def test_a_later_date_tells_which_comes_first(read_text: ReadText) -> None:
    found = read_text("store,sku,kind,quantity,date\nCENTRO,A,sale,-1,03/02/2026\nCENTRO,A,sale,-1,03/25/2026\n")

    assert [str(moment)[:10] for moment in found.column("occurred_at")] == ["2026-03-02", "2026-03-25"]
    assert any("order mdy" in note for note in found.notes)


def test_doubtful_dates_have_the_day_first_and_that_is_said(read_text: ReadText) -> None:
    found = read_text("store,sku,kind,quantity,date\nCENTRO,A,sale,-1,03/02/2026\n")

    assert str(found.column("occurred_at")[0]).startswith("2026-02-03")
    assert any("read with the day first" in note for note in found.notes)


def test_the_order_that_the_person_says_decides(read_text: ReadText) -> None:
    found = read_text("store,sku,kind,quantity,date\nCENTRO,A,sale,-1,03/02/2026\n", date_order=Order.MDY)

    assert str(found.column("occurred_at")[0]).startswith("2026-03-02")


def test_a_time_without_an_offset_is_the_stores_own(read_text: ReadText) -> None:
    zones = {"CENTRO": "America/Argentina/Buenos_Aires", "MADRID": "Europe/Madrid"}
    found = read_text(
        "store,sku,kind,quantity,date\nCENTRO,A,sale,-1,2026-03-31\nMADRID,A,sale,-1,2026-03-31 10:00\nMADRID,A,sale,-1,2026-03-31T10:00:00Z\n",
        zones=zones,
    )

    assert found.column("occurred_at") == [
        "2026-03-31 12:00:00 America/Argentina/Buenos_Aires",
        "2026-03-31 10:00:00 Europe/Madrid",
        "2026-03-31 10:00:00+00",
    ]


def test_store_and_kind_of_rows_that_name_none(read_text: ReadText) -> None:
    found = read_text("sku,store,quantity\nA,,5\nB,SUR,6\n", store="CENTRO", movement="opening")

    assert found.column("store") == ["CENTRO", "SUR"]
    assert found.column("kind") == ["opening", "opening"]


def test_without_a_store_and_a_kind_they_are_asked_for(read_text: ReadText) -> None:
    found = read_text("sku,quantity\nA,5\n")

    assert [column for _, column, _ in found.problems] == ["store", "kind"]
    assert "give store=CODE" in found.remedies[0]
    assert "give movement=sale" in found.remedies[1]


@pytest.mark.parametrize(
    ("kind", "quantity", "said"),
    [
        ("sale", "1", "give unsigned=true"),
        ("receipt", "-1", "is positive"),
        ("adjustment", "0", "changes nothing"),
        ("sale", "", "quantity is missing"),
        ("count", "", "says what lies on the shelf"),
        ("count", "-1", "below zero"),
    ],
)
def test_the_quantity_has_to_fit_the_kind(read_text: ReadText, kind: str, quantity: str, said: str) -> None:
    found = read_text(f"store,sku,kind,quantity\nCENTRO,A,{kind},{quantity}\n")

    [(line, column, detail)] = found.problems
    assert (line, column) == (2, "quantity")
    assert said in f"{detail} {found.remedies[0]}"


def test_amounts_take_their_direction_from_the_kind(read_text: ReadText) -> None:
    found = read_text(
        "store,sku,kind,quantity\n" + "".join(f"CENTRO,A,{kind},3\n" for kind in ("venta", "merma", "compra", "ajuste")), unsigned=True
    )

    assert found.column("quantity") == ["-3", "-3", "3", "3"]


def test_an_amount_below_zero_is_an_error(read_text: ReadText) -> None:
    assert "below zero" in read_text("store,sku,kind,quantity\nCENTRO,A,sale,-3\n", unsigned=True).problems[0][2]


def test_a_count_in_a_column_of_its_own(read_text: ReadText) -> None:
    found = read_text("store,sku,kind,quantity,counted\nCENTRO,A,count,,12\nCENTRO,B,sale,-1,\nCENTRO,C,count,3,12\nCENTRO,D,sale,-1,5\n")

    assert found.column("counted")[:2] == ["12", None]
    assert found.column("quantity")[:2] == [None, "-1"]
    assert [(line, column) for line, column, _ in found.problems] == [(4, "quantity"), (5, "quantity")]


def test_the_quantity_is_what_was_counted_where_there_is_no_other_column(read_text: ReadText) -> None:
    found = read_text("store,sku,kind,quantity\nCENTRO,A,recuento,12\nCENTRO,B,recuento,0\n")

    assert found.column("counted") == ["12", "0"]
    assert found.column("quantity") == [None, None]


def test_formulas_are_data(read_text: ReadText) -> None:
    names = ["=1+1", "@SUM(A1)", "+49", "-5", "=cmd|' /C calc'!A0"]
    found = read_text("sku;nombre\n" + "".join(f"A{index};{name}\n" for index, name in enumerate(names)))

    assert found.column("name") == names


def test_backslashes_and_tabs_reach_the_database_as_they_are(read_text: ReadText) -> None:
    found = read_text('sku;nombre\nA;C:\\N\\t\nB;"uno\tdos\ntres"\n')

    assert found.column("name") == ["C:\\\\N\\\\t", "uno dos tres"]


def test_several_barcodes_in_a_cell_and_in_columns(read_text: ReadText) -> None:
    found = read_text("sku;ean;ean 2\nA;7790895000997, int-1|INT-2;012345678905\nB;;\n")

    assert found.column("barcodes") == ["{ean13:7790895000997,internal:INT-1,internal:INT-2,upca:0012345678905}", None]


def test_empty_lines_are_passed_over_and_counted(read_text: ReadText) -> None:
    found = read_text("sku;nombre\n\nA;Uno\n;\n  ; \nB;Dos\n\n")

    assert found.column("line") == ["3", "6"]
    assert not found.problems


def test_a_header_alone_has_no_rows(read_text: ReadText) -> None:
    assert read_text("sku;nombre\n").rows == []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", [(1, "")]),
        ("color;talle\nrojo;1\n", [(1, "")]),
        ("sku;nombre;cantidad\n", [(1, "")]),
        ("nombre;precio;costo\nUno;1;2\n", [(1, "")]),
        ("sku;precio;precio venta\nA;1;2\n", [(1, "precio venta")]),
    ],
)
def test_a_file_that_cannot_be_a_table_is_refused_as_a_whole(tmp_path: Path, text: str, problems: list[tuple[int, str]]) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(RefusedFile) as refused:
        open_file(path, Options())

    assert [(problem.line, problem.column) for problem in refused.value.problems] == problems


def test_missing_and_repeated_headers_come_together(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("nombre;descripcion\nA;B\n", encoding="utf-8")

    with pytest.raises(RefusedFile) as refused:
        open_file(path, Options(kind="products"))

    assert [problem.column for problem in refused.value.problems] == ["descripcion", "sku"]


def test_the_identity_is_of_content_kind_and_options(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("sku;nombre\nA;Uno\n", encoding="utf-8")
    other.write_text("sku;nombre\nA;Uno\n", encoding="utf-8")

    assert open_file(one, Options()).identity == open_file(other, Options()).identity
    assert open_file(one, Options()).identity != open_file(one, Options(decimal=Mark.COMMA)).identity
    other.write_text("sku;nombre\nA;Dos\n", encoding="utf-8")
    assert open_file(one, Options()).identity != open_file(other, Options()).identity


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.binary(max_size=40), max_size=8), st.sampled_from([b"sku;nombre\n", b"store,sku,kind,quantity,date\n", b""]))
def test_garbage_is_refused_or_reported_and_never_crashes(
    tmp_path: Path, read_file: Callable[..., Any], lines: list[bytes], header: bytes
) -> None:
    path = tmp_path / "garbage.csv"
    path.write_bytes(header + b"\n".join(lines))
    try:
        found = read_file(path)
    except RefusedFile as refused:
        told = [(problem.detail, problem.remedy) for problem in refused.problems]
    else:
        told = [(detail, remedy) for (_, _, detail), remedy in zip(found.problems, found.remedies, strict=True)]
        assert not any("\0" in (cell or "") for row in found.rows for cell in row.values())

    assert all(detail and remedy for detail, remedy in told)
