"""`inventario up` as a newcomer meets it: real processes, real signals."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from inventario.stack.layout import Layout, read_json
from inventario.stack.process import started_at
from inventario.stack.testing import ShopProcess, database_only, eventually, running_postgres, running_shop

SERVERS = ["PostgreSQL", "Valkey", "SeaweedFS", "Dashboard"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopProcess]:
    """One shop that several tests look at, and from which they take a server or two."""
    with running_shop(tmp_path_factory.mktemp("shop") / "a shop's data", arguments=["--no-sample"]) as shop:
        shop.wait_for("SeaweedFS on")
        yield shop


@pytest.fixture
def lean() -> dict[str, str]:
    return database_only()


def health(shop: ShopProcess) -> httpx.Response:
    return httpx.get(f"{shop.url}/health", headers={"X-API-Key": shop.key}, timeout=30)


def works(shop: ShopProcess) -> bool:
    """Tell whether the dashboard has its database; a key that it has forgotten meanwhile cannot be looked up before."""
    answer = health(shop)
    return answer.status_code == 200 and answer.json()["services"]["database"]["reachable"] is True


def command(shop: ShopProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "inventario", "--data", str(shop.data), *arguments]
    return subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)


def living(pids: dict[str, int | None]) -> list[str]:
    return [name for name, pid in pids.items() if pid is not None and started_at(pid) is not None]


def test_the_first_start_says_where_it_is_and_hands_out_a_login_and_a_key(shop: ShopProcess) -> None:
    assert f"http://127.0.0.1:{shop.port}" in shop.output
    assert str(shop.data) in shop.output
    assert shop.password
    assert "key create" in shop.value("New key")
    assert health(shop).json()["services"]["database"]["reachable"] is True


def test_every_server_names_the_data_directory_on_its_command_line(shop: ShopProcess) -> None:
    for pid in shop.pids().values():
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        assert str(shop.data) in arguments


def test_no_secret_is_on_a_command_line_or_readable_by_others(shop: ShopProcess) -> None:
    secrets = [path for path in Layout(shop.data).secrets.iterdir() if path.is_file()]
    everything = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in shop.pids().values()).decode()
    assert len(secrets) >= 5
    for path in secrets:
        assert path.read_text().strip() not in everything
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_servers_listen_on_the_loopback_interface_only(shop: ShopProcess) -> None:
    for port in shop.ports().values():
        with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.2", port), timeout=2):
            pass


def test_the_servers_refuse_whoever_has_no_password(shop: ShopProcess) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(f"postgresql://inventario@127.0.0.1:{shop.ports()['PostgreSQL']}/inventario")
    with socket.create_connection(("127.0.0.1", shop.ports()["Valkey"])) as valkey:
        valkey.sendall(b"PING\r\n")
        assert valkey.recv(100).startswith(b"-NOAUTH")
    assert httpx.get(f"http://127.0.0.1:{shop.ports()['SeaweedFS']}/").status_code == 403


def test_the_shop_does_not_work_as_superuser(shop: ShopProcess) -> None:
    url = (Layout(shop.data).secrets / "database-url").read_text().strip()
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT usesuper FROM pg_user WHERE usename = current_user").fetchone()
    assert row == (False,)


@pytest.mark.parametrize("name", SERVERS)
def test_a_killed_server_comes_back_on_its_port_and_the_dashboard_goes_on(shop: ShopProcess, name: str) -> None:
    before, ports = shop.pids(), shop.ports()
    victim = before[name]
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    # Never refused: while the dashboard itself is away, the connection waits for its successor.
    assert httpx.get(f"{shop.url}/livez", timeout=30).status_code == 200
    assert eventually(lambda: shop.pids()[name] not in {victim, None})
    assert shop.ports() == ports
    assert eventually(lambda: works(shop))
    others = {other: pid for other, pid in before.items() if other != name}
    assert {other: shop.pids()[other] for other in others} == others


def test_a_server_that_keeps_dying_is_started_again_and_again(shop: ShopProcess) -> None:
    for _ in range(4):
        assert eventually(lambda: living(shop.pids()) == list(shop.pids()))
        victim = shop.pids()["Valkey"]
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        assert eventually(lambda victim=victim: shop.pids()["Valkey"] not in {victim, None})  # type: ignore[misc]  # a default binds the loop's value
    assert shop.process.poll() is None


def test_status_shows_every_server_for_people_and_for_programs(shop: ShopProcess) -> None:
    assert eventually(lambda: command(shop, "status").returncode == 0)
    found = json.loads(command(shop, "status", "--json").stdout)
    assert found["ok"] is True
    assert found["supervisor"] == shop.process.pid
    assert found["schema"] == found["schema_expected"]
    assert {server["name"]: server["pid"] for server in found["servers"]} == shop.pids()
    assert {server["name"]: server["address"] for server in found["servers"]}["Valkey"] == f"127.0.0.1:{shop.ports()['Valkey']}"


def test_a_second_start_on_the_same_directory_is_told_so_in_one_line(shop: ShopProcess) -> None:
    second = command(shop, "up", "--port", "0")
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"already running (process {shop.process.pid})" in second.stderr


def test_a_taken_port_is_told_in_one_line(shop: ShopProcess, tmp_path: Path) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "inventario", "up", "--data", str(tmp_path), "--port", str(shop.port)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"Port {shop.port} of 127.0.0.1 is taken" in second.stderr
    assert f"--port {shop.port + 1}" in second.stderr


def test_commands_find_the_shop_of_the_directory(shop: ShopProcess) -> None:
    made = command(shop, "key", "create", "--name", "another", "--scope", "read")
    answer = httpx.get(f"{shop.url}/health", headers={"X-API-Key": made.stdout.strip()})
    assert answer.status_code == 200


def test_two_shops_run_side_by_side(shop: ShopProcess, tmp_path: Path) -> None:
    with running_shop(tmp_path / "second", arguments=["--no-sample"]) as second:
        assert not set(shop.ports().values()) & set(second.ports().values())
        assert health(shop).status_code == 200
        assert health(second).status_code == 200
        assert httpx.get(f"{second.url}/health", headers={"X-API-Key": shop.key}).status_code == 401


def test_a_second_start_reuses_data_ports_and_keys(tmp_path: Path) -> None:
    with running_shop(tmp_path, arguments=["--no-sample"]) as first:
        ports, key, setup = first.ports(), first.key, read_json(Layout(tmp_path).setup)
    assert first.process.returncode == 0
    with running_shop(tmp_path, arguments=["--no-sample"]) as second:
        assert {name: port for name, port in second.ports().items() if name != "Dashboard"} == {
            name: port for name, port in ports.items() if name != "Dashboard"
        }
        assert httpx.get(f"{second.url}/health", headers={"X-API-Key": key}).status_code == 200
        assert "Password" not in second.output
        assert read_json(Layout(tmp_path).setup) == setup


def test_after_the_parent_was_killed_no_child_is_left_and_the_next_start_has_the_data(tmp_path: Path) -> None:
    with running_shop(tmp_path, arguments=["--no-sample"]) as first:
        pids, ports, key = first.pids(), first.ports(), first.key
        assert len(living(pids)) == len(SERVERS)
        first.process.kill()
        first.process.wait()
        assert eventually(lambda: not living(pids))
    with running_shop(tmp_path, arguments=["--no-sample"]) as second:
        assert second.ports()["PostgreSQL"] == ports["PostgreSQL"]
        assert httpx.get(f"{second.url}/health", headers={"X-API-Key": key}).status_code == 200


def test_a_frozen_server_of_a_killed_parent_is_replaced(tmp_path: Path, lean: dict[str, str]) -> None:
    with running_shop(tmp_path, arguments=["--no-sample"], variables=lean) as first:
        frozen, key = first.pids()["PostgreSQL"], first.key
        assert frozen is not None
        os.kill(frozen, signal.SIGSTOP)
        first.process.kill()
        first.process.wait()
        assert eventually(lambda: living(first.pids()) == ["PostgreSQL"])
    with running_shop(tmp_path, arguments=["--no-sample"], variables=lean) as second:
        assert started_at(frozen) is None
        assert "PostgreSQL of an earlier start was still running" in second.output
        assert httpx.get(f"{second.url}/health", headers={"X-API-Key": key}).status_code == 200


def test_a_process_number_that_now_belongs_to_another_process_does_not_keep_postgresql_out(tmp_path: Path, lean: dict[str, str]) -> None:
    with running_shop(tmp_path, arguments=["--no-sample"], variables=lean) as first:
        first.process.kill()
        first.process.wait()
        assert eventually(lambda: not living(first.pids()))
    lock = tmp_path / "postgres" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{tmp_path}/postgres\n")
    with running_shop(tmp_path, arguments=["--no-sample"], variables=lean) as second:
        assert "PostgreSQL" in living(second.pids())


def test_ctrl_c_lets_a_request_finish_before_the_database_goes(tmp_path: Path) -> None:
    with running_shop(tmp_path, arguments=["--no-sample"]) as shop:
        pids, body = shop.pids(), b'{"store": "nowhere"}'
        with socket.create_connection(("127.0.0.1", shop.port)) as client:
            head = f"POST /api/v1/movements HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {shop.key}\r\nContent-Type: application/json\r\n"
            client.sendall(f"{head}Idempotency-Key: half\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:5])
            # Served before the next line's answer: the half request is certainly under way by then.
            assert httpx.get(f"{shop.url}/livez").status_code == 200
            shop.process.send_signal(signal.SIGINT)
            shop.wait_for("Stopping")
            assert living(pids) == list(pids)
            client.sendall(body[5:])
            answer = http.client.HTTPResponse(client)
            answer.begin()
            assert answer.status == 422
        assert shop.stop(signal.SIGCONT) == 0
        assert living(pids) == []
        assert shop.lines[-1] == "Stopped."


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path, lean: dict[str, str]) -> None:
    with running_shop(tmp_path, arguments=["--no-sample"], variables=lean) as shop:
        pids = shop.pids()
        dashboard = pids["Dashboard"]
        assert dashboard is not None
        os.kill(dashboard, signal.SIGSTOP)
        shop.process.send_signal(signal.SIGINT)
        shop.wait_for("Stopping")
        shop.process.send_signal(signal.SIGINT)
        assert shop.stop(signal.SIGCONT, within=10) == 0
        assert living(pids) == []


def test_servers_that_the_environment_names_are_not_started(tmp_path: Path) -> None:
    with running_postgres(tmp_path / "server") as url:
        variables = dict(os.environ) | {"DATABASE_URL": url, "REDIS_HOST": "127.0.0.1", "S3_ENDPOINT_URL": "http://127.0.0.1:1"}
        with running_shop(tmp_path / "shop", arguments=["--no-sample"], variables=variables) as shop:
            assert list(shop.pids()) == ["Dashboard"]
            assert health(shop).json()["services"]["database"]["reachable"] is True
            assert not (tmp_path / "shop" / "postgres").exists()


def test_the_dashboard_starts_although_a_database_of_somebody_else_does_not_answer(tmp_path: Path) -> None:
    variables = dict(os.environ) | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "DASHBOARD_API_KEY": "any"}
    shop = ShopProcess(tmp_path, variables=variables)
    try:
        shop.wait_for("Stop        Ctrl-C")
        assert "The database is not ready" in shop.output
        assert httpx.get(f"{shop.url}/readyz").status_code == 200
        answer = httpx.get(f"{shop.url}/health", headers={"X-API-Key": "any"})
        assert answer.json()["services"]["database"] == {"reachable": False, "latency_ms": None}
    finally:
        assert shop.stop() == 0


def test_a_wrong_setting_is_told_in_one_line(tmp_path: Path) -> None:
    shop = ShopProcess(tmp_path, variables=dict(os.environ) | {"LOG_LEVEL": "loud"})
    shop.wait_for("LOG_LEVEL=loud is none of")
    assert shop.stop(signal.SIGCONT) == 1
    assert "Traceback" not in shop.output
