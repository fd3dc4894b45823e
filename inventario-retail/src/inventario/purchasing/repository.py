"""SQL of suppliers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg.rows import DictRow

from inventario.platform.postgres import Connection
from inventario.purchasing.rules import shown_cuit
from inventario.purchasing.schemas import Supplier

__all__ = ["by_code", "holders", "insert", "lock", "page", "update"]

_COLUMNS: LiteralString = "code, name, cuit, email, phone, lead_time_days, version, created_at, updated_at"


def _supplier(row: DictRow) -> Supplier:
    return Supplier(**{**row, "cuit": None if row["cuit"] is None else shown_cuit(row["cuit"])})


async def by_code(connection: Connection, code: str) -> Supplier | None:
    """Return the supplier, whatever the case of the letters in *code*."""
    row = await (await connection.execute(f'SELECT {_COLUMNS} FROM suppliers WHERE upper(code) COLLATE "C" = upper(%s)', [code])).fetchone()
    return None if row is None else _supplier(row)


async def insert(connection: Connection, values: Mapping[str, Any]) -> Supplier | None:
    """Add a supplier; None where its code or its CUIT is taken."""
    row = await (
        await connection.execute(
            f"""
            INSERT INTO suppliers (code, name, cuit, email, phone, lead_time_days)
            VALUES (%(code)s, %(name)s, %(cuit)s, %(email)s, %(phone)s, %(lead_time_days)s) ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
            """,
            values,
        )
    ).fetchone()
    return None if row is None else _supplier(row)


async def lock(connection: Connection, code: str) -> Supplier | None:
    """Return the supplier and keep others from changing it until the transaction ends."""
    row = await (
        await connection.execute(f'SELECT {_COLUMNS} FROM suppliers WHERE upper(code) COLLATE "C" = upper(%s) FOR NO KEY UPDATE', [code])
    ).fetchone()
    return None if row is None else _supplier(row)


async def update(connection: Connection, code: str, values: Mapping[str, Any]) -> Supplier | None:
    """Write the fields of a locked supplier, which is called *code*, and count its version up.

    Raises:
        psycopg.errors.UniqueViolation: The CUIT is taken.
    """
    row = await (
        await connection.execute(
            f"""
            UPDATE suppliers SET name = %(name)s, cuit = %(cuit)s, email = %(email)s, phone = %(phone)s, lead_time_days = %(lead_time_days)s,
                version = version + 1, updated_at = clock_timestamp()
            WHERE code = %(code)s RETURNING {_COLUMNS}
            """,
            {**values, "code": code},
        )
    ).fetchone()
    return None if row is None else _supplier(row)


async def page(connection: Connection, *, after: str, limit: int) -> list[Supplier]:
    """Return suppliers in the order of their codes, after the one called *after*."""
    rows = await (
        await connection.execute(
            f"""
            SELECT {_COLUMNS} FROM suppliers WHERE upper(code) COLLATE "C" > upper(%(after)s)
            ORDER BY upper(code) COLLATE "C" LIMIT %(limit)s
            """,
            {"after": after, "limit": limit},
        )
    ).fetchall()
    return [_supplier(row) for row in rows]


async def holders(connection: Connection, code: str | None, cuit: str | None) -> list[Supplier]:
    """Return the suppliers that have the code, whatever the case of its letters, or the CUIT."""
    rows = await (
        await connection.execute(
            f'SELECT {_COLUMNS} FROM suppliers WHERE upper(code) COLLATE "C" = upper(%s) OR cuit = %s ORDER BY id', [code, cuit]
        )
    ).fetchall()
    return [_supplier(row) for row in rows]
