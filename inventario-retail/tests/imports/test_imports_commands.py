"""`inventario import` as a person at the terminal sees it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from typer.testing import CliRunner, Result

from inventario.cli import app
from inventario.imports.printing import Printer
from inventario.imports.schemas import Phase

GOOD = "sucursal;sku;tipo;cantidad\nCENTRO;A;compra;10\nCENTRO;B;venta;-1.234,5\n"
BAD = "sucursal;sku;tipo;cantidad;color\nCENTRO;Z;compra;x;rojo\nNORTE;A;venta;1;azul\n"

Call = Callable[..., Result]


@pytest.fixture
def call(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call the command on a shop with the store CENTRO and the products A and B."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO stores (code, name, time_zone) VALUES ('CENTRO', 'Centro', 'America/Argentina/Buenos_Aires')")
        connection.execute("INSERT INTO products (sku, name) VALUES ('A', 'Uno'), ('B', 'Dos')")
    monkeypatch.setenv("DATABASE_URL", database_url)
    return lambda *arguments: CliRunner().invoke(app, ["import", *map(str, arguments)])


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "buena.csv"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "mala.csv"
    path.write_text(BAD, encoding="utf-8")
    return path


def test_a_dry_run_shows_what_would_change(call: Call, good: Path) -> None:
    found = call(good, "--dry-run")

    assert found.exit_code == 0
    assert re.search(r"CENTRO +receipt +1 +10\.000", found.output)
    assert "2 movements. Nothing was changed: this was a dry run." in found.output
    assert re.search(r"CENTRO +B +0 +-1234\.500", found.output)


def test_a_real_run_says_how_to_take_it_back_and_that_works(call: Call, good: Path) -> None:
    done = call(good)
    assert done.exit_code == 0
    undo = re.search(r"inventario import --undo (\S+)", done.output)
    assert undo is not None

    back = call("--undo", undo[1])

    assert back.exit_code == 0
    assert "Taken back." in back.output
    assert call("--undo", undo[1]).exit_code == 1


def test_all_errors_are_lines_with_place_value_and_remedy(call: Call, bad: Path) -> None:
    found = call(bad)

    assert found.exit_code == 1
    lines = [line for line in found.output.splitlines() if line.startswith("line ")]
    assert [line.partition(":")[0] for line in lines] == [
        "line 2, cantidad 'x'",
        "line 2, sku 'Z'",
        "line 3, cantidad '1'",
        "line 3, sucursal 'NORTE'",
    ]
    assert "note: These columns are not understood and were left out: color." in found.output
    assert "4 error(s)" in found.output


def test_what_is_no_table_is_told_in_the_same_way(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "foto.csv"
    path.write_bytes(b"\x89PNG\r\n")

    found = call(path)

    assert found.exit_code == 1
    assert "line 1: This is a PNG image, no table. Save it as CSV (UTF-8) or XLSX and import that." in found.output


def test_the_same_content_is_refused_and_again_takes_it(call: Call, good: Path) -> None:
    call(good)

    assert call(good).exit_code == 1
    assert "--again" in call(good).output
    assert call(good, "--again").exit_code == 0


def test_options_say_what_the_file_does_not(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "saldos.csv"
    path.write_text("codigo;cantidad\nA;1.250\nB;2.500\n", encoding="utf-8")

    asked = call(path, "--store", "CENTRO", "--movement", "opening")
    done = call(path, "--store", "CENTRO", "--movement", "opening", "--decimal", "point")

    assert "decimal=comma where it is 1250, decimal=point where it is 1.250" in asked.output
    assert done.exit_code == 0
    assert re.search(r"opening +2 +3\.750", done.output)


@pytest.mark.parametrize("arguments", [[], ["no-such-file.csv"], ["--undo", "x"]])
def test_a_wrong_call_is_told_in_a_line(call: Call, arguments: list[str]) -> None:
    found = call(*arguments)

    assert found.exit_code == 1
    assert re.fullmatch(r"inventario: .*\n", found.output)


def test_an_unknown_import_cannot_be_taken_back(call: Call) -> None:
    found = call("--undo", uuid4())

    assert found.exit_code == 1
    assert "There is no import" in found.output


def test_without_its_database_it_says_so_in_a_line(call: Call, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")

    found = call(good)

    assert found.exit_code == 75
    assert found.output.splitlines() == [
        "inventario: The database does not answer. Start it, or correct DATABASE_URL, and run the same command again: it goes on where it stopped."
    ]


def test_at_a_terminal_a_bar_moves(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    steps: list[tuple[Phase, int]] = [
        ("reading", 0),
        ("reading", 50),
        ("reading", 100),
        ("checking", 0),
        ("applying", 0),
        ("applying", 100),
        ("done", 100),
    ]

    with Printer() as printer:
        for phase, done in steps:
            printer.progress(phase, done, 100)

    shown = capsys.readouterr().out
    assert all(word in shown for word in ("Reading", "Checking", "Applying", "100%", "━"))


def test_the_help_costs_no_heavy_module() -> None:
    code = "import sys; from typer.testing import CliRunner; from inventario.cli import app; CliRunner().invoke(app, ['import', '--help']); print([m for m in ('psycopg', 'fastapi', 'python_calamine') if m in sys.modules])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
