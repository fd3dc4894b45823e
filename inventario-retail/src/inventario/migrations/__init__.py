"""Brings a database to the schema this release expects."""

from __future__ import annotations

from pathlib import Path

import psycopg

__all__ = ["HEAD", "current_revision", "migrate"]

_DIRECTORY = Path(__file__).parent
# Revisions are numbered, so the newest file is the head; knowing it without importing alembic keeps every later start fast.
HEAD = max(path.name.split("_")[0] for path in (_DIRECTORY / "versions").glob("[0-9]*.py"))


def current_revision(url: str) -> str | None:
    """Return the revision the database at *url* stands at, or None where it has no schema yet."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        found = connection.execute("SELECT to_regclass('public.alembic_version')").fetchone()
        if found is None or found[0] is None:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])


def migrate(url: str) -> tuple[str | None, str]:
    """Upgrade the database at *url* to `HEAD`; harmless when it is there already.

    Returns:
        The revision before and the revision now.
    """
    before = current_revision(url)
    if before != HEAD:
        from alembic import command  # noqa: PLC0415 - half a second that only a changed schema needs
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(_DIRECTORY))
        config.attributes["url"] = url
        command.upgrade(config, "head")
    return before, HEAD
