"""One breaker for each key, so that a broken shard does not switch off the others."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from brownout._errors import ConfigurationError
from brownout._events import State

if TYPE_CHECKING:
    from brownout._breaker import Breaker

__all__ = ["Keyed"]


class Keyed:
    """At most *maxsize* breakers, made when their key is first asked for. ``keyed[key]`` is the breaker of a key.

    When there are too many, the one that was not asked for the longest goes. One that is not closed is kept as long as a closed one
    can go instead: it would come back closed, and its dependency would be called at once. All have the same name, so that metrics
    have one series and not one for each key; ``breaker.key`` tells them apart. It is safe to share among threads.
    """

    __slots__ = ("_breakers", "_lock", "_make", "maxsize", "name")

    def __init__(self, name: str, make: Callable[[object], Breaker], maxsize: int) -> None:
        if maxsize < 1:
            raise ConfigurationError(f"keyed: maxsize must be 1 or more, got {maxsize}; e.g. breaker.keyed(maxsize=1024)")
        self.name = name
        self.maxsize = maxsize
        self._make = make
        self._breakers: OrderedDict[object, Breaker] = OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, key: object) -> Breaker:
        with self._lock:
            breaker = self._breakers.get(key)
            if breaker is None:
                while len(self._breakers) >= self.maxsize:
                    self._drop_one()
                breaker = self._breakers[key] = self._make(key)
            else:
                self._breakers.move_to_end(key)
            return breaker

    def _drop_one(self) -> None:
        closed = (key for key, breaker in self._breakers.items() if breaker.state is State.CLOSED)
        del self._breakers[next(closed, next(iter(self._breakers)))]

    def __len__(self) -> int:
        return len(self._breakers)

    def __iter__(self) -> Iterator[Breaker]:
        """Iterate over the breakers that there are now, the least recently used first."""
        with self._lock:
            return iter(list(self._breakers.values()))

    def __contains__(self, key: object) -> bool:
        return key in self._breakers
