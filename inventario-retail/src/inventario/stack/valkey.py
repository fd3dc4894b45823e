"""Valkey: the cache."""

from __future__ import annotations

import socket
from pathlib import Path

from inventario.stack import binaries
from inventario.stack.layout import Layout, write_whole
from inventario.stack.ports import LOOPBACK
from inventario.stack.server import Server

__all__ = ["PASSWORD", "answers", "valkey"]

PASSWORD = "valkey"  # noqa: S105 - the name of the secret


def valkey(layout: Layout, port: int) -> Server:
    """Describe the server. What it may forget, it forgets; what it holds survives its own death.

    It dies by SIGKILL with us: every write is in the append-only file before its answer leaves, so a shutdown in order would add nothing but the risk
    of one that hangs and keeps the port.

    Raises:
        StackError: The program is not installed.
        OSError: Its settings cannot be written.
    """
    settings = layout.valkey / "valkey.conf"
    _write_settings(settings, layout.secret(PASSWORD))
    command = [
        str(binaries.valkey_server()),
        str(settings),
        *("--bind", LOOPBACK, "--port", str(port), "--dir", str(layout.valkey)),
        # Its own title would hide which shop it belongs to.
        *("--set-proc-title", "no"),
    ]
    return Server("Valkey", command, port, layout.logs / "valkey.log")


def answers(port: int, password: str) -> bool:
    """Tell whether the server on *port* accepts *password* and has loaded its data."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection, connection.makefile("rb") as answer:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            return answer.readline() == b"+OK\r\n" and answer.readline() == b"+PONG\r\n"
    except OSError:
        return False


def _write_settings(path: Path, password: str) -> None:
    """Keep the password off the command line, which every user of the machine can read."""
    lines = [
        "protected-mode yes",
        f"requirepass {password}",
        "appendonly yes",
        'save ""',
        "maxmemory 128mb",
        "maxmemory-policy allkeys-lru",
        'logfile ""',
    ]
    write_whole(path, "\n".join(lines) + "\n")
