"""What a feature needs: expressions over breakers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from brownout._errors import ConfigurationError

if TYPE_CHECKING:
    from brownout._breaker import Breaker

__all__ = ["NOTHING", "Met", "Need", "needs", "without"]


class Met(NamedTuple):
    """Whether a need is met, in which mode (None: in full), and by which breakers it is not, or only by going without."""

    met: bool
    mode: str | None
    missing: tuple[Breaker, ...]


class Need:
    """Something that a feature needs. ``a & b`` needs both, ``a | b`` one of the two, ``a | without("mode")`` can do without."""

    __slots__ = ()

    def __and__(self, other: Breaker | Need) -> Need:
        return _Both(self, needs(other))

    def __or__(self, other: Breaker | Need) -> Need:
        return _Either(self, needs(other))

    def met(self, usable: Callable[[Breaker], bool]) -> Met:
        """Return whether the need is met while *usable* says which breakers let calls through."""
        raise NotImplementedError

    def breakers(self) -> Iterator[Breaker]:
        """Iterate over the breakers that it names."""
        raise NotImplementedError


class _Service(Need):
    __slots__ = ("breaker",)

    def __init__(self, breaker: Breaker) -> None:
        self.breaker = breaker

    def met(self, usable: Callable[[Breaker], bool]) -> Met:
        return Met(True, None, ()) if usable(self.breaker) else Met(False, None, (self.breaker,))

    def breakers(self) -> Iterator[Breaker]:
        yield self.breaker

    def __repr__(self) -> str:
        return self.breaker.name


class _Without(Need):
    __slots__ = ("mode",)

    def __init__(self, mode: str) -> None:
        self.mode = mode

    def met(self, usable: Callable[[Breaker], bool]) -> Met:
        return Met(True, self.mode, ())

    def breakers(self) -> Iterator[Breaker]:
        yield from ()

    def __repr__(self) -> str:
        return f'without("{self.mode}")'


class _Two(Need):
    __slots__ = ("left", "right")

    def __init__(self, left: Need, right: Need) -> None:
        self.left = left
        self.right = right

    def breakers(self) -> Iterator[Breaker]:
        yield from self.left.breakers()
        yield from self.right.breakers()


class _Both(_Two):
    __slots__ = ()

    def met(self, usable: Callable[[Breaker], bool]) -> Met:
        left, right = self.left.met(usable), self.right.met(usable)
        return Met(left.met and right.met, left.mode or right.mode, (*left.missing, *right.missing))

    def __repr__(self) -> str:
        return f"{_inner(self.left)} & {_inner(self.right)}"


class _Either(_Two):
    __slots__ = ()

    def met(self, usable: Callable[[Breaker], bool]) -> Met:
        left = self.left.met(usable)
        if left.met and left.mode is None:
            return left
        right = self.right.met(usable)
        if left.met or right.met:
            # Told is what had to be gone without, even though the need is met.
            chosen = right if right.met and (right.mode is None or not left.met) else left
            return Met(True, chosen.mode, left.missing if chosen is right and chosen.mode else chosen.missing)
        return Met(False, None, (*left.missing, *right.missing))

    def __repr__(self) -> str:
        return f"{self.left!r} | {self.right!r}"


class _Nothing(Need):
    __slots__ = ()

    def met(self, usable: Callable[[Breaker], bool]) -> Met:
        return Met(True, None, ())

    def breakers(self) -> Iterator[Breaker]:
        yield from ()

    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()


def needs(what: Breaker | Need) -> Need:
    """Return the need for *what*.

    Raises:
        ConfigurationError: It is neither a breaker nor a need.
    """
    if isinstance(what, Need):
        return what
    from brownout._breaker import Breaker

    if isinstance(what, Breaker):
        return _Service(what)
    raise ConfigurationError(
        f'needs: give breakers joined by & and |, got {what!r}; e.g. needs=openai & postgres, needs=redis | without("cache")'
    )


def without(mode: str) -> Need:
    """Return the alternative to a service: the feature goes on without it, in *mode*. E.g. ``redis | without("cache")``."""
    return _Without(mode)


def _inner(need: Need) -> str:
    return f"({need!r})" if isinstance(need, _Either) else repr(need)
