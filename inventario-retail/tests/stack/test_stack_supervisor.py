"""The supervisor alone, with small processes in the place of servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inventario.stack.layout import read_json, write_json
from inventario.stack.process import boot, started_at
from inventario.stack.server import Server
from inventario.stack.signals import Signals
from inventario.stack.supervisor import Supervisor, replace_leftovers

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    with Signals() as signals:
        supervisor = Supervisor(tmp_path / "running.json", signals, said.append, {})
        yield supervisor
        supervisor.stop([["one", "two"]])


def sleeper(log: Path, name: str = "one", program: str = "import time; time.sleep(600)", patience: float = 5) -> Server:
    return Server(name, [sys.executable, "-c", program], 1, log / f"{name}.log", patience=patience)


def turn_until(supervisor: Supervisor, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        supervisor.turn(0.05)


def test_the_waits_grow_and_what_dies_at_once_is_tried_for_ever(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    supervisor.start(sleeper(tmp_path, program="raise SystemExit(3)"))
    turn_until(supervisor, lambda: len(said) >= 4)
    assert [line.split("starting it again ")[1].split(".")[0] for line in said[:1]] == ["at once"]
    assert ["in 0.2 s" in said[1], "in 0.4 s" in said[2], "in 0.8 s" in said[3]] == [True, True, True]
    assert "ended with status 3" in said[0]


def test_a_program_that_is_missing_at_a_restart_is_tried_again(supervisor: Supervisor, said: list[str], tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.symlink_to("/bin/sleep")
    supervisor.start(Server("one", [str(program), "600"], 1, tmp_path / "one.log"))
    program.unlink()
    os.kill(process(supervisor).pid, signal.SIGKILL)
    turn_until(supervisor, lambda: len(said) >= 3)
    program.symlink_to("/bin/sleep")
    turn_until(supervisor, lambda: supervisor["one"].process is not None and comm(process(supervisor).pid) == "program")


def comm(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def process(supervisor: Supervisor) -> subprocess.Popen[bytes]:
    found = supervisor["one"].process
    assert found is not None
    return found


def test_what_runs_is_written_down_and_gone_after_the_end(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(sleeper(tmp_path))
    (server,) = read_json(tmp_path / "running.json")["servers"]
    assert (server["pid"], server["restarts"]) == (process(supervisor).pid, 0)
    os.kill(process(supervisor).pid, signal.SIGKILL)
    turn_until(supervisor, lambda: read_json(tmp_path / "running.json")["servers"][0]["restarts"] == 1)
    supervisor.stop([["one"]])
    assert not (tmp_path / "running.json").exists()


def test_what_does_not_end_when_asked_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(sleeper(tmp_path, program=STUBBORN, patience=0.2))
    turn_until(supervisor, lambda: "ready" in (tmp_path / "one.log").read_text())
    pid = process(supervisor).pid
    supervisor.stop([["one"]])
    assert started_at(pid) is None


def test_groups_end_one_after_the_other(supervisor: Supervisor, tmp_path: Path) -> None:
    slow = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), print(time.monotonic()), sys.exit())); print('ready', flush=True); time.sleep(600)"
    for name in ("one", "two"):
        supervisor.start(sleeper(tmp_path, name, slow))
        turn_until(supervisor, lambda name=name: "ready" in (tmp_path / f"{name}.log").read_text())  # type: ignore[misc]  # a default binds the loop's value
    supervisor.stop([["two"], ["one"]])
    first, second = (float((tmp_path / f"{name}.log").read_text().split()[-1]) for name in ("two", "one"))
    assert first < second


def test_what_a_dead_server_leaves_behind_is_reaped(supervisor: Supervisor, tmp_path: Path) -> None:
    parent = "import subprocess, time; print(subprocess.Popen(['sleep', '1']).pid, flush=True); time.sleep(600)"
    supervisor.start(sleeper(tmp_path, program=parent))
    turn_until(supervisor, lambda: (tmp_path / "one.log").read_text().strip() != "")
    orphan = int((tmp_path / "one.log").read_text())
    os.kill(process(supervisor).pid, signal.SIGKILL)
    turn_until(supervisor, lambda: not Path(f"/proc/{orphan}").exists())


def test_a_process_that_only_has_the_number_of_an_old_server_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as bystander:
        server = {"name": "one", "pid": bystander.pid, "started": 1}
        write_json(tmp_path / "running.json", {"boot": boot(), "servers": [server]})
        assert replace_leftovers(tmp_path / "running.json") == []
        write_json(tmp_path / "running.json", {"boot": "another", "servers": [server | {"started": started_at(bystander.pid)}]})
        assert replace_leftovers(tmp_path / "running.json") == []
        assert bystander.poll() is None
        write_json(tmp_path / "running.json", {"boot": boot(), "servers": [server | {"started": started_at(bystander.pid)}]})
        assert replace_leftovers(tmp_path / "running.json") == ["one"]
