"""Identifiers and the wall clock, in one place."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat

__all__ = ["new_id", "now"]


def new_id() -> UUID:
    """Return a version 7 UUID: ordered by the time it was made, so that index pages fill one after the other."""
    return uuid_utils.compat.uuid7()


def now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)
