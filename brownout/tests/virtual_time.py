"""An event loop whose time passes at once, and a clock to turn by hand, so that no test waits."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

from brownout import _clock

P = ParamSpec("P")


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def tick(self, seconds: float) -> None:
        self.seconds += seconds


class _Selector(selectors.SelectSelector):
    """Where the loop would sleep for its next timer, the clock goes on instead."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if timeout is not None and not ready:
            self._clock.tick(max(0.0, timeout))
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: Clock) -> None:
        self._virtual = clock
        super().__init__(_Selector(clock))

    def time(self) -> float:
        return self._virtual()


@contextmanager
def ticking() -> Iterator[Clock]:
    clock, before = Clock(), _clock.source
    _clock.source = clock
    try:
        yield clock
    finally:
        _clock.source = before


def virtual(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test on virtual time; what it does between two waits takes none."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with ticking() as clock, asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
            runner.run(test(*args, **kwargs))

    return run


def now() -> float:
    """Seconds since the test began."""
    return _clock.now() - 1000.0
