"""`inventario status`: what runs, as far as this machine can tell."""

from __future__ import annotations

import http.client
import json
import socket
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inventario.stack.configuration import load_settings
from inventario.stack.layout import Layout, read_json
from inventario.stack.ports import LOOPBACK
from inventario.stack.process import boot, started_at

__all__ = ["ServerStatus", "Status", "inspect", "show"]


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server. ``pid``, ``restarts`` and ``since`` (seconds since 1970) are null where it is not ours; ``running`` then says whether it listens."""

    name: str
    running: bool
    address: str
    pid: int | None = None
    restarts: int | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The shop. ``schema`` is the revision the database stands at, null where it does not answer; ``schema_expected`` is this release's."""

    ok: bool
    data: str
    supervisor: int | None
    dashboard: str
    answers: bool
    schema: str | None
    schema_expected: str
    servers: list[ServerStatus]

    def as_json(self) -> str:
        """Return all of it for programs."""
        return json.dumps(asdict(self), indent=2)


def inspect(data: Path) -> Status:
    """Look at everything once.

    Raises:
        StackError: A setting is wrong.
    """
    from inventario.migrations import HEAD  # noqa: PLC0415

    settings = load_settings()
    state = read_json(Layout(data).state)
    if state.get("boot") != boot():
        state = {}
    supervisor = state.get("pid") if _same(state.get("pid"), state.get("started")) else None
    servers = [_ours(server, supervised=supervisor is not None) for server in state.get("servers", [])]
    known = {server.name for server in servers}
    servers += [server for server in _foreign(settings) if server.name not in known]
    host, port = state.get("host", LOOPBACK), state.get("port", settings.api_port)
    answers = _answers(host, port)
    schema = _schema(settings)
    return Status(
        ok=answers and schema == HEAD and all(server.running for server in servers),
        data=str(data),
        supervisor=supervisor,
        dashboard=f"http://{host}:{port}",
        answers=answers,
        schema=schema,
        schema_expected=HEAD,
        servers=servers,
    )


def show(status: Status) -> str:
    """Return the status for people."""
    lines = [
        f"{'ok' if status.ok else 'DOWN':<5} {status.dashboard} {'answers' if status.answers else 'does not answer'}",
        f"      data    {status.data}",
        f"      schema  {status.schema or 'unknown'}{'' if status.schema == status.schema_expected else f', this release expects {status.schema_expected}'}",
    ]
    if status.supervisor is None:
        lines.append("      `inventario up` does not run on this data directory")
    for server in status.servers:
        detail = server.address
        if server.pid is not None and server.since is not None:
            detail += f"  process {server.pid}, up {_span(time.time() - server.since)}, started again {server.restarts} times"
        lines.append(f"{'ok' if server.running else 'DOWN':<5} {server.name:<11} {detail}")
    return "\n".join(lines)


def _ours(server: dict[str, Any], *, supervised: bool) -> ServerStatus:
    running = _same(server.get("pid"), server.get("started"))
    return ServerStatus(
        name=str(server["name"]),
        running=running and supervised,
        address=f"{LOOPBACK}:{server['port']}",
        pid=server["pid"] if running else None,
        restarts=server["restarts"],
        since=server["since"] if running else None,
    )


def _foreign(settings: Any) -> list[ServerStatus]:
    """Return the servers that the environment names; never with their passwords."""
    found = []
    if settings.database_url is not None:
        parts = urlsplit(settings.database_url.get_secret_value())
        found.append(_listening("PostgreSQL", parts.hostname or "localhost", parts.port or 5432))
    if settings.redis_host:
        found.append(_listening("Valkey", settings.redis_host, settings.redis_port))
    if settings.s3_endpoint_url:
        parts = urlsplit(settings.s3_endpoint_url)
        found.append(_listening("SeaweedFS", parts.hostname or "localhost", parts.port or (443 if parts.scheme == "https" else 80)))
    return found


def _listening(name: str, host: str, port: int) -> ServerStatus:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return ServerStatus(name, running=False, address=f"{host}:{port}")
    return ServerStatus(name, running=True, address=f"{host}:{port}")


def _answers(host: str, port: int) -> bool:
    target = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - "any address" is compared, not used
    with closing(http.client.HTTPConnection(target, port, timeout=3)) as connection:
        try:
            connection.request("GET", "/livez")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False


def _schema(settings: Any) -> str | None:
    import psycopg  # noqa: PLC0415

    from inventario.migrations import current_revision  # noqa: PLC0415

    if settings.database_url is None:
        return None
    try:
        return current_revision(settings.database_url.get_secret_value())
    except psycopg.Error:
        return None


def _same(pid: Any, started: Any) -> bool:
    return isinstance(pid, int) and started is not None and started_at(pid) == started


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
