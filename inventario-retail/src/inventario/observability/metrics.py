"""Every metric once. Prometheus metrics live as long as the process does, so they are the module's own."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["ledger_mismatches", "request_duration_ms", "request_duration_seconds", "requests_total"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

requests_total = Counter("dashboard_requests_total", "Requests answered.", ["endpoint", "status", "method"])
request_duration_seconds = Histogram("dashboard_request_duration_seconds", "Time to answer, in seconds.", ["endpoint"], buckets=_SECONDS)
request_duration_ms = Histogram(
    "dashboard_request_duration_ms",
    "Time to answer, in milliseconds: the same observations.",
    ["endpoint"],
    buckets=[bound * 1000 for bound in _SECONDS],
)
ledger_mismatches = Gauge(
    "ledger_mismatches", "Levels that are not the sum of their movements, as the last proof found. Anything but 0 is a bug."
)
