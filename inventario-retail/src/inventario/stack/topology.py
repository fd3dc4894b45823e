"""Which servers a shop consists of, and what each is told about the others."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from inventario.stack import binaries, ports
from inventario.stack.layout import Layout
from inventario.stack.ports import LOOPBACK
from inventario.stack.postgres import DEATH_SIGNAL, Postgres
from inventario.stack.privileges import postgres_user
from inventario.stack.seaweedfs import ACCESS_KEY, PORTS, SECRET_KEY, seaweedfs
from inventario.stack.server import Server
from inventario.stack.valkey import PASSWORD, valkey

__all__ = ["DASHBOARD", "DATABASE", "POSTGRES", "STOP_ORDER", "Topology", "plan"]

POSTGRES, DASHBOARD = "PostgreSQL", "Dashboard"
# The name of the shop's database, and of the role that owns it.
DATABASE = "inventario"
# The dashboard first: it finishes what it has begun while the others are still there.
STOP_ORDER = ((DASHBOARD,), ("Valkey", "SeaweedFS", POSTGRES))

# Variables that say where a server is. Any of the first kind set means: it is somebody else's, start none.
_DATABASE = ("DATABASE_URL", "DATABASE_URL_FILE")
_REDIS = ("REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE")
_S3 = (
    "S3_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCESS_KEY_ID_FILE",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_ACCESS_KEY_FILE",
    "AWS_REGION",
)


@dataclass(frozen=True, slots=True)
class Topology:
    """A shop's servers.

    ``postgres`` is None where the database is somebody else's. ``ports`` has the loopback port of each embedded server, under the names that the kept
    ports have. ``environment`` is what our own programs get.
    """

    layout: Layout
    postgres: Postgres | None
    caches: tuple[Server, ...]
    ports: dict[str, int]
    environment: dict[str, str]

    def database(self) -> Server:
        """Describe PostgreSQL.

        It dies by SIGQUIT with us, see `postgres.DEATH_SIGNAL`. SIGINT, its fast shutdown, does not wait for clients to leave.
        """
        assert self.postgres is not None  # noqa: S101 - asked for only where it is ours
        return Server(
            POSTGRES,
            self.postgres.command,
            self.postgres.port,
            self.layout.logs / "postgresql.log",
            death_signal=DEATH_SIGNAL,
            stop_signal=signal.SIGINT,
            patience=20,
            user=self.postgres.user,
            clear=self.postgres.clear,
        )

    def dashboard(self, port: int, *, listener: int, gate: int) -> Server:
        """Describe the dashboard, which takes connections from *listener* as soon as the other end of *gate* is closed.

        It dies by SIGKILL with us: the database goes at the same moment, so there is nothing left to finish, and everything acknowledged is committed.
        """
        command = [*_program(), "serve", "--data", str(self.layout.root), "--fd", str(listener), "--gate", str(gate)]
        return Server(
            DASHBOARD,
            command,
            port,
            self.layout.logs / "dashboard.log",
            patience=15,
            environment=self.environment,
            pass_fds=(listener, gate),
        )


def plan(layout: Layout, variables: Mapping[str, str], port: int) -> Topology:
    """Decide what to start, given the environment's *variables* and the dashboard's *port*.

    Raises:
        StackError: A program is missing, or PostgreSQL cannot run here.
        OSError: The data directory cannot be written.
    """
    own = {name: value for name, value in variables.items() if value or name not in {*_DATABASE, *_REDIS, *_S3}}
    ours = {
        "postgres": not any(name in own for name in _DATABASE),
        "valkey": "REDIS_HOST" not in own,
        "s3": "S3_ENDPOINT_URL" not in own,
    }
    names = [name for name in ("postgres", "valkey") if ours[name]] + (list(PORTS) if ours["s3"] else [])
    found = ports.kept(layout.root / "ports.json", names)
    caches = []
    environment = own | {"INVENTARIO_DATA": str(layout.root), "API_PORT": str(port)}
    if ours["valkey"]:
        caches.append(valkey(layout, found["valkey"]))
        _replace(environment, _REDIS, _redis_variables(layout, found["valkey"]))
    if ours["s3"]:
        caches.append(seaweedfs(layout, found))
        _replace(environment, _S3, _s3_variables(layout, found["s3"]))
    postgres = _postgres(layout, found["postgres"]) if ours["postgres"] else None
    if postgres is not None:
        url = postgres.url(DATABASE, layout.secret("database"), DATABASE)
        _replace(environment, _DATABASE, {"DATABASE_URL_FILE": str(layout.write_secret("database-url", url))})
    return Topology(layout, postgres, tuple(caches), found, environment)


def _program() -> list[str]:
    # -P: a file in the present directory must not stand in for a module of ours.
    return [sys.executable, "-P", "-m", "inventario"]


def _postgres(layout: Layout, port: int) -> Postgres:
    programs = binaries.postgres_directory()
    user = postgres_user(programs / "postgres", layout.postgres, layout.logs / "postgresql.log")
    return Postgres(programs, layout.postgres, port, user)


def _redis_variables(layout: Layout, port: int) -> dict[str, str]:
    return {"REDIS_HOST": LOOPBACK, "REDIS_PORT": str(port), "REDIS_PASSWORD_FILE": str(layout.secrets / PASSWORD)}


def _s3_variables(layout: Layout, port: int) -> dict[str, str]:
    return {
        "S3_ENDPOINT_URL": f"http://{LOOPBACK}:{port}",
        "AWS_ACCESS_KEY_ID_FILE": str(layout.secrets / ACCESS_KEY),
        "AWS_SECRET_ACCESS_KEY_FILE": str(layout.secrets / SECRET_KEY),
    }


def _replace(environment: dict[str, str], names: tuple[str, ...], values: dict[str, str]) -> None:
    for name in names:
        environment.pop(name, None)
    environment.update(values)
