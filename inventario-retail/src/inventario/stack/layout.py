"""What lies where in a shop's data directory."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inventario.stack.errors import StackError, explain

__all__ = ["Layout"]

# One segment of PostgreSQL's log and a little; with less it cannot even restart. The first start makes about 150 MB of files.
_NEEDED, _NEEDED_AT_FIRST = 32 * 2**20, 200 * 2**20

# What only a shop's directory has.
_MARKS = ("ports.json", "setup.json", "postgres/PG_VERSION")
# What a first start that was cut off early leaves behind, what a dashboard run alone makes, and what a new file system has.
_HARMLESS = {
    "lock",
    "logs",
    "secrets",
    "valkey",
    "seaweedfs",
    "postgres.new",
    "postgres.password",
    "ports.json.new",
    ".probe",
    "lost+found",
    "uploads",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The data directory, by its full path: all that a shop keeps on this machine."""

    root: Path

    @property
    def postgres(self) -> Path:
        """Files of PostgreSQL; complete whenever it exists."""
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        """Files of Valkey."""
        return self.root / "valkey"

    @property
    def seaweedfs(self) -> Path:
        """Files of SeaweedFS."""
        return self.root / "seaweedfs"

    @property
    def logs(self) -> Path:
        """What the servers print."""
        return self.root / "logs"

    @property
    def state(self) -> Path:
        """What runs, as the supervisor last wrote it down."""
        return self.root / "running.json"

    @property
    def setup(self) -> Path:
        """Which steps of the first start are done."""
        return self.root / "setup.json"

    def create(self) -> None:
        """Make the directories.

        Raises:
            StackError: The place may not be written, has no room, or holds something else.
        """
        try:
            self._refuse_other_files()
            for directory in (self.root, self.logs, self.secrets, self.valkey, self.seaweedfs):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self.root / ".probe"
            probe.write_bytes(bytes(4096))
            probe.unlink()
        except OSError as error:
            raise explain(error, self.root) from error
        self.check_space(_NEEDED if self.postgres.exists() else _NEEDED_AT_FIRST)

    def _refuse_other_files(self) -> None:
        if not self.root.is_dir() or any((self.root / mark).is_file() for mark in _MARKS):
            return
        others = sorted({path.name for path in self.root.iterdir()} - _HARMLESS)
        if others:
            raise StackError(
                f"{self.root} holds no shop but other files, e.g. {others[0]}. Name a new or an empty directory with --data DIRECTORY."
            )

    def check_space(self, needed: int) -> None:
        """Make sure that *needed* bytes are free.

        Raises:
            StackError: They are not.
        """
        free = os.statvfs(self.root)
        available = free.f_bavail * free.f_frsize
        if available < needed:
            raise StackError(
                f"The disk of {self.root} is full: {available // 2**20} MB are free, {needed // 2**20} MB are needed. "
                "Free some space there, or choose another place with --data DIRECTORY."
            )

    @property
    def secrets(self) -> Path:
        """One file for each secret, readable by its owner alone."""
        return self.root / "secrets"

    def secret(self, name: str) -> str:
        """Return the secret *name*, made on first use and where it is lost."""
        found = self.kept_secret(name)
        if found is None:
            found = secrets.token_hex(24)
            self.write_secret(name, found)
        return found

    def kept_secret(self, name: str) -> str | None:
        """Return the secret *name*, or None where it is lost: its file is absent, empty, or holds no word."""
        try:
            found = (self.secrets / name).read_bytes().decode("ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return found if found.isprintable() and len(found.split()) == 1 else None

    def write_secret(self, name: str, value: str) -> Path:
        """Keep *value* under *name* and return the file."""
        path = self.secrets / name
        write_whole(path, f"{value}\n")
        return path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the data directory for this process alone, until the block or the process ends.

        Raises:
            StackError: Another process holds it; the text names it.
        """
        with (self.root / "lock").open("a+", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise StackError(
                    f"The shop in {self.root} is already running (process {lock.read().strip() or 'unknown'}). "
                    "Use it, end it with Ctrl-C, or start another one with --data DIRECTORY --port NUMBER."
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield


def read_json(path: Path) -> dict[str, Any]:
    """Return what was written, or nothing where the file is absent or was cut off by a crash."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, value: Any) -> None:
    """Write *value* so that a reader sees the old file or the new one."""
    write_whole(path, json.dumps(value, indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Replace the file at *path*, readable by its owner alone, all at once and durably."""
    temporary = path.with_name(f"{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
