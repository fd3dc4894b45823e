"""What type checkers must say of brownout. It is checked, never run.

Every ``assert_type`` is a promise to those who annotate their code: a guarded function keeps its parameters and its result. What a checker must
refuse stands in `refused.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import assert_type

import brownout
from brownout import Backoff, Breaker, Mode, OpenError, Permit, State, Stats, Transition, Trip, backoff, consecutive, rate, slow

database = Breaker("database")
tuned = Breaker(
    "search",
    on=(ConnectionError, TimeoutError),
    ignore=lambda error: isinstance(error, KeyError),
    on_result=bool,
    trip=consecutive(5, expire=30) | rate(0.5, within=30, calls=20) & slow(0.9, within=30, calls=20) | rate(0.5, last=100, calls=20),
    retry_after=backoff(20, up_to=300, jitter=0.5),
    latency_limit=0.25,
    clock=lambda: 0.0,
)
by_seconds = Breaker("mail", retry_after=20)


@database
def price(article: int, /, *, currency: str = "EUR") -> float:
    return article / len(currency)


@database
async def stock(article: int, *, store: str) -> int | None:
    return article if store else None


@database
def pages(first: int) -> Iterator[str]:
    yield str(first)


@database
async def events(topic: str) -> AsyncIterator[bytes]:
    yield topic.encode()


class Client:
    @database
    def fetch(self, key: str) -> bytes:
        return key.encode()

    @staticmethod
    @database
    def parse(text: str) -> int:
        return int(text)


async def functions_keep_their_types() -> None:
    assert_type(price(1, currency="USD"), float)
    assert_type(await stock(1, store="centro"), int | None)
    assert_type(pages(1), Iterator[str])
    assert_type(events("sales"), AsyncIterator[bytes])
    assert_type(Client().fetch("a"), bytes)
    assert_type(Client.parse("1"), int)


def any_callable(given: Callable[[int], Iterator[str]]) -> None:
    assert_type(database(given), Callable[[int], Iterator[str]])


async def blocks_and_permits() -> None:
    with database:
        database.failed(ValueError())
    async with database as same:
        assert_type(same, Breaker)
    permit = database.acquire(probe=True)
    assert_type(permit, Permit)
    assert_type(permit.trial, bool)
    permit.succeeded("a result")
    permit.failed(ValueError())
    permit.ignored()
    with database.acquire() as held:
        assert_type(held, Permit)


def value_after_a_block() -> int:
    # A block that could swallow errors would leave this function without a result on some path.
    with database:
        return 1


def facts() -> None:
    assert_type(database.name, str)
    assert_type(database.state, State)
    assert_type(database.mode, Mode)
    assert_type(database.reason, str)
    assert_type(database.retry_in, float)
    assert_type(database.last_failure_at, float | None)
    assert_type(database.opened_at, float | None)
    assert_type(database.outages, tuple[float, ...])
    assert_type(database.threshold, int | None)
    assert_type(database.stats(), Stats)
    assert_type(database.stats().streak, int)
    database.remember([12.5, 40])


def by_hand() -> None:
    with database.isolated("maintenance") as isolated:
        assert_type(isolated, Breaker)
    with database.shadow(), database.disabled():
        database.trip(reason="drill")
    database.reset()
    database.configure(trials=2)


def listeners() -> None:
    def on_transition(event: Transition) -> None:
        assert_type(event.before, State)
        assert_type(event.breaker, Breaker)

    end = database.subscribe(on_transition, Transition)
    assert_type(end(), None)


def keys() -> None:
    shards = database.keyed(maxsize=8)
    assert_type(shards["a"], Breaker)
    assert_type(list(shards), list[Breaker])


def trips_and_waits() -> None:
    assert_type(consecutive(5) | rate(0.5, within=30, calls=20), Trip)
    assert_type(consecutive(5) & rate(0.5, last=100, calls=20), Trip)
    assert_type(backoff(0.1, up_to=5), Backoff)
    assert_type(next(iter(backoff(0.1, up_to=5))), float)


def errors() -> None:
    try:
        price(1)
    except OpenError as refused:
        assert_type(refused.breaker, Breaker)
        assert_type(refused.retry_after, float)
    except brownout.RejectedError:
        pass
