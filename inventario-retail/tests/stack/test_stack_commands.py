"""What commands say that cannot do their work: one line on the terminal, and exit status 1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inventario.stack.testing import database_only

NOWHERE = "postgresql://inventario:do-not-tell@127.0.0.1:1/inventario"
FILE = "products.csv"


def told(directory: Path, *arguments: str, status: int = 1, **variables: str) -> str:
    """Return the line that the command fails with, in a directory without a shop."""
    (directory / FILE).write_text("sku;nombre\nA;Arroz\n", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "inventario", *arguments],
        env=database_only() | {"INVENTARIO_DATA": str(directory / "shop")} | variables,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (status, "")
    assert ran.stderr.startswith("inventario: ")
    assert ran.stderr.count("\n") == 1, ran.stderr
    return ran.stderr


@pytest.mark.parametrize("arguments", [["key", "create"], ["key", "list"], ["owner", "reset"], ["migrate"], ["import", FILE]], ids=" ".join)
def test_a_database_that_is_not_set(tmp_path: Path, arguments: list[str]) -> None:
    line = told(tmp_path, *arguments)
    assert "DATABASE_URL is not set. Give the address" in line
    assert "DATABASE_URL=postgresql://" in line


@pytest.mark.parametrize("arguments", [["key", "create"], ["owner", "reset"], ["migrate"]], ids=" ".join)
def test_a_database_that_does_not_answer(tmp_path: Path, arguments: list[str]) -> None:
    line = told(tmp_path, *arguments, DATABASE_URL=NOWHERE)
    assert "The database does not answer" in line
    assert "do-not-tell" not in line


def test_an_address_in_a_file_that_is_no_text(tmp_path: Path) -> None:
    address = tmp_path / "shop" / "secrets" / "database-url"
    address.parent.mkdir(parents=True)
    address.write_bytes(b"\xff\xfe")
    line = told(tmp_path, "migrate")
    assert f"DATABASE_URL_FILE={address} " in line
    assert "decode" not in line


def test_an_import_without_its_database_may_be_tried_again(tmp_path: Path) -> None:
    assert "The database does not answer. Start it, or correct DATABASE_URL, and run" in told(
        tmp_path, "import", FILE, status=75, DATABASE_URL=NOWHERE
    )


def test_a_database_without_the_schema(tmp_path: Path, server_url: str) -> None:
    line = told(tmp_path, "key", "create", DATABASE_URL=server_url)
    assert "The database has not the schema of this release. Run `inventario migrate`" in line


def test_a_file_to_import_that_does_not_exist(tmp_path: Path) -> None:
    assert "nothing.csv cannot be read: No such file or directory. Name a CSV or XLSX file" in told(tmp_path, "import", "nothing.csv")


def test_a_directory_in_the_place_of_a_file_to_import(tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in told(tmp_path, "import", ".")


@pytest.mark.parametrize("port", ["70000", "abc"])
@pytest.mark.parametrize("command", ["up", "serve"])
def test_an_option_that_is_no_port(tmp_path: Path, command: str, port: str) -> None:
    assert f"--port {port} is not a port. Give a number up to 65535, e.g. --port 8080." in told(tmp_path, command, "--port", port)


@pytest.mark.parametrize("arguments", [["up", "--data", ""], ["--data", "", "status"]], ids=" ".join)
def test_a_directory_that_is_empty_text(tmp_path: Path, arguments: list[str]) -> None:
    assert "--data is empty. Name a directory, e.g. --data var" in told(tmp_path, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_directory_that_holds_something_else(tmp_path: Path) -> None:
    assert f"{tmp_path} holds no shop but other files, e.g. {FILE}. Name a new or an empty directory" in told(tmp_path, "up", "--data", ".")
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_directory_whose_name_has_two_lines(tmp_path: Path) -> None:
    (tmp_path / "two\nlines").touch()
    assert "two\\nlines is in the way" in told(tmp_path, "up", "--data", "two\nlines")


def test_a_variable_that_is_no_port(tmp_path: Path) -> None:
    assert "API_PORT=abc is not a port. Give a number up to 65535, e.g. API_PORT=8080." in told(tmp_path, "up", API_PORT="abc")


@pytest.mark.parametrize("arguments", [["--colour"], ["key", "--colour"], ["key", "create", "--colour"]], ids=" ".join)
def test_an_option_that_does_not_exist(tmp_path: Path, arguments: list[str]) -> None:
    line = told(tmp_path, *arguments)
    assert "No such option: --colour" in line
    assert "--help`" in line


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    assert "No such command 'stauts'. Did you mean 'status'?" in told(tmp_path, "stauts")


def test_without_arguments_a_group_shows_its_help(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "inventario", "key"], env=os.environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "revoke" in ran.stdout + ran.stderr


def test_a_level_that_does_not_exist(tmp_path: Path) -> None:
    line = told(tmp_path, "serve", LOG_LEVEL="chatty", DATABASE_URL=NOWHERE)
    assert line == "inventario: LOG_LEVEL=chatty is none of DEBUG, INFO, WARNING, ERROR, CRITICAL. Set e.g. LOG_LEVEL=INFO.\n"
