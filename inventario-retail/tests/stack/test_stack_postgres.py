"""The PostgreSQL that tests run on: real processes, real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from inventario.stack.process import kill_tree, started_at
from inventario.stack.testing import running_postgres

_HOLDER = """
import sys, time
from pathlib import Path
from inventario.stack.testing import running_postgres
with running_postgres(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(600)
"""


def eventually(condition: Callable[[], bool], *, within: float = 10) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def postmaster(directory: Path) -> int:
    return int((directory / "data" / "postmaster.pid").read_text().split()[0])


def test_it_ends_with_the_block_and_keeps_its_data(tmp_path: Path) -> None:
    with running_postgres(tmp_path) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        first = postmaster(tmp_path)
    assert started_at(first) is None
    with running_postgres(tmp_path) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_it_asks_for_a_password(tmp_path: Path) -> None:
    with running_postgres(tmp_path) as url:
        wrong = url.replace((tmp_path / "password").read_text(), "guess")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


def test_letters_beyond_ascii_are_letters(tmp_path: Path) -> None:
    with running_postgres(tmp_path) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT lower('ÑANDÚ'), 'é' ~ '^[[:alpha:]]$'").fetchone() == ("ñandú", True)


def test_nothing_is_left_when_the_process_is_killed_and_the_data_opens_again(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline().startswith("postgresql://")
    server = postmaster(tmp_path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert eventually(lambda: started_at(server) is None)
    with running_postgres(tmp_path) as url:
        psycopg.connect(url).close()


def test_a_frozen_server_is_killed_with_its_backends(tmp_path: Path) -> None:
    with running_postgres(tmp_path) as url, psycopg.connect(url) as connection:
        backend, server = connection.info.backend_pid, postmaster(tmp_path)
        os.kill(server, signal.SIGSTOP)
        os.kill(backend, signal.SIGSTOP)
        kill_tree(server)
        assert started_at(server) is None
        assert started_at(backend) is None


@pytest.mark.system
def test_a_postgresql_of_the_machine_does_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVENTARIO_PG_BIN", "/usr/lib/postgresql/15/bin")
    with running_postgres(tmp_path) as url, psycopg.connect(url) as connection:
        assert connection.info.server_version // 10000 == 15
