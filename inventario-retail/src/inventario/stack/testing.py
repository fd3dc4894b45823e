"""A PostgreSQL for tests: real, of their own, gone with them."""

from __future__ import annotations

import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from inventario.stack import binaries, ports
from inventario.stack.errors import StackError
from inventario.stack.postgres import DEATH_SIGNAL, SUPERUSER, Initialisation, Postgres
from inventario.stack.privileges import postgres_user
from inventario.stack.process import end, spawn

__all__ = ["running_postgres"]


@contextmanager
def running_postgres(directory: Path, *, durable: bool = True, port: int | None = None) -> Iterator[str]:
    """Run a PostgreSQL with its files in *directory* and yield the address of its superuser.

    It ends with the block, and at once when this process is killed. The data stays, and a second call on the same directory starts on it.

    Args:
        directory: Made where it does not exist.
        durable: Whether commits wait for the disk. Tests that kill the server need it; the others run about twice as fast without.
        port: Where it listens; a free port otherwise.

    Raises:
        StackError: It does not start; the text says why.
    """
    directory.mkdir(parents=True, exist_ok=True)
    programs, log, data = binaries.postgres_directory(), directory / "postgres.log", directory / "data"
    user = postgres_user(programs / "postgres", data, log)
    settings = {"max_connections": "200"}
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    postgres = Postgres(programs, data, port or ports.choose(1)[0], user, settings)
    secret = directory / "password"
    if not data.exists():
        secret.write_text(secrets.token_urlsafe(16), encoding="ascii")
        Initialisation(postgres, secret.read_text(encoding="ascii"), log, durable=False).wait()
    url = postgres.url(SUPERUSER, secret.read_text(encoding="ascii"), "postgres")
    process = spawn(postgres.command, log=log, death_signal=DEATH_SIGNAL, user=user)
    try:
        _await_answer(url, process, log)
        yield url
    finally:
        end(process, signal.SIGINT, patience=10)


def _await_answer(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise StackError(f"PostgreSQL does not answer. See {log}.")
