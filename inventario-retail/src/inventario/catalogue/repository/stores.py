"""Stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inventario.catalogue.schemas import Store
from inventario.platform.postgres import Connection

__all__ = ["by_code", "insert", "lock", "page", "update"]


async def by_code(connection: Connection, code: str) -> Store | None:
    """Return the store, whatever the case of the letters in *code*."""
    row = await (
        await connection.execute(
            """
            SELECT code, name, time_zone, allow_oversell, version, created_at, updated_at FROM stores
            WHERE upper(code) COLLATE "C" = upper(%s)
            """,
            [code],
        )
    ).fetchone()
    return None if row is None else Store(**row)


async def insert(connection: Connection, values: Mapping[str, Any]) -> Store | None:
    """Add a store; None where its code is taken.

    Raises:
        psycopg.errors.InvalidParameterValue: The server does not know the time zone.
    """
    row = await (
        await connection.execute(
            """
            INSERT INTO stores (code, name, time_zone, allow_oversell) VALUES (%(code)s, %(name)s, %(time_zone)s, %(allow_oversell)s)
            ON CONFLICT DO NOTHING
            RETURNING code, name, time_zone, allow_oversell, version, created_at, updated_at
            """,
            values,
        )
    ).fetchone()
    return None if row is None else Store(**row)


async def lock(connection: Connection, code: str) -> Store | None:
    """Return the store and keep others from changing it until the transaction ends."""
    row = await (
        await connection.execute(
            """
            SELECT code, name, time_zone, allow_oversell, version, created_at, updated_at FROM stores
            WHERE upper(code) COLLATE "C" = upper(%s) FOR NO KEY UPDATE
            """,
            [code],
        )
    ).fetchone()
    return None if row is None else Store(**row)


async def update(connection: Connection, store: Store, changed: Mapping[str, Any]) -> Store:
    """Write the fields of a locked store and count its version up.

    Raises:
        psycopg.errors.InvalidParameterValue: The server does not know the time zone.
    """
    row = await (
        await connection.execute(
            """
            UPDATE stores SET name = %(name)s, time_zone = %(time_zone)s, allow_oversell = %(allow_oversell)s,
                version = version + 1, updated_at = clock_timestamp()
            WHERE code = %(code)s
            RETURNING code, name, time_zone, allow_oversell, version, created_at, updated_at
            """,
            {"name": store.name, "time_zone": store.time_zone, "allow_oversell": store.allow_oversell, "code": store.code, **changed},
        )
    ).fetchone()
    return store if row is None else Store(**row)


async def page(connection: Connection, *, after: str, limit: int) -> list[Store]:
    """Return stores in the order of their codes, after the one called *after*."""
    rows = await (
        await connection.execute(
            """
            SELECT code, name, time_zone, allow_oversell, version, created_at, updated_at FROM stores
            WHERE upper(code) COLLATE "C" > upper(%(after)s) ORDER BY upper(code) COLLATE "C" LIMIT %(limit)s
            """,
            {"after": after, "limit": limit},
        )
    ).fetchall()
    return [Store(**row) for row in rows]
