"""What a breaker is worth: the useful work that gets done while a dependency fails and after, on a virtual clock."""

from __future__ import annotations

import argparse
import csv
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from output import drawing, record
from output.record import Target
from scenario import guards
from scenario.course import AFTER, BEGIN, SCENARIOS, Run, Scenario, outage
from scenario.judging import Judged

_LENGTHS = (2, 5, 10, 15, 20, 25, 30, 35, 45, 60, 75, 90, 105, 120)
"""Seconds of outage in the sweep."""
_OURS = guards.Probed.name
_METRICS = (
    "useful_during",
    "useful_20s_after",
    "useful_from_fault_on",
    "leaked",
    "refused",
    "detected_after_s",
    "recovered_after_s",
    "openings",
)

Results = dict[str, list[Judged]]
"""Guard, then one run for each seed."""


def main() -> None:
    """Simulate, print, keep."""
    options = _options()
    record.RESULTS.mkdir(parents=True, exist_ok=True)
    seeds = range(options.seeds)
    chosen = [scenario for scenario in SCENARIOS if not options.only or scenario.name in options.only]
    results = {scenario.name: _play(scenario, seeds) for scenario in chosen}
    for scenario in chosen:
        _keep(scenario, results[scenario.name])
    if not options.only:
        _keep_sweep(seeds[:3])
        _report(results, options.seeds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=10, help="runs of each scenario with each breaker")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="scenarios to play; the page and the sweep are left alone then")
    return parser.parse_args()


def _play(scenario: Scenario, seeds: range) -> Results:
    results: Results = {}
    for kind in scenario.guards:
        results[kind.name] = [Judged(Run(scenario, kind, seed)) for seed in seeds]
        middle = _middle(results[kind.name])
        print(f"{scenario.name:20} {kind.name:28}", {key: value for key, value in middle.items() if value is not None}, flush=True)
    return results


def _middle(runs: list[Judged]) -> dict[str, float | None]:
    """Return the median of each figure; None where most runs have none."""
    return {metric: _of(runs, metric, statistics.median) for metric in _METRICS}


def _of(runs: list[Judged], metric: str, choose: Callable[[list[float]], float]) -> float | None:
    values = [value for run in runs if (value := run.metrics[metric]) is not None]
    return round(choose(values), 4) if 2 * len(values) > len(runs) else None


def _keep(scenario: Scenario, results: Results) -> None:
    """Write the figures, the course second by second, and its picture."""
    rows = []
    for guard, runs in results.items():
        row: dict[str, Any] = {"guard": guard, "runs": len(runs)}
        for metric in _METRICS:
            row |= {
                metric: _of(runs, metric, statistics.median),
                f"{metric}_least": _of(runs, metric, min),
                f"{metric}_most": _of(runs, metric, max),
            }
        rows.append(row)
    _write(record.RESULTS / f"{scenario.name}.csv", rows)
    courses = {guard: _mean_course(runs) for guard, runs in results.items()}
    seconds = range(len(next(iter(courses.values()))))
    _write(
        record.RESULTS / f"{scenario.name}.course.csv",
        [{"second": second} | {guard: course[second][1] for guard, course in courses.items()} for second in seconds],
    )
    drawing.lines(
        record.RESULTS / f"{scenario.name}.svg",
        title=scenario.title,
        across="seconds",
        up="useful requests a second",
        series=courses,
        shaded=[(fault.begin, fault.end) for fault in scenario.faults],
    )


def _mean_course(runs: list[Judged]) -> list[tuple[float, float]]:
    courses = [run.a_second() for run in runs]
    return [(points[0][0], round(statistics.fmean(y for _, y in points), 2)) for points in zip(*courses, strict=True)]


def _keep_sweep(seeds: range) -> None:
    """Write how long each breaker takes to recover from outages of many lengths: a single length can suit an open time by luck."""
    rows = []
    for length in _LENGTHS:
        scenario = Scenario(f"outage of {length} s", "", outage(length), BEGIN + length + 200)
        row: dict[str, Any] = {"outage_s": length}
        for kind in guards.PLAIN:
            row[kind.name] = _of([Judged(Run(scenario, kind, seed)) for seed in seeds], "recovered_after_s", statistics.median)
        rows.append(row)
    _write(record.RESULTS / "outage-lengths.csv", rows)
    drawing.lines(
        record.RESULTS / "outage-lengths.svg",
        title="Seconds from the end of an outage until 95 % of the work is done again",
        across="length of the outage in seconds",
        up="seconds to recover",
        series={kind.name: [(row["outage_s"], row[kind.name]) for row in rows if row[kind.name] is not None] for kind in guards.PLAIN},
    )


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _report(results: dict[str, Results], seeds: int) -> None:
    parts = []
    for scenario in SCENARIOS:
        table = record.markdown(
            ["", *(metric.replace("_", " ") for metric in _METRICS)],
            (
                [guard, *(_as_read(metric, value) for metric, value in _middle(runs).items())]
                for guard, runs in results[scenario.name].items()
            ),
        )
        parts.append(f"\n## {scenario.title}\n\n![{scenario.title}]({scenario.name}.svg)\n\n{table}")
    parts.append("\n## Outages of many lengths\n\n![Time to recover by length of the outage](outage-lengths.svg)\n")
    raw = {name: {guard: [run.metrics for run in runs] for guard, runs in guarded.items()} for name, guarded in results.items()}
    record.save(
        "scenarios",
        what="What a breaker is worth",
        targets=_targets(results),
        raw={"seeds": seeds, "runs": raw},
        tables=f"\nEach figure is the median of {seeds} runs with different random numbers.\n" + "".join(parts),
    )


def _as_read(metric: str, value: float | None) -> Any:
    return f"{value:.1%}" if value is not None and metric.startswith("useful") else value


def _targets(results: dict[str, Results]) -> list[Target]:
    """Return the aims, each by its worst run: a promise holds every time."""
    errors, outages, recovery = results["errors-20-percent"], results["outage-20-seconds"], results["recovery"]
    alone = [run.metrics["useful_during"] for run in errors[guards.Guard.name]]
    kept = [float(run.metrics["useful_during"] or 0) / float(bare or 1) for run, bare in zip(errors[_OURS], alone, strict=True)]
    targets = [
        Target("20 % errors: useful work, of what the dependency does without a breaker", min(kept), ">=", 0.95, ""),
        Target(
            "20 % errors: requests that succeed, with retries", _worst(errors[guards.Retried.name], "useful_during", min), ">=", 0.95, ""
        ),
        Target("20 s outage: leaked calls, refused connections", _worst(outages[_OURS], "leaked", max), "<=", 299, "calls"),
        Target("20 s outage: leaked calls, hanging", _worst(results["outage-hanging"][_OURS], "leaked", max), "<=", 299, "calls"),
        Target(f"20 s outage: useful work in the {AFTER:.0f} s after it", _worst(outages[_OURS], "useful_20s_after", min), ">=", 0.8, ""),
        Target("20 s outage: openings", _worst(outages[_OURS], "openings", max), "<=", 1, ""),
    ]
    for guard in (_OURS, guards.Bulkheaded.name):
        targets.append(
            Target(f"1,000 waiting, {guard}: useful work after", _worst(recovery[guard], "useful_20s_after", min), ">=", 0.8, "")
        )
        targets.append(Target(f"1,000 waiting, {guard}: openings", _worst(recovery[guard], "openings", max), "<=", 1, ""))
    return targets


def _worst(runs: list[Judged], metric: str, choose: Callable[[list[float]], float]) -> float | None:
    values = [run.metrics[metric] for run in runs]
    return choose([value for value in values if value is not None]) if None not in values else None


if __name__ == "__main__":
    main()
