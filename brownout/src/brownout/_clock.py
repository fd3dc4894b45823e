"""The clock that everything here reads: monotonic seconds, so that a jump of the wall clock changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["now", "source"]

source: Callable[[], float] = time.monotonic
"""What tells the time; ``brownout.testing.clock()`` puts another in its place."""


def now() -> float:
    """Return the seconds of the clock in use."""
    return source()
