"""Keep serving while what you depend on fails.

Breakers, and all they need, are imported with the package. What goes around them (deadlines, retries and so on) is imported when it
is first used, so that ``import brownout`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from brownout._backoff import Backoff, backoff
from brownout._breaker import Breaker, Stats
from brownout._errors import (
    BulkheadFullError,
    CompositionError,
    ConfigurationError,
    DeadlineExceeded,
    FeatureUnavailable,
    OpenError,
    RejectedError,
)
from brownout._events import Event, Failed, Mode, Rejected, Slow, Stale, State, Transition
from brownout._permit import Permit
from brownout._tally import Totals
from brownout._trips import Evidence, Trip, consecutive, rate, slow

if TYPE_CHECKING:
    from brownout._bulkhead import Bulkhead, bulkhead
    from brownout._compose import Composition, compose
    from brownout._deadline import Deadline, deadline, remaining
    from brownout._fallback import Fallback, fallback
    from brownout._features import Feature, Level, Matrix, Status
    from brownout._forecast import Forecast, forecast
    from brownout._health import Health, health
    from brownout._hedge import Hedge, hedge
    from brownout._keyed import Keyed
    from brownout._levels import Brownout, Change, Snapshot
    from brownout._needs import Need, without
    from brownout._probe import Probe
    from brownout._retry import Retry, RetryBudget, retry
    from brownout._watching import Watching

_LATER = {
    "_bulkhead": ("Bulkhead", "bulkhead"),
    "_compose": ("Composition", "compose"),
    "_deadline": ("Deadline", "deadline", "remaining"),
    "_fallback": ("Fallback", "fallback"),
    "_features": ("Feature", "Level", "Matrix", "Status"),
    "_forecast": ("Forecast", "forecast"),
    "_health": ("Health", "health"),
    "_hedge": ("Hedge", "hedge"),
    "_keyed": ("Keyed",),
    "_levels": ("Brownout", "Change", "Snapshot"),
    "_needs": ("Need", "without"),
    "_probe": ("Probe",),
    "_retry": ("Retry", "RetryBudget", "retry"),
    "_watching": ("Watching",),
}
_MODULES = {name: module for module, names in _LATER.items() for name in names}

__all__ = [
    "Backoff",
    "Breaker",
    "Brownout",
    "Bulkhead",
    "BulkheadFullError",
    "Change",
    "Composition",
    "CompositionError",
    "ConfigurationError",
    "Deadline",
    "DeadlineExceeded",
    "Event",
    "Evidence",
    "Failed",
    "Fallback",
    "Feature",
    "FeatureUnavailable",
    "Forecast",
    "Health",
    "Hedge",
    "Keyed",
    "Level",
    "Matrix",
    "Mode",
    "Need",
    "OpenError",
    "Permit",
    "Probe",
    "Rejected",
    "RejectedError",
    "Retry",
    "RetryBudget",
    "Slow",
    "Snapshot",
    "Stale",
    "State",
    "Stats",
    "Status",
    "Totals",
    "Transition",
    "Trip",
    "Watching",
    "backoff",
    "bulkhead",
    "compose",
    "consecutive",
    "deadline",
    "fallback",
    "forecast",
    "health",
    "hedge",
    "rate",
    "remaining",
    "retry",
    "slow",
    "without",
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
