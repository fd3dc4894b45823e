"""What a library weighs: memory a breaker, time to import, lines of code."""

from __future__ import annotations

import ast
import gc
import importlib.util
import os
import random
import subprocess
import sys
import tempfile
import time
import tokenize
import tracemalloc
from pathlib import Path

from cost import peers
from cost.peers import Competitor

__all__ = ["core_lines", "import_times", "lines_of", "memory"]

_BREAKERS = 1000
_BENCH = Path(__file__).parents[1]
_AROUND = (
    "_policy",
    "_retry",
    "_bulkhead",
    "_deadline",
    "_fallback",
    "_hedge",
    "_compose",
    "_forecast",
    "_features",
    "_needs",
    "_gate",
    "_probe",
    "_watching",
    "testing",
    "prometheus",
    "opentelemetry",
    "openfeature",
)
"""What is not breaker, trips, health or levels, but around them: policies, forecast, features, probes, hooks, and the kit for tests."""


def memory(competitor: Competitor) -> float:
    """Return the bytes of one breaker, out of 1,000, in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-m", __name__, competitor.name], cwd=_BENCH, check=True, capture_output=True, text=True)
    return float(done.stdout)


def import_times(competitors: list[Competitor], *, repeats: int, seed: int = 20) -> dict[str, list[float]]:
    """Return milliseconds of ``python -c "import X"``, and of ``python -c pass``, by turns and in random order."""
    statements = {"pass": "pass"} | {each.name: f"import {each.module}" for each in competitors}
    rng, order = random.Random(seed), list(statements)
    milliseconds: dict[str, list[float]] = {name: [] for name in order}
    with tempfile.TemporaryDirectory(prefix="brownout-bench-") as compiled:
        # Whoever installs a library has it compiled, which a source tree need not be: the first run writes what the others read.
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
        for statement in statements.values():
            _run(statement, environ)
        for _ in range(repeats):
            rng.shuffle(order)
            for name in order:
                milliseconds[name].append(_run(statements[name], environ))
    return milliseconds


def _run(statement: str, environ: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], env=environ, check=True)
    return (time.perf_counter() - began) * 1e3


def lines_of(competitor: Competitor) -> int:
    """Return the lines of code of the whole library: no blank lines, comments, docstrings."""
    spec = importlib.util.find_spec(competitor.module.partition(".")[0])
    assert spec is not None
    assert spec.origin is not None
    origin = Path(spec.origin)
    return code_lines(sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin])


def core_lines(source: Path) -> dict[str, int]:
    """Return the lines of code of our breaker, trips, health and levels, by file: all but the policies, the forecast, the hooks, the tests' kit."""
    return {path.name: code_lines([path]) for path in sorted(source.glob("*.py")) if path.stem not in _AROUND}


def code_lines(paths: list[Path]) -> int:
    """Return how many lines of *paths* hold code."""
    return sum(len(_code(path)) for path in paths)


def _code(path: Path) -> set[int]:
    dead = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}
    with path.open("rb") as file:
        tokens = [token for token in tokenize.tokenize(file.readline) if token.type not in dead]
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    return lines - _docstrings(ast.parse(path.read_bytes()))


def _docstrings(tree: ast.Module) -> set[int]:
    """Return the lines of strings that stand alone as a statement."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _traced(competitor: Competitor) -> float:
    names = [f"service {number}" for number in range(_BREAKERS)]
    warm = competitor.many(["warm"])  # what is made once belongs to the library, not to a breaker
    tracemalloc.start()
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    kept = competitor.many(names)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert warm
    assert kept
    return (after - before) / _BREAKERS


if __name__ == "__main__":
    print(_traced(next(each() for each in peers.EVERYONE if each.name == sys.argv[1])))
