"""The dashboard alone, against the servers that the environment names."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from inventario.operations.service import Operations
from inventario.platform.postgres import Database
from inventario.serve import BoundedHeaders, DrainingServer
from inventario.stack.ports import LOOPBACK, choose
from inventario.stack.testing import eventually


def run(*arguments: str, cwd: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "inventario", *arguments]
    return subprocess.run(program, capture_output=True, text=True, check=False, timeout=60, cwd=cwd, env=dict(os.environ) | variables)


@contextmanager
def serving(database_url: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    variables = dict(os.environ) | {"DATABASE_URL": database_url, "DASHBOARD_API_KEY": "any", "API_PORT": str(port)}
    server = subprocess.Popen([sys.executable, "-m", "inventario", "serve"], env=variables)
    try:
        assert eventually(lambda: answers(port))
        yield server
    finally:
        server.kill()
        server.wait()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://{LOOPBACK}:{port}/livez").status_code == 200
    except httpx.TransportError:
        return False


def test_it_serves_the_database_of_the_environment_and_ends_in_order(database_url: str) -> None:
    port = choose(1)[0]
    with serving(database_url, port) as server:
        health = httpx.get(f"http://{LOOPBACK}:{port}/health", headers={"Authorization": "Bearer any"}).json()
        assert health["services"]["database"]["reachable"] is True
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0


def test_without_a_database_it_says_what_to_set(tmp_path: Path) -> None:
    told = run("serve", cwd=tmp_path, variables={"DATABASE_URL": ""})
    assert told.returncode == 1
    assert told.stderr.startswith("inventario: DATABASE_URL is not set")
    assert told.stderr.count("\n") == 1


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = str(taken.getsockname()[1])
        told = run("serve", "--port", port, cwd=tmp_path, variables={"DATABASE_URL": "postgresql://any"})
    assert told.returncode == 1
    assert f"Port {port} of {LOOPBACK} is taken" in told.stderr


def test_migrating_twice_changes_nothing_the_second_time(server_url: str, database_url: str, tmp_path: Path) -> None:
    told = run("migrate", cwd=tmp_path, variables={"DATABASE_URL": database_url})
    assert told.returncode == 0
    assert "nothing to do" in told.stdout


@pytest.mark.parametrize("command", ["migrate", "key list"])
def test_a_database_that_does_not_answer_is_told_in_one_line(tmp_path: Path, command: str) -> None:
    told = run(*command.split(), cwd=tmp_path, variables={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"})
    assert told.returncode == 1
    assert told.stderr.startswith("inventario: The database does not answer: connection failed")
    assert told.stderr.count("\n") == 1


async def test_a_stream_hears_of_the_end_and_says_its_last_words() -> None:
    operations = Operations(Database("postgresql://never-connected"), mismatches=lambda: None)

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await operations.draining.wait()
        await send({"type": "http.response.body", "body": b" and last words"})

    listener = socket.create_server((LOOPBACK, 0))
    server = DrainingServer(uvicorn.Config(stream, lifespan="off", log_config=None, http="httptools"), operations)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with httpx.AsyncClient() as client, client.stream("GET", f"http://{LOOPBACK}:{listener.getsockname()[1]}/") as answer:
        chunks = answer.aiter_bytes()
        assert await anext(chunks) == b"first"
        server.should_exit = True
        assert await anext(chunks) == b" and last words"
    await serving


@pytest.mark.parametrize("piece", [b"x" * 1024, b"x: y\r\n" * 200])
async def test_headers_that_do_not_end_end_the_connection(piece: bytes) -> None:
    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError(scope)

    listener = socket.create_server((LOOPBACK, 0))
    server = uvicorn.Server(uvicorn.Config(never, lifespan="off", log_config=None, http=BoundedHeaders))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
    for _ in range(70):
        writer.write(piece)
    assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")
    writer.close()
    server.should_exit = True
    await serving


def test_a_large_body_is_not_taken_for_headers(database_url: str) -> None:
    port = choose(1)[0]
    with serving(database_url, port):
        answer = httpx.post(f"http://{LOOPBACK}:{port}/api/v1/nowhere", content=b"x" * 500_000)
        assert answer.status_code == 404
        assert httpx.head(f"http://{LOOPBACK}:{port}/livez").status_code == 200
