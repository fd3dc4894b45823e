"""`make`: the tasks, and what a machine that lacks something is told."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inventario.stack.layout import read_json
from inventario.stack.process import started_at
from inventario.stack.testing import as_ordinary_user, database_only, eventually

ROOT = Path(__file__).parents[3]


@pytest.fixture
def ordinary() -> list[str]:
    return as_ordinary_user()


def install(clone: Path, python: Path | str) -> subprocess.CompletedProcess[str]:
    shutil.copytree(ROOT / "scripts", clone / "scripts", dirs_exist_ok=True)
    return subprocess.run(
        ["sh", "scripts/install.sh", "run", str(python)], cwd=clone, capture_output=True, text=True, check=False, timeout=60
    )


def interpreter(directory: Path, module: str, text: str) -> Path:
    """Make an interpreter that is ours, but finds *text* as its *module*."""
    directory.mkdir()
    (directory / f"{module}.py").write_text(text)
    program = directory / "python3"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{directory}" exec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    return program


def test_help_is_the_default_and_lists_every_task() -> None:
    tasks = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert tasks is not None
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^  make ([a-z-]+)  ", shown, re.MULTILINE) == tasks.group(1).split()


def test_a_shop_ends_in_order_when_its_make_is_killed(tmp_path: Path) -> None:
    arguments = [f"PY={sys.executable}", f"ARGS=--no-sample --port 0 --data {tmp_path / 'shop'}"]
    log, state = tmp_path / "make.log", tmp_path / "shop" / "running.json"
    with log.open("w") as output:
        # -o: what is installed is good enough, however old.
        make = subprocess.Popen(["make", "-o", ".venv/.installed-run", "run", *arguments], cwd=ROOT, env=database_only(), stdout=output)
    assert eventually(lambda: "Stop        Ctrl-C" in log.read_text(), within=60), log.read_text()
    running = read_json(state)
    make.kill()
    make.wait()
    assert eventually(lambda: started_at(running["pid"]) is None)
    assert all(started_at(server["pid"]) is None for server in running["servers"])
    assert log.read_text().endswith("Stopped.\n")


def test_a_python_without_venv_is_told_which_package_to_install(tmp_path: Path) -> None:
    python = interpreter(tmp_path / "bare", "ensurepip", "raise ImportError('as on a Debian without python3-venv')\n")
    told = install(tmp_path, python)
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1
    assert "apt-get install python3-venv" in told.stderr
    assert not (tmp_path / ".venv").exists()


def test_an_old_python_is_told_so(tmp_path: Path) -> None:
    python = interpreter(tmp_path / "old", "sitecustomize", "import sys\nsys.version_info = (3, 9, 2, 'final', 0)\n")
    told = install(tmp_path, python)
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1
    assert "Python 3.11 or newer is needed" in told.stderr


def test_no_python_at_all_is_told_so(tmp_path: Path) -> None:
    told = install(tmp_path, "python9.9")
    assert told.returncode == 1
    assert "There is no python9.9" in told.stderr


def test_a_clone_that_may_not_be_written_is_told_so(tmp_path: Path, ordinary: list[str]) -> None:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    tmp_path.chmod(0o555)
    command = ["/bin/sh", "scripts/install.sh", "run", sys.executable]
    told = subprocess.run([*ordinary, *command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    tmp_path.chmod(0o755)
    assert told.returncode == 1
    assert "may not be written by this user" in told.stderr


@pytest.mark.parametrize(("program", "status"), [("sh", 0), ("no-such-program", 1)])
def test_missing_packages_are_named_with_the_command_that_installs_them(program: str, status: int) -> None:
    told = subprocess.run(["sh", "scripts/need.sh", "some-package", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == status
    assert ("apt-get install some-package" in told.stderr) is (status == 1)
