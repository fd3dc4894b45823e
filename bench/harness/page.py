"""Writes ``docs/benchmarks.md`` from the result files, after every benchmark. A test fails when the page is not what this makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["render", "write"]

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs" / "benchmarks.md"

_HEAD = """\
# Benchmarks

Written by every benchmark from `bench/results/*.json`, which hold the raw figures round by round. `bench/README.md` tells what each one does
and how to run it. They are single measurements on a machine that others shared: compare ratios rather than absolute times.
"""


def render(results: Path = _ROOT / "bench" / "results") -> str:
    """Return the page's text."""
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))]
    return _HEAD + "".join(map(_section, documents))


def write() -> None:
    """Write the page anew."""
    _PAGE.write_text(render(), encoding="utf-8")


def _section(document: dict[str, Any]) -> str:
    lines = ["", f"## {document['benchmark']}", "", f"{document['what']}.", "", "| figure | value | target | |", "|---|---:|---:|---|"]
    for row in document["targets"]:
        value, target = (f"{text} {row['unit']}".strip() for text in (_number(row["value"]), row["target"]))
        lines.append(f"| {row['figure']} | {value} | {target} | {'met' if row['met'] else '**missed**'} |")
    return "\n".join([*lines, "", _surroundings(document["environment"])]) + "\n"


def _number(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _surroundings(facts: dict[str, Any]) -> str:
    server = facts.get("postgresql")
    database = f", PostgreSQL {server['version'].split()[0]} with fsync {server['fsync']}" if server else ""
    state = " with uncommitted changes" if facts["uncommitted_changes"] else ""
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, load {facts['load_before']} before; {facts['system']}, Python {facts['python']}{database}; "
        f"commit {facts['commit']}{state}, {facts['measured_at'][:10]}."
    )
