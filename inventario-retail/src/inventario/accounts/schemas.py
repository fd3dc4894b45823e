"""Who is asking, and what the shop keeps of keys and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["ApiKey", "Grant", "NewKey", "Principal", "User"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request speaks for: an API key or a person with a session.

    ``name`` is what the ledger keeps as ``actor``. ``scopes`` is a subset of ``read``, ``write``, ``admin``, ``metrics:read``.
    ``session`` tells a browser, whose unsafe requests must come from our own pages, from a machine with a key.
    """

    name: str
    scopes: frozenset[str]
    session: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """A principal, and until when the key or the session that proved it is good (None: for ever)."""

    principal: Principal
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person who may log in."""

    id: int
    name: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What the shop keeps of a key: everything but the key."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. ``text`` is the key itself, to be shown once: only its hash is kept."""

    id: str
    name: str
    text: str
