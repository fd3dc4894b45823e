"""Write the measured figures into README and comparison, between their markers: `make docs`. A test fails when they drift."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOME = Path(__file__).parents[1]
RESULTS = HOME / "bench" / "results" / "calls.json"
OURS, FLOOR = "brownout", "floor"
BEGIN, END = "<!-- figures: written by brownout/scripts/figures.py -->", "<!-- end of figures -->"
SHAPES = ("sync", "async", "with", "async with", "rejected", "failing")


def pages() -> dict[Path, str]:
    """Return the pages that hold figures, with the figures of the result file in them."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    blocks: dict[str, Callable[[dict[str, Any]], str]] = {"README.md": _summary, "docs/comparison.md": _table}
    return {HOME / name: _filled((HOME / name).read_text(encoding="utf-8"), block(results)) for name, block in blocks.items()}


def _filled(page: str, block: str) -> str:
    before, _, rest = page.partition(f"{BEGIN}\n")
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{block}{END}{after}"


def _summary(results: dict[str, Any]) -> str:
    """Return what a call costs here and elsewhere, and how many aims were missed."""
    raw, targets = results["raw"], results["targets"]
    shapes = ("sync", "async", "with", "async with", "rejected")
    rows = [["brownout", *(_number(_median(raw, shape, OURS)) for shape in shapes)], ["peers", *(_span(raw, shape) for shape in shapes)]]
    missed = sum(target["verdict"] == "MISSED" for target in targets)
    note = f"\n{missed} of {len(targets)} aims were missed: [which](bench/results/calls.md).\n" if missed else ""
    return _markdown(["ns above the bare call", *shapes], rows) + note


def _span(raw: dict[str, Any], shape: str) -> str:
    costs = [cost for name in raw["versions"] if name not in {OURS, FLOOR} and (cost := _median(raw, shape, name)) is not None]
    return f"{_number(min(costs))} to {_number(max(costs))}"


def _table(results: dict[str, Any]) -> str:
    """Return all libraries with what they cost."""
    raw = results["raw"]
    rows = []
    for name, version in raw["versions"].items():
        costs = [_number(_median(raw, shape, name)) for shape in SHAPES]
        memory = _number(raw["bytes_a_breaker"].get(name))
        start = raw["import_milliseconds_above_bare_python"].get(name, {}).get("median")
        rows.append([f"{name} {version}".strip(), *costs, memory, _number(start)])
    facts = results["environment"]
    where = f"\nMedians on Python {facts['python']}, {facts['cpu']}, {facts['cores']} cores, {facts['measured_at'][:10]}.\n"
    return _markdown(["ns above the bare call", *SHAPES, "bytes", "import, ms"], rows) + where


def _median(raw: dict[str, Any], shape: str, name: str) -> float | None:
    cost = raw["nanoseconds_above_the_bare_call"][shape].get(name)
    return cost["median"] if cost else None


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
