"""A load generator: a process of its own that keeps a number of connections busy, and writes down what it was answered.

Run as ``python -m harness.load`` with an `Order` as JSON on standard input; it prints a `Run` as JSON. It speaks just enough HTTP/1.1 to cost
little: with two cores, what the generator takes is missing elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import uvloop

__all__ = ["Order", "Run", "run"]

_BENCH = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Order:
    """What to send. ``kind``: ``movements`` (one each, with keys of their own), ``batches`` (of *size* movements) or ``reads`` (of *paths*).

    It ends after *seconds*, or after *requests* where that is given. ``acknowledged`` is a file that takes a line ``key id`` for every
    movement that the server said it has applied.
    """

    port: int
    kind: str
    clients: int = 32
    seconds: float = 4.0
    requests: int | None = None
    api_key: str = ""
    store: str = ""
    skus: list[str] = field(default_factory=list)
    size: int = 1000
    paths: list[str] = field(default_factory=list)
    keys: str = "load"
    seed: int = 1
    acknowledged: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it. ``latencies`` are in milliseconds, in order of arrival; ``movements`` counts the acknowledged ones."""

    seconds: float
    requests: int
    movements: int
    statuses: dict[str, int]
    latencies: list[float]
    complaints: list[str]
    generator_cpu: float


def run(order: Order) -> Run:
    """Carry out *order* in another process.

    Raises:
        RuntimeError: The generator broke.
    """
    done = subprocess.run(
        [sys.executable, "-m", "harness.load"], input=json.dumps(asdict(order)), cwd=_BENCH, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the load generator broke:\n{done.stderr}")
    return Run(**json.loads(done.stdout))


class _Load:
    """State that the connections share: what to send next, and what was answered."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.requests = self._requests()
        self.left = order.requests if order.requests is not None else sys.maxsize
        self.deadline = float("inf")
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.complaints: list[str] = []
        self.acknowledged: list[str] = []

    def next(self) -> tuple[list[str], bytes] | None:
        """Return the keys and the bytes of the next request, or None when it is time to stop."""
        if self.left <= 0 or time.perf_counter() >= self.deadline:
            return None
        self.left -= 1
        return next(self.requests)

    def answered(self, keys: list[str], status: int, body: bytes, seconds: float) -> None:
        self.latencies.append(round(seconds * 1000, 3))
        self.statuses[status] += 1
        if status >= 300:
            if len(self.complaints) < 5:
                self.complaints.append(f"{status} {body[:500].decode(errors='replace')}")
        elif self.order.kind == "movements":
            self.acknowledged.append(f"{keys[0]} {json.loads(body)['id']}\n")
        elif self.order.kind == "batches":
            for key, item in zip(keys, json.loads(body)["items"], strict=True):
                if item["movement"] is not None:
                    self.acknowledged.append(f"{key} {item['movement']['id']}\n")
                elif len(self.complaints) < 5:
                    self.complaints.append(json.dumps(item["problem"]))

    def _requests(self) -> Iterator[tuple[list[str], bytes]]:
        order, rng, number = self.order, random.Random(self.order.seed), 0
        while True:
            number += 1
            if order.kind == "reads":
                yield [], self._message("GET", rng.choice(order.paths))
            elif order.kind == "movements":
                key = f"{order.keys}-{number}"
                yield [key], self._message("POST", "/api/v1/movements", json.dumps(self._movement(rng)), f"Idempotency-Key: {key}\r\n")
            else:
                keys = [f"{order.keys}-{number}-{place}" for place in range(order.size)]
                body = json.dumps({"movements": [{"key": key, **self._movement(rng)} for key in keys]})
                yield keys, self._message("POST", "/api/v1/movements:batch", body)

    def _movement(self, rng: random.Random) -> dict[str, str]:
        return {"store": self.order.store, "sku": rng.choice(self.order.skus), "kind": "sale", "quantity": "-1"}

    def _message(self, method: str, path: str, body: str = "", more: str = "") -> bytes:
        content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {self.order.api_key}\r\n{more}{content}\r\n{body}".encode()


class _Connection(asyncio.Protocol):
    """One client: sends a request, waits for the whole answer, sends the next."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._buffer = b""
        self._keys: list[str] = []
        self._sent = 0.0
        self._ended = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # the event loop's own class, which does not inherit from it
        self._send()

    def _send(self) -> None:
        request = self._load.next()
        if request is None:
            self._ended = True
            self._transport.close()
            return
        self._keys, message = request
        self._sent = time.perf_counter()
        self._transport.write(message)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        end = head + 4 + _length(self._buffer[:head])
        if len(self._buffer) < end:
            return
        now = time.perf_counter()
        self._load.answered(self._keys, int(self._buffer[9:12]), self._buffer[head + 4 : end], now - self._sent)
        self._buffer = self._buffer[end:]
        self._send()

    def connection_lost(self, _: Exception | None) -> None:
        if not self._ended:
            self._load.complaints.append("the server closed the connection")
        if not self.done.done():
            self.done.set_result(None)


def _give_up(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A connection whose handler broke would keep everybody waiting."""
    print(context["message"], repr(context.get("exception")), file=sys.stderr, flush=True)
    os._exit(1)


def _length(head: bytes) -> int:
    at = head.lower().index(b"content-length:") + 15
    end = head.find(b"\r\n", at)
    return int(head[at : end if end >= 0 else len(head)])


async def _carry_out(order: Order) -> tuple[list[str], Run]:
    load = _Load(order)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_give_up)
    started = time.perf_counter()
    load.deadline = started + order.seconds if order.requests is None else float("inf")
    made = [await loop.create_connection(lambda: _Connection(load), "127.0.0.1", order.port) for _ in range(order.clients)]
    await asyncio.gather(*(connection.done for _, connection in made))
    seconds = time.perf_counter() - started
    return load.acknowledged, Run(
        seconds=seconds,
        requests=len(load.latencies),
        movements=len(load.acknowledged),
        statuses={str(status): count for status, count in sorted(load.statuses.items())},
        latencies=load.latencies,
        complaints=load.complaints,
        generator_cpu=time.process_time(),
    )


def _main() -> None:
    order = Order(**json.load(sys.stdin))
    acknowledged, outcome = uvloop.run(_carry_out(order))
    if order.acknowledged:
        Path(order.acknowledged).write_text("".join(acknowledged), encoding="ascii")
    json.dump(asdict(outcome), sys.stdout)


if __name__ == "__main__":
    _main()
