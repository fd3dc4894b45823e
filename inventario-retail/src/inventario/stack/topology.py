"""Which servers a shop consists of, and what each is told about the others."""

from __future__ import annotations

import secrets
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from inventario.stack import binaries, ports
from inventario.stack.layout import Layout
from inventario.stack.ports import LOOPBACK
from inventario.stack.postgres import DEATH_SIGNAL, SUPERUSER, Postgres
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


def plan(layout: Layout, variables: Mapping[str, str], port: int, tell: Callable[[str], None]) -> Topology:
    """Decide what to start, given the environment's *variables* and the dashboard's *port*. *tell* gets what had to be repaired for that.

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
        _replace_lost_passwords(layout, postgres, tell)
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


def _replace_lost_passwords(layout: Layout, postgres: Postgres, tell: Callable[[str], None]) -> None:
    """Give the database new passwords in place of lost ones. It alone knows them, so a new secret by itself would only be refused."""
    roles = {SUPERUSER: SUPERUSER, "database": DATABASE}
    lost = [name for name in roles if layout.kept_secret(name) is None]
    if not lost or not postgres.directory.exists():
        return
    new = {name: secrets.token_hex(24) for name in lost}
    tell(f"  The database's password in {' and '.join(str(layout.secrets / name) for name in lost)} is lost: setting a new one")
    postgres.set_passwords({roles[name]: password for name, password in new.items()}, layout.logs / "postgresql.log")
    # Only now: a start that is cut off before finds them lost again.
    for name, password in new.items():
        layout.write_secret(name, password)


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
