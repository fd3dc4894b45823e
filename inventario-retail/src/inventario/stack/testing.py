"""Real servers and real shops for tests: of their own, gone with them."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from inventario.stack import binaries, ports
from inventario.stack.errors import StackError
from inventario.stack.job import CREDENTIALS, PENDING
from inventario.stack.layout import Layout, read_json
from inventario.stack.ports import LOOPBACK
from inventario.stack.postgres import DEATH_SIGNAL, SUPERUSER, Initialisation, Postgres
from inventario.stack.privileges import postgres_user
from inventario.stack.process import end, spawn

__all__ = ["ShopProcess", "as_ordinary_user", "as_root", "database_only", "eventually", "running_postgres", "running_shop"]


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
    postgres.clear()
    process = spawn(postgres.command, log=log, death_signal=DEATH_SIGNAL, user=user)
    try:
        _await_answer(url, process, log)
        yield url
    finally:
        end(process, signal.SIGINT, patience=10)


class ShopProcess:
    """`inventario up` in a process of its own, which ends with ours, and what it prints."""

    def __init__(
        self, data: Path, *, arguments: Sequence[str] = (), variables: Mapping[str, str] | None = None, before: Sequence[str] = ()
    ) -> None:
        """Start it; `wait_for` waits until it is as far as a test needs.

        Args:
            data: Its data directory.
            arguments: Further arguments of `inventario up`. Without a port it takes a free one.
            variables: The environment; None gives it ours, without what names servers.
            before: A command that runs it, e.g. under another user.
        """
        self.data = data
        self.lines: list[str] = []
        own = _without_servers(os.environ) if variables is None else dict(variables)
        chosen = [] if "--port" in arguments else ["--port", "0"]
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [*before, sys.executable, "-P", "-m", "inventario", "up", "--follow-parent", "--data", str(data), *chosen, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env=own,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def port(self) -> int:
        """The dashboard's port."""
        return int(read_json(Layout(self.data).state)["port"])

    @property
    def url(self) -> str:
        """The dashboard's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """The owner's password, as a first start prints it."""
        return self.value("Password")

    @property
    def key(self) -> str:
        """The API key, as a first start prints it."""
        return self.value("API key")

    @property
    def output(self) -> str:
        """All it has printed so far."""
        return "\n".join(self.lines)

    def pids(self) -> dict[str, int | None]:
        """Return the process of each server by name; None where it is about to be started again."""
        return {server["name"]: server["pid"] for server in read_json(Layout(self.data).state).get("servers", [])}

    def ports(self) -> dict[str, int]:
        """Return the port of each server by name."""
        return {server["name"]: server["port"] for server in read_json(Layout(self.data).state).get("servers", [])}

    def value(self, label: str) -> str:
        """Return what stands after *label* in the output."""
        return next(line.strip().removeprefix(label).strip() for line in self.lines if line.strip().startswith(f"{label} "))

    def wait_for(self, text: str, *, within: float = 60) -> None:
        """Wait until *text* has been printed.

        Raises:
            StackError: It ended first, or time is up; the text shows the output.
        """
        if not eventually(lambda: text in self.output or self.process.poll() is not None, within=within) or text not in self.output:
            self._reader.join(1)
            if text not in self.output:
                raise StackError(f"The shop did not print {text!r} (status {self.process.poll()}):\n{self.output}")

    def wait_until_open(self) -> None:
        """Wait until the dashboard answers and everything has been printed.

        Raises:
            StackError: As `wait_for`.
        """
        self.wait_for("Stop        Ctrl-C")
        setup = Layout(self.data).setup
        if not eventually(lambda: read_json(setup).get(CREDENTIALS) not in {None, PENDING}):
            raise StackError(f"The shop made no login:\n{self.output}")

    def stop(self, with_signal: signal.Signals = signal.SIGTERM, *, within: float = 60) -> int:
        """Send a signal, wait for the end and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
        return self.process.returncode

    def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))


@contextmanager
def running_shop(
    data: Path, *, arguments: Sequence[str] = (), variables: Mapping[str, str] | None = None, before: Sequence[str] = ()
) -> Iterator[ShopProcess]:
    """Run a whole shop with its files in *data* until the end of the block; the parameters are those of `ShopProcess`.

    Raises:
        StackError: It does not open.
    """
    shop = ShopProcess(data, arguments=arguments, variables=variables, before=before)
    try:
        shop.wait_until_open()
        yield shop
    finally:
        shop.stop()


def database_only() -> dict[str, str]:
    """Return an environment in which a shop starts PostgreSQL and the dashboard alone: for tests that are not about the others."""
    return _without_servers(os.environ) | {"REDIS_HOST": LOOPBACK, "S3_ENDPOINT_URL": f"http://{LOOPBACK}:1"}


def as_ordinary_user() -> list[str]:
    """Return what to put before a command so that it runs as an ordinary user, without any capability, whoever we are."""
    if os.geteuid() != 0:
        return []
    launcher = str(Path(__file__).with_name("launcher.py"))
    return [sys.executable, "-I", "-S", launcher, str(os.getpid()), str(int(signal.SIGKILL)), "namespace", "--"]


def as_root() -> list[str]:
    """Return what to put before a command so that it runs as root, whoever we are."""
    return [] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user"]


def eventually(condition: Callable[[], bool], *, within: float = 20) -> bool:
    """Wait until *condition* holds, *within* seconds at most, and tell whether it does."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _without_servers(variables: Mapping[str, str]) -> dict[str, str]:
    named = ("DATABASE_", "REDIS_", "S3_", "AWS_", "API_PORT", "INVENTARIO_DATA", "DASHBOARD_", "ALLOWED_HOSTS")
    return {name: value for name, value in variables.items() if not name.startswith(named)}


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
