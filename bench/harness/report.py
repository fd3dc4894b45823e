"""Figures: percentiles, medians, ratios with an interval; tables on the terminal and result files."""

from __future__ import annotations

import json
import math
import os
import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import page

__all__ = ["RESULTS", "Target", "median_ratio", "percentile", "save", "table"]

_KEPT = Path(__file__).parents[1] / "results"
# A trial run, with fewer rounds or on a busy machine, should not replace what is committed: it names another directory.
RESULTS = Path(os.environ.get("BENCH_RESULTS") or _KEPT)


class Target:
    """A figure that the project promises: ``value`` must be at most, or at least, ``bound``."""

    def __init__(self, figure: str, value: float, relation: str, bound: float, unit: str) -> None:
        assert relation in {"<=", ">="}
        self.figure, self.value, self.relation, self.bound, self.unit = figure, value, relation, bound, unit

    @property
    def met(self) -> bool:
        """Whether the promise holds."""
        return self.value <= self.bound if self.relation == "<=" else self.value >= self.bound

    def row(self) -> dict[str, Any]:
        """Return it as the result file keeps it."""
        return {
            "figure": self.figure,
            "value": _rounded(self.value),
            "target": f"{self.relation} {self.bound:,g}",
            "unit": self.unit,
            "met": self.met,
        }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of *values* that *share* (0 to 1) of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def median_ratio(pairs: Sequence[tuple[float, float]], *, draws: int = 4000) -> dict[str, float]:
    """Return the median of a/b over *pairs* that were measured one after the other, with its 95 % interval by bootstrap."""
    ratios = [a / b for a, b in pairs]
    rng = random.Random(20)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(draws))
    return {
        "median": _rounded(statistics.median(ratios)),
        "low": _rounded(medians[int(0.025 * draws)]),
        "high": _rounded(medians[int(0.975 * draws) - 1]),
    }


def save(name: str, *, what: str, environment: dict[str, Any], targets: Sequence[Target], raw: dict[str, Any]) -> None:
    """Write ``results/NAME.json`` and the page that shows all of them, and print its targets. *raw* holds what was measured, round by round."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows = [target.row() for target in targets]
    document = {"benchmark": name, "what": what, "environment": environment, "targets": rows, "raw": raw}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print()
    table(
        ["figure", "value", "target", "unit", ""],
        [[*list(row.values())[:4], "met" if row["met"] else "MISSED"] for row in rows],
    )
    if RESULTS == _KEPT:
        page.write()
        print(f"\nRaw results: bench/results/{path.name}; docs/benchmarks.md is written anew.")


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print *rows* in columns; numbers stand to the right."""
    cells = [[_shown(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    numeric = [all(isinstance(row[column], int | float) for row in rows) for column in range(len(header))]
    for number, row in enumerate(cells):
        print(
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, numeric, strict=True)
            ).rstrip()
        )
        if number == 0:
            print("  ".join("-" * width for width in widths))


def _shown(value: Any) -> str:
    return f"{_rounded(value):,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _rounded(value: float) -> float:
    """Four significant digits: more than such a measurement carries."""
    if isinstance(value, int) or value == 0 or not math.isfinite(value):
        return value
    digits = 3 - math.floor(math.log10(abs(value)))
    return round(value, max(digits, 0))
