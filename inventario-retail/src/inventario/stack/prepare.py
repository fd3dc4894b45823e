"""Brings the servers to where the dashboard expects them: a program of its own that tells the supervisor how far it is.

It runs beside the dashboard, which meanwhile loads its modules. Everything here may be cut off at any point and begin anew: each step is either
one transaction or harmless to repeat, and `setup.json` says which ones are done.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from inventario.errors import DependencyUnavailable
from inventario.stack.configuration import load_settings
from inventario.stack.errors import StackError, reason
from inventario.stack.job import CREDENTIALS, PENDING, Job
from inventario.stack.layout import Layout, read_json, write_json
from inventario.stack.ports import LOOPBACK
from inventario.stack.postgres import SUPERUSER
from inventario.stack.seaweedfs import ACCESS_KEY, SECRET_KEY, Bucket
from inventario.stack.topology import DATABASE
from inventario.stack.valkey import PASSWORD, answers

__all__ = ["main"]

_FULL = "53100"

Tell = Callable[..., None]


def main(arguments: list[str]) -> None:
    """Do the job that the second argument describes in JSON, and write one JSON object a line to the file whose number is the first."""
    events, job = int(arguments[0]), Job(**json.loads(arguments[1]))

    def tell(**event: Any) -> None:
        os.write(events, json.dumps(event).encode() + b"\n")

    try:
        settings = load_settings()
        _prepare_database(job, settings.require_database_url(), tell)
    except StackError as error:
        tell(failed=str(error))
        sys.exit(1)
    tell(prepared=True)
    _await_caches(job, settings.s3_bucket_name, tell)


def _prepare_database(job: Job, url: str, tell: Tell) -> None:
    """Try until it is done: a server that goes away meanwhile is started again by the supervisor."""
    complained = False
    began = time.monotonic()
    while True:
        try:
            if job.postgres_port is not None:
                _prepare_server(job, job.postgres_port)
            _prepare_schema(job, url, tell)
        except Exception as error:
            lost = _lost(error)
            if lost is None:
                raise
            if lost.sqlstate == _FULL:
                raise StackError(f"The disk of the database is full. Free some space in {job.root}, and start again.") from error
            _refuse_wrong_password(job, lost)
            if not complained and time.monotonic() - began > 5:
                complained = True
                tell(waiting=reason(lost))
            time.sleep(0.02 if time.monotonic() - began < 5 else 0.5)
        else:
            return


def _refuse_wrong_password(job: Job, lost: psycopg.Error) -> None:
    """Give up where waiting cannot help. Our own server says this in English."""
    if job.postgres_port is not None and "password authentication failed" in str(lost):
        secret = Layout(Path(job.root)).secrets / (SUPERUSER if f'"{SUPERUSER}"' in str(lost) else "database")
        raise StackError(f"PostgreSQL refuses the password in {secret}. Remove that file: the next start sets a new one.") from lost


def _lost(error: Exception) -> psycopg.Error | None:
    """Return what the driver said when the server went away, also through alembic's and our own services' errors; None for other errors."""
    cause = error.__cause__ if isinstance(error, DependencyUnavailable) else getattr(error, "orig", error)
    return cause if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError) else None


def _prepare_server(job: Job, port: int) -> None:
    """Make the role and the database of the shop: it does not work as superuser, so that what is revoked is really out of its reach."""
    layout = Layout(Path(job.root))
    url = f"postgresql://{SUPERUSER}:{layout.secret('postgres')}@{LOOPBACK}:{port}/postgres"
    role, password = sql.Identifier(DATABASE), sql.Literal(layout.secret("database"))
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [DATABASE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))


def _prepare_schema(job: Job, url: str, tell: Tell) -> None:
    from inventario.migrations import migrate  # noqa: PLC0415 - while the server starts

    with psycopg.connect(url, connect_timeout=5) as connection:
        version = connection.info.parameter_status("server_version") or ""
    where = "of DATABASE_URL" if job.postgres_port is None else f"on {LOOPBACK}:{job.postgres_port}"
    tell(connected=f"PostgreSQL {version.split()[0]} {where}")
    before, after = migrate(url)
    tell(done=f"Schema {after}" if before == after else f"Schema {after}, was {before or 'empty'}")
    setup = Layout(Path(job.root)).setup
    _load_sample(job, url, setup, tell)
    _make_credentials(job, url, setup, tell)


def _load_sample(job: Job, url: str, setup: Path, tell: Tell) -> None:
    if "sample" in read_json(setup):
        return
    outcome = "left out"
    if job.sample:
        from inventario.sample.service import load_sample  # noqa: PLC0415 - on the first start only

        def progress(share: float) -> None:
            tell(progress="Sample shop", share=share)

        outcome = load_sample(url, progress)
        tell(done=f"Sample shop: {outcome}")
    write_json(setup, read_json(setup) | {"sample": outcome})


def _make_credentials(job: Job, url: str, setup: Path, tell: Tell) -> None:
    """Make the owner's login and a key on the first start, and again as long as nobody has seen them: they are kept nowhere."""
    state = read_json(setup).get(CREDENTIALS)
    if state not in {None, PENDING}:
        return
    from inventario.accounts.commands import create_key, create_owner, reset_owner  # noqa: PLC0415 - on the first start only

    write_json(setup, read_json(setup) | {CREDENTIALS: PENDING})
    owner = create_owner(url)
    # A login that an earlier, cut-off start made here is unknown to everybody. In a database of somebody else's it may well be known.
    if owner is None and state == PENDING and job.postgres_port is not None:
        owner = reset_owner(url)
    if owner is None:
        write_json(setup, read_json(setup) | {CREDENTIALS: "made elsewhere"})
        return
    key = create_key(url, "first start", ["read", "write"])
    tell(credentials={"name": owner[0], "password": owner[1], "key": key})


def _await_caches(job: Job, bucket_name: str, tell: Tell) -> None:
    """Wait for the servers that the dashboard can start without."""
    layout = Layout(Path(job.root))
    waits: dict[str, tuple[int, Callable[[], bool]]] = {}
    if job.valkey_port is not None:
        port, password = job.valkey_port, layout.secret(PASSWORD)
        waits["Valkey"] = port, lambda: answers(port, password)
    if job.s3_port is not None:
        bucket = Bucket(job.s3_port, layout.secret(ACCESS_KEY), layout.secret(SECRET_KEY), bucket_name)
        waits["SeaweedFS"] = job.s3_port, bucket.works
    deadline = time.monotonic() + 30
    while waits and time.monotonic() < deadline:
        for name, (port, works) in list(waits.items()):
            if works():
                del waits[name]
                tell(done=f"{name} on {LOOPBACK}:{port}")
        time.sleep(0.05 if waits else 0)
    for name in waits:
        tell(problem=f"{name} does not answer. The shop works without it; its log is in {layout.logs}.")


if __name__ == "__main__":
    main(sys.argv[1:])
