"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Principal"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request speaks for: an API key or a person with a session.

    ``name`` is what the ledger keeps as ``actor``. ``scopes`` is a subset of ``read``, ``write``, ``admin``, ``metrics:read``.
    ``session`` tells a browser, whose unsafe requests must come from our own pages, from a machine with a key.
    """

    name: str
    scopes: frozenset[str]
    session: bool = False
