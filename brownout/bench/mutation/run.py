"""How many small faults in brownout's code do its tests notice?

    .venv/bin/python brownout/bench/mutation/run.py _backoff.py --tests brownout/tests/test_backoff.py

makes every mutant of the files named (in brownout/src/brownout), one at a time in a copy of the project, and runs the tests that reach the
changed line. The files, the tests and the result are kept in brownout/bench/results/mutation.json and mutation.md. A mutant that survives shows
a test that is missing, or is equivalent: then `equivalents.toml` says why. Ends with 1 when the score is below the target.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from mutants import Mutant, mutants_of
from report import Result, load_equivalents, write
from trial import Baseline, Copy, Outcome, Trial, preload

_PROJECT = Path(__file__).parents[3]
_PACKAGE = "brownout/src"
_FILES = f"{_PACKAGE}/brownout"
# A mutant that makes its tests this much slower, in processor time, hangs.
_SLOWER, _AT_LEAST = 5, 5.0


def main() -> int:
    """Make the mutants, try them, keep the report."""
    options = _options()
    files = [f"{_FILES}/{name}" for name in options.files]
    sources = {file: (_PROJECT / file).read_text(encoding="utf-8") for file in files}
    mutants = [mutant for file in files for mutant in mutants_of(Path(file).name, sources[file])]
    mutants = [mutant for mutant in mutants if not options.only or options.only in mutant.scope]
    preload()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutation-") as scratch:
        copies = [Copy(_PROJECT, Path(scratch, str(number)), _PACKAGE) for number in range(options.workers)]
        # Somebody may have saved a file between the reading and the copying.
        for copy in copies:
            for file in files:
                copy.put(file, sources[file])
        baselines = [copy.measure(options.tests, files) for copy in copies]
        print(f"{len(baselines[0].seconds)} tests pass without a mutant in {sum(baselines[0].seconds.values()):.1f} s", flush=True)
        outcomes = _Session(copies, baselines[0], sources, options.tests).try_all(mutants)
    results = [Result(mutant, outcomes[number]) for number, mutant in enumerate(mutants)]
    return write(results, load_equivalents(), options.tests, time.monotonic() - started, options.results, complete=not options.only)


def _options() -> argparse.Namespace:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="files in brownout/src/brownout, such as _machine.py")
    parser.add_argument("--tests", nargs="+", default=["brownout/tests"], help="test files or directories (default: all of brownout)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="how many run at once (default: one a core)")
    parser.add_argument("--only", default="", help="only mutants in functions whose name contains this; nothing is kept")
    parser.add_argument("--results", type=Path, default=Path(__file__).parents[1] / "results", help="directory for the report")
    return parser.parse_args()


class _Session:
    """Tries mutants in all copies at once, each first with the tests that reach it and, when it survives those, with all."""

    def __init__(self, copies: Sequence[Copy], baseline: Baseline, sources: dict[str, str], tests: Sequence[str]) -> None:
        self._copies = copies
        self._baseline = baseline
        self._sources = sources
        self._tests = tests
        self._all_seconds = sum(baseline.seconds.values())

    def try_all(self, mutants: Sequence[Mutant]) -> dict[int, Outcome]:
        """Return the outcomes by the mutants' places."""
        outcomes: dict[int, Outcome] = {}
        waiting = iter(enumerate(mutants))
        running: list[tuple[int, Mutant, Generator[Outcome | None]]] = []
        free = list(self._copies)
        while True:
            while free and (following := next(waiting, None)):
                running.append((*following, self._tried(following[1], free.pop(), free)))
            if not running:
                return outcomes
            time.sleep(0.005)
            for entry in list(running):
                number, mutant, progress = entry
                if outcome := next(progress):
                    outcomes[number] = outcome
                    running.remove(entry)
                    # It hands back its copy as it ends.
                    progress.close()
                    _tell(len(outcomes), len(mutants), mutant, outcome)

    def _tried(self, mutant: Mutant, copy: Copy, free: list[Copy]) -> Generator[Outcome | None]:
        file = f"{_FILES}/{mutant.file}"
        copy.put(file, mutant.source)
        try:
            yield from self._verdict(copy, self._reaching(file, mutant.lines))
        finally:
            copy.put(file, self._sources[file])
            free.append(copy)

    def _verdict(self, copy: Copy, reaching: list[str]) -> Generator[Outcome | None]:
        outcome, spent = Outcome("survived", 0.0), 0.0
        for tests in filter(None, [reaching, list(self._tests)]):
            seconds = sum(map(self._seconds_of, tests))
            trial = Trial(copy, tests, limit=_AT_LEAST + _SLOWER * seconds)
            while (end := trial.poll()) is None:
                yield None
            outcome, spent = end, spent + end.seconds
            if outcome.what != "survived":
                break
        yield Outcome(outcome.what, spent)

    def _seconds_of(self, test: str) -> float:
        return self._baseline.seconds.get(test, self._all_seconds)

    def _reaching(self, file: str, lines: tuple[int, int]) -> list[str]:
        """Return the tests that run one of *lines*, the fastest first, or none when the import runs them: then any test may notice."""
        by_line = self._baseline.tests_of[file]
        names = {test for line in range(lines[0], lines[1] + 1) for test in by_line.get(line, ())}
        return [] if "" in names else sorted(names, key=self._baseline.seconds.__getitem__)


def _tell(done: int, total: int, mutant: Mutant, outcome: Outcome) -> None:
    if outcome.what == "survived":
        print(f"{mutant.file}:{mutant.line} survived ({mutant.operator})\n  - {mutant.before}\n  + {mutant.after}", flush=True)
    if done % 50 == 0 or done == total:
        print(f"{done} of {total}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
