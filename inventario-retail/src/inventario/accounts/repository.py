"""SQL of accounts. Every function takes a connection; the synchronous ones serve the command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventario.accounts.schemas import ApiKey, User
from inventario.platform.postgres import Connection

__all__ = [
    "ALL_KEYS",
    "delete_session",
    "delete_sessions_of",
    "find_key",
    "find_session",
    "find_user",
    "insert_key",
    "insert_key_now",
    "insert_owner_now",
    "insert_session",
    "keys",
    "keys_now",
    "replace_password_now",
    "revoke_key",
    "revoke_key_now",
    "set_password",
]

_KEY = "id, name, scopes, created_at, expires_at, revoked_at"
ALL_KEYS = f"SELECT {_KEY} FROM api_keys ORDER BY revoked_at IS NOT NULL, created_at DESC, id"
_INSERT_KEY = "INSERT INTO api_keys (id, name, secret_hash, scopes, expires_at) VALUES (%s, %s, %s, %s, %s)"
_REVOKE_KEY = f"UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = %s RETURNING {_KEY}"


async def find_user(connection: Connection, name: str) -> User | None:
    """Return the person of that name; case and accents do not matter."""
    cursor = await connection.execute("SELECT id, name, password_hash FROM users WHERE fold(name) = fold(%s)", [name])
    row = await cursor.fetchone()
    return None if row is None else User(**row)


async def set_password(connection: Connection, user: int, password_hash: str) -> None:
    """Replace a person's password hash."""
    await connection.execute("UPDATE users SET password_hash = %s WHERE id = %s", [password_hash, user])


async def insert_session(connection: Connection, token_hash: bytes, user: int, expires_at: datetime) -> None:
    """Keep a new session, and forget the ones that are over."""
    await connection.execute("DELETE FROM sessions WHERE expires_at < now()")
    await connection.execute("INSERT INTO sessions (token_hash, user_id, expires_at) VALUES (%s, %s, %s)", [token_hash, user, expires_at])


async def find_session(connection: Connection, token_hash: bytes, idle: timedelta) -> tuple[str, datetime] | None:
    """Return the person's name and the end of a session that is still good, and note its use at most every five minutes."""
    cursor = await connection.execute(
        """
        WITH used AS (
            UPDATE sessions SET last_used_at = now()
            WHERE token_hash = %(token)s AND expires_at > now() AND last_used_at BETWEEN now() - %(idle)s AND now() - interval '5 minutes'
        )
        SELECT users.name, sessions.expires_at FROM sessions JOIN users ON users.id = sessions.user_id
        WHERE token_hash = %(token)s AND expires_at > now() AND last_used_at > now() - %(idle)s
        """,
        {"token": token_hash, "idle": idle},
    )
    row = await cursor.fetchone()
    return None if row is None else (row["name"], row["expires_at"])


async def delete_session(connection: Connection, token_hash: bytes) -> None:
    """End one session."""
    await connection.execute("DELETE FROM sessions WHERE token_hash = %s", [token_hash])


async def delete_sessions_of(connection: Connection, user: int) -> None:
    """End every session of a person."""
    await connection.execute("DELETE FROM sessions WHERE user_id = %s", [user])


async def find_key(connection: Connection, key: str, secret_hash: bytes) -> ApiKey | None:
    """Return a key that is good now."""
    cursor = await connection.execute(
        f"SELECT {_KEY} FROM api_keys WHERE id = %s AND secret_hash = %s AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())",
        [key, secret_hash],
    )
    row = await cursor.fetchone()
    return None if row is None else _key(row)


async def keys(connection: Connection) -> list[ApiKey]:
    """Return all keys, usable ones first, newest first."""
    return [_key(row) for row in await (await connection.execute(ALL_KEYS)).fetchall()]


async def insert_key(
    connection: Connection, key: str, name: str, secret_hash: bytes, scopes: Sequence[str], expires_at: datetime | None
) -> None:
    """Keep a new key's hash."""
    await connection.execute(_INSERT_KEY, [key, name, secret_hash, list(scopes), expires_at])


async def revoke_key(connection: Connection, key: str) -> ApiKey | None:
    """Revoke a key; a second time changes nothing. None where there is no such key."""
    row = await (await connection.execute(_REVOKE_KEY, [key])).fetchone()
    return None if row is None else _key(row)


def insert_owner_now(connection: psycopg.Connection[Any], name: str, password_hash: str) -> bool:
    """Make the owner, unless somebody can log in already. Says whether it did."""
    with connection.transaction():
        connection.execute("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
        cursor = connection.execute(
            "INSERT INTO users (name, role, password_hash) SELECT %s, 'owner', %s WHERE NOT EXISTS (SELECT FROM users)",
            [name, password_hash],
        )
        return cursor.rowcount == 1


def replace_password_now(connection: psycopg.Connection[Any], password_hash: str) -> str | None:
    """Give the owner another password and end all sessions. Returns the owner's name, None where there is no owner."""
    with connection.transaction():
        row = connection.execute("UPDATE users SET password_hash = %s WHERE role = 'owner' RETURNING id, name", [password_hash]).fetchone()
        if row is None:
            return None
        connection.execute("DELETE FROM sessions WHERE user_id = %s", [row[0]])
        return str(row[1])


def insert_key_now(
    connection: psycopg.Connection[Any], key: str, name: str, secret_hash: bytes, scopes: Sequence[str], expires_at: datetime | None = None
) -> None:
    """As `insert_key`."""
    connection.execute(_INSERT_KEY, [key, name, secret_hash, list(scopes), expires_at])


def keys_now(connection: psycopg.Connection[Any]) -> list[ApiKey]:
    """As `keys`."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [_key(row) for row in cursor.execute(ALL_KEYS).fetchall()]


def revoke_key_now(connection: psycopg.Connection[Any], key: str) -> bool:
    """As `revoke_key`; says whether there is such a key."""
    return connection.execute(_REVOKE_KEY, [key]).rowcount == 1


def _key(row: dict[str, Any]) -> ApiKey:
    return ApiKey(**{**row, "scopes": tuple(row["scopes"])})
