"""Runs tests in a copy of the project, in a forked process that has pytest loaded already: a mutant costs what its tests cost, no more."""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

__all__ = ["Baseline", "Copy", "Outcome", "Trial", "preload"]

_PLUGINS = ("pytest_asyncio.plugin", "_hypothesis_pytestplugin")
_NOT_COPIED = ("__pycache__", ".*", "results", "dist", "build", "*.egg-info")
# Of addresses: each thread reserves some, used or not.
_MEMORY = 8 << 30
# Pytest's own codes, and two of ours.
_PASSED, _FAILED, _CRASHED, _FOREIGN = 0, 1, 98, 99


class Outcome(NamedTuple):
    """How a trial ended: ``survived``, ``failed`` (a test noticed), ``broken`` (the tests could not even start) or ``timeout``."""

    what: str
    seconds: float


class Baseline(NamedTuple):
    """What the tests do without a mutant: seconds by test, and for each file the tests that run each line ("" is the import)."""

    seconds: dict[str, float]
    tests_of: dict[str, dict[int, list[str]]]


def preload() -> None:
    """Import what every trial needs, except the package under test, and set Hypothesis to the same examples in each run."""
    for name in ("pytest", *_PLUGINS, "asyncio", "coverage", "hypothesis.stateful", "hypothesis.strategies"):
        importlib.import_module(name)
    from hypothesis import HealthCheck, Phase, settings  # noqa: PLC0415 - after the modules above, which it is a part of

    # Whether a mutant survives must not depend on luck, nor on the time that a busy machine takes. Shrinking explains, and nobody reads it here.
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile(
        "mutation", derandomize=True, database=None, deadline=None, phases=phases, suppress_health_check=list(HealthCheck)
    )
    settings.load_profile("mutation")
    # What is there now lives as long as this process does; the forks need not look through it.
    gc.freeze()


class Copy:
    """One copy of the project, in which one trial runs at a time."""

    def __init__(self, project: Path, place: Path, package: str) -> None:
        """Copy *project* to *place*, which must not exist; *package* is the directory of the sources, from the project's root."""
        self.root = place
        self._sources = place / package
        place.mkdir(parents=True)
        shutil.copy2(project / "pyproject.toml", place)
        distribution = Path(package).parts[0]
        shutil.copytree(project / distribution, place / distribution, ignore=shutil.ignore_patterns(*_NOT_COPIED))

    def put(self, file: str, source: str) -> None:
        """Write *source* to *file*, and remove what was compiled from the text before."""
        path = self.root / file
        path.write_text(source, encoding="utf-8")
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()

    def measure(self, tests: Sequence[str], files: Sequence[str]) -> Baseline:
        """Run *tests* once, and learn which of them run which lines of *files*.

        Raises:
            RuntimeError: a test fails without a mutant; what pytest said is in it.
        """
        kept = self.root / "baseline.json"
        trial = Trial(self, tests, limit=600, observed=[str(self.root / file) for file in files], kept=kept, compile_all=True)
        outcome = trial.wait()
        if outcome.what != "survived":
            raise RuntimeError(f"Without a mutant the tests must pass, but: {outcome.what}\n{trial.output()}")
        raw = json.loads(kept.read_text(encoding="utf-8"))
        lines = {file: {int(line): tests for line, tests in raw["lines"][str(self.root / file)].items()} for file in files}
        return Baseline(raw["seconds"], lines)

    def enter(self) -> None:
        """Make this process one that works in the copy and imports from it. For a forked process only."""
        os.chdir(self.root)
        sys.path.insert(0, str(self._sources))
        os.environ["PYTHONPATH"] = str(self._sources)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

    def holds(self, module: str) -> bool:
        """Whether *module* is imported from here. An installed one would make every mutant survive."""
        return str(importlib.import_module(module).__file__).startswith(str(self._sources))


class Trial:
    """One run of tests in a copy, under way since it was made."""

    def __init__(
        self,
        copy: Copy,
        tests: Sequence[str],
        *,
        limit: float,
        observed: Sequence[str] = (),
        kept: Path | None = None,
        compile_all: bool = False,
    ) -> None:
        """Start *tests*; *limit* is in seconds, of processor time and, twice as many, by the clock."""
        self._log = copy.root / "trial.log"
        self._started = time.monotonic()
        self._until = self._started + 2 * limit
        self._pid = os.fork()
        if self._pid == 0:
            _leave_with(lambda: _child(copy, tests, limit, observed, kept, self._log, compile_all))

    def poll(self) -> Outcome | None:
        """Return how it ended, or None while it runs."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0 and time.monotonic() < self._until:
            return None
        # What the tests have started goes too, whether or not they ended well.
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        if pid == 0:
            os.waitpid(self._pid, 0)
        return Outcome(self._meaning(status if pid else signal.SIGKILL), time.monotonic() - self._started)

    def wait(self) -> Outcome:
        """Wait for the end."""
        while (outcome := self.poll()) is None:
            time.sleep(0.005)
        return outcome

    def output(self) -> str:
        """Return the end of what pytest said."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-4000:]

    def _meaning(self, status: int) -> str:
        if os.WIFSIGNALED(status):
            return "timeout" if os.WTERMSIG(status) in {signal.SIGKILL, signal.SIGXCPU} else "broken"
        code = os.WEXITSTATUS(status)
        if code == _FOREIGN:
            raise RuntimeError(f"The package under test was imported from elsewhere, not from the copy:\n{self.output()}")
        if code == _CRASHED:
            raise RuntimeError(f"The trial itself broke, which says nothing of the mutant:\n{self.output()}")
        return {_PASSED: "survived", _FAILED: "failed"}.get(code, "broken")


def _leave_with(work: Callable[[], int]) -> NoReturn:
    """End this process with the code of *work*. Nothing may leave a forked process otherwise: it would go on with what its parent has to do."""
    code = _CRASHED
    try:
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _child(copy: Copy, tests: Sequence[str], limit: float, observed: Sequence[str], kept: Path | None, log: Path, compile_all: bool) -> int:
    import pytest  # noqa: PLC0415 - loaded before the fork

    os.setsid()
    with log.open("w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 2))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    copy.enter()
    sys.dont_write_bytecode = not compile_all
    guard = _Guard(copy)
    plugins: list[Any] = [guard, *(sys.modules[name] for name in _PLUGINS)]
    if kept is not None:
        plugins.append(_Observer(observed, kept))
    code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests], plugins=plugins))
    return _FOREIGN if guard.foreign else code


class _Guard:
    """Looks, once the tests are collected, where the package under test came from."""

    def __init__(self, copy: Copy) -> None:
        self._copy = copy
        self.foreign = False

    def pytest_collection_finish(self) -> None:
        self.foreign = not self._copy.holds("brownout")


class _Observer:
    """Keeps which test runs which line, and how long each takes."""

    def __init__(self, files: Sequence[str], kept: Path) -> None:
        import coverage  # noqa: PLC0415 - loaded before the fork

        self._coverage = coverage.Coverage(data_file=None, include=list(files), config_file=False)
        self._files = files
        self._kept = kept
        self._seconds: dict[str, float] = {}
        self._coverage.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._coverage.switch_context(nodeid)

    def pytest_runtest_logfinish(self) -> None:
        self._coverage.switch_context("")

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        lines = {file: data.contexts_by_lineno(file) for file in self._files}
        self._kept.write_text(json.dumps({"seconds": self._seconds, "lines": lines}), encoding="utf-8")
