"""Keep serving while what you depend on fails.

Breakers, and all they need, are imported with the package. What goes around them (deadlines, retries and so on) is imported when it
is first used, so that ``import brownout`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from brownout._backoff import Backoff, backoff
from brownout._breaker import Breaker, Stats
from brownout._errors import BulkheadFullError, CompositionError, ConfigurationError, DeadlineExceeded, OpenError, RejectedError
from brownout._events import Event, Failed, Mode, Rejected, Slow, Stale, State, Transition
from brownout._permit import Permit
from brownout._tally import Totals
from brownout._trips import Evidence, Trip, consecutive, rate, slow

if TYPE_CHECKING:
    from brownout._bulkhead import Bulkhead, bulkhead
    from brownout._compose import Composition, compose
    from brownout._deadline import Deadline, deadline, remaining
    from brownout._fallback import Fallback, fallback
    from brownout._forecast import Forecast, forecast
    from brownout._hedge import Hedge, hedge
    from brownout._keyed import Keyed
    from brownout._retry import Retry, RetryBudget, retry

_LATER = {
    "_bulkhead": ("Bulkhead", "bulkhead"),
    "_compose": ("Composition", "compose"),
    "_deadline": ("Deadline", "deadline", "remaining"),
    "_fallback": ("Fallback", "fallback"),
    "_forecast": ("Forecast", "forecast"),
    "_hedge": ("Hedge", "hedge"),
    "_keyed": ("Keyed",),
    "_retry": ("Retry", "RetryBudget", "retry"),
}
_MODULES = {name: module for module, names in _LATER.items() for name in names}

__all__ = [
    "Backoff",
    "Breaker",
    "Bulkhead",
    "BulkheadFullError",
    "Composition",
    "CompositionError",
    "ConfigurationError",
    "Deadline",
    "DeadlineExceeded",
    "Event",
    "Evidence",
    "Failed",
    "Fallback",
    "Forecast",
    "Hedge",
    "Keyed",
    "Mode",
    "OpenError",
    "Permit",
    "Rejected",
    "RejectedError",
    "Retry",
    "RetryBudget",
    "Slow",
    "Stale",
    "State",
    "Stats",
    "Totals",
    "Transition",
    "Trip",
    "backoff",
    "bulkhead",
    "compose",
    "consecutive",
    "deadline",
    "fallback",
    "forecast",
    "hedge",
    "rate",
    "remaining",
    "retry",
    "slow",
]


if not TYPE_CHECKING:  # a checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
