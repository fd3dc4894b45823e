"""Reading the settings, with errors for the person at the terminal."""

from __future__ import annotations

from pydantic import ValidationError

from inventario.settings import Settings
from inventario.stack.errors import StackError, reason

__all__ = ["load_settings"]


def load_settings() -> Settings:
    """Return the settings that the environment describes.

    Raises:
        StackError: Some are wrong; the text names each variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, problem['loc'])).upper()}: {problem['msg']}" for problem in error.errors()]
        raise StackError(f"Settings that are not right: {'; '.join(problems)}. Correct these variables and start again.") from error
    except ValueError as error:
        raise StackError(str(error)) from error


def migrate_database() -> str:
    """Bring the database of the settings to this release's schema, and say what was done.

    Raises:
        StackError: It does not answer, or is not set.
    """
    import psycopg  # noqa: PLC0415 - the supervisor reads this module and speaks to no database

    from inventario.migrations import migrate  # noqa: PLC0415

    try:
        before, after = migrate(load_settings().require_database_url())
    except ValueError as error:
        raise StackError(str(error)) from error
    except Exception as error:
        # Alembic wraps what the driver raised.
        lost = getattr(error, "orig", error)
        if not isinstance(lost, psycopg.OperationalError):
            raise
        raise StackError(f"The database does not answer: {reason(lost)}. Start it, or correct DATABASE_URL.") from error
    return f"Schema {after}, nothing to do." if before == after else f"Schema {after}, was {before or 'empty'}."
