"""The category tree, and the other rows that a product points to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inventario.catalogue.schemas import Category
from inventario.platform.postgres import Connection

__all__ = ["References", "by_path", "create", "page", "references", "subtree"]


@dataclass(frozen=True, slots=True)
class References:
    """What a path and a code stand for: ids, and how the two are written where they are kept. None where nothing stands there."""

    category_id: int | None
    category: str | None
    supplier_id: int | None
    supplier: str | None


async def references(connection: Connection, category: str | None, supplier: str | None) -> References:
    """Look up a category by its path and a supplier by its code, whatever their case and accents."""
    row = await (
        await connection.execute(
            """
            SELECT category.id AS category_id, category.path AS category, supplier.id AS supplier_id, supplier.code AS supplier
            FROM (VALUES (fold(%(category)s) || '/', upper(%(supplier)s))) AS wanted(path, code)
            LEFT JOIN categories AS category ON (fold(category.path) || '/') COLLATE "C" = wanted.path
            LEFT JOIN suppliers AS supplier ON upper(supplier.code) COLLATE "C" = wanted.code
            """,
            {"category": category, "supplier": supplier},
        )
    ).fetchone()
    return References(**row) if row else References(None, None, None, None)


async def create(connection: Connection, path: Sequence[str]) -> bool:
    """Make sure that every category of *path* exists, from the root down; return whether the last one is new.

    Two at once may both want a category: the second waits for the first, and takes what it finds then.
    """
    created = False
    for depth, whole in enumerate(path):
        cursor = await connection.execute(
            """
            INSERT INTO categories (parent_id, name, path)
            SELECT parent.id, %(name)s, coalesce(parent.path || '/', '') || %(name)s
            FROM (SELECT 1) AS one LEFT JOIN categories AS parent ON (fold(parent.path) || '/') COLLATE "C" = fold(%(parent)s) || '/'
            ON CONFLICT DO NOTHING
            """,
            {"parent": path[depth - 1] if depth else None, "name": whole.rpartition("/")[2]},
        )
        created = cursor.rowcount == 1
    return created


async def by_path(connection: Connection, path: str) -> Category | None:
    """Return the category, whatever the case and accents of *path*."""
    row = await (
        await connection.execute(
            """
            SELECT category.path, category.name, parent.path AS parent
            FROM categories AS category LEFT JOIN categories AS parent ON parent.id = category.parent_id
            WHERE (fold(category.path) || '/') COLLATE "C" = fold(%s) || '/'
            """,
            [path],
        )
    ).fetchone()
    return None if row is None else Category(**row)


async def page(connection: Connection, *, after: str, limit: int | None) -> list[Category]:
    """Return categories in the order of the tree, after the one whose path is *after*; *limit* None: all that follow."""
    rows = await (
        await connection.execute(
            """
            SELECT category.path, category.name, parent.path AS parent
            FROM categories AS category LEFT JOIN categories AS parent ON parent.id = category.parent_id
            WHERE (fold(category.path) || '/') COLLATE "C" > CASE WHEN %(after)s = '' THEN '' ELSE fold(%(after)s) || '/' END
            ORDER BY (fold(category.path) || '/') COLLATE "C" LIMIT %(limit)s
            """,
            {"after": after, "limit": limit},
        )
    ).fetchall()
    return [Category(**row) for row in rows]


async def subtree(connection: Connection, path: str) -> list[int]:
    """Return the ids of the category and of all that lie below it."""
    rows = await (
        await connection.execute(
            """
            SELECT id FROM categories
            WHERE (fold(path) || '/') COLLATE "C" >= fold(%(path)s) || '/' AND (fold(path) || '/') COLLATE "C" < fold(%(path)s) || '/' || chr(1114111)
            """,
            {"path": path},
        )
    ).fetchall()
    return [row["id"] for row in rows]
