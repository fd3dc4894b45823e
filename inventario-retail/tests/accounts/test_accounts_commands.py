"""`inventario key` and `inventario owner` on a real database."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from inventario.accounts.commands import key_app, owner_app
from inventario.accounts.service import Accounts
from inventario.cli import app
from inventario.errors import Unauthenticated
from inventario.platform.postgres import Database


@pytest.fixture
def command(database_url: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands against the test's database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return CliRunner()


def made_key(command: CliRunner, *arguments: str) -> str:
    answer = command.invoke(key_app, ["create", *arguments])
    assert answer.exit_code == 0, answer.output
    return answer.output.strip()


async def test_a_key_is_made_for_somebody_with_scopes_and_an_end(command: CliRunner, database: Database) -> None:
    text = made_key(command, "--name", "till-1", "--scope", "read", "--days", "7")
    principal = await Accounts(database).by_key(text)
    assert (principal.name, principal.scopes) == ("key:till-1", frozenset({"read"}))
    listed = command.invoke(key_app, ["list"]).output
    assert "till-1" in listed
    assert "until" in listed
    assert text not in listed


async def test_a_key_is_revoked(command: CliRunner, database: Database) -> None:
    text = made_key(command, "--name", "till-1")
    assert command.invoke(key_app, ["revoke", text.split("_")[2]]).exit_code == 0
    with pytest.raises(Unauthenticated):
        await Accounts(database).by_key(text)
    assert "revoked" in command.invoke(key_app, ["list"]).output


def test_a_scope_or_a_key_that_does_not_exist_is_told(command: CliRunner) -> None:
    wrong = command.invoke(app, ["key", "create", "--scope", "fly"])
    assert wrong.exit_code == 1
    assert "fly" in wrong.output
    unknown = command.invoke(app, ["key", "revoke", "nothing1"])
    assert unknown.exit_code == 1
    assert unknown.output == "inventario: There is no key nothing1. `inventario key list` shows them.\n"


def test_no_keys_yet_says_how_to_make_one(command: CliRunner) -> None:
    assert "inventario key create" in command.invoke(key_app, ["list"]).output


async def test_a_reset_prints_a_login_that_works(command: CliRunner, database: Database) -> None:
    answer = command.invoke(owner_app, [])
    assert answer.exit_code == 0, answer.output
    words = answer.output.split()
    assert await Accounts(database).log_in(words[1], words[3], source="here")
