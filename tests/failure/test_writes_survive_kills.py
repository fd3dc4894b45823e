"""Servers and the dashboard are killed under load: nothing acknowledged is lost, nothing is doubled, and the ledger proves itself."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from inventario.stack.testing import ShopProcess, eventually, running_shop

SKUS = [f"P{number}" for number in range(20)]
CLIENTS = 16


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ShopProcess]:
    """A shop of its own with twenty products, and nothing in it."""
    with running_shop(tmp_path / "shop", arguments=["--no-sample"]) as shop:
        with _client(shop) as client:
            assert client.post("/api/v1/stores", json={"code": "S", "name": "Store"}).status_code == 201
            for sku in SKUS:
                assert client.post("/api/v1/products", json={"sku": sku, "name": sku, "unit": "unit"}).status_code == 201
        yield shop


def _client(shop: ShopProcess) -> httpx.Client:
    return httpx.Client(base_url=shop.url, headers={"X-API-Key": shop.key}, timeout=30)


@dataclass
class History:
    """What the clients sent, and what they were told."""

    sent: dict[str, dict[str, str]] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)


async def _sell(shop: ShopProcess, history: History, stop: asyncio.Event, seed: int) -> None:
    """Sell until told to stop, and repeat each sale under its key until it is acknowledged, as a till does."""
    chance = random.Random(seed)
    async with httpx.AsyncClient(base_url=shop.url, headers={"X-API-Key": shop.key}, timeout=10) as client:
        while not stop.is_set():
            key = str(uuid4())
            history.sent[key] = {"store": "S", "sku": chance.choice(SKUS), "kind": "sale", "quantity": str(-chance.randint(1, 5))}
            while key not in history.acknowledged:
                try:
                    answer = await client.post("/api/v1/movements", json=history.sent[key], headers={"Idempotency-Key": key})
                except httpx.TransportError as error:
                    history.failures[type(error).__name__] += 1
                    continue
                if answer.status_code == 201:
                    history.acknowledged[key] = answer.json()["id"]
                else:
                    assert answer.status_code in {409, 503}, answer.text
                    assert answer.headers["Content-Type"] == "application/problem+json"
                    history.failures[str(answer.status_code)] += 1
                    await asyncio.sleep(0.05)


async def _under_load(shop: ShopProcess, victim: str, kills: int) -> History:
    history, stop = History(), asyncio.Event()
    clients = [asyncio.create_task(_sell(shop, history, stop, seed)) for seed in range(CLIENTS)]
    for _ in range(kills):
        await _more_acknowledged(history)
        pid = shop.pids()[victim]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await _until(partial(_replaced, shop, victim, pid))
    await _more_acknowledged(history)
    stop.set()
    await asyncio.gather(*clients)
    return history


async def _more_acknowledged(history: History) -> None:
    before = len(history.acknowledged)
    await _until(lambda: len(history.acknowledged) > before + 100)


def _replaced(shop: ShopProcess, victim: str, pid: int) -> bool:
    return shop.pids()[victim] not in {None, pid}


async def _until(condition: Callable[[], bool]) -> None:
    # In a thread, so that the clients go on.
    assert await asyncio.to_thread(eventually, condition, within=60)


def _all_movements(client: httpx.Client) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    cursor: str | None = None
    while True:
        page = client.get("/api/v1/movements", params={"limit": 200} | ({"cursor": cursor} if cursor else {})).json()
        found += page["items"]
        cursor = page["next"]
        if cursor is None:
            return found


@pytest.mark.parametrize("victim", ["PostgreSQL", "Dashboard"])
async def test_killed_under_load_nothing_is_lost_or_doubled(shop: ShopProcess, victim: str) -> None:
    history = await _under_load(shop, victim, kills=3)
    # The fault was real: clients have seen it.
    assert history.failures
    with _client(shop) as client:
        ledger = Counter(movement["id"] for movement in _all_movements(client))
        assert set(ledger.values()) == {1}
        assert set(history.acknowledged.values()) == set(ledger)
        assert len(set(history.acknowledged.values())) == len(history.sent)
        proof = client.get("/api/v1/ledger/proof").json()
        assert (proof["mismatches"], proof["movements"]) == (0, len(history.sent))


async def test_the_whole_shop_killed_under_load_comes_back_with_everything(tmp_path: Path) -> None:
    data = tmp_path / "shop"
    history, stop = History(), asyncio.Event()
    with running_shop(data, arguments=["--no-sample"]) as shop:
        key = shop.key
        with _client(shop) as client:
            client.post("/api/v1/stores", json={"code": "S", "name": "Store"}).raise_for_status()
            for sku in SKUS:
                client.post("/api/v1/products", json={"sku": sku, "name": sku, "unit": "unit"}).raise_for_status()
        clients = [asyncio.create_task(_sell(shop, history, stop, seed)) for seed in range(CLIENTS)]
        await _until(lambda: len(history.acknowledged) > 500)
        shop.process.kill()
        for client_task in clients:
            client_task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        children = [pid for pid in shop.pids().values() if pid is not None]
        assert eventually(lambda: not any(_alive(pid) for pid in children))
    with (
        running_shop(data, arguments=["--no-sample"]) as shop,
        httpx.Client(base_url=shop.url, headers={"X-API-Key": key}, timeout=30) as client,
    ):
        found = {movement["id"] for movement in _all_movements(client)}
        assert set(history.acknowledged.values()) <= found
        # What was under way is unknown; repeating it under its key settles it.
        for unknown in history.sent.keys() - history.acknowledged.keys():
            answer = client.post("/api/v1/movements", json=history.sent[unknown], headers={"Idempotency-Key": unknown})
            assert answer.status_code == 201
        proof = client.get("/api/v1/ledger/proof").json()
        assert (proof["mismatches"], proof["movements"]) == (0, len(history.sent))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
