"""Calling again, within attempts, time, and a budget that keeps retries from becoming the outage."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar, Literal

from brownout import _clock, _policy
from brownout._backoff import Backoff, backoff
from brownout._deadline import check, remaining, usable
from brownout._errors import ConfigurationError, RejectedError
from brownout._policy import Matches, Policy, matcher, settled, whole, within

__all__ = ["Retry", "RetryBudget", "retry"]

_TOKEN = 1_000_000
"""A token is counted in millionths: ten deposits of a tenth are exactly one, which they are not in floats."""


class RetryBudget:
    """Retries that may be made: a token bucket that several functions can share.

    Each first attempt puts in *ratio* of a token, and *minimum_per_second* tokens come with the time, for those who call seldom. A retry
    takes one token out before it waits, so that retries which are waiting are counted. When the bucket is empty nothing is retried: a
    dependency that fails everything is called ``1 + ratio`` times as often, and not ``attempts`` times. The bucket starts full. Source:
    Brooker, "Fixing retries with token buckets and circuit breakers", 2022; the reserve by time is Finagle's.

    Args:
        ratio: Tokens that a first attempt puts in, 0 to 1; 0.1 allows a retry for each ten calls.
        minimum_per_second: Tokens that come with each second, 0 or more.
        capacity: Tokens that the bucket holds at most, 1 or more.

    Raises:
        ConfigurationError: A parameter makes no sense; the text names it.
    """

    __slots__ = ("__weakref__", "_at", "_capacity", "_deposit", "_lock", "_rate", "_tokens")

    def __init__(self, ratio: float = 0.1, *, minimum_per_second: float = 1.0, capacity: float = 10.0) -> None:
        if not 0 <= ratio <= 1:
            raise ConfigurationError(f"RetryBudget: ratio is a share from 0 to 1, got {ratio!r}; e.g. 0.1 for a retry per ten calls")
        if not 0 <= minimum_per_second < math.inf:
            raise ConfigurationError(
                f"RetryBudget: minimum_per_second must be finite, 0 or more, got {minimum_per_second!r}; e.g. minimum_per_second=1"
            )
        self._deposit = round(ratio * _TOKEN)
        self._rate = minimum_per_second * _TOKEN
        self._capacity = round(within("RetryBudget", "capacity", capacity, least=1, example=10) * _TOKEN)
        self._tokens = self._capacity
        self._at = _clock.now()
        self._lock = threading.Lock()

    @property
    def balance(self) -> float:
        """Tokens in the bucket: retries that may be made now."""
        with self._lock:
            self._refill(0)
            return self._tokens / _TOKEN

    def deposit(self) -> None:
        """Count a first attempt."""
        with self._lock:
            self._refill(self._deposit)

    def withdraw(self) -> bool:
        """Take a token for a retry; False, and nothing is taken, when there is none."""
        with self._lock:
            self._refill(0)
            if self._tokens < _TOKEN:
                return False
            self._tokens -= _TOKEN
            return True

    def _refill(self, more: int) -> None:
        now = _clock.now()
        self._tokens = min(self._capacity, self._tokens + more + int(max(0.0, now - self._at) * self._rate))
        self._at = now


_WAIT = backoff(0.1, up_to=5.0, jitter=0.5)


class Retry(Policy):
    """Attempts at a call. Made by `retry`."""

    __slots__ = ("_matches", "_sleep", "_uniform", "attempts", "budget", "longest", "wait")

    kind: ClassVar[str] = "retry"
    on_stream: ClassVar[str] = "its first items may be consumed already when it fails; retry a function that opens the stream"

    def __init__(
        self,
        attempts: int,
        *,
        on: Matches,
        wait: Backoff | float,
        budget: RetryBudget | Literal["own"] | None,
        longest: float,
        sleep: Callable[[float], object] | None,
        uniform: Callable[[], float] | None,
    ) -> None:
        self.attempts = whole("retry", "attempts", attempts, least=1, example=3)
        self.wait = wait if isinstance(wait, Backoff) or wait == 0 else within("retry", "wait", wait, example="backoff(0.1, up_to=5)")
        self.longest = within("retry", "longest", longest, example=30)
        self.budget = RetryBudget() if budget == "own" else budget
        self._matches = matcher("retry", on)
        self._sleep = sleep
        self._uniform = uniform or random.random

    def _sync(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            course = _Course(self)
            while True:
                try:
                    result = function(*args, **kwargs)
                except Exception as error:
                    pause = course.pause(error)
                    if pause is None:
                        raise
                    (self._sleep or _policy.sleeper or time.sleep)(pause)
                    if course.late(error):
                        raise
                else:
                    return settled(result, function)

        return wrapper

    def _async(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            course = _Course(self)
            while True:
                try:
                    return await function(*args, **kwargs)
                except Exception as error:
                    pause = course.pause(error)
                    if pause is None:
                        raise
                    await _asleep(pause, self._sleep or _policy.sleeper)
                    if course.late(error):
                        raise

        return wrapper

    def pause_before(self, retry: int, error: Exception) -> float:
        """Return the seconds to wait before *retry* (0 is the first), after *error*."""
        if isinstance(self.wait, Backoff):
            pause = self.wait.delay(retry, uniform=self._uniform)
            if retry == 0:
                # A schedule leaves its first wait exact, as a breaker's promise needs it. Here the first wait is the one that makes
                # all who failed together come back together.
                pause *= 1 - self.wait.jitter * self._uniform()
        else:
            pause = self.wait
        return max(pause, _asked_for(error))

    def why_not(self, attempt: int, error: Exception, pause: float) -> str:
        """Return why no attempt follows *attempt* (counted from 1), or "" and take a token from the budget."""
        if attempt >= self.attempts:
            return "no attempt is left"
        if isinstance(error, RejectedError):
            return "whoever refused the call would refuse it again"
        if not self._matches(error):
            return "an error of this kind is not retried"
        return self._too_long(pause) or self._unaffordable()

    def _too_long(self, pause: float) -> str:
        left = usable()
        if left is not None and pause >= left:
            return f"the next would begin in {pause:.3g} s, and the deadline leaves {remaining():.3g} s"
        if pause > self.longest:
            return f"the next would begin in {pause:.3g} s, and a wait takes {self.longest:g} s at most"
        return ""

    def _unaffordable(self) -> str:
        return "" if self.budget is None or self.budget.withdraw() else "the retry budget is empty"


class _Course:
    """How the attempts at one call go."""

    __slots__ = ("_attempt", "_retry")

    def __init__(self, retry: Retry) -> None:
        check()
        self._attempt = 1
        self._retry = retry
        if retry.budget is not None:
            retry.budget.deposit()

    def pause(self, error: Exception) -> float | None:
        """Return the seconds to wait before the next attempt, or None when there is none and *error* is to be raised."""
        pause = self._retry.pause_before(self._attempt - 1, error)
        why_not = self._retry.why_not(self._attempt, error, pause)
        if why_not:
            self._note(error, why_not)
            return None
        self._attempt += 1
        return pause

    def late(self, error: Exception) -> bool:
        """Tell whether the time ran out while waiting: a sleep may take longer than it was asked to."""
        if usable() != 0.0:
            return False
        self._attempt -= 1
        self._note(error, "the deadline is over")
        return True

    def _note(self, error: Exception, why: str) -> None:
        note = f"brownout: attempt {self._attempt} of {self._retry.attempts}; {why}"
        # A function may raise the same object each time, and would collect a note a call.
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)


def _asked_for(error: Exception) -> float:
    """Return the seconds after which *error* says to come back, or 0.0 where it says nothing."""
    seconds = getattr(error, "retry_after", None)
    return seconds if isinstance(seconds, (int, float)) and seconds > 0 else 0.0


async def _asleep(seconds: float, sleeper: Callable[[float], object] | None) -> None:
    import asyncio  # here, since whoever only calls synchronously need not load it

    waited = (sleeper or asyncio.sleep)(seconds)
    if hasattr(waited, "__await__"):
        await waited


def retry(
    attempts: int = 3,
    *,
    on: Matches = Exception,
    wait: Backoff | float = _WAIT,
    budget: RetryBudget | Literal["own"] | None = "own",
    longest: float = 30.0,
    sleep: Callable[[float], object] | None = None,
    uniform: Callable[[], float] | None = None,
) -> Retry:
    """Call up to *attempts* times, until a call succeeds.

    **Only what may be done twice may be retried**: a call that timed out may have been carried out all the same. Read, write under an
    idempotency key, or leave it alone. This is the caller's to know; nothing here can tell.

    ``@retry()`` goes on ``def`` and ``async def``. What is raised in the end is always the last attempt's own exception, with a note of how
    many attempts there were and why no other followed. No attempt follows

    - a RejectedError: the call was not made, and whoever refused it would refuse it again;
    - an error that is not among *on*;
    - when the wait for it would outlast the deadline in force, or *longest*;
    - when *budget* is empty.

    Args:
        attempts: Calls in all, the first one included, 1 or more.
        on: What is retried: an exception class, a tuple of them, or a predicate.
        wait: Seconds between attempts, a `backoff` or a number, 0 for at once. All waits are jittered, the first one too. An
            error whose ``retry_after`` (seconds) is longer is waited for that long.
        budget: Share one between the functions that call the same dependency. "own": each ``retry()`` has a ``RetryBudget()`` of its own. None
            sets no bound.
        longest: Seconds that one wait may take; an error that asks for more is raised at once.
        sleep: What waits, given the seconds; for tests. Its result is awaited around an ``async def`` if it can be.
        uniform: Source of numbers in [0, 1) for the jitter; give a seeded one to repeat a run.

    Raises:
        DeadlineExceeded: By the call, when the time was over before the first attempt.
        ConfigurationError: A parameter makes no sense; the text names it.
    """
    return Retry(attempts, on=on, wait=wait, budget=budget, longest=longest, sleep=sleep, uniform=uniform)
