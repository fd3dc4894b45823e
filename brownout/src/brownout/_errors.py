"""What brownout raises. Everything that refused to make a call is a RejectedError."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from brownout._breaker import Breaker
    from brownout._bulkhead import Bulkhead
    from brownout._features import Level

__all__ = [
    "BulkheadFullError",
    "CompositionError",
    "ConfigurationError",
    "DeadlineExceeded",
    "FeatureUnavailable",
    "OpenError",
    "RejectedError",
]


class RejectedError(Exception):
    """The call was not made. No breaker counts it, and no retry repeats it."""

    __slots__ = ()

    @property
    def retry_after(self) -> float | None:
        """Seconds until another try can make sense, or None when nobody knows."""
        return None


class OpenError(RejectedError):
    """The breaker lets no call through now. ``__cause__`` is the error that opened it, when there was one.

    In another process, ``breaker`` has but its name and reason.

    The arguments are kept as they are and made into words only when somebody reads them: a breaker rejects most when there is
    least time.
    """

    __slots__ = ()

    @property
    def breaker(self) -> Breaker:
        """The breaker that refused."""
        breaker: Breaker = self.args[0]
        return breaker

    @property
    def retry_after(self) -> float:
        """Seconds until the breaker may let a call through, never negative, as seen when it refused this one."""
        seconds: float = self.args[1]
        return seconds

    def __str__(self) -> str:
        return f"{self.breaker.name} is {self.breaker.reason or 'closed again'}; try again in {self.retry_after:.1f} s"

    def __reduce__(self) -> tuple[type[OpenError], tuple[Elsewhere, float]]:
        return OpenError, (Elsewhere(self.breaker.name, self.breaker.reason), self.retry_after)


class Elsewhere(NamedTuple):
    """What is left of a breaker in the process to which its error was sent: a breaker has locks, and stays where it is."""

    name: str
    reason: str


class BulkheadFullError(RejectedError):
    """As many calls are in progress, and waiting, as the bulkhead allows."""

    __slots__ = ()

    @property
    def bulkhead(self) -> Bulkhead:
        """The bulkhead that is full."""
        bulkhead: Bulkhead = self.args[0]
        return bulkhead

    def __str__(self) -> str:
        return str(self.args[1])

    def __reduce__(self) -> tuple[type[BulkheadFullError], tuple[None, str]]:
        return BulkheadFullError, (None, str(self))  # a bulkhead has a lock, and stays where it is


class FeatureUnavailable(RejectedError):
    """A feature is switched off now, and there is nothing to take its place."""

    __slots__ = ()

    @property
    def feature(self) -> str:
        """The feature's name."""
        return str(self.args[0])

    @property
    def level(self) -> Level:
        """The level at which the whole service is."""
        level: Level = self.args[1]
        return level

    @property
    def reason(self) -> str:
        """Why, in words."""
        return str(self.args[2])

    @property
    def retry_after(self) -> float | None:
        """Seconds until it may be back, or None when no service that it needs is down."""
        seconds: float | None = self.args[3]
        return seconds

    def __str__(self) -> str:
        return f"{self.feature} is not available: {self.reason}"


class DeadlineExceeded(TimeoutError):
    """The time that the caller gave is over. ``budget`` is how many seconds there were."""

    def __init__(self, budget: float) -> None:
        super().__init__(budget)
        self.budget = budget

    def __str__(self) -> str:
        return f"not done within {self.budget:.3g} s"


class ConfigurationError(ValueError):
    """A parameter makes no sense. The text names it, the value, and one that does."""


class CompositionError(ConfigurationError):
    """Policies were put around each other in an order that is known to be wrong. The text says why, and the order that works."""
