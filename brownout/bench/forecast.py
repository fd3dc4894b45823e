"""How often the forecast's 80 % interval holds the recovery, for outages of several shapes, and what other methods do.

Histories are generated from a seed. Each is split in time: the first outages are known, the next one is foretold, once when it begins
and at later moments (when a quarter, a half and three quarters of such outages would be over; it is drawn anew until it lasts so long).
Prints the tables, writes results/forecast.json, .csv and .svg, and fails if the figure is missed.

    python brownout/bench/forecast.py [--cases 10000] [--peers 2000]
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from brownout import backoff
from brownout._forecast import HALF_LIFE, forecast

RESULTS = Path(__file__).parent / "results"
BASES = (5, 10, 20, 40)
ELAPSED = (0.0, 0.25, 0.5, 0.75)
LEVELS = (0.1, 0.5, 0.9)
FIGURE = (0.75, 0.85)

Shape = Callable[[random.Random, int], float]
Method = Callable[[Sequence[float], float], tuple[float, float, float]]


def lognormal(median: float, sigma: float, *, drift: float = 0.0) -> Shape:
    """Return outages with *sigma* and, with a trend, a median that grows by the factor exp(*drift*) from each to the next."""
    return lambda rng, age: median * math.exp(sigma * rng.gauss(0, 1) - drift * age)


def bimodal(rng: random.Random, age: int) -> float:
    """Three in five are over when something has restarted, for the others somebody is called."""
    return lognormal(25, 0.3)(rng, age) if rng.random() < 0.6 else lognormal(600, 0.4)(rng, age)


SHAPES: dict[str, Shape] = {
    "exponential": lambda rng, age: rng.expovariate(1 / 120),
    "lognormal": lognormal(60, 1.0),
    "bimodal": bimodal,
    "rising": lognormal(120, 0.6, drift=0.04),
    "falling": lognormal(120, 0.6, drift=-0.04),
}
# Not part of the figure, but it should be known what happens there.
FURTHER: dict[str, Shape] = {
    "regular": lognormal(60, 0.5),
    "wearing (Weibull 2)": lambda rng, age: rng.weibullvariate(120, 2),
    "uniform": lambda rng, age: rng.uniform(60, 300),
    "heavy (Pareto 1.5)": lambda rng, age: 30 * rng.paretovariate(1.5),
    "step (5x, 15 ago)": lambda rng, age: lognormal(300 if age <= 15 else 60, 0.6)(rng, age),
}


def ranks(outages: Sequence[float], elapsed: float) -> tuple[float, float, float]:
    """Foretell as the library does."""
    median, low, high, *_ = forecast(outages, elapsed=elapsed, next_trial=0)
    return low, median, high


def student(outages: Sequence[float], elapsed: float) -> tuple[float, float, float]:
    """Foretell with Student's t around the mean logarithm, cut off at *elapsed*; the same weights for recent outages."""
    mean, deviation, alike = _spread(outages)
    freedom = max(1, round(alike - 1))
    scale = max(1e-9, deviation * math.sqrt(1 + 1 / alike))
    return _cut_off(lambda log: _student_tail((log - mean) / scale, freedom), elapsed, mean, scale)


def kernel(outages: Sequence[float], elapsed: float) -> tuple[float, float, float]:
    """Foretell with a logistic kernel at each logarithm and a wide one for what was never seen, cut off at *elapsed*."""
    mean, deviation, alike = _spread(outages)
    width, wide = 0.3 * alike**-0.2, max(1e-9, deviation * math.sqrt(1 + 1 / alike) * math.sqrt(3) / math.pi)
    known = list(zip(map(math.log, outages), _weights(len(outages)), strict=True))

    def tail(log: float) -> float:
        return sum(weight * _logistic((place - log) / width) for place, weight in known) + _logistic((mean - log) / wide)

    return _cut_off(tail, elapsed, mean, max(width, wide))


METHODS: dict[str, Method] = {"ranks": ranks, "student": student, "kernel": kernel}


def _weights(count: int) -> list[float]:
    return [0.5 ** (age / HALF_LIFE) for age in range(count - 1, -1, -1)]


def _spread(outages: Sequence[float]) -> tuple[float, float, float]:
    weights, logs = _weights(len(outages)), [math.log(outage) for outage in outages]
    total = sum(weights)
    alike = total**2 / sum(weight**2 for weight in weights)
    mean = sum(weight * log for weight, log in zip(weights, logs, strict=True)) / total
    variance = sum(weight * (log - mean) ** 2 for weight, log in zip(weights, logs, strict=True)) / total * alike / (alike - 1)
    return mean, math.sqrt(variance), alike


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _student_tail(t: float, freedom: int) -> float:
    """Return the probability of more than *t*: the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = cosine if odd else 1.0, 0.0
    for power in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine**2 * (power - 1) / power
    inside = (angle + sine * total) * 2 / math.pi if odd else sine * total
    return 0.5 - inside / 2


def _cut_off(tail: Callable[[float], float], elapsed: float, mean: float, scale: float) -> tuple[float, float, float]:
    begin = math.log(elapsed) if elapsed else mean - 30 * scale
    alive = tail(begin) if elapsed else tail(-500.0)
    found = []
    for level in LEVELS:
        low, high = begin, max(begin, mean) + 30 * scale
        for _ in range(34):
            middle = (low + high) / 2
            low, high = (middle, high) if tail(middle) > (1 - level) * alive else (low, middle)
        found.append(max(1e-9, math.exp(high) - elapsed))
    return found[0], found[1], found[2]


class Row(NamedTuple):
    """What one method did in one situation.

    ``early`` and ``late`` are the shares of recoveries before and after the interval; ``width`` is the mean of ln(high / low);
    ``pinball`` the mean loss of the three quantiles in ln(seconds), smaller is better.
    """

    method: str
    shape: str
    elapsed: float
    basis: int
    cases: int
    coverage: float
    early: float
    late: float
    width: float
    pinball: float


def histories(shape: Shape, basis: int, elapsed: float, cases: int) -> Iterator[tuple[list[float], float]]:
    """Yield known outages, and how long the next one goes on after *elapsed*."""
    for seed in range(cases):
        rng = random.Random(f"{basis} {seed}")
        known = [shape(rng, age) for age in range(basis, 0, -1)]
        lasts = shape(rng, 0)
        while lasts <= elapsed:
            lasts = shape(rng, 0)
        yield known, lasts - elapsed


def moment(shape: Shape, share: float) -> float:
    """Return the seconds after which *share* of such outages are over."""
    rng = random.Random(0)
    return sorted(shape(rng, 0) for _ in range(20_000))[int(share * 20_000)] if share else 0.0


def judge(method: str, name: str, share: float, basis: int, cases: int) -> Row:
    """Let *method* foretell *cases* recoveries, each from a history of its own."""
    shape = (SHAPES | FURTHER)[name]
    elapsed = moment(shape, share)
    early = late = 0
    width = loss = 0.0
    for known, remained in histories(shape, basis, elapsed, cases):
        quantiles = METHODS[method](known, elapsed)
        early += remained < quantiles[0]
        late += remained > quantiles[2]
        logs = [math.log(max(1e-9, quantile)) for quantile in quantiles]
        width += logs[2] - logs[0]
        loss += sum(_pinball(math.log(remained) - log, level) for log, level in zip(logs, LEVELS, strict=True)) / 3
    held = 1 - (early + late) / cases
    return Row(method, name, share, basis, cases, *(round(x, 4) for x in (held, early / cases, late / cases, width / cases, loss / cases)))


def _pinball(error: float, level: float) -> float:
    return max(level * error, (level - 1) * error)


def trials(rng: random.Random, probes: float) -> Iterator[float]:
    """Yield the moments at which a recovery can be seen: SPEC's open times, or probes after the first of them."""
    waits, at = backoff(20, up_to=300, jitter=0.5), 0.0
    for number in range(10_000):
        at += probes if number and probes else waits.delay(number, uniform=rng.random)
        yield at


def seen(lasts: float, rng: random.Random, probes: float, failed: int) -> tuple[float, float, float] | None:
    """Return when *failed* trials are over, when the next is, and when the recovery is seen; None if it is seen before."""
    before = 0.0
    for number, at in enumerate(trials(rng, probes)):
        if at >= lasts and number < failed:
            return None
        if number == failed:
            now, upcoming = before, at
        if at >= lasts:
            return now, upcoming, at
        before = at
    raise ValueError(f"an outage of {lasts} s does not end")


def judge_at_trials(name: str, probes: float, failed: int, basis: int, cases: int) -> dict[str, Any]:
    """Judge as a breaker sees it: outages are known, and recoveries happen, only at trials."""
    early = late = at_next = 0
    for seed in range(cases):
        rng = random.Random(f"{basis} {seed} {probes}")
        known = [found[2] for age in range(basis, 0, -1) if (found := seen(SHAPES[name](rng, age), rng, probes, 0))]
        while not (found := seen(SHAPES[name](rng, 0), rng, probes, failed)):
            pass
        now, upcoming, back = found
        told = forecast(known, elapsed=now, next_trial=upcoming - now)
        # A recovery at the next trial is inside when the interval begins there: only rounding tells the two apart.
        early += back - now < told.low - 1e-6
        late += back - now > told.high + 1e-6
        at_next += back == upcoming
    shares = {"coverage": 1 - (early + late) / cases, "early": early / cases, "late": late / cases, "at_next_trial": at_next / cases}
    situation = {"shape": name, "probes": probes, "failed_trials": failed, "basis": basis, "cases": cases}
    return situation | {key: round(share, 4) for key, share in shares.items()}


def extent(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Return for each method and shape the lowest and highest coverage, and the mean width and loss."""
    found: dict[str, dict[str, Any]] = {}
    for method, shape in dict.fromkeys((row.method, row.shape) for row in rows):
        mine = [row for row in rows if (row.method, row.shape) == (method, shape)]
        covers = [row.coverage for row in mine]
        width, loss = (sum(values) / len(mine) for values in ([row.width for row in mine], [row.pinball for row in mine]))
        within = sum(FIGURE[0] <= value <= FIGURE[1] for value in covers)
        found.setdefault(method, {})[shape] = {
            "lowest": min(covers),
            "highest": max(covers),
            "situations": len(mine),
            "within_75_to_85": within,
            "mean_width": round(width, 3),
            "mean_pinball": round(loss, 4),
        }
    return found


COLOURS = {"ranks": "#d55e00", "student": "#0072b2", "kernel": "#999999"}


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw coverage by basis, a panel for each shape (rows) and elapsed time (columns)."""
    parts = [
        f'<text x="{100 + 100 * number}" y="18" fill="{colour}">{name}</text>' for number, (name, colour) in enumerate(COLOURS.items())
    ]
    for line, shape in enumerate(SHAPES):
        parts.append(f'<text x="8" y="{92 + 130 * line}">{shape}</text>')
        for column, elapsed in enumerate(ELAPSED):
            here = [row for row in rows if (row.shape, row.elapsed) == (shape, elapsed)]
            parts.append(_panel(here, 100 + 214 * column, 44 + 130 * line, f"{elapsed:.0%} of such outages over"))
    note = "Share of recoveries inside the 80 % interval, by the number of known outages; grey: 75 to 85 %"
    parts.append(f'<text x="100" y="{70 + 130 * len(SHAPES)}">{note}</text>')
    size = f'viewBox="0 0 940 {84 + 130 * len(SHAPES)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" role="img">'
    path.write_text("\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"]), encoding="utf-8")


def _panel(rows: Sequence[Row], left: float, top: float, title: str) -> str:
    def place(row: Row) -> str:
        return f"{left + 15 + 50 * BASES.index(row.basis):.0f},{height(row.coverage):.1f}"

    def height(coverage: float) -> float:
        return top + 100 - (min(1.0, max(0.5, coverage)) - 0.5) * 200

    parts = [f'<rect x="{left}" y="{height(0.85)}" width="180" height="20" fill="#e4e4e4"/>']
    parts += [f'<text x="{left - 4}" y="{height(y) + 4}" font-size="9" text-anchor="end">{y:.0%}</text>' for y in (0.5, 0.8, 1.0)]
    parts += [
        f'<text x="{left + 15 + 50 * n}" y="{top + 112}" font-size="9" text-anchor="middle">{basis}</text>' for n, basis in enumerate(BASES)
    ]
    parts.append(
        f'<rect x="{left}" y="{top}" width="180" height="100" fill="none" stroke="#bbbbbb"/><text x="{left}" y="{top - 6}">{title}</text>'
    )
    for method in reversed(METHODS):
        points = " ".join(place(row) for row in rows if row.method == method)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[method]}" stroke-width="2"/>')
    return "\n".join(parts)


def table(rows: Sequence[Row]) -> None:
    """Print coverage in percent: a line for each method and shape, a group of columns for each elapsed time."""
    print(f"{'':30}" + "   ".join(f"{elapsed:.0%} over: basis {' '.join(map(str, BASES))}" for elapsed in ELAPSED))
    for method, shape in dict.fromkeys((row.method, row.shape) for row in rows):
        mine = {(row.elapsed, row.basis): row.coverage for row in rows if (row.method, row.shape) == (method, shape)}
        groups = (" ".join(f"{100 * mine[elapsed, basis]:5.1f}" for basis in BASES) for elapsed in ELAPSED)
        print(f"{method:8} {shape:20} " + "   ".join(groups))


def measure(cases: int, peers: int) -> tuple[list[Row], list[dict[str, Any]]]:
    """Judge every method on the shapes of the figure, ours on the further ones, and ours at trials."""
    plan = [(method, name, cases if method == "ranks" else peers) for method in METHODS for name in SHAPES]
    plan += [("ranks", name, peers) for name in FURTHER]
    rows = [judge(method, name, elapsed, basis, count) for method, name, count in plan for elapsed in ELAPSED for basis in BASES]
    situations = [(name, probes, failed, basis) for name in SHAPES for probes in (0.0, 5.0) for failed in (0, 1, 3) for basis in BASES]
    return rows, [judge_at_trials(*situation, peers) for situation in situations]


def pooled(at_trials: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the coverage of each shape over all its situations at trials, which have equally many cases."""
    by_shape = {name: [row["coverage"] for row in at_trials if row["shape"] == name] for name in SHAPES}
    return {name: round(sum(covers) / len(covers), 4) for name, covers in by_shape.items()}


def save(rows: Sequence[Row], at_trials: Sequence[dict[str, Any]], met: bool) -> None:
    """Write the results: the summary as JSON, every row as CSV, the picture as SVG."""
    RESULTS.mkdir(exist_ok=True)
    covers = [row["coverage"] for row in at_trials]
    summary = {"figure": "the 80 % interval holds 75 to 85 % of the recoveries of each shape, at each basis and elapsed time", "met": met}
    methods = extent(rows)
    situation = {"lowest": min(covers), "highest": max(covers), "mean_by_shape": pooled(at_trials), "rows": at_trials}
    document = {**summary, "shapes_of_the_figure": list(SHAPES), "methods": methods, "seen_at_trials_only": situation}
    (RESULTS / "forecast.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    with (RESULTS / "forecast.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows(rows)
    draw([row for row in rows if row.shape in SHAPES], RESULTS / "forecast.svg")


def main() -> int:
    """Measure, print, save; 1 when the figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="recoveries foretold in each situation by the library")
    parser.add_argument("--peers", type=int, default=2_000, help="the same for the other methods and the further shapes")
    options = parser.parse_args()
    rows, at_trials = measure(options.cases, options.peers)
    ours = [row.coverage for row in rows if row.method == "ranks" and row.shape in SHAPES]
    met = all(FIGURE[0] <= coverage <= FIGURE[1] for coverage in ours)
    table(rows)
    save(rows, at_trials, met)
    covers = [row["coverage"] for row in at_trials]
    print(f"80 % interval: {min(ours):.1%} to {max(ours):.1%} in {len(ours)} situations, 75 to 85 % wanted: {'met' if met else 'MISSED'}")
    by_shape = ", ".join(f"{name} {cover:.1%}" for name, cover in pooled(at_trials).items())
    print(f"recoveries seen at trials only: {min(covers):.1%} to {max(covers):.1%}; {by_shape}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
