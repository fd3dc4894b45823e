"""Opening the shop: servers, schema, sample and dashboard, as much of it at once as possible."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inventario.stack.errors import StackError
from inventario.stack.job import CREDENTIALS, SHOWN, Job
from inventario.stack.layout import read_json, write_json
from inventario.stack.logs import tail
from inventario.stack.postgres import SUPERUSER, Initialisation
from inventario.stack.process import spawn
from inventario.stack.supervisor import Supervisor
from inventario.stack.terminal import Terminal
from inventario.stack.topology import DASHBOARD, POSTGRES, Topology

__all__ = ["Opening"]

# The dashboard does not wait longer than this for a database: it starts without one, and says what works.
_PATIENCE = 5.0
# Ends in a row, each soon after the start, that mean: it will not start.
_HOPELESS = 3
_IDLE = 60.0
_SMALLEST = 2**20


class Opening:
    """What happens between the first process and the first answer, as steps that the main loop takes while it supervises."""

    def __init__(self, topology: Topology, supervisor: Supervisor, terminal: Terminal, *, host: str, port: int, sample: bool) -> None:
        """Prepare; `begin` starts the first processes."""
        self._topology, self._supervisor, self._terminal = topology, supervisor, terminal
        self._layout = topology.layout
        self._host, self._port, self._sample = host, port, sample
        self._began = time.monotonic()
        self._new = not self._layout.setup.exists()
        self._initialisation: Initialisation | None = None
        self._preparation: subprocess.Popen[bytes] | None = None
        self._preparations = 0
        self._events: int | None = None
        self._heard = b""
        self._gate: int | None = None
        self._probe: socket.socket | None = None
        self._connected = self._prepared = self._answered = self._failed = False
        self._waiting_since = self._began
        self._credentials: dict[str, str] | None = None

    def begin(self, listener: int) -> None:
        """Start everything that needs nothing else.

        Raises:
            StackError: A server cannot be started.
            OSError: The data directory cannot be written.
        """
        postgres = self._topology.postgres
        if postgres is not None and not postgres.directory.exists():
            self._terminal.line("  A new data directory: making the database. The next start is faster.")
            self._initialisation = Initialisation(postgres, self._layout.secret(SUPERUSER), self._log(POSTGRES))
            self._supervisor.tolerate(self._initialisation.process)
        elif postgres is not None:
            self._supervisor.start(self._topology.database())
        self._prepare()
        # The dashboard loads its modules meanwhile, and takes connections once this pipe's other end is closed. A dashboard that is started again
        # later finds it closed.
        waiting, self._gate = os.pipe()
        self._supervisor.start(self._topology.dashboard(self._port, listener=listener, gate=waiting))
        for server in self._topology.caches:
            self._supervisor.start(server)

    def turn(self) -> None:
        """Wait for something to happen, and do what it makes possible.

        Raises:
            StackError: The shop cannot be opened; the text says why.
        """
        wait = _IDLE if self._answered else 1.0
        if self._may_give_up_waiting():
            wait = max(0.05, self._waiting_since + _PATIENCE - time.monotonic())
        readers = [] if self._events is None else [self._events]
        readers += [] if self._probe is None else [self._probe.fileno()]
        ready = self._supervisor.turn(wait, readers)
        if self._initialisation is not None and self._initialisation.done():
            self._initialisation = None
            self._waiting_since = time.monotonic()
            self._supervisor.start(self._topology.database())
        if self._events in ready:
            self._listen()
        self._look_after_preparation()
        if not self._answered:
            self._give_up_when_hopeless()
            self._open_gate_when_due()
            self._look_for_answer(ready)

    def abandon(self) -> None:
        """End what is only there for the opening."""
        if self._initialisation is not None:
            self._initialisation.stop()
        if self._preparation is not None:
            self._preparation.kill()
            self._preparation.wait()
        for pipe in (self._gate, self._events):
            if pipe is not None:
                os.close(pipe)
        if self._probe is not None:
            self._probe.close()

    def _prepare(self) -> None:
        ports = self._topology.ports
        postgres = self._topology.postgres
        job = Job(
            str(self._layout.root),
            self._sample,
            postgres_port=None if postgres is None else postgres.port,
            valkey_port=ports.get("valkey"),
            s3_port=ports.get("s3"),
        )
        self._events, theirs = os.pipe()
        command = [sys.executable, "-P", "-m", "inventario.stack.prepare", str(theirs), json.dumps(asdict(job))]
        try:
            self._preparation = spawn(command, log=self._log("preparation"), environment=self._topology.environment, pass_fds=(theirs,))
        finally:
            os.close(theirs)
        self._supervisor.tolerate(self._preparation)
        self._preparations += 1

    def _listen(self) -> None:
        assert self._events is not None  # noqa: S101 - it was ready
        heard = os.read(self._events, 65_536)
        if not heard:
            os.close(self._events)
            self._events = None
        *lines, self._heard = (self._heard + heard).split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def _take(self, event: dict[str, Any]) -> None:
        match event:
            case {"connected": text}:
                self._connected = True
                self._terminal.done(text)
            case {"done": text}:
                self._terminal.done(text)
            case {"progress": text, "share": share}:
                self._terminal.progress(text, share)
            case {"problem": text}:
                self._terminal.problem(text)
            case {"waiting": reason}:
                self._terminal.problem(f"The database does not answer yet ({reason}). Trying on.")
            case {"credentials": credentials}:
                self._credentials = credentials
            case {"prepared": True}:
                self._prepared = True
            case {"failed": reason}:
                self._fail(StackError(reason))
        if self._answered and self._credentials:
            self._announce_credentials()

    def _look_after_preparation(self) -> None:
        status = None if self._preparation is None else self._preparation.poll()
        if status is None or self._events is not None:
            return
        self._preparation = None
        if status < 0 and self._preparations < _HOPELESS:
            # Somebody has killed it; every step of it may be repeated.
            self._prepare()
        elif status != 0 and not self._failed:
            self._fail(self._failure("The database could not be prepared", self._log("preparation")))

    def _fail(self, error: StackError) -> None:
        """Give up, unless the dashboard is open already, without a database: then it stays so, and whoever sits there is told."""
        self._failed = True
        if not self._answered:
            raise error
        self._terminal.problem(f"{error} The dashboard goes on without it; start again after that.")

    def _give_up_when_hopeless(self) -> None:
        if self._quick_deaths(DASHBOARD) >= _HOPELESS:
            raise self._failure("The dashboard does not start", self._log(DASHBOARD))
        if self._quick_deaths(POSTGRES) >= _HOPELESS and (self._new or self._disk_is_full()):
            raise self._failure("PostgreSQL does not start", self._log(POSTGRES))

    def _open_gate_when_due(self) -> None:
        late = self._may_give_up_waiting() and time.monotonic() - self._waiting_since > _PATIENCE
        if self._gate is None or not (self._prepared or late):
            return
        if late:
            self._terminal.problem(f"The database is not ready; the dashboard starts without it. See {self._log(POSTGRES)}")
        os.close(self._gate)
        self._gate = None

    def _may_give_up_waiting(self) -> bool:
        """Tell whether a silent database is all we wait for. Once it has answered, its schema comes first, however long that takes."""
        return self._gate is not None and self._initialisation is None and not self._connected

    def _look_for_answer(self, ready: list[int]) -> None:
        """Ask the dashboard whether it lives; the connection waits in the listening socket until it is there to answer."""
        if self._probe is not None and self._probe.fileno() in ready:
            with contextlib.closing(self._probe) as probe:
                self._probe = None
                with contextlib.suppress(OSError):
                    self._answered = probe.recv(64).startswith(b"HTTP/1.")
            if self._answered:
                self._announce()
        if self._gate is None and self._probe is None and not self._answered:
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 - "any address" is compared, not used
            with contextlib.suppress(OSError):
                self._probe = socket.create_connection((host, self._port), timeout=1)
                self._probe.sendall(f"GET /livez HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    def _announce(self) -> None:
        host = "127.0.0.1" if self._host in {"0.0.0.0", "::"} else self._host  # noqa: S104 - as above
        address = f"http://[{host}]:{self._port}" if ":" in host else f"http://{host}:{self._port}"
        program = self._program()
        lines = [
            "",
            f"  Dashboard   {address}   (ready after {time.monotonic() - self._began:.1f} s)",
            f"  Data        {self._layout.root}",
            f"  New login   {program} owner reset",
            f"  New key     {program} key create --name NAME --scope read --scope write",
            "  Stop        Ctrl-C",
        ]
        for line in lines:
            self._terminal.line(line)
        if self._credentials:
            self._announce_credentials()
        else:
            self._terminal.line("")

    def _announce_credentials(self) -> None:
        assert self._credentials is not None  # noqa: S101 - the callers looked
        credentials, self._credentials = self._credentials, None
        self._terminal.line("")
        self._terminal.line("  Shown this once, kept nowhere:")
        self._terminal.line(f"  Owner       {credentials['name']}")
        self._terminal.line(f"  Password    {credentials['password']}")
        self._terminal.line(f"  API key     {credentials['key']}")
        self._terminal.line("")
        # Only now are they handed out; a start that is cut off before makes new ones next time.
        if self._terminal.flush():
            try:
                write_json(self._layout.setup, read_json(self._layout.setup) | {CREDENTIALS: SHOWN})
            except OSError as error:
                self._terminal.problem(f"That could not be noted ({error.strerror}), so the next start makes another login.")

    def _program(self) -> str:
        """Return how to call this program for this shop from the present directory."""
        program = Path(sys.executable).with_name("inventario")
        here = Path.cwd()
        parts = [str(program.relative_to(here)) if program.is_relative_to(here) else str(program)]
        if self._layout.root != here / "var":
            parts += ["--data", str(self._layout.root)]
        return shlex.join(parts)

    def _quick_deaths(self, name: str) -> int:
        return self._supervisor[name].quick_deaths if name in self._supervisor else 0

    def _failure(self, what: str, log: Path) -> StackError:
        if self._disk_is_full():
            return StackError(
                f"The disk of {self._layout.root} is full. Free some space there, or choose another place with --data DIRECTORY."
            )
        reason = next((line.strip() for line in reversed(tail(log)) if line.strip()), "it gave no reason")
        return StackError(f"{what}: {reason}. See {log}.")

    def _disk_is_full(self) -> bool:
        space = os.statvfs(self._layout.root)
        return space.f_bavail * space.f_frsize < _SMALLEST

    def _log(self, name: str) -> Path:
        return self._layout.logs / f"{name.lower()}.log"
