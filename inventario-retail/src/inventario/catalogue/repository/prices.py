"""Dated prices."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from inventario.catalogue.schemas import Price
from inventario.platform.postgres import Connection

__all__ = ["page", "set_from"]


async def set_from(connection: Connection, product_id: int, amount: Decimal | None, at: datetime) -> Price | None:
    """Let a locked product cost *amount* from *at* until the next price that is planned, or have no price then where *amount* is None.

    The price in force at *at* ends there; one that begins exactly there is replaced.
    """
    parameters = {"id": product_id, "at": at, "amount": amount}
    # One after the other: within a single statement the new price could be checked against the old one before that is closed.
    await connection.execute(
        "UPDATE prices SET valid = tstzrange(lower(valid), %(at)s) WHERE product_id = %(id)s AND valid @> %(at)s::timestamptz AND lower(valid) < %(at)s",
        parameters,
    )
    await connection.execute("DELETE FROM prices WHERE product_id = %(id)s AND lower(valid) = %(at)s", parameters)
    if amount is None:
        return None
    row = await (
        await connection.execute(
            """
            INSERT INTO prices (product_id, amount, valid)
            VALUES (%(id)s, %(amount)s, tstzrange(%(at)s, (SELECT min(lower(valid)) FROM prices WHERE product_id = %(id)s AND lower(valid) > %(at)s)))
            RETURNING amount, lower(valid) AS valid_from, upper(valid) AS valid_until
            """,
            parameters,
        )
    ).fetchone()
    return None if row is None else Price(**row)


async def page(connection: Connection, sku: str, *, before: datetime | None, limit: int) -> list[Price] | None:
    """Return prices of the product, newest first, that begin before *before*; None where there is no such product."""
    found = await (await connection.execute('SELECT id FROM products WHERE upper(sku) COLLATE "C" = upper(%s)', [sku])).fetchone()
    if found is None:
        return None
    rows = await (
        await connection.execute(
            """
            SELECT amount, lower(valid) AS valid_from, upper(valid) AS valid_until FROM prices
            WHERE product_id = %(id)s AND (%(before)s::timestamptz IS NULL OR lower(valid) < %(before)s)
            ORDER BY lower(valid) DESC LIMIT %(limit)s
            """,
            {"id": found["id"], "before": before, "limit": limit},
        )
    ).fetchall()
    return [Price(**row) for row in rows]
