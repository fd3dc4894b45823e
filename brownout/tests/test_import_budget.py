"""What `import brownout` loads: little, so that it is no reason not to use it."""

from __future__ import annotations

import subprocess
import sys

# Some of these come with `typing` in older Pythons.
LIGHT = "import abc, array, collections, contextvars, enum, functools, math, threading, time, typing, weakref"
HEAVY = {
    "asyncio",
    "concurrent.futures",
    "dataclasses",
    "datetime",
    "decimal",
    "fractions",
    "inspect",
    "logging",
    "random",
    "re",
    "statistics",
}


def loaded_by(statement: str) -> set[str]:
    script = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    return set(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split())


def test_importing_it_loads_nothing_heavy() -> None:
    assert not (loaded_by("import brownout") - loaded_by(LIGHT)) & HEAVY


def test_breakers_and_levels_need_nothing_heavy() -> None:
    used = "import brownout; b = brownout.Breaker('b'); brownout.Brownout({b: 1}, features=[brownout.Feature('f', needs=b)]).level"
    assert not (loaded_by(used) - loaded_by(LIGHT)) & HEAVY


def test_what_goes_around_calls_is_loaded_when_it_is_used() -> None:
    assert "brownout._retry" not in loaded_by("import brownout")
    assert "brownout._retry" in loaded_by("from brownout import retry")
