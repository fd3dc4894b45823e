"""The how-to pages of brownout, on real clients and, where there is one for tests, on real servers."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import CodeType
from typing import Any

import httpx
import psycopg
import pytest
import valkey
import valkey.asyncio
import valkey.asyncio.retry
import valkey.backoff
import valkey.exceptions

from brownout import State
from inventario.stack import binaries, ports
from inventario.stack.testing import eventually, running_postgres

PAGES = Path(__file__).parents[2] / "brownout" / "docs" / "howto"
Names = dict[str, Any]


def _compiled(page: str) -> list[CodeType]:
    blocks = re.findall(r"^```python\n(.*?)^```", (PAGES / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [compile(block, f"{page}: {block.splitlines()[0]}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT) for block in blocks]


async def _run(page: str, blocks: int | None = None) -> Names:
    """Run the first *blocks* examples of *page*, or all, as `python -m asyncio` would, and return the names that they leave."""
    names: Names = {"__name__": page}
    for code in _compiled(page)[:blocks]:
        waiting = eval(code, names)  # noqa: S307 - our own page
        if inspect.iscoroutine(waiting):
            await waiting
    return names


async def _probe(names: Names, breaker: str) -> None:
    with suppress(Exception), names[breaker].acquire(probe=True):
        await names["ask"]()


async def test_postgresql_counts_what_the_server_cannot_do_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = ports.choose(1)[0]
    with running_postgres(tmp_path / "server", durable=False, port=port) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        names = await _run("postgresql.md")
        with pytest.raises(psycopg.errors.SyntaxError):
            async with names["postgres"], names["pool"].connection() as connection:
                await connection.execute("SELEC 1")
        assert names["postgres"].stats().failed == 0
    for _ in range(3):
        await _probe(names, "postgres")
    assert names["postgres"].state is State.OPEN
    await names["pool"].close()


async def test_postgresql_errors_are_told_apart_by_their_sqlstate() -> None:
    names = await _run("postgresql.md", 1)
    failed = names["server_failed"]
    lookup = psycopg.errors.lookup
    assert all(failed(lookup(code)()) for code in ("08006", "57P01", "57P02", "57P03", "53100", "25006", "58030", "XX001"))
    assert not any(failed(lookup(code)()) for code in ("40001", "40P01", "55P03", "57014", "57P05", "23505", "22P02", "42601", "53300"))
    assert failed(psycopg.errors.ConnectionTimeout())
    assert failed(psycopg.OperationalError("the connection is closed"))
    assert not failed(psycopg.InterfaceError("the cursor is closed"))


async def test_redis_runs_and_finds_out_when_the_server_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("redis") is None:  # the fork has the same interface
        for name in ("", ".asyncio", ".asyncio.retry", ".backoff", ".exceptions"):
            monkeypatch.setitem(sys.modules, f"redis{name}", sys.modules[f"valkey{name}"])
    with _valkey(tmp_path) as url:
        monkeypatch.setenv("REDIS_URL", url)
        names = await _run("redis.md")
    for _ in range(5):
        assert await names["cached"]("greeting") is None
    assert names["redis"].state is State.OPEN
    await names["client"].aclose()


@contextmanager
def _valkey(directory: Path) -> Iterator[str]:
    port = ports.choose(1)[0]
    command = [str(binaries.valkey_server()), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory), "--save", ""]
    with (directory / "valkey.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            assert eventually(lambda: _pings(port))
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.kill()


def _pings(port: int) -> bool:
    with suppress(valkey.exceptions.ConnectionError), valkey.Valkey(port=port) as client:
        return bool(client.ping())
    return False


async def test_http_runs() -> None:
    await _run("http.md")


async def test_retry_after_may_be_a_date() -> None:
    names = await _run("http.md", 1)
    response = httpx.Response(503, headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}, request=httpx.Request("GET", "http://x"))
    assert names["asked_to_wait"](httpx.HTTPStatusError("", request=response.request, response=response)) > 0
    response.headers["Retry-After"] = "soon"
    assert names["asked_to_wait"](httpx.HTTPStatusError("", request=response.request, response=response)) is None


class _Stub(BaseHTTPRequestHandler):
    """An S3 and an LLM service, as far as the pages need them."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = {"missing": 404, "slow": 503}.get(self.path.rpartition("/")[2], 200)
        code = {404: "NoSuchKey", 503: "SlowDown"}.get(status, "")
        self._answer(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>", "application/xml")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["messages"][0]["content"] == "busy":
            self._answer(429, '{"error": {"message": "too many", "code": "rate_limit_exceeded"}}', "application/json", {"Retry-After": "7"})
        elif asked.get("stream"):
            chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in ("hello", " to", " you")]
            lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
            self._answer(200, "".join([*lines, "data: [DONE]\n\n"]), "text/event-stream")
        else:
            message = {"role": "assistant", "content": "hello to you"}
            body = {"id": "1", "object": "chat.completion", "created": 1, "model": "small", "choices": [{"index": 0, "message": message}]}
            self._answer(200, json.dumps(body), "application/json")

    def _answer(self, status: int, body: str, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the standard library's
        """Keep quiet."""


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Stub) as server:
        for variable in ("S3_URL", "OPENAI_URL"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


# These clients are no requirements of the tests. Where they are installed the page runs as it stands; elsewhere it is compiled.
@pytest.mark.parametrize(("page", "clients"), [("s3.md", ("obstore", "boto3")), ("llm.md", ("openai",))])
@pytest.mark.usefixtures("stub")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_page_runs_with_its_client(page: str, clients: tuple[str, ...]) -> None:
    if all(importlib.util.find_spec(client) for client in clients):
        await _run(page)
    else:
        assert _compiled(page)
