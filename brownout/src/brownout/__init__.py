"""Keep serving while what you depend on fails."""

from brownout._backoff import Backoff, backoff
from brownout._breaker import Breaker, Stats
from brownout._errors import BulkheadFullError, CompositionError, ConfigurationError, DeadlineExceeded, OpenError, RejectedError
from brownout._events import Event, Failed, Mode, Rejected, Slow, Stale, State, Transition
from brownout._permit import Permit
from brownout._tally import Totals
from brownout._trips import Evidence, Trip, consecutive, rate, slow

__all__ = [
    "Backoff",
    "Breaker",
    "BulkheadFullError",
    "CompositionError",
    "ConfigurationError",
    "DeadlineExceeded",
    "Event",
    "Evidence",
    "Failed",
    "Mode",
    "OpenError",
    "Permit",
    "Rejected",
    "RejectedError",
    "Slow",
    "Stale",
    "State",
    "Stats",
    "Totals",
    "Transition",
    "Trip",
    "backoff",
    "consecutive",
    "rate",
    "slow",
]
