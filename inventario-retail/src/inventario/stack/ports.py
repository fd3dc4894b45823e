"""Free ports on the loopback interface."""

from __future__ import annotations

import secrets
import socket
from contextlib import ExitStack

from inventario.stack.errors import StackError

__all__ = ["LOOPBACK", "choose", "is_free"]

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


def is_free(port: int) -> bool:
    """Tell whether a server could listen on *port* of the loopback interface now."""
    with ExitStack() as held:
        return _hold(held, port)


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
