"""Imports that are killed, and PostgreSQL that is killed under them: the next run completes, and nothing is lost or doubled."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from inventario.migrations import migrate
from inventario.stack import ports
from inventario.stack.testing import eventually, running_postgres

ROWS = 60_000
KEY = "a key for tests"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Movements of 300 products; each is counted once, so that a lost or doubled row shows in a level."""
    path = tmp_path / "movimientos.csv"
    rows = (f"CENTRO;P-{number % 300};compra;1;{1 + number % 28:02}/03/2026 10:00;k-{number}\n" for number in range(ROWS))
    path.write_text("sucursal;sku;tipo;cantidad;fecha;clave\n" + "".join(rows), encoding="utf-8")
    return path


def open_shop(url: str) -> None:
    """One store and 300 products."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO stores (code, name, time_zone) VALUES ('CENTRO', 'Centro', 'America/Argentina/Buenos_Aires')")
        connection.execute("INSERT INTO products (sku, name) SELECT 'P-' || n, 'Producto ' || n FROM generate_series(0, 299) AS n")


def start(file: Path, url: str) -> subprocess.Popen[str]:
    """Run the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "inventario", "import", str(file)],
        env={**os.environ, "DATABASE_URL": url},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Return what *process* prints, up to the line with *text*."""
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if text in line:
            return output
    raise AssertionError(f"{text!r} never came: {output}")


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of *process*; return its status and what it still printed."""
    assert process.stdout is not None
    with process.stdout as output:
        rest = output.read()
    return process.wait(), rest


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    assert end(process)[0] == -signal.SIGKILL


def run(file: Path, url: str) -> str:
    """Run the command to its end and return what it printed."""
    status, output = end(start(file, url))
    assert status == 0, output
    return output


def staged(url: str) -> int:
    """How many rows an import has kept."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT rows, (SELECT count(*) FROM import_movements) FROM imports").fetchone()
    assert row is not None
    assert row[0] == row[1], "the checkpoint speaks of other rows than there are"
    return int(row[0])


def assert_all_applied_once(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        movements = connection.execute("SELECT count(*), count(DISTINCT id) FROM stock_movements").fetchone()
        levels = connection.execute("SELECT count(*), min(on_hand), max(on_hand) FROM stock_levels").fetchone()
        keys = connection.execute("SELECT count(*) FROM movement_keys").fetchone()
        left = connection.execute("SELECT (SELECT count(*) FROM import_movements), (SELECT array_agg(state) FROM imports)").fetchone()
    assert movements == (ROWS, ROWS)
    assert levels == (300, ROWS // 300, ROWS // 300)
    assert keys == (ROWS,)
    assert left == (0, ["applied"])


def assert_hardly_any_read_again(output: str, kept: int) -> None:
    found = re.search(r"resumed: ([\d,]+) of ([\d,]+) rows were already read; at most ([\d.]+) % of them are read again", output)
    assert found is not None, output
    assert int(found[1].replace(",", "")) == kept
    assert int(found[2].replace(",", "")) == ROWS
    assert float(found[3]) < 10


@contextmanager
def running(directory: Path, port: int) -> Iterator[str]:
    """Run a PostgreSQL of this test alone, whose commits survive a crash."""
    with running_postgres(directory, durable=True, port=port) as url:
        yield url


def kill_postgres(directory: Path) -> None:
    """Kill the postmaster and everything it has started, at once."""
    postmaster = int((directory / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])
    os.kill(postmaster, signal.SIGSTOP)
    for child in _children(postmaster):
        os.kill(child, signal.SIGKILL)
    os.kill(postmaster, signal.SIGKILL)


def _children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return found


def test_killed_while_reading_the_next_run_goes_on(database_url: str, file: Path) -> None:
    open_shop(database_url)
    first = start(file, database_url)
    read_until(first, "(50 %)")
    kill(first)
    kept = staged(database_url)
    assert ROWS / 2 <= kept < ROWS

    output = run(file, database_url)

    assert_hardly_any_read_again(output, kept)
    assert_all_applied_once(database_url)


def test_killed_while_applying_nothing_is_read_again(database_url: str, file: Path) -> None:
    open_shop(database_url)
    first = start(file, database_url)
    read_until(first, "Applying: 0 of")
    with psycopg.connect(database_url, autocommit=True) as connection:
        writing = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%import_movements%' AND pid <> pg_backend_pid()"
        assert eventually(lambda: connection.execute(writing).fetchone() == (1,))
    kill(first)
    assert staged(database_url) == ROWS

    output = run(file, database_url)

    assert f"resumed: {ROWS:,} of {ROWS:,} rows were already read; nothing is read again" in output
    assert_all_applied_once(database_url)


def test_killed_again_and_again_it_still_arrives(database_url: str, file: Path) -> None:
    open_shop(database_url)
    kept = [0]
    for share in ("(20 %)", "(50 %)", "(80 %)"):
        process = start(file, database_url)
        read_until(process, share)
        kill(process)
        kept.append(staged(database_url))

    run(file, database_url)

    assert kept == sorted(kept)
    assert_all_applied_once(database_url)


@pytest.mark.parametrize("moment", ["(50 %)", "Applying: 0 of"])
def test_postgres_is_killed_and_the_next_run_goes_on(tmp_path: Path, file: Path, moment: str) -> None:
    directory, [port] = tmp_path / "postgres", ports.choose(1)
    with running(directory, port) as url:
        migrate(url)
        open_shop(url)
        first = start(file, url)
        read_until(first, moment)
        kill_postgres(directory)
        status, said = end(first)
    assert status == 75
    assert "run the same command again: it goes on where it stopped" in said

    with running(directory, port) as url:
        kept = staged(url)
        output = run(file, url)
        if kept == ROWS:
            assert "nothing is read again" in output
        else:
            assert kept >= ROWS / 2
            assert_hardly_any_read_again(output, kept)
        assert_all_applied_once(url)


def serve(url: str, data: Path) -> tuple[subprocess.Popen[str], str]:
    """Run the dashboard alone, and return it with its address."""
    [port] = ports.choose(1)
    process = subprocess.Popen(
        [sys.executable, "-m", "inventario", "serve", "--port", str(port)],
        env={**os.environ, "DATABASE_URL": url, "DASHBOARD_API_KEY": KEY, "INVENTARIO_DATA": str(data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    address = f"http://127.0.0.1:{port}"
    assert eventually(lambda: _answers(f"{address}/livez"), within=60)
    return process, address


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def upload(address: str, file: Path) -> httpx.Response:
    with file.open("rb") as content:
        return httpx.post(f"{address}/api/v1/imports", headers={"X-API-Key": KEY}, files={"file": content}, timeout=60)


def test_the_dashboard_is_killed_and_the_file_is_sent_again(database_url: str, file: Path, data_directory: Path) -> None:
    open_shop(database_url)
    process, address = serve(database_url, data_directory)
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_url, autocommit=True) as connection:
        answer = pool.submit(upload, address, file)
        half = "SELECT count(*) FROM imports WHERE rows >= %s"
        assert eventually(lambda: connection.execute(half, (ROWS // 2,)).fetchone() == (1,), within=60)
        process.kill()
        process.wait()
        assert isinstance(answer.exception(), httpx.TransportError)
    kept = staged(database_url)
    process, address = serve(database_url, data_directory)

    try:
        answered = upload(address, file)
        assert eventually(lambda: not upload_runs(address, answered), within=60)
    finally:
        process.terminate()
        process.wait()

    assert answered.status_code in {201, 202}
    assert kept >= ROWS / 2
    if answered.status_code == 201:
        assert answered.json()["resumed"]["rows"] == kept
        assert answered.json()["resumed"]["again"] < kept / 10
    assert_all_applied_once(database_url)


def upload_runs(address: str, answer: httpx.Response) -> bool:
    found = httpx.get(f"{address}{answer.headers['location']}", headers={"X-API-Key": KEY}).json()
    return bool(found["progress"]["running"])


def test_interrupted_from_the_keyboard_it_says_how_to_go_on(database_url: str, file: Path) -> None:
    open_shop(database_url)
    process = start(file, database_url)
    read_until(process, "(20 %)")
    process.send_signal(signal.SIGINT)

    status, said = end(process)

    assert status == 130
    assert "run the same command again" in said
    kept = staged(database_url)
    assert_hardly_any_read_again(run(file, database_url), kept)
    assert_all_applied_once(database_url)
