"""What the benchmark ran on, and what a process has used."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

__all__ = ["cpu_seconds", "descendants", "environment", "peak_memory", "private_memory", "resident_memory"]

_TICKS = os.sysconf("SC_CLK_TCK")
_ROOT = Path(__file__).parents[2]
# What others kept busy, before the benchmark itself puts load on the machine.
_LOAD = round(os.getloadavg()[0], 2)


def environment(database_url: str | None = None) -> dict[str, Any]:
    """Return the facts that a figure depends on. No path and no name of the machine is among them."""
    facts: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no", "--", "inventario-retail/src", "brownout/src")),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_before": _LOAD,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    if database_url:
        with psycopg.connect(database_url) as connection:
            row = connection.execute(
                "SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit'), "
                "current_setting('shared_buffers')"
            ).fetchone()
            assert row is not None
            facts["postgresql"] = dict(zip(("version", "fsync", "synchronous_commit", "shared_buffers"), row, strict=True))
    return facts


def cpu_seconds(pids: Iterable[int], *, with_ended_children: bool = False) -> float:
    """Return the processor time, user and system, that the processes have used so far. One that has ended counts as nothing, unless its parent is
    among them and *with_ended_children* is set.
    """
    total = 0
    for pid in pids:
        fields = _stat(pid)
        if fields:
            total += sum(map(int, fields[11 : 15 if with_ended_children else 13]))
    return total / _TICKS


def descendants(pid: int) -> list[int]:
    """Return *pid* and all the processes below it."""
    parents = {int(path.name): _stat(int(path.name)) for path in Path("/proc").glob("[0-9]*")}
    found = [pid]
    for member in found:
        found += [child for child, fields in parents.items() if fields and int(fields[1]) == member]
    return found


def resident_memory(pid: int) -> int:
    """Return the bytes of memory that *pid* holds now, 0 when it has ended."""
    return _status(pid, "VmRSS")


def peak_memory(pid: int) -> int:
    """Return the most bytes of memory that *pid* has held at once, 0 when it has ended."""
    return _status(pid, "VmHWM")


def private_memory(pid: int) -> int:
    """Return the bytes of memory that *pid* holds now and shares with nobody, 0 when it has ended."""
    return _status(pid, "RssAnon")


def _status(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=False).stdout.strip()
