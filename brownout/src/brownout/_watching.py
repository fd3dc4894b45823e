"""Running the probes of a whole service, and looking at its level though nobody asks."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from brownout._bus import report
from brownout._errors import ConfigurationError

if TYPE_CHECKING:
    from asyncio import Task

    from brownout._levels import Brownout
    from brownout._probe import Probe

__all__ = ["Watching"]

WATCH: Final = 0.1
"""Seconds between two looks at the level."""


class Watching:
    """Runs probes, and keeps the level up to date though nobody looks. Made by `Brownout.watching`."""

    __slots__ = ("_brownout", "_probes", "_stack", "_tasks")

    def __init__(self, brownout: Brownout, probes: tuple[Probe, ...]) -> None:
        breakers = [probe.breaker for probe in probes]
        if twice := sorted({breaker.name for breaker in breakers if breakers.count(breaker) > 1}):
            raise ConfigurationError(f"watching: one probe for each breaker, got more for {', '.join(twice)}")
        self._brownout = brownout
        self._probes = probes
        self._tasks: list[Task[None]] = []
        self._stack = ExitStack()

    async def __aenter__(self) -> Brownout:
        import asyncio

        async def watch() -> None:
            while True:
                await asyncio.sleep(WATCH)
                _ = self._brownout.level  # which looks, when it is time to

        running = [watch(), *(probe.run(self._brownout.refresh) for probe in self._probes)]
        self._tasks = [asyncio.create_task(one) for one in running]
        return self._brownout

    async def __aexit__(self, *_: object) -> None:
        import asyncio

        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                report("watching: a probe had ended by itself", error)

    def __enter__(self) -> Brownout:
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(WATCH):
                _ = self._brownout.level

        with ExitStack() as stack:
            worker = threading.Thread(target=watch, name="brownout", daemon=True)
            worker.start()
            stack.callback(worker.join)
            stack.callback(stop.set)
            for probe in self._probes:
                stack.enter_context(probe.thread(self._brownout.refresh))
            self._stack = stack.pop_all()
        return self._brownout

    def __exit__(self, *_: object) -> None:
        self._stack.close()
