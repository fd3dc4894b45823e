"""Keeps the shop's servers running: what ends is started again, for ever."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brownout import backoff
from inventario.stack.layout import read_json, write_json
from inventario.stack.logs import bound
from inventario.stack.process import boot, children_of, kill_tree, spawn, started_at
from inventario.stack.server import Server
from inventario.stack.signals import Signals

__all__ = ["Child", "Supervisor", "replace_leftovers"]

_WAITS = backoff(0.2, up_to=5)
# A server that ran for this long was well: its next end is a new story, and it is started again at once.
_WELL_AFTER = 10.0
_LOGS_EVERY = 5.0
_TOLD_EACH_TIME, _TOLD_EVERY = 6, 60
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(slots=True)
class Child:
    """A server and the process that is it now. Times are monotonic seconds, but ``since``, which is the clock's."""

    server: Server
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    since: float = 0.0
    restarts: int = 0
    quick_deaths: int = 0
    due: float | None = None


class Supervisor:
    """Starts, watches and stops servers. All of it happens in the thread that calls it, which must be the main one (see `process.spawn`)."""

    def __init__(self, state: Path, signals: Signals, say: Callable[[str], None], facts: dict[str, Any]) -> None:
        """Prepare.

        Args:
            state: File that says what runs, for `inventario status` and for the next start.
            signals: Wakes us.
            say: Takes a line for the person at the terminal; must not block.
            facts: What else the file says.
        """
        self._state, self._signals, self._say = state, signals, say
        self._facts = facts | {"boot": boot(), "pid": os.getpid(), "started": started_at(os.getpid())}
        self._children: dict[str, Child] = {}
        self._others: list[subprocess.Popen[bytes]] = []
        self._logs_due = 0.0
        # Processes that a dead server leaves behind become our children, so that we can end and reap them.
        _adopt_orphans(1)

    def __getitem__(self, name: str) -> Child:
        return self._children[name]

    def __contains__(self, name: str) -> bool:
        return name in self._children

    def start(self, server: Server) -> None:
        """Start *server* and keep it running from now on.

        Raises:
            OSError: It cannot be started at all.
        """
        child = self._children[server.name] = Child(server)
        self._spawn(child)
        self._write_state()

    def tolerate(self, process: subprocess.Popen[bytes]) -> None:
        """Leave *process* alone: it is a child of ours, but its caller looks after it."""
        self._others.append(process)

    def turn(self, seconds: float, readers: Sequence[int] = ()) -> list[int]:
        """Wait *seconds* at most, see to the children, and return the *readers* that have something to read."""
        now = time.monotonic()
        waits = [seconds, self._logs_due - now, *(child.due - now for child in self._children.values() if child.due is not None)]
        ready = self._signals.wait(min(waits), readers)
        changes = [self._tend(child) for child in self._children.values()]
        self._reap_orphans()
        if time.monotonic() >= self._logs_due:
            self._logs_due = time.monotonic() + _LOGS_EVERY
            for child in self._children.values():
                bound(child.server.log)
        if any(changes):
            self._write_state()
        return ready

    def stop(self, groups: Iterable[Iterable[str]]) -> None:
        """Stop one group of servers after the other, the members of each together. A second request to stop cuts the waiting short."""
        # The first request, if there was one, is why we are here; any further one means haste, also one that came before this line.
        asked = min(self._signals.stops, 1)
        for group in groups:
            self._stop_together([self._children[name] for name in group if name in self._children], asked)
        with contextlib.suppress(OSError):
            self._state.unlink(missing_ok=True)
        _adopt_orphans(0)

    def _tend(self, child: Child) -> bool:
        """Notice that a child has ended, or start it again when its time has come. Return whether anything changed."""
        status = None if child.process is None else child.process.poll()
        if status is not None:
            self._note_end(child, status)
        if child.due is None or time.monotonic() < child.due:
            return status is not None
        child.restarts += 1
        child.due = None
        try:
            self._end_leftovers(child)
            self._spawn(child)
        except OSError as error:
            self._note_end(child, error.errno or 1)
        return True

    def _note_end(self, child: Child, status: int) -> None:
        now = time.monotonic()
        if now - child.started >= _WELL_AFTER:
            child.quick_deaths = 0
        wait = _WAITS.delay(child.quick_deaths - 1) if child.quick_deaths else 0.0
        child.process, child.due = None, now + wait
        child.quick_deaths += 1
        again = f"in {wait:.1f} s" if wait else "at once"
        # What keeps failing is told less and less often, and tried as often as before.
        if child.quick_deaths <= _TOLD_EACH_TIME or child.quick_deaths % _TOLD_EVERY == 0:
            self._say(f"{child.server.name} {_how(status)}; starting it again {again}. Its log: {child.server.log}")

    def _spawn(self, child: Child) -> None:
        server = child.server
        if server.clear is not None:
            server.clear()
        child.started, child.since = time.monotonic(), time.time()
        child.process = spawn(
            server.command,
            log=server.log,
            death_signal=server.death_signal,
            user=server.user,
            environment=server.environment,
            pass_fds=server.pass_fds,
        )

    def _end_leftovers(self, child: Child) -> None:
        """End what a PostgreSQL that was killed has left behind: any of its backends would keep the next one out."""
        if child.server.death_signal is signal.SIGQUIT:
            known = {process.pid for process in self._processes()}
            for pid in children_of(os.getpid()):
                if pid not in known:
                    kill_tree(pid)

    def _reap_orphans(self) -> None:
        known = {process.pid for process in self._processes()}
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in known:
                os.waitpid(ended.si_pid, os.WNOHANG)

    def _processes(self) -> list[subprocess.Popen[bytes]]:
        return [*(child.process for child in self._children.values() if child.process is not None), *self._others]

    def _stop_together(self, children: list[Child], asked: int) -> None:
        began = time.monotonic()
        living = [child for child in children if child.process is not None and child.process.poll() is None]
        for child in living:
            assert child.process is not None  # noqa: S101 - narrowed above
            child.process.send_signal(child.server.stop_signal)
        while living:
            self._signals.wait(0.1)
            passed = time.monotonic() - began
            for child in list(living):
                assert child.process is not None  # noqa: S101
                if child.process.poll() is not None:
                    living.remove(child)
                elif passed > child.server.patience or self._signals.stops > asked:
                    kill_tree(child.process.pid)
        for child in children:
            if child.server.clear is not None:
                child.server.clear()

    def _write_state(self) -> None:
        servers = [
            {
                "name": child.server.name,
                "pid": None if child.process is None else child.process.pid,
                "started": None if child.process is None else started_at(child.process.pid),
                "port": child.server.port,
                "restarts": child.restarts,
                "since": child.since,
            }
            for child in self._children.values()
        ]
        # A full disk must not end the supervisor: the file is a convenience, the shop is not.
        with contextlib.suppress(OSError):
            write_json(self._state, self._facts | {"servers": servers})


def replace_leftovers(state: Path) -> list[str]:
    """End servers that an earlier supervisor left running, and return their names.

    The kernel ends them with the supervisor; a frozen PostgreSQL, though, hears nothing. A number alone could meanwhile belong to another process, so the
    time of its start has to agree as well.
    """
    ended: list[str] = []
    found = read_json(state)
    if found.get("boot") != boot():
        return ended
    for server in found.get("servers", []):
        pid, born = server.get("pid"), server.get("started")
        if pid is not None and born is not None and started_at(pid) == born:
            kill_tree(pid)
            ended.append(str(server["name"]))
    return ended


def _adopt_orphans(adopt: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, adopt, 0, 0, 0)


def _how(status: int) -> str:
    """Say in words how a process ended."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
