"""Real servers for the benchmarks, started here and gone with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from inventario.migrations import migrate
from inventario.stack import ports
from inventario.stack.testing import running_postgres

__all__ = ["API_KEY", "Server", "copy_database", "new_database", "postgres", "product", "serve"]

API_KEY = "benchmark-key"
_BENCH = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: one process that answers on ``port``."""

    pid: int
    port: int


@contextmanager
def postgres(directory: Path | None = None) -> Iterator[str]:
    """Run a durable PostgreSQL and yield the address of its superuser; with *directory* its data stays for the next run."""
    if directory is not None:
        with running_postgres(directory) as url:
            yield url
        return
    with tempfile.TemporaryDirectory(prefix="inventario-bench-") as temporary, running_postgres(Path(temporary) / "postgres") as url:
        yield url


def new_database(server_url: str, name: str) -> str:
    """Make an empty database with the schema and return its address; one of that name is replaced."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    url = f"{server_url.rpartition('/')[0]}/{name}"
    migrate(url)
    return url


def copy_database(server_url: str, source: str, name: str) -> str:
    """Make database *name* with the content of *source* and return its address."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    return f"{server_url.rpartition('/')[0]}/{name}"


@contextmanager
def product(database_url: str, *, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run the product's own dashboard, one process, on *database_url*; `API_KEY` has all scopes."""
    with tempfile.TemporaryDirectory(prefix="inventario-bench-") as data:
        variables = {"DATABASE_URL": database_url, "DASHBOARD_API_KEY": API_KEY, "INVENTARIO_DATA": data, "LOG_LEVEL": "WARNING"}
        with serve([sys.executable, "-m", "inventario", "serve"], {**variables, **(environment or {})}) as server:
            yield server


@contextmanager
def serve(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Server]:
    """Run *command*, which listens on the port of the variable ``API_PORT``, until the block ends.

    Raises:
        RuntimeError: It does not answer; the text holds what it printed.
    """
    port = ports.choose(1)[0]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment, "API_PORT": str(port), "PYTHONPATH": str(_BENCH)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            if not _answers(process, port):
                output.seek(0)
                raise RuntimeError(f"{' '.join(command)} does not answer:\n{output.read().decode(errors='replace')}")
            yield Server(process.pid, port)
        finally:
            _end(process)


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            time.sleep(0.02)
        else:
            return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
