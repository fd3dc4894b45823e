"""Nanoseconds a call, by turns: everybody once in each repeat, in a new order each time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import statistics
import time
import timeit
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

from cost import peers
from cost.peers import Competitor, Function

__all__ = ["BARE", "EMPTY", "SHAPES", "Samples", "measure", "summary"]

BARE, EMPTY = "bare call", "empty loop"
SHAPES = ("sync", "async", "with", "async with", "rejected", "rejected async", "failing", "failing async")
Samples = dict[str, dict[str, list[float]]]
"""Shape, then competitor, then one figure for each repeat, in nanoseconds a call, the loop included."""

_WARMING = 200
"""Calls before the clock runs: everything is new in each repeat, and the first calls of anything are not like the others."""

_Timer = Callable[[int], float]  # calls -> seconds

_CALL = "call(1)"
_SWALLOW = "try:\n call(1)\nexcept Exception:\n pass"


def measure(competitors: list[Competitor], *, repeats: int, calls: int, seed: int = 20) -> Samples:
    """Time every shape of every competitor, and the bare call, *repeats* times, by turns and in random order."""
    rng = random.Random(seed)
    samples: Samples = {shape: {} for shape in SHAPES}
    with asyncio.Runner() as runner, _without_collector():
        turns = [(shape, each) for shape in SHAPES for each in [None, *competitors] if each is None or shape not in each.cannot]
        for _ in range(repeats):
            rng.shuffle(turns)
            gc.collect()
            for shape, competitor in turns:
                timer = _timer(shape, competitor, runner)
                timer(_WARMING)
                seconds = timer(calls)
                samples[shape].setdefault(competitor.name if competitor else BARE, []).append(seconds / calls * 1e9)
            for shape in SHAPES:
                samples[shape].setdefault(EMPTY, []).append(timeit.Timer("pass").timeit(calls) / calls * 1e9)
    return samples


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Collect garbage between the repeats only, or it falls on whoever is at it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def summary(figures: list[float]) -> dict[str, float]:
    """Return the median and the quartiles of *figures*."""
    low, middle, high = statistics.quantiles(figures, n=4)
    return {"median": round(middle, 2), "q1": round(low, 2), "q3": round(high, 2)}


def _timer(shape: str, competitor: Competitor | None, runner: asyncio.Runner) -> _Timer:
    """Return what times a number of calls. Everything is made anew, so that nobody carries anything from one repeat into the next."""
    asynchronous = "async" in shape
    if "with" in shape:
        return _async_blocks(competitor, runner) if asynchronous else _blocks(competitor)
    call = _function(shape, competitor, runner)
    swallow = shape.startswith(("rejected", "failing"))
    if asynchronous:
        return lambda calls: runner.run((_spin_swallowing if swallow else _spin)(call, calls))
    return timeit.Timer(_SWALLOW if swallow else _CALL, globals={"call": call}).timeit


def _function(shape: str, competitor: Competitor | None, runner: asyncio.Runner) -> Function:
    """Return the function that *shape* calls, guarded unless *competitor* is None."""
    asynchronous = "async" in shape
    good, bad = (peers.succeeding_async, _raising_async) if asynchronous else (peers.succeeding, _raising)
    function = bad if shape.startswith(("rejected", "failing")) else good
    if competitor is None:
        return function
    breaker = competitor.create(failures=peers.NEVER if shape.startswith("failing") else None, asynchronous=asynchronous)
    guarded = competitor.guard(breaker, function)
    if shape.startswith("rejected"):
        _open(guarded, runner if asynchronous else None)
    return guarded


def _open(guarded: Function, runner: asyncio.Runner | None) -> None:
    """Let *guarded* fail until it is open, and check that it then no longer calls."""
    for _ in range(50):
        _refusal(guarded, runner)
    assert not isinstance(_refusal(guarded, runner), _DependencyError), "50 failures have not opened the breaker"


def _refusal(guarded: Function, runner: asyncio.Runner | None) -> Exception | None:
    try:
        runner.run(guarded(1)) if runner else guarded(1)
    except Exception as error:  # each library has its own
        return error
    return None


class _DependencyError(ConnectionError):
    pass


def _raising(item: int) -> None:
    raise _DependencyError(item)


async def _raising_async(item: int) -> None:
    raise _DependencyError(item)


def _blocks(competitor: Competitor | None) -> _Timer:
    names: dict[str, Any] = {"work": peers.succeeding}
    if competitor is None:
        return timeit.Timer("work(1)", globals=names).timeit
    names["breaker"] = competitor.create()
    return timeit.Timer(f"with {competitor.block}:\n work(1)", globals=names).timeit


def _async_blocks(competitor: Competitor | None, runner: asyncio.Runner) -> _Timer:
    if competitor is None:
        return lambda calls: runner.run(_spin(peers.succeeding_async, calls))
    breaker = competitor.create(asynchronous=True)
    spin = _spin_obtaining if competitor.async_block.startswith("await") else _spin_blocks
    return lambda calls: runner.run(spin(breaker, peers.succeeding_async, calls))


async def _spin(call: Function, calls: int) -> float:
    turns = repeat(None, calls)
    began = time.perf_counter()
    for _ in turns:
        await call(1)
    return time.perf_counter() - began


async def _spin_swallowing(call: Function, calls: int) -> float:
    turns, raised = repeat(None, calls), 0
    began = time.perf_counter()
    for _ in turns:
        try:
            await call(1)
        except Exception:  # each library has its own
            raised += 1
    seconds = time.perf_counter() - began
    assert raised == calls
    return seconds


async def _spin_blocks(breaker: Any, work: Function, calls: int) -> float:
    turns = repeat(None, calls)
    began = time.perf_counter()
    for _ in turns:
        async with breaker:
            await work(1)
    return time.perf_counter() - began


async def _spin_obtaining(factory: Any, work: Function, calls: int) -> float:
    turns = repeat(None, calls)
    began = time.perf_counter()
    for _ in turns:
        async with await factory.get_breaker("bench"):
            await work(1)
    return time.perf_counter() - began
