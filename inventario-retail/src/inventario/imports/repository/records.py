"""The imports themselves, and the lock that keeps two runs apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from inventario.platform.postgres import Connection

__all__ = [
    "clear_staging",
    "create",
    "errors",
    "find_applied",
    "find_unfinished",
    "get",
    "give_up_applying",
    "is_locked",
    "newest",
    "purge",
    "try_lock",
    "unlock",
    "update",
    "zones",
]

# Names our advisory locks among all of the database: "IMPO" in ASCII.
_LOCK_CLASS = 0x494D504F


def lock_key(identity: bytes) -> int:
    """Return the number under which an import is locked. Two files of the same number would only wait for each other."""
    return int.from_bytes(identity[:4], "big", signed=True)


async def try_lock(connection: Connection, identity: bytes) -> bool:
    """Take the import of that identity for *connection*, unless another one has it. Given back by `unlock`, or when the connection ends."""
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s, %s) AS taken", (_LOCK_CLASS, lock_key(identity)))
    row = await cursor.fetchone()
    return bool(row and row["taken"])


async def unlock(connection: Connection, identity: bytes) -> None:
    """Give it back."""
    await connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_LOCK_CLASS, lock_key(identity)))


async def is_locked(connection: Connection, identity: bytes) -> bool:
    """Tell whether some process works on it."""
    cursor = await connection.execute(
        """
        SELECT EXISTS (
            SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND classid = %s::bigint::oid AND objid = (%s::bigint & 4294967295)::oid
        ) AS locked
        """,
        (_LOCK_CLASS, lock_key(identity)),
    )
    row = await cursor.fetchone()
    return bool(row and row["locked"])


async def create(connection: Connection, values: Mapping[str, Any]) -> DictRow:
    """Insert an import and return it."""
    cursor = await connection.execute(
        sql.SQL("INSERT INTO imports ({}) VALUES ({}) RETURNING *").format(
            sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(sql.Placeholder() * len(values))
        ),
        list(map(_json, values.values())),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - RETURNING of an INSERT that did not fail
    return row


async def update(connection: Connection, import_id: UUID, values: Mapping[str, Any]) -> None:
    """Change columns of an import."""
    assignments = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in values)
    await connection.execute(
        sql.SQL("UPDATE imports SET {}, updated_at = now() WHERE id = %s").format(assignments),
        [*map(_json, values.values()), import_id],
    )


async def give_up_applying(connection: Connection, import_id: UUID) -> None:
    """Say that an import is not being applied any more; changes nothing where it was applied."""
    await connection.execute("UPDATE imports SET state = 'checked' WHERE id = %s AND state = 'applying'", (import_id,))


def _json(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict) else value


async def get(connection: Connection, import_id: UUID) -> DictRow | None:
    """Return one import."""
    return await (await connection.execute("SELECT * FROM imports WHERE id = %s", (import_id,))).fetchone()


async def newest(connection: Connection, before: tuple[datetime, UUID] | None, limit: int) -> list[DictRow]:
    """Return imports, newest first."""
    when, import_id = before or (None, None)
    cursor = await connection.execute(
        """
        SELECT *, errors AS error_total FROM imports
        WHERE %(when)s::timestamptz IS NULL OR (created_at, id) < (%(when)s::timestamptz, %(id)s::uuid)
        ORDER BY created_at DESC, id DESC LIMIT %(limit)s
        """,
        {"when": when, "id": import_id, "limit": limit},
    )
    return await cursor.fetchall()


async def find_unfinished(connection: Connection, identity: bytes) -> DictRow | None:
    """Return the import that a new run of the same file goes on with."""
    cursor = await connection.execute(
        """
        SELECT * FROM imports WHERE identity = %s AND state IN ('staging', 'checked', 'failed', 'applying') ORDER BY created_at DESC LIMIT 1
        """,
        (identity,),
    )
    return await cursor.fetchone()


async def find_applied(connection: Connection, file_hash: bytes, kind: str) -> DictRow | None:
    """Return the last import that brought this very content in and was not taken back."""
    cursor = await connection.execute(
        "SELECT * FROM imports WHERE file_hash = %s AND kind = %s AND state = 'applied' ORDER BY applied_at DESC LIMIT 1", (file_hash, kind)
    )
    return await cursor.fetchone()


async def errors(connection: Connection, import_id: UUID, limit: int) -> Sequence[DictRow]:
    """Return what is wrong, in the order of the file."""
    cursor = await connection.execute(
        """
        SELECT line, column_name AS "column", value, detail, remedy FROM import_errors WHERE import_id = %s
        ORDER BY line, stage DESC, column_name LIMIT %s
        """,
        (import_id, limit),
    )
    return await cursor.fetchall()


async def zones(connection: Connection) -> dict[str, str]:
    """Return the time zone of each store by its code."""
    rows = await (await connection.execute("SELECT code, time_zone FROM stores")).fetchall()
    return {row["code"]: row["time_zone"] for row in rows}


async def clear_staging(connection: Connection, import_id: UUID, kind: str) -> None:
    """Delete the staged rows of an import."""
    table = sql.Identifier("import_movements" if kind == "movements" else "import_products")
    await connection.execute(sql.SQL("DELETE FROM {} WHERE import_id = %s").format(table), (import_id,))


async def purge(connection: Connection, days: int) -> int:
    """Forget imports that nobody went on with for *days*, and staged rows that a crash left behind. Returns how many were forgotten."""
    await connection.execute(
        """
        WITH done AS (SELECT id FROM imports WHERE state IN ('applied', 'reversed')),
        movements AS (DELETE FROM import_movements WHERE import_id IN (SELECT id FROM done))
        DELETE FROM import_products WHERE import_id IN (SELECT id FROM done)
        """
    )
    cursor = await connection.execute(
        """
        WITH abandoned AS (
            DELETE FROM imports WHERE state IN ('staging', 'checked', 'failed', 'applying') AND updated_at < now() - make_interval(days => %s)
            RETURNING id
        ),
        movements AS (DELETE FROM import_movements WHERE import_id IN (SELECT id FROM abandoned)),
        products AS (DELETE FROM import_products WHERE import_id IN (SELECT id FROM abandoned))
        SELECT id FROM abandoned
        """,
        (days,),
    )
    return len(await cursor.fetchall())
