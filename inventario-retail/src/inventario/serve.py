"""The dashboard's server: it tells the application that it is going away before it stops taking requests."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inventario.app import create_app
from inventario.observability.logging import configure as configure_logging
from inventario.operations.service import Operations
from inventario.settings import Settings
from inventario.stack.configuration import load_settings
from inventario.stack.errors import StackError
from inventario.stack.ports import listen
from inventario.web.limits import HEADER_BYTES

__all__ = ["BoundedHeaders", "DrainingServer", "serve"]

# Seconds that requests under way may take after we were asked to stop.
_GRACE = 10
_HEADERS_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BoundedHeaders(HttpToolsProtocol):
    """Ends a connection whose headers do not end: the parser itself would keep all of them, and no application hears of them before their end."""

    _unfinished = 0

    def data_received(self, data: bytes) -> None:
        """Parse *data*, and count it while it belongs to headers."""
        super().data_received(data)
        reading = self.scope is not None and (self.cycle is None or self.cycle.scope is not self.scope)
        self._unfinished = self._unfinished + len(data) if reading else 0
        if self._unfinished > HEADER_BYTES and not self.transport.is_closing():
            self.transport.write(_HEADERS_TOO_LARGE)
            self.transport.close()


class DrainingServer(uvicorn.Server):
    """Announces the end first: streams end themselves, `/readyz` turns false, and only then are connections closed and requests awaited."""

    def __init__(self, config: uvicorn.Config, operations: Operations) -> None:
        """Prepare; *operations* is told when draining begins."""
        super().__init__(config)
        self._operations = operations

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then do what the base class does."""
        self._operations.drain()
        # One turn of the loop, so that streams that wait for it send their last words on open connections.
        await asyncio.sleep(0)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals while serving. Unlike the base class this raises none of them again: an end in order is a success."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(*, host: str, port: int | None, fd: int | None = None, gate: int | None = None) -> None:
    """Serve until a signal asks to stop.

    Args:
        host: Address to listen on.
        port: Port to listen on; None takes the setting.
        fd: A socket that listens already and that somebody else keeps open, instead of both.
        gate: A pipe; nothing is served before its other end is closed.

    Raises:
        StackError: A setting is wrong, or the port cannot be had.
    """
    settings = load_settings()
    server = _server(settings)
    listener = socket.socket(fileno=fd) if fd is not None else listen(host, settings.api_port if port is None else port)
    if fd is None:
        logging.getLogger(__name__).info("Listening on %s, port %s", *listener.getsockname()[:2])
    # What is loaded by now stays: the collector need not look through it at every turn.
    gc.collect()
    gc.freeze()
    if gate is not None:
        os.read(gate, 1)
    server.run(sockets=[listener])


def _server(settings: Settings) -> DrainingServer:
    configure_logging(settings.log_level)
    try:
        app = create_app(settings)
    except ValueError as error:
        raise StackError(str(error)) from error
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedHeaders,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        # No proxy is in front: X-Forwarded-For would be anybody's word.
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE,
    )
    return DrainingServer(config, app.state.services.operations)
