"""What those who watch the service read."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["Health", "Liveness", "Part", "Readiness"]


class Liveness(BaseModel):
    """The process answers; nothing else is said."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Whether requests may be sent here. A database that is down does not change it: what works without one goes on."""

    status: Literal["ready", "draining"]


class Part(BaseModel):
    """A server we depend on."""

    reachable: bool
    latency_ms: float | None = Field(description="Time of one trivial statement; null where there was no answer.")


class Health(BaseModel):
    """Every part at a glance."""

    status: Literal["ok", "degraded"]
    timestamp: datetime
    version: str
    services: dict[str, Part]
    ledger_mismatches: int | None = Field(description="Levels that are not the sum of their movements; null before the first proof.")
