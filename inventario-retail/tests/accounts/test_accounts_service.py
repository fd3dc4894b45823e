"""Principals, sessions and keys on a real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import psycopg
import pytest

from inventario.accounts.commands import create_key, create_owner, reset_owner
from inventario.accounts.service import Accounts
from inventario.errors import DependencyUnavailable, Invalid, NotFound, TooManyRequests, Unauthenticated
from inventario.platform.clock import now
from inventario.platform.postgres import Database

pytest_plugins = ["accounts_app"]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, master_key="master", clock=clock)


async def test_the_first_start_makes_one_owner_and_the_second_none(database_url: str, accounts: Accounts) -> None:
    made = create_owner(database_url)
    assert made is not None
    assert create_owner(database_url) is None
    assert await accounts.log_in(*made, source="here")


async def test_a_session_speaks_for_the_person_with_all_scopes(accounts: Accounts, owner: tuple[str, str]) -> None:
    principal = await accounts.by_session(await accounts.log_in(*owner, source="here"))
    assert (principal.name, principal.session) == ("owner", True)
    assert {"read", "write", "admin"} <= principal.scopes


async def test_each_login_has_a_token_of_its_own(accounts: Accounts, owner: tuple[str, str]) -> None:
    assert await accounts.log_in(*owner, source="here") != await accounts.log_in(*owner, source="here")


async def test_only_the_hash_of_a_token_is_kept(accounts: Accounts, owner: tuple[str, str], database: Database) -> None:
    token = await accounts.log_in(*owner, source="here")
    rows = await database.fetch("SELECT token_hash FROM sessions")
    assert [len(row["token_hash"]) for row in rows] == [32]
    assert token.encode() not in rows[0]["token_hash"]


async def test_a_wrong_name_and_a_wrong_password_are_told_the_same(accounts: Accounts, owner: tuple[str, str]) -> None:
    said = []
    for name, password in [(owner[0], "wrong password"), ("nobody", owner[1])]:
        with pytest.raises(Unauthenticated) as caught:
            await accounts.log_in(name, password, source="here")
        said.append((caught.value.detail, caught.value.remedy))
    assert said[0] == said[1]


async def test_guessing_is_slowed_down_before_anything_is_hashed(accounts: Accounts, owner: tuple[str, str]) -> None:
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await accounts.log_in(owner[0], "wrong", source="there")
    with pytest.raises(TooManyRequests):
        await accounts.log_in(*owner, source="there")
    assert await accounts.log_in(*owner, source="elsewhere")


async def test_a_flood_of_logins_is_refused_rather_than_queued(accounts: Accounts, owner: tuple[str, str]) -> None:
    tries = [accounts.log_in(*owner, source=str(number)) for number in range(40)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert any(isinstance(outcome, str) for outcome in outcomes)
    assert any(isinstance(outcome, TooManyRequests) for outcome in outcomes)


async def test_many_wrong_logins_at_once_are_hashed_no_more_often_than_one_after_the_other(
    accounts: Accounts, owner: tuple[str, str]
) -> None:
    tries = [accounts.log_in(owner[0], "wrong", source="there") for _ in range(40)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(outcome, Unauthenticated) for outcome in outcomes) == 5
    assert max(outcome.retry_after for outcome in outcomes if isinstance(outcome, TooManyRequests)) <= 2


async def test_a_logout_ends_the_session_at_once(accounts: Accounts, owner: tuple[str, str]) -> None:
    token = await accounts.log_in(*owner, source="here")
    await accounts.by_session(token)
    await accounts.log_out(token)
    with pytest.raises(Unauthenticated):
        await accounts.by_session(token)


@pytest.mark.parametrize("sql", ["last_used_at = now() - interval '4 days'", "expires_at = now() - interval '1 second'"])
async def test_a_session_ends_when_idle_and_when_old(
    accounts: Accounts, owner: tuple[str, str], database_url: str, clock: Clock, sql: str
) -> None:
    token = await accounts.log_in(*owner, source="here")
    await accounts.by_session(token)
    with psycopg.connect(database_url) as connection:
        connection.execute(f"UPDATE sessions SET {sql}")
    clock.now += 6
    with pytest.raises(Unauthenticated):
        await accounts.by_session(token)


async def test_the_use_of_a_session_is_noted(accounts: Accounts, owner: tuple[str, str], database: Database, clock: Clock) -> None:
    token = await accounts.log_in(*owner, source="here")
    async with database.connection() as connection:
        await connection.execute("UPDATE sessions SET last_used_at = now() - interval '1 day'")
    await accounts.by_session(token)
    assert (await database.fetch("SELECT now() - last_used_at < interval '1 minute' AS noted FROM sessions"))[0]["noted"]


async def test_another_password_ends_all_other_sessions(accounts: Accounts, owner: tuple[str, str]) -> None:
    name, password = owner
    old = await accounts.log_in(name, password, source="here")
    await accounts.by_session(old)
    new = await accounts.change_password(name, password, "a few words of mine", source="here")
    assert (await accounts.by_session(new)).name == name
    with pytest.raises(Unauthenticated):
        await accounts.by_session(old)
    assert await accounts.log_in(name, "a few words of mine", source="here")


async def test_a_password_change_names_everything_that_is_wrong(accounts: Accounts, owner: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        await accounts.change_password(owner[0], "not mine", "short", source="here")
    assert [problem.field for problem in caught.value.errors] == ["current", "new"]


async def test_a_reset_makes_a_new_password_and_ends_sessions(accounts: Accounts, owner: tuple[str, str], database_url: str) -> None:
    token = await accounts.log_in(*owner, source="here")
    name, password = reset_owner(database_url)
    assert name == owner[0]
    assert await accounts.log_in(name, password, source="here")
    with pytest.raises(Unauthenticated):
        await accounts.by_session(token)


async def test_a_key_speaks_for_its_user_with_its_scopes(accounts: Accounts, database_url: str) -> None:
    principal = await accounts.by_key(create_key(database_url, "till-1", ["read"]))
    assert (principal.name, principal.scopes, principal.session) == ("key:till-1", frozenset({"read"}), False)


async def test_a_revoked_key_stops_at_once_here(accounts: Accounts) -> None:
    made = await accounts.create_key("till-1", ["read", "write"])
    await accounts.by_key(made.text)
    await accounts.revoke_key(made.id)
    with pytest.raises(Unauthenticated):
        await accounts.by_key(made.text)


async def test_a_key_revoked_elsewhere_stops_within_five_seconds(accounts: Accounts, database: Database, clock: Clock) -> None:
    made = await accounts.create_key("till-1", ["read"])
    await accounts.by_key(made.text)
    await Accounts(database).revoke_key(made.id)
    assert await accounts.by_key(made.text)
    clock.now += 5.1
    with pytest.raises(Unauthenticated):
        await accounts.by_key(made.text)


async def test_an_expired_key_is_refused(accounts: Accounts) -> None:
    made = await accounts.create_key("till-1", ["read"], expires_at=now() - timedelta(seconds=1))
    with pytest.raises(Unauthenticated):
        await accounts.by_key(made.text)


async def test_a_key_that_does_not_exist_cannot_be_revoked(accounts: Accounts) -> None:
    with pytest.raises(NotFound):
        await accounts.revoke_key("nothing1")


async def test_a_key_needs_a_name_and_known_scopes(accounts: Accounts) -> None:
    with pytest.raises(Invalid) as caught:
        await accounts.create_key(" ", ["fly"])
    assert [problem.field for problem in caught.value.errors] == ["name", "scopes"]


async def test_a_remembered_principal_asks_no_database(accounts: Accounts, database: Database) -> None:
    made = await accounts.create_key("till-1", ["read"])
    await accounts.by_key(made.text)
    await database.close()
    assert (await accounts.by_key(made.text)).name == "key:till-1"


async def test_who_was_known_stays_known_while_the_database_is_away_and_nobody_new_comes_in(database_url: str, clock: Clock) -> None:
    database = Database(database_url, patience=0.2)
    await database.open()
    accounts = Accounts(database, clock=clock)
    known, new = [await accounts.create_key(name, ["read"]) for name in ("known", "new")]
    await accounts.by_key(known.text)
    await database.close()
    clock.now += 3600
    assert (await accounts.by_key(known.text)).name == "key:known"
    with pytest.raises(DependencyUnavailable):
        await accounts.by_key(new.text)


async def test_a_crowd_with_one_key_asks_the_database_once(accounts: Accounts, database: Database) -> None:
    made = await accounts.create_key("till-1", ["read"])
    asked = 0
    real = accounts._key_grant

    async def counted(key: str, secret: bytes) -> object:
        nonlocal asked
        asked += 1
        return await real(key, secret)

    accounts._key_grant = counted  # type: ignore[assignment, method-assign]  # counts the calls, and makes them
    await asyncio.gather(*(accounts.by_key(made.text) for _ in range(50)))
    assert asked == 1
