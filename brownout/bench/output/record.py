"""Result files: the machine, the targets with met or missed, tables for people."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["RESULTS", "Target", "environment", "markdown", "save"]

# A trial run should not replace what is committed: it names another directory.
RESULTS = Path(os.environ.get("BENCH_RESULTS") or Path(__file__).parents[1] / "results")

_LOAD = round(os.getloadavg()[0], 2)


class Target(NamedTuple):
    """A figure that is promised: ``value`` is at most, or at least, ``bound``. None: it could not be measured."""

    figure: str
    value: float | None
    relation: str
    bound: float
    unit: str

    @property
    def verdict(self) -> str:
        """``met``, ``MISSED`` or ``not measured``."""
        if self.value is None:
            return "not measured"
        kept = self.value <= self.bound if self.relation == "<=" else self.value >= self.bound
        return "met" if kept else "MISSED"


def environment() -> dict[str, Any]:
    """Return the facts that a figure depends on; no path and no name of the machine."""
    cpu = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--", "brownout/src")),
        "cpu": cpu[0] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "load_before": _LOAD,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def save(name: str, *, what: str, targets: Sequence[Target], raw: dict[str, Any], tables: str) -> None:
    """Write ``NAME.json`` and, for people, ``NAME.md``; print the targets."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    facts = environment()
    rows = [{**target._asdict(), "verdict": target.verdict} for target in targets]
    document = {"benchmark": name, "what": what, "environment": facts, "targets": rows, "raw": raw}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    promised = markdown(
        ["figure", "measured", "target", ""],
        ([each.figure, _shown(each.value), f"{each.relation} {each.bound:g} {each.unit}".rstrip(), each.verdict] for each in targets),
    )
    machine = ", ".join(f"{key.replace('_', ' ')}: {value}" for key, value in facts.items())
    text = f"<!-- Written by brownout/bench; do not edit. -->\n# {what}\n\n{machine}\n\n## Targets\n\n{promised}\n{tables}"
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(promised)


def markdown(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table in Markdown."""
    lines = [list(header), ["---"] * len(header)]
    lines += [[_shown(cell) for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _shown(cell: Any) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False).stdout.strip()
