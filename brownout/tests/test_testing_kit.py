"""The testing kit: what it does while it lasts, and that nothing of it stays."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import pytest

from brownout import Breaker, Brownout, ConfigurationError, Feature, OpenError, State, _clock, backoff, consecutive, retry, testing


def test_a_breaker_opens_by_itself_in_an_outage_and_recovers_on_the_virtual_clock() -> None:
    service = Breaker("service", trip=consecutive(3), retry_after=20)
    called = []

    @service
    def call() -> None:
        called.append(True)

    with testing.clock() as clock:
        call()
        with testing.outage(service):
            for _ in range(3):
                with pytest.raises(ConnectionError, match="made by a test"):
                    call()
            with pytest.raises(OpenError):
                call()
            clock.tick(20)
            with pytest.raises(ConnectionError):
                call()
            assert service.state.name == "OPEN"
        assert service.state.name == "CLOSED"
        call()
    assert len(called) == 2


def test_the_example_of_the_design_reads_as_it_should() -> None:
    openai = Breaker("openai", trip=consecutive(1), retry_after=34)
    service = Brownout({openai: 1}, features=[Feature("ai", needs=openai, otherwise="statistical")])
    with testing.clock() as clock, testing.outage(openai):
        with pytest.raises(ConnectionError), openai:
            pass
        clock.tick(30)
        assert service.explain("ai") == "fallback: statistical; openai is open, next trial in 4 s"


def test_a_warm_fast_path_is_struck_as_well() -> None:
    service = Breaker("service", trip=consecutive(1000))
    guarded = service(len)
    for _ in range(5000):
        guarded("x")
    with testing.outage(service):
        for _ in range(100):
            with pytest.raises(ConnectionError):
                guarded("x")
    assert guarded("x") == 1


async def test_coroutines_streams_and_blocks_are_struck() -> None:
    service = Breaker("service", on=(TimeoutError, OSError), trip=consecutive(100))

    @service
    async def call() -> None:
        raise AssertionError

    @service
    async def stream() -> AsyncIterator[int]:
        yield 1

    @service
    def items() -> Iterator[int]:
        yield 1

    with testing.outage(service):
        with pytest.raises(TimeoutError):
            await call()
        with pytest.raises(TimeoutError):
            async for _ in stream():
                pass
        with pytest.raises(TimeoutError):
            list(items())
        with pytest.raises(TimeoutError):
            async with service:
                pass
        with pytest.raises(TimeoutError):
            service.acquire(probe=True)
    assert service.stats().failed == 5
    assert list(items()) == [1]


def test_an_outage_can_raise_what_the_caller_wants() -> None:
    service = Breaker("service")
    with testing.outage(service, error=lambda: PermissionError("mine")), pytest.raises(PermissionError, match="mine"), service:
        pass


def test_a_breaker_that_was_open_is_open_again_afterwards() -> None:
    with testing.clock() as clock:
        service = Breaker("service", trip=consecutive(1), retry_after=20)
        service.trip()
        before = service.opened_at
        with testing.outage(service):
            clock.tick(20)
            with pytest.raises(ConnectionError), service:
                pass
        assert (service.state, service.opened_at) == (State.OPEN, before)
        with service:
            pass
        assert service.state is State.CLOSED


def test_what_an_outage_leaves_alone_stays() -> None:
    service = Breaker("service")
    service.trip()
    with testing.outage(service):
        pass
    assert service.state is State.OPEN


def test_chaos_strikes_the_same_calls_for_the_same_seed() -> None:
    service = Breaker("service", trip=consecutive(1000))

    def struck(seed: int) -> list[bool]:
        found = []
        with testing.chaos(service, errors=0.2, seed=seed):
            for _ in range(200):
                try:
                    with service:
                        found.append(False)
                except ConnectionError:
                    found.append(True)
        return found

    assert struck(1) == struck(1) != struck(2)
    assert 20 < sum(struck(1)) < 60


async def test_latency_passes_on_the_virtual_clock() -> None:
    service = Breaker("service", latency_limit=1)

    @service
    async def call() -> str:
        return "done"

    with testing.clock() as clock, testing.chaos(service, latency=3):
        began = clock.now
        assert await call() == "done"
        with service:
            pass
        assert clock.now == began + 6
        assert service.stats().slow == 2


async def test_without_a_virtual_clock_latency_is_real() -> None:
    service = Breaker("service")

    @service
    async def call() -> None:
        pass

    with testing.chaos(service, latency=0.01):
        began = time.monotonic()
        await call()
        with service:
            pass
        assert time.monotonic() - began >= 0.02


def test_chaos_within_an_outage_ends_with_its_block() -> None:
    service = Breaker("service", trip=consecutive(100))
    with testing.outage(service):
        with testing.chaos(service), service:
            pass
        with pytest.raises(ConnectionError), service:
            pass


def test_waits_of_retries_move_the_virtual_clock() -> None:
    tries = []

    @retry(3, wait=backoff(10, up_to=20), budget=None)
    def flaky() -> str:
        tries.append(True)
        if len(tries) < 3:
            raise ConnectionError
        return "done"

    with testing.clock() as clock:
        began = clock.now
        assert flaky() == "done"
        assert clock.now > began


def test_time_never_goes_back_after_a_virtual_clock() -> None:
    before = _clock.source
    try:
        with testing.clock() as clock:
            clock.tick(1000)
            last = clock.now
        assert last <= _clock.now() < last + 100
        with testing.clock():
            pass
        assert _clock.now() >= last
    finally:
        _clock.source = before


def test_a_clock_that_was_not_moved_leaves_no_trace() -> None:
    before = _clock.source
    with testing.clock():
        pass
    assert _clock.source is before


@pytest.mark.parametrize("arguments", [{"errors": 2}, {"errors": -1}, {"latency": -1}, {"latency": float("inf")}])
def test_numbers_that_make_no_sense_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="chaos"), testing.chaos(Breaker("service"), **arguments):  # type: ignore[arg-type]
        pass
    with testing.clock() as clock, pytest.raises(ConfigurationError, match="tick"):
        clock.tick(-1)


def test_an_outage_that_ends_within_its_block_shows_how_a_breaker_recovers() -> None:
    with testing.clock() as clock:
        service = Breaker("service", trip=consecutive(2), retry_after=20, ramp=0)
        guarded = service(len)
        with testing.outage(service, after=10, lasting=60):
            assert guarded("x") == 1
            clock.tick(10)
            for _ in range(2):
                with pytest.raises(ConnectionError):
                    guarded("x")
            clock.tick(60)
            assert service.state is State.OPEN
            assert guarded("x") == 1
            assert (service.state, service.outages) == (State.CLOSED, (60.0,))


@pytest.mark.parametrize("arguments", [{"after": -1}, {"lasting": -1}, {"lasting": float("nan")}])
def test_times_of_an_outage_that_make_no_sense_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="outage"), testing.outage(Breaker("service"), **arguments):  # type: ignore[arg-type]
        pass


class Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)


@pytest.mark.parametrize("on", [lambda error: isinstance(error, KeyError), Refused])
def test_an_outage_that_the_breaker_would_take_for_success_is_refused(on: type[Exception]) -> None:
    service = Breaker("service", on=on)
    with pytest.raises(ConfigurationError, match="give one that it does"), testing.outage(service):
        pass
    with testing.chaos(service, latency=0), service:
        pass
    with testing.outage(service, error=lambda: Refused(503, "gone")), pytest.raises(Refused), service:
        pass


def test_outages_that_end_in_another_order_leave_nothing_behind() -> None:
    service = Breaker("service", trip=consecutive(1))
    faults = [testing.outage(service), testing.outage(service), testing.outage(service)]
    for fault in faults:
        fault.__enter__()
    with pytest.raises(ConnectionError), service:
        pass
    for number in (0, 1, 2):
        assert service.state is State.OPEN
        faults[number].__exit__(None, None, None)
    assert service.state is State.CLOSED
    with service:
        pass


def test_one_that_began_first_can_end_first_of_three() -> None:
    service = Breaker("service", trip=consecutive(1))
    first, second, third = testing.outage(service), testing.chaos(service), testing.chaos(service)
    for fault in (first, second, third):
        fault.__enter__()
    first.__exit__(None, None, None)
    third.__exit__(None, None, None)
    second.__exit__(None, None, None)
    with service:
        pass


def test_a_clock_within_another_moves_it_on() -> None:
    before = _clock.source
    try:
        with testing.clock() as outer:
            began = outer.now
            with testing.clock() as inner:
                inner.tick(1000)
            assert _clock.source is outer
            assert outer.now == began + 1000
        assert _clock.now() >= began + 1000
    finally:
        _clock.source = before


def test_a_thousand_clocks_after_each_other_cost_no_more_than_one() -> None:
    before = _clock.source
    try:
        for _ in range(2000):
            with testing.clock() as clock:
                clock.tick(1)
        assert _clock.now() - before() > 1990
    finally:
        _clock.source = before
