"""The small parts of the stack."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from inventario.stack import logs
from inventario.stack.errors import StackError
from inventario.stack.layout import Layout, read_json, write_json
from inventario.stack.ports import LOOPBACK, choose, kept, listen


def test_ports_are_kept(tmp_path: Path) -> None:
    first = kept(tmp_path / "ports.json", ["postgres", "valkey"])
    assert kept(tmp_path / "ports.json", ["postgres", "valkey"]) == first


def test_a_port_that_another_program_has_taken_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    first = kept(tmp_path / "ports.json", ["postgres", "valkey"])
    with socket.create_server((LOOPBACK, first["valkey"])):
        second = kept(tmp_path / "ports.json", ["postgres", "valkey"])
    assert second["postgres"] == first["postgres"]
    assert second["valkey"] != first["valkey"]
    assert read_json(tmp_path / "ports.json") == second


@pytest.mark.parametrize("wrong", [99_999_999, -1, 0, 80, 60_000, True, "11000", None])
def test_what_is_no_port_of_ours_is_replaced_and_the_others_stay(tmp_path: Path, wrong: object) -> None:
    first = kept(tmp_path / "ports.json", ["postgres", "valkey"])
    write_json(tmp_path / "ports.json", first | {"valkey": wrong})
    second = kept(tmp_path / "ports.json", ["postgres", "valkey"])
    assert second["postgres"] == first["postgres"]
    assert 10_300 <= second["valkey"] < 22_700
    assert read_json(tmp_path / "ports.json") == second


def test_ports_leave_room_for_those_that_lie_10_000_above() -> None:
    assert all(port > 1024 and port + 10_000 < 32_768 for port in choose(20))


def test_a_dashboard_on_any_free_port() -> None:
    with listen(LOOPBACK, 0) as listener:
        assert listener.getsockname()[1] > 0


def test_an_address_that_is_not_ours_is_told_so() -> None:
    with pytest.raises(StackError, match=r"Cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 8080)


def test_a_file_that_was_cut_off_counts_as_absent(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"servers": [')
    assert read_json(tmp_path / "state.json") == {}


def test_a_written_file_is_read_back(tmp_path: Path) -> None:
    write_json(tmp_path / "state.json", {"pid": 7})
    assert json.loads((tmp_path / "state.json").read_text()) == {"pid": 7}
    assert list(tmp_path.iterdir()) == [tmp_path / "state.json"]


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.create()
    assert layout.secret("word") == layout.secret("word")
    assert layout.secret("word") != layout.secret("another")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", bytes(48), b"two words"])
def test_a_secret_that_is_lost_is_made_anew(tmp_path: Path, content: bytes) -> None:
    layout = Layout(tmp_path)
    layout.create()
    (layout.secrets / "word").write_bytes(content)
    assert layout.kept_secret("word") is None
    assert layout.secret("word") == layout.kept_secret("word")


@pytest.mark.parametrize("mark", ["ports.json", "setup.json"])
def test_a_directory_with_a_shop_may_hold_other_files(tmp_path: Path, mark: str) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / mark).touch()
    Layout(tmp_path).create()
    assert (tmp_path / "secrets").is_dir()


def test_what_a_first_start_that_was_cut_off_leaves_is_no_obstacle(tmp_path: Path) -> None:
    for name in ("lost+found", "uploads"):
        (tmp_path / name).mkdir()
    Layout(tmp_path).create()
    with Layout(tmp_path).locked():
        Layout(tmp_path).create()


def test_an_error_is_one_line() -> None:
    assert str(StackError("a path with\na line\x1b")) == r"a path with\na line\x1b"


def test_a_log_is_bounded_while_its_writer_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_LIMIT", 1000)
    log = tmp_path / "server.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(100):
            writer.write(f"line {number}\n".encode() * 10)
            logs.bound(log)
    assert log.stat().st_size <= 1100
    assert (tmp_path / "server.log.1").stat().st_size <= 1100
    assert logs.tail(log, 1) == ["line 99"] or logs.tail(tmp_path / "server.log.1", 1) == ["line 99"]


_TALKER = """
import sys
from inventario.stack.terminal import Terminal
terminal = Terminal()
for number in range(20_000):
    terminal.line(f"line {number} of many" + "." * 1000)  # what the queue holds is more than a pipe takes, however slow its writer
print("went on", terminal.flush(within=0.2), file=sys.stderr, flush=True)
"""


def test_a_terminal_that_is_paused_pauses_nobody() -> None:
    talker = subprocess.Popen([sys.executable, "-c", _TALKER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert talker.stderr is not None
    assert talker.stdout is not None
    with talker, talker.stdout, talker.stderr:
        assert talker.stderr.readline() == "went on False\n"
        talker.kill()


def test_whether_somebody_has_read_it_is_known() -> None:
    told = subprocess.run([sys.executable, "-c", _TALKER.replace("20_000", "20")], capture_output=True, text=True, check=True)
    assert told.stderr == "went on True\n"
    assert told.stdout.count("\n") == 20
