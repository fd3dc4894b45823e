"""Free ports on the loopback interface."""

from __future__ import annotations

import errno
import secrets
import socket
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from inventario.stack.errors import StackError
from inventario.stack.layout import read_json, write_json

__all__ = ["LOOPBACK", "choose", "kept", "listen"]

LOOPBACK = "127.0.0.1"

# Below the range from which systems take ports for outgoing connections: a port of ours must still be free when its server restarts.
# SeaweedFS adds 10,000 to each of its ports, and the sum stays below that range as well.
_LOWEST, _HIGHEST, _GRPC = 10_300, 22_700, 10_000


def choose(count: int) -> list[int]:
    """Return *count* different ports that are free now, each together with the port 10,000 above it.

    Raises:
        StackError: The machine has none left.
    """
    with ExitStack() as held:
        # Held until all are found, so that two shops starting at once do not choose the same ones.
        found: list[int] = []
        for _ in range(1000):
            port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
            if port not in found and all(_hold(held, number) for number in (port, port + _GRPC)):
                found.append(port)
                if len(found) == count:
                    return found
    raise StackError(f"No {count} free ports between {_LOWEST} and {_HIGHEST} on {LOOPBACK}. End some programs that listen there.")


def kept(path: Path, names: Iterable[str]) -> dict[str, int]:
    """Return the port of each name as the file at *path* keeps it. New names, ports that
    another program has taken, and what is no port of ours get a new one.

    Raises:
        StackError: The machine has none left.
        OSError: The file cannot be written.
    """
    wanted = list(names)
    before = {name: port for name, port in read_json(path).items() if _is_ours(port)}
    ports = {name: before[name] for name in wanted if name in before and _comes_free(before[name])}
    missing = [name for name in wanted if name not in ports]
    ports |= dict(zip(missing, choose(len(missing)), strict=True)) if missing else {}
    if missing:
        write_json(path, before | ports)
    return ports


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at *host* and *port*; connections wait in it until somebody accepts them.

    Raises:
        StackError: The port is taken, or may not be used.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StackError(
                f"Port {port} of {host} is taken by another program. End that one, or choose another port: `inventario up --port {_other(port)}` "
                f'or `make run ARGS="--port {_other(port)}"`.'
            ) from error
        if error.errno == errno.EACCES:
            raise StackError(f"Port {port} is reserved for the system. Choose one above 1023 with --port, e.g. --port 8080.") from error
        raise StackError(f"Cannot listen on {host}, port {port}: {error.strerror}. Choose another with --host and --port.") from error


def _is_ours(port: object) -> bool:
    # JSON's true is a number to Python.
    return isinstance(port, int) and not isinstance(port, bool) and _LOWEST <= port < _HIGHEST


def _other(port: int) -> int:
    return port + 1 if port < 65535 else 8080


def _comes_free(port: int) -> bool:
    """Tell whether a server can listen on *port*; the server of a shop that was killed a moment ago may still be going away."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        with ExitStack() as held:
            if all(_hold(held, number) for number in (port, port + _GRPC)):
                return True
        time.sleep(0.05)
    return False


def _hold(held: ExitStack, port: int) -> bool:
    server = held.enter_context(socket.socket())
    # As servers do: connections that have just ended there do not count.
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((LOOPBACK, port))
        # Binding alone succeeds beside another socket that is bound and does not listen yet.
        server.listen(1)
    except OSError:
        return False
    return True
