"""What a breaker costs: nanoseconds above the bare call, memory, import time, lines of code; ours and the peers' by turns in one run."""

from __future__ import annotations

import argparse
import statistics
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

from cost import footprint, lookups, peers, timing
from cost.peers import Competitor
from output import record
from output.record import Target

_SOURCE = Path(__file__).parents[1] / "src" / "brownout"
_CORE_LINES = 1500


def main() -> None:
    """Measure, print, keep."""
    options = _options()
    competitors, absent = _competitors()
    samples = timing.measure(competitors, repeats=options.repeats, calls=options.calls)
    lookup = lookups.measure(repeats=options.repeats, calls=options.calls)
    imports = footprint.import_times(competitors[:-1], repeats=options.imports)
    raw: dict[str, Any] = {
        "repeats": options.repeats,
        "calls": options.calls,
        "versions": {each.name: each.version for each in competitors},
        "absent": absent,
        "cannot": {each.name: each.cannot for each in competitors if each.cannot},
        "nanoseconds_a_call": {shape: {name: timing.summary(row) for name, row in rows.items()} for shape, rows in samples.items()},
        "nanoseconds_above_the_bare_call": {shape: _above(rows, competitors) for shape, rows in samples.items()},
        "nanoseconds_a_lookup": {name: timing.summary(row) for name, row in lookup.items()},
        "bytes_a_breaker": {each.name: round(footprint.memory(each)) for each in competitors[:-1]},
        "import_milliseconds_above_bare_python": {
            each.name: timing.summary(_minus(imports[each.name], imports["pass"])) for each in competitors[:-1]
        },
        "bare_python_milliseconds": timing.summary(imports["pass"]),
        "lines_of_code": {each.name: footprint.lines_of(each) for each in competitors[:-1]},
        "lines_of_the_core": footprint.core_lines(_SOURCE),
    }
    targets = _targets(samples, raw)
    record.save("calls", what="What a breaker costs", targets=targets, raw=raw, tables=_tables(raw, competitors))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=101, help="turns; the median counts")
    parser.add_argument("--calls", type=int, default=3000, help="calls in each turn")
    parser.add_argument("--imports", type=int, default=41, help="interpreters started for each library")
    return parser.parse_args()


def _competitors() -> tuple[list[Competitor], dict[str, str]]:
    """Return who is installed, ours first and the floor last, and who is not."""
    present: list[Competitor] = []
    absent: dict[str, str] = {}
    for kind in peers.EVERYONE:
        try:
            present.append(kind())
        except (ModuleNotFoundError, PackageNotFoundError) as error:
            absent[kind.name] = str(error)
    return present, absent


def _minus(first: list[float], second: list[float]) -> list[float]:
    return [a - b for a, b in zip(first, second, strict=True)]


def _above(rows: dict[str, list[float]], competitors: list[Competitor]) -> dict[str, Any]:
    """Return what each adds to the bare call of the same repeat; None for what it cannot do."""
    bare = rows[timing.BARE]
    return {each.name: timing.summary(_minus(rows[each.name], bare)) if each.name in rows else None for each in competitors}


def _targets(samples: timing.Samples, raw: dict[str, Any]) -> list[Target]:
    above, ours = raw["nanoseconds_above_the_bare_call"], peers.Ours.name
    kept = [
        Target(f"{shape}, above the bare call", above[shape][ours]["median"], "<=", bound, "ns")
        for shape, bound in (("sync", 100), ("async", 200), ("with", 350))
    ]
    kept += [
        Target(f"circuitbreaker costs as many times ours, {shape}", _times(samples[shape], peers.Circuitbreaker.name, ours), ">=", 8, "")
        for shape in ("sync", "async")
    ]
    kept += [
        Target(f"{shape} call, in bare raises", _in_bare_raises(samples[shape], ours), "<=", 2, "")
        for shape in ("rejected", "rejected async")
    ]
    kept += [Target(name, raw["nanoseconds_a_lookup"].get(name, {}).get("median"), "<=", 50, "ns") for name in lookups.LOOKUPS]
    return [
        *kept,
        Target("memory of a breaker, its windows included", raw["bytes_a_breaker"][ours], "<=", 1024, "bytes"),
        Target("import", raw["import_milliseconds_above_bare_python"][ours]["median"], "<=", 15, "ms"),
        Target("breaker, trips, health and levels", sum(raw["lines_of_the_core"].values()), "<=", _CORE_LINES, "lines"),
    ]


def _times(rows: dict[str, list[float]], theirs: str, ours: str) -> float | None:
    """Return how many times *ours* fits into *theirs*, both above the bare call, as the median over the repeats."""
    if theirs not in rows:
        return None
    pairs = zip(_minus(rows[theirs], rows[timing.BARE]), _minus(rows[ours], rows[timing.BARE]), strict=True)
    return statistics.median(a / b for a, b in pairs)


def _in_bare_raises(rows: dict[str, list[float]], ours: str) -> float:
    """Return what a refusal costs in raises of a bare function, the loop subtracted from both."""
    loop = rows[timing.EMPTY]
    return statistics.median(a / b for a, b in zip(_minus(rows[ours], loop), _minus(rows[timing.BARE], loop), strict=True))


def _tables(raw: dict[str, Any], competitors: list[Competitor]) -> str:
    above = raw["nanoseconds_above_the_bare_call"]
    bare = {shape: rows[timing.BARE]["median"] - rows[timing.EMPTY]["median"] for shape, rows in raw["nanoseconds_a_call"].items()}
    calls: list[list[Any]] = [["bare", *(f"({bare[shape]:.0f})" for shape in timing.SHAPES)]]
    calls += [
        [f"{each.name} {each.version}".strip(), *((above[shape][each.name] or {}).get("median") for shape in timing.SHAPES)]
        for each in competitors
    ]
    weights = [
        [
            each.name,
            raw["bytes_a_breaker"][each.name],
            raw["import_milliseconds_above_bare_python"][each.name]["median"],
            raw["lines_of_code"][each.name],
        ]
        for each in competitors[:-1]
    ]
    reasons = [[each.name, shape, reason] for each in competitors[:-1] for shape, reason in each.cannot.items()]
    return (
        f"\n## Nanoseconds above the bare call\n\nMedian of {raw['repeats']} turns of {raw['calls']:,} calls. In brackets: the bare call itself; "
        "for the rejected and failing columns that is a function that raises.\n\n"
        + record.markdown(["", *timing.SHAPES], calls)
        + "\n## Weight\n\n"
        + record.markdown(["", "bytes a breaker", "import, ms", "lines of code, all of it"], weights)
        + "\n## Not measured, and why\n\n"
        + record.markdown(["", "what", "why"], reasons)
    )


if __name__ == "__main__":
    main()
