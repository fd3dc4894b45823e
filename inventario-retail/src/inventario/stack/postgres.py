"""PostgreSQL: its files, its command lines."""

from __future__ import annotations

import locale
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inventario.stack.errors import StackError
from inventario.stack.logs import tail
from inventario.stack.ports import LOOPBACK
from inventario.stack.privileges import hand_over
from inventario.stack.process import kill_tree, spawn

__all__ = ["DEATH_SIGNAL", "SUPERUSER", "Initialisation", "Postgres"]

SUPERUSER = "postgres"

# Immediate shutdown: the postmaster takes its backends along and releases its shared memory, and the next start replays the log. After SIGKILL
# alone a backend may outlive it for a moment, which keeps the next server out.
DEATH_SIGNAL = signal.SIGQUIT


# For a small machine with an SSD that records movements all day (docs/decisions/0006). Nothing here weakens a commit.
_TUNING = {
    "shared_buffers": "256MB",
    # An import would otherwise force a checkpoint every second, and each one writes whole pages to the log again.
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    # Compiling a statement of a shop takes longer than running it.
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """One server: ``binaries`` holds its programs, ``directory`` its data, ``user`` is as in `launcher`."""

    binaries: Path
    directory: Path
    port: int
    user: str = "same"
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        """The command line. It names the data directory, and so do the titles of all server processes."""
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            # Loopback only: a socket file would need a short path and a directory that is ours.
            "unix_socket_directories": "",
            "cluster_name": _cluster_name(self.directory),
            "log_line_prefix": "%m [%p] ",
            **_TUNING,
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.binaries / "postgres"), "-D", str(self.directory), *options]

    def clear(self) -> None:
        """End a server that still runs on these files, and forget one that is gone. Only for whoever holds the data directory.

        PostgreSQL itself goes by the process number it wrote down, and that may meanwhile belong to another process: in a container that starts
        again it nearly always does, and PostgreSQL would then refuse to start for ever.
        """
        lock = self.directory / "postmaster.pid"
        try:
            # Negative for one in single-user mode.
            pid = abs(int(lock.read_text(encoding="ascii", errors="replace").split()[0]))
        except (OSError, ValueError, IndexError):
            pid = 0
        if pid and _works_in(pid, self.directory):
            kill_tree(pid)
        lock.unlink(missing_ok=True)

    def set_passwords(self, passwords: Mapping[str, str], log: Path) -> None:
        """Give roles new passwords without knowing the old ones, while no server runs. A role that does not exist is left out.

        Args:
            passwords: The new ones by role. Neither may contain a quote.
            log: File that what PostgreSQL prints is added to.

        Raises:
            StackError: PostgreSQL refuses.
        """
        self.clear()
        # In single-user mode a statement is one line, an error is not the end of it unless asked for, and nobody is asked for a password.
        lines = "".join(
            f"DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN ALTER ROLE \"{role}\" PASSWORD '{password}'; END IF; END $$;\n"
            for role, password in passwords.items()
        )
        command: list[str | Path] = [self.binaries / "postgres", "--single", "-D", self.directory, "-c", "exit_on_error=on", SUPERUSER]
        process = spawn(command, log=log, user=self.user, output=subprocess.DEVNULL, source=subprocess.PIPE)
        process.communicate(lines.encode("ascii"))
        if process.returncode != 0:
            raise StackError(f"PostgreSQL could not set a new password: {_last_told(log)}. See {log}.")

    def url(self, user: str, password: str, database: str) -> str:
        """Return the address of *database* for *user*."""
        return f"postgresql://{user}:{password}@{LOOPBACK}:{self.port}/{database}"


class Initialisation:
    """``initdb`` under way. It works beside the final directory, which therefore is either complete or absent."""

    def __init__(self, postgres: Postgres, password: str, log: Path, *, durable: bool = True) -> None:
        """Start it.

        Raises:
            OSError: The directory cannot be made.
        """
        self._final = postgres.directory
        self._directory = self._final.with_name(f"{self._final.name}.new")
        self._password_file = self._final.with_name(f"{self._final.name}.password")
        self._log = log
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(mode=0o700)
        self._password_file.unlink(missing_ok=True)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(f"{password}\n", encoding="ascii")
        for path in (self._directory, self._password_file):
            hand_over(path, postgres.user)
        options: list[str | Path] = [
            "-U",
            SUPERUSER,
            "-A",
            "scram-sha-256",
            "--pwfile",
            self._password_file,
            "-E",
            "UTF8",
            *_locale(postgres.binaries),
        ]
        options += [] if durable else ["--no-sync"]
        self.process = spawn([postgres.binaries / "initdb", "-D", self._directory, *options], log=log, user=postgres.user)

    def done(self) -> bool:
        """Tell whether the directory is complete now.

        Raises:
            StackError: It failed.
        """
        status = self.process.poll()
        if status is None:
            return False
        self._password_file.unlink(missing_ok=True)
        if status != 0:
            raise StackError(_why(self._log, self._directory))
        self._directory.rename(self._final)
        _sync(self._final.parent)
        return True

    def wait(self) -> None:
        """Wait until it is done.

        Raises:
            StackError: It failed.
        """
        self.process.wait()
        self.done()

    def stop(self) -> None:
        """Give up; the next start begins anew."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def _works_in(pid: int, directory: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").samefile(directory)
    except OSError:
        return False


def _locale(binaries: Path) -> list[str]:
    """Return options for an order that is the same on every machine, and for letters beyond ASCII being letters."""
    ctype = next((name for name in ("C.UTF-8", "C.utf8", "en_US.UTF-8") if _has_locale(name)), "C")
    options = ["--locale=C", f"--lc-ctype={ctype}"]
    if _major(binaries) >= 17:
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return options


def _has_locale(name: str) -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_CTYPE, before)
    return True


def _major(binaries: Path) -> int:
    output = subprocess.run([binaries / "initdb", "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    found = re.search(r"(\d+)", output)
    return int(found.group(1)) if found else 0


def _cluster_name(directory: Path) -> str:
    """Return the data directory as far as the server takes it: 63 characters of ASCII."""
    return "".join(letter if " " <= letter <= "~" else "?" for letter in str(directory))[-63:]


def _why(log: Path, directory: Path) -> str:
    lines = tail(log)
    if any("No space left on device" in line for line in lines):
        return f"The disk of {directory.parent} is full. Free some space there, or choose another place with --data DIRECTORY."
    return f"PostgreSQL could not make its files in {directory.parent}: {_last_told(log)}. See {log}."


def _last_told(log: Path) -> str:
    told = [line for line in reversed(tail(log)) if line.strip()]
    reason = next((line for line in told if "error" in line.lower() or "fatal" in line.lower()), told[0] if told else "it gave no reason")
    return reason.strip()


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
