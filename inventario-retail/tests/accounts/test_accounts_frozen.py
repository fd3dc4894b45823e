"""Who may come in while PostgreSQL is frozen: it holds its connections and answers nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inventario.accounts.service import Accounts
from inventario.errors import DependencyUnavailable
from inventario.migrations import migrate
from inventario.platform.postgres import Database
from inventario.stack.testing import running_postgres


@contextmanager
def frozen(directory: Path) -> Iterator[None]:
    """Stop the server in *directory* with all of its processes until the end of the block."""
    postmaster = int((directory / "data" / "postmaster.pid").read_text().splitlines()[0])
    pids = [postmaster]
    try:
        # Stopped first, the postmaster starts no further backend.
        os.kill(postmaster, signal.SIGSTOP)
        pids += _children(postmaster)
        for pid in pids[1:]:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


def _children(parent: int) -> list[int]:
    return [int(pid) for task in Path(f"/proc/{parent}/task").iterdir() for pid in (task / "children").read_text().split()]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_who_was_known_comes_in_and_who_was_not_is_told_to_come_back(tmp_path: Path) -> None:
    clock = Clock()
    with running_postgres(tmp_path / "postgres", durable=False) as url:
        migrate(url)
        database = Database(url)
        await database.open()
        accounts = Accounts(database, clock=clock)
        known, new = [await accounts.create_key(name, ["read"]) for name in ("known", "new")]
        await accounts.by_key(known.text)
        clock.now += 3600
        started = time.monotonic()
        with frozen(tmp_path / "postgres"):
            assert (await accounts.by_key(known.text)).name == "key:known"
            for _ in range(2):
                with pytest.raises(DependencyUnavailable):
                    await accounts.by_key(new.text)
            # A bound on a hang, not a measurement: each of the three waits for a second at most.
            assert time.monotonic() - started < 20
        assert (await accounts.by_key(new.text)).name == "key:new"
        await database.close()
