"""The committed report: what was noticed, what was not, and why some of that is nothing to notice."""

from __future__ import annotations

import json
import platform
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from mutants import Mutant
from trial import Outcome

__all__ = ["TARGET", "Equivalent", "Result", "load_equivalents", "write"]

TARGET = 95.0
_INTRODUCTION = """\
# Faults that the tests notice

Written by `bench/mutation/run.py`; the raw result is in `mutation.json`. Each mutant is the code with one small fault, tried alone. `failed`: a test
noticed. `broken`: the tests could not start. `timeout`: they did not end. `equivalent`: nobody can notice it, and
`bench/mutation/equivalents.toml` says why; the score leaves those out.
"""
_DECLARED = Path(__file__).with_name("equivalents.toml")


class Result(NamedTuple):
    """A mutant and what became of it."""

    mutant: Mutant
    outcome: Outcome


class Equivalent(NamedTuple):
    """A change that nobody can notice: in ``file`` and ``scope``, the line ``before`` becomes ``after``."""

    file: str
    scope: str
    before: str
    after: str
    reason: str

    def covers(self, mutant: Mutant) -> bool:
        """Whether *mutant* is the one that is meant. Line numbers move, so the text decides."""
        return (mutant.file, mutant.scope, mutant.before, mutant.after) == self[:4]


def load_equivalents() -> list[Equivalent]:
    """Read `equivalents.toml`.

    Raises:
        ValueError: a declaration lacks its reason.
    """
    declared = [Equivalent(**entry) for entry in tomllib.loads(_DECLARED.read_text(encoding="utf-8")).get("equivalent", [])]
    for entry in declared:
        if not entry.reason.strip():
            raise ValueError(f"equivalents.toml: {entry.file}, {entry.after!r} needs a reason why nobody can notice it")
    return declared


def write(
    results: Sequence[Result], declared: Sequence[Equivalent], tests: Sequence[str], seconds: float, directory: Path, *, complete: bool
) -> int:
    """Print the result and, when it is *complete*, keep it in *directory*. Return 0 when the target is met and every declaration holds, else 1."""
    document = _document(results, declared, tests, seconds)
    if complete:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "mutation.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        (directory / "mutation.md").write_text(_page(document), encoding="utf-8")
    print(_headline(document))
    for complaint in document["complaints"]:
        print(f"equivalents.toml: {complaint}")
    return 0 if document["score"] >= TARGET and not document["complaints"] else 1


def _document(results: Sequence[Result], declared: Sequence[Equivalent], tests: Sequence[str], seconds: float) -> dict[str, Any]:
    excused = [(result, entry) for result in results for entry in declared if entry.covers(result.mutant)]
    equivalent = [(result, entry) for result, entry in excused if result.outcome.what == "survived"]
    kept = {id(result.mutant) for result, _ in equivalent}
    survived = [result for result in results if result.outcome.what == "survived" and id(result.mutant) not in kept]
    return {
        "what": "mutants of brownout's code that its tests notice",
        "environment": {name: version(name) for name in ("pytest", "hypothesis")} | {"python": platform.python_version()},
        "tests": list(tests),
        "seconds": round(seconds),
        "score": _score(results, len(equivalent)),
        "target": TARGET,
        "files": _files(results, {id(result.mutant) for result, _ in equivalent}),
        "operators": _operators(results),
        "survived": [_row(result.mutant) for result in survived],
        "timeouts": [_row(result.mutant) for result in results if result.outcome.what == "timeout"],
        "equivalent": [_row(result.mutant) | {"reason": entry.reason} for result, entry in equivalent],
        "complaints": _complaints(results, declared),
    }


def _score(results: Iterable[Result], equivalent: int) -> float:
    """Return the noticed share in percent, rounded down, so that a target is never met by rounding."""
    outcomes = Counter(result.outcome.what for result in results)
    total = outcomes.total() - equivalent
    return int(1000 * (outcomes.total() - outcomes["survived"]) / total) / 10 if total else 100.0


def _files(results: Sequence[Result], equivalent: set[int]) -> dict[str, dict[str, float]]:
    """Return the figures of each file. ``broken`` are mutants that the tests could not even be collected with: noticed, too."""
    table = {}
    for file in dict.fromkeys(result.mutant.file for result in results):
        own = [result for result in results if result.mutant.file == file]
        same = sum(id(result.mutant) in equivalent for result in own)
        counts = Counter(result.outcome.what for result in own)
        figures: dict[str, float] = {what: counts[what] for what in ("failed", "broken", "timeout")}
        table[file] = (
            {"mutants": len(own)} | figures | {"survived": counts["survived"] - same, "equivalent": same, "score": _score(own, same)}
        )
    return table


def _operators(results: Sequence[Result]) -> dict[str, dict[str, int]]:
    made = Counter(result.mutant.operator for result in results)
    left = Counter(result.mutant.operator for result in results if result.outcome.what == "survived")
    return {name: {"mutants": made[name], "not noticed": left[name]} for name in sorted(made)}


def _complaints(results: Sequence[Result], declared: Sequence[Equivalent]) -> list[str]:
    """A declaration that fits no mutant any more, or one that a test does notice, is out of date. Files that were not tried are not judged."""
    tried = {result.mutant.file for result in results}
    complaints = []
    for entry in (entry for entry in declared if entry.file in tried):
        covered = [result for result in results if entry.covers(result.mutant)]
        if not covered:
            complaints.append(f"no mutant of {entry.file} in {entry.scope} makes {entry.after!r} of {entry.before!r}")
        elif all(result.outcome.what != "survived" for result in covered):
            complaints.append(f"a test does notice {entry.after!r} in {entry.file}, {entry.scope}")
    return complaints


def _row(mutant: Mutant) -> dict[str, Any]:
    return {"at": f"{mutant.file}:{mutant.line}", "in": mutant.scope, "operator": mutant.operator, "diff": mutant.diff}


def _headline(document: dict[str, Any]) -> str:
    totals = Counter[str]()
    for figures in document["files"].values():
        totals.update({name: value for name, value in figures.items() if name != "score"})
    noticed = totals["failed"] + totals["broken"] + totals["timeout"]
    return (
        f"{document['score']} % of the faults are noticed (target {document['target']:g} %): {noticed} of {totals['mutants']}, "
        f"{totals['timeout']} of them by a time limit; {totals['survived']} are not, {totals['equivalent']} change nothing."
    )


def _page(document: dict[str, Any]) -> str:
    columns = ["mutants", "failed", "broken", "timeout", "survived", "equivalent", "score"]
    rows = [f"| `{file}` | " + " | ".join(str(figures[name]) for name in columns) + " |" for file, figures in document["files"].items()]
    tests = ", ".join(f"`{test}`" for test in document["tests"])
    lines = [
        _INTRODUCTION,
        _headline(document),
        "",
        "| file | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
        *rows,
        "",
        f"Tests: {tests}; Python {document['environment']['python']}, {document['seconds']} s in all.",
    ]
    for title, name in (("Not noticed", "survived"), ("Noticed by a time limit", "timeouts"), ("Equivalent", "equivalent")):
        lines += _section(title, document[name])
    return "\n".join([*lines, ""])


def _section(title: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    lines = ["", f"## {title}"]
    for row in rows:
        lines += [
            "",
            f"`{row['at']}` in `{row['in'] or 'the module'}`, {row['operator']}" + (f": {row['reason']}" if "reason" in row else ""),
        ]
        lines += ["", "```diff", row["diff"], "```"]
    return lines
