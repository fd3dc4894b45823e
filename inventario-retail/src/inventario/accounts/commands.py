"""`inventario key` and `inventario owner`: keys and the owner's login, made at the machine itself."""

# ruff: noqa: PLC0415 - the command line starts in a few milliseconds because only the command that runs is paid for

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any

import typer

from inventario.stack.errors import StackError

__all__ = ["create_key", "create_owner", "key_app", "owner_app", "reset_owner"]

OWNER = "owner"

key_app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)
owner_app = typer.Typer(help="The owner's login.", no_args_is_help=True)

Scopes = Annotated[list[str], typer.Option("--scope", help="What the key may do: read, write, admin, metrics:read. Give it several times.")]
Name = Annotated[str, typer.Option(help="Who uses it, e.g. till-1.")]
Days = Annotated[int | None, typer.Option("--days", min=1, help="Days until it expires; without it, never.")]


def create_owner(database_url: str) -> tuple[str, str] | None:
    """Make the owner's login on the first start.

    Returns:
        Name and password, which is kept nowhere else; None where somebody can log in already.
    """
    from inventario.accounts import repository, rules
    from inventario.accounts.passwords import hash_password

    password = rules.new_password()
    with _connected(database_url) as connection:
        return (OWNER, password) if repository.insert_owner_now(connection, OWNER, hash_password(password)) else None


def reset_owner(database_url: str) -> tuple[str, str]:
    """Give the owner a new password and end all sessions; makes the owner where there is none. Returns name and password."""
    from inventario.accounts import repository, rules
    from inventario.accounts.passwords import hash_password

    password = rules.new_password()
    hashed = hash_password(password)
    with _connected(database_url) as connection:
        name = repository.replace_password_now(connection, hashed)
        if name is None:
            repository.insert_owner_now(connection, OWNER, hashed)
    return name or OWNER, password


def create_key(database_url: str, name: str, scopes: Sequence[str], *, days: int | None = None) -> str:
    """Make an API key and return its text, which is kept nowhere else.

    Raises:
        ValueError: A scope does not exist.
    """
    from inventario.accounts import repository, rules
    from inventario.platform.clock import now

    problem = rules.scope_problem(scopes)
    if problem is not None:
        raise ValueError(" ".join(problem))
    key, text = rules.new_key()
    expires_at = None if days is None else now() + timedelta(days=days)
    with _connected(database_url) as connection:
        repository.insert_key_now(connection, key, name, rules.digest(text), scopes, expires_at)
    return text


@key_app.command("create")
def create_key_command(name: Name = "key", scopes: Scopes = ["read", "write"], days: Days = None) -> None:  # noqa: B006 - typer copies it
    """Make a key and print it. It is shown this once."""
    try:
        typer.echo(create_key(_database_url(), name, scopes, days=days))
    except ValueError as error:
        raise StackError(str(error)) from error


@key_app.command("list")
def list_keys_command() -> None:
    """Show every key, usable ones first. The keys themselves are not kept."""
    from inventario.accounts import repository

    with _connected(_database_url()) as connection:
        found = repository.keys_now(connection)
    for key in found:
        end = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "good"
        typer.echo(f"{key.id}  {end:<18}  {','.join(key.scopes):<24}  {key.name}")
    if not found:
        typer.echo("There are no keys. Make one: inventario key create --name till-1 --scope read --scope write")


@key_app.command("revoke")
def revoke_key_command(key: Annotated[str, typer.Argument(help="Its id, as `inventario key list` shows it.")]) -> None:
    """Revoke a key. A running dashboard refuses it within 5 s."""
    from inventario.accounts import repository

    with _connected(_database_url()) as connection:
        revoked = repository.revoke_key_now(connection, key)
    if not revoked:
        raise StackError(f"There is no key {key}. `inventario key list` shows them.")
    typer.echo(f"Revoked {key}.")


@owner_app.command("reset")
def reset_owner_command() -> None:
    """Make a new password for the owner, print it once, and end all sessions."""
    name, password = reset_owner(_database_url())
    typer.echo(f"name      {name}\npassword  {password}")


@contextmanager
def _connected(database_url: str) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        yield connection


def _database_url() -> str:
    from inventario.stack.configuration import load_database_url

    return load_database_url()
