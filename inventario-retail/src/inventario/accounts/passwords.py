"""Hashes passwords slowly, in threads of its own, never more than a few at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from inventario.errors import TooManyRequests

__all__ = ["Passwords", "hash_password"]

T = TypeVar("T")

# OWASP's first choice for Argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """Hash *password* in the calling thread, some 20 ms."""
    return _HASHER.hash(password)


class Passwords:
    """Argon2id beside the event loop. At most *workers* hashes run and *waiting* wait: a flood of logins must not take the machine from the tills."""

    def __init__(self, *, workers: int = 2, waiting: int = 8) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._free = workers + waiting
        # What a login with an unknown name is compared to, so that it takes as long as one with a wrong password.
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """Hash *password*.

        Raises:
            TooManyRequests: Too many hashes are waiting.
        """
        return await self._run(hash_password, password)

    async def matches(self, password: str, hashed: str | None) -> bool:
        """Tell whether *hashed* is of *password*. None stands for an unknown person and takes as long.

        Raises:
            TooManyRequests: Too many hashes are waiting.
        """
        if hashed is None:
            self._decoy = self._decoy or await self.hash("nobody has this password")
        return await self._run(_matches, password, hashed or self._decoy or "") and hashed is not None

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[..., T], *args: str) -> T:
        if self._free == 0:
            raise TooManyRequests("Too many people are logging in at this moment.", retry_after=2)
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        finally:
            self._free += 1


def _matches(password: str, hashed: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
