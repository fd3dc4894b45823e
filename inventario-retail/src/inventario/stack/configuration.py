"""Reading the settings, with errors for the person at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr, ValidationError

from inventario.settings import Settings
from inventario.stack.errors import StackError, reason

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["load_database_url", "load_settings", "migrate_database"]

# What is wrong, by pydantic's name for it; the braces take its bounds.
_WORDS = {
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "float_parsing": "is not a number",
    "greater_than": "is not above {gt}",
    "greater_than_equal": "is below {ge}",
    "less_than_equal": "is above {le}",
    "value_error": "{error}",
}


def load_settings() -> Settings:
    """Return the settings that the environment describes.

    Raises:
        StackError: Some are wrong; the text names each variable, what is wrong with it, and a valid example.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise StackError(" ".join(_told(problem) for problem in error.errors())) from error
    except ValueError as error:
        raise StackError(str(error)) from error


def load_database_url() -> str:
    """Return the database's address.

    Raises:
        StackError: It is not set, or a setting is wrong; the text gives a valid example.
    """
    try:
        return load_settings().require_database_url()
    except ValueError as error:
        raise StackError(str(error)) from error


def _told(problem: ErrorDetails) -> str:
    name = str(problem["loc"][0])
    field = Settings.model_fields[name]
    given = "" if SecretStr.__name__ in str(field.annotation) else f"={_as_written(problem['input'])}"
    wrong = _WORDS.get(problem["type"], f"is not valid ({problem['msg']})").format(**problem.get("ctx", {}))
    example = _as_written(field.examples[0] if field.examples else field.default)
    return f"{name.upper()}{given} {wrong}. Set e.g. {name.upper()}={example}."


def _as_written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def migrate_database() -> str:
    """Bring the database of the settings to this release's schema, and say what was done.

    Raises:
        StackError: It does not answer, or is not set.
    """
    import psycopg  # noqa: PLC0415 - the supervisor reads this module and speaks to no database

    from inventario.migrations import migrate  # noqa: PLC0415

    try:
        before, after = migrate(load_database_url())
    except StackError:
        raise
    except Exception as error:
        # Alembic wraps what the driver raised.
        lost = getattr(error, "orig", error)
        if not isinstance(lost, psycopg.OperationalError):
            raise
        raise StackError(f"The database does not answer: {reason(lost)}. Start it, or correct DATABASE_URL.") from error
    return f"Schema {after}, nothing to do." if before == after else f"Schema {after}, was {before or 'empty'}."
