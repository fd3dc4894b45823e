"""Starting and ending the processes that the shop consists of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["boot", "children_of", "end", "kill_tree", "spawn", "started_at"]

_LAUNCHER = Path(__file__).with_name("launcher.py")

# What a server needs of our environment. The rest stays out: PGPORT or a REDIS_ variable of the person at the terminal is not meant for it.
_KEPT = ("HOME", "PATH", "TMPDIR", "TZ", "LD_LIBRARY_PATH")


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    death_signal: signal.Signals = signal.SIGKILL,
    user: str = "same",
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    output: int | None = None,
    source: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start *command* so that it gets *death_signal* when this thread ends, however it ends. Call it from the main thread.

    Args:
        command: Program by its full path, and its arguments.
        log: File that what it prints is added to.
        death_signal: What the kernel sends it when we die.
        user: ``same``, ``namespace`` or ``uid:gid``, as in `launcher`.
        environment: All its variables; None gives it the few that every server needs.
        pass_fds: Open files that it inherits.
        output: Where its standard output goes instead of the log.
        source: Where its standard input comes from.

    Raises:
        OSError: The log cannot be written, or no process can be made.
    """
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(int(death_signal)), user, "--"]
    with log.open("ab") as sink:
        return subprocess.Popen(  # noqa: S603 - our own programs
            [*launcher, *map(str, command)],
            stdin=source,
            stdout=sink if output is None else output,
            stderr=sink,
            env=dict(environment) if environment is not None else base_environment(),
            pass_fds=pass_fds,
            # Ctrl-C reaches the whole foreground group of a terminal; the servers must hear of it from us, in order, instead.
            start_new_session=True,
        )


def base_environment() -> dict[str, str]:
    """Return the variables that every server may have."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | {"LC_ALL": "C"}


def end(process: subprocess.Popen[bytes], with_signal: signal.Signals, *, patience: float) -> bool:
    """Ask *process* to end, and kill it and its children when it has not after *patience* seconds. Return whether it ended by itself."""
    if process.poll() is None:
        process.send_signal(with_signal)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            kill_tree(process.pid)
            process.wait()
            return False
    return True


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants, and wait until none is left.

    A PostgreSQL that was frozen with its backends cannot clean up after itself, and any backend left over keeps the next one from starting.
    """
    doomed = [pid]
    for member in doomed:
        doomed += children_of(member)
    identities = [(member, started_at(member)) for member in doomed]
    for member, _ in identities:
        _kill(member)
    deadline = time.monotonic() + 5
    while any(born is not None and started_at(member) == born for member, born in identities) and time.monotonic() < deadline:
        time.sleep(0.01)


def children_of(pid: int) -> list[int]:
    """Return the processes whose parent is *pid*."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(directory.name))
        if fields and int(fields[1]) == pid:
            found.append(int(directory.name))
    return found


def boot() -> str:
    """Return what tells this run of the machine from any other: times of start count from its beginning."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def started_at(pid: int) -> int | None:
    """Return when *pid* started, in ticks since the machine did, or None where it runs no more. With the number and `boot` it names one process for ever."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in {"Z", "X"} else None


def _stat(pid: int) -> list[str] | None:
    """Return the fields of ``/proc/PID/stat`` after the name, which may itself contain spaces and parentheses: state, parent, ..."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
