"""The shape of keys, tokens and passwords. Pure but for the system's random numbers."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Iterable

__all__ = ["PASSWORD_LENGTH", "SCOPES", "digest", "key_id", "new_key", "new_password", "new_token", "password_problem", "scope_problem"]

SCOPES = ("read", "write", "admin", "metrics:read")
PASSWORD_LENGTH = range(10, 257)

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID = "abcdefghijkmnpqrstuvwxyz23456789"
# Sounds that are written one way only in Spanish and in English, so that a password can be read out over the phone.
_CONSONANTS = "bdflmnprst"
_VOWELS = "aeiou"
_RUDE = frozenset(
    {
        "puta",
        "puto",
        "pene",
        "teta",
        "tetu",
        "pedo",
        "pito",
        "pipi",
        "popo",
        "mata",
        "mato",
        "nene",
        "nazi",
        "tonto",
        "bobo",
        "boba",
        "lelo",
        "sida",
    }
)


def new_key(environment: str = "local") -> tuple[str, str]:
    """Make an API key.

    Returns:
        Its id, and the whole text ``inv_<environment>_<id>_<secret>_<checksum>``. The secret has 256 random bits; the checksum lets a scanner of
        leaked secrets, and us, tell a key from a typo without asking anybody.
    """
    name = "".join(secrets.choice(_ID) for _ in range(8))
    body = f"inv_{environment}_{name}_{_base62(secrets.randbits(256), 43)}"
    return name, f"{body}_{_checksum(body)}"


def key_id(text: str) -> str | None:
    """Return the id inside the key *text*, or None where it is no key at all or has a typo."""
    body, _, checksum = text.rpartition("_")
    parts = body.split("_")
    if len(parts) != 4 or parts[0] != "inv" or not text.isascii():
        return None
    return parts[2] if secrets.compare_digest(_checksum(body), checksum) else None


def new_token() -> str:
    """Make a session's token: 256 random bits."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return what is kept of a random secret. It needs no slow hash: nobody guesses 256 bits."""
    return hashlib.sha256(secret.encode()).digest()


def new_password() -> str:
    """Make a password of five groups that can be read aloud, e.g. ``rapo-tilu-mebo-sani-dufe``: 56 bits."""
    groups: list[str] = []
    while len(groups) < 5:
        group = "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(2))
        if group not in _RUDE:
            groups.append(group)
    return "-".join(groups)


def password_problem(password: str, name: str) -> tuple[str, str] | None:
    """Say what is wrong with a chosen password and what to do, or None. Length counts, not the kinds of signs (NIST SP 800-63B, 5.1.1)."""
    if len(password) not in PASSWORD_LENGTH:
        return "The password must have 10 to 256 characters.", "Take a few words that only you would put together."
    if len(set(password.casefold())) < 5 or password.casefold() == name.casefold():
        return "This password is too easy to guess.", "Take a few words that only you would put together."
    return None


def scope_problem(scopes: Iterable[str]) -> tuple[str, str] | None:
    """Say what is wrong with the scopes of a key and what to do, or None."""
    given = list(scopes)
    if not given:
        return "A key without a scope may do nothing.", f"Give at least one of {', '.join(SCOPES)}."
    unknown = [scope for scope in given if scope not in SCOPES]
    if unknown:
        return f"There is no scope {', '.join(unknown)}.", f"Scopes are {', '.join(SCOPES)}."
    return None


def _base62(number: int, length: int) -> str:
    signs = []
    for _ in range(length):
        number, rest = divmod(number, 62)
        signs.append(_BASE62[rest])
    return "".join(reversed(signs))


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), 6)
