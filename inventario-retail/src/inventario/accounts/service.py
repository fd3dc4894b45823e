"""Who may come in: logins, sessions, API keys."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from inventario.accounts import repository, rules
from inventario.accounts.passwords import Passwords
from inventario.accounts.schemas import ApiKey, Grant, NewKey, Principal, User
from inventario.accounts.throttle import Throttle
from inventario.errors import DependencyUnavailable, FieldProblem, Invalid, NotFound, Unauthenticated
from inventario.platform.clock import now
from inventario.platform.postgres import Database

__all__ = ["SESSION_LIFE", "Accounts"]

SESSION_LIFE = timedelta(days=30)
SESSION_IDLE = timedelta(days=3)
_OWNER_SCOPES = frozenset(rules.SCOPES)
_REMEMBERED = 10_000
# Seconds that a request waits to learn whom it speaks for.
_PATIENCE = 1.0


@dataclass(slots=True)
class _Remembered:
    grant: Grant
    fresh_until: float


class Accounts:
    """Turns keys and sessions into principals, and manages both.

    A principal is remembered for *memory* seconds, so that the hot path asks no database; a revoked key works that much longer. While the database is
    away, who was known stays known, and nobody new comes in.
    """

    def __init__(
        self, database: Database, *, master_key: str | None = None, memory: float = 5.0, clock: Callable[[], float] = monotonic
    ) -> None:
        """Prepare.

        Args:
            database: The door to PostgreSQL.
            master_key: A key that always works, whatever its format, with all scopes and without a database.
            memory: Seconds that a principal is taken on trust.
            clock: Monotonic seconds.
        """
        self._database = database
        self._master = None if master_key is None else rules.digest(master_key)
        self._memory = memory
        self._clock = clock
        self._known: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Grant | None]] = {}
        self._passwords = Passwords()
        self._throttle = Throttle()

    def close(self) -> None:
        """End the hashing threads."""
        self._passwords.close()

    async def by_key(self, text: str) -> Principal:
        """Return whom the API key *text* speaks for.

        Raises:
            Unauthenticated: No such key.
            DependencyUnavailable: The key is not remembered and the database is away.
        """
        secret = rules.digest(text)
        if self._master is not None and hmac.compare_digest(secret, self._master):
            return Principal("key:dashboard", _OWNER_SCOPES)
        key = rules.key_id(text)
        if key is None:
            raise _refused()
        return await self._remember(secret, lambda: self._key_grant(key, secret))

    async def by_session(self, token: str) -> Principal:
        """Return whose session *token* opens.

        Raises:
            Unauthenticated: No such session, or it is over.
            DependencyUnavailable: The session is not remembered and the database is away.
        """
        secret = rules.digest(token)
        return await self._remember(secret, lambda: self._session_grant(secret))

    async def log_in(self, name: str, password: str, *, source: str) -> str:
        """Open a session and return its token. *source* is the caller's address.

        Raises:
            Unauthenticated: Wrong name or password; never says which.
            TooManyRequests: Too many failures from this address, or too many logins at once.
            DependencyUnavailable: The database is away.
        """
        user, matches = await self._find(name.strip(), password, source)
        if user is None or not matches:
            raise Unauthenticated(
                "The name or the password is wrong.", remedy="Try again, or make a new password with `inventario owner reset`."
            )
        token = rules.new_token()
        async with self._database.connection() as connection:
            await repository.insert_session(connection, rules.digest(token), user.id, now() + SESSION_LIFE)
        return token

    async def log_out(self, token: str) -> None:
        """End a session."""
        secret = rules.digest(token)
        self._known.pop(secret, None)
        async with self._database.connection() as connection:
            await repository.delete_session(connection, secret)

    async def change_password(self, name: str, current: str, new: str, *, source: str) -> str:
        """Change a person's password, end all of that person's sessions and open a new one, whose token is returned.

        Raises:
            Invalid: The current password is wrong, or the new one will not do.
            TooManyRequests: As `log_in`.
        """
        user, matches = await self._find(name, current, source)
        problem = rules.password_problem(new, name)
        wrong = [] if matches else [FieldProblem("current", "This is not your password.", "Type the one you logged in with.")]
        weak = [FieldProblem("new", *problem)] if problem else []
        if wrong or weak or user is None:
            raise Invalid("The password was not changed.", errors=[*wrong, *weak])
        hashed, token = await self._passwords.hash(new), rules.new_token()
        async with self._database.connection() as connection, connection.transaction():
            await repository.set_password(connection, user.id, hashed)
            await repository.delete_sessions_of(connection, user.id)
            await repository.insert_session(connection, rules.digest(token), user.id, now() + SESSION_LIFE)
        self._known.clear()
        return token

    async def keys(self) -> list[ApiKey]:
        """Return all keys, usable ones first."""
        async with self._database.connection() as connection:
            return await repository.keys(connection)

    async def create_key(self, name: str, scopes: Sequence[str], *, expires_at: datetime | None = None) -> NewKey:
        """Make an API key; its text is never seen again.

        Raises:
            Invalid: No name, or a scope that does not exist.
        """
        problems = []
        if not 1 <= len(name.strip()) <= 100 or not name.strip().isprintable():
            problems.append(
                FieldProblem("name", "A key needs a name of at most 100 characters, in one line.", "Name who uses it, e.g. till-1.")
            )
        if (problem := rules.scope_problem(scopes)) is not None:
            problems.append(FieldProblem("scopes", *problem))
        if problems:
            raise Invalid("The key was not made.", errors=problems)
        key, text = rules.new_key()
        async with self._database.connection() as connection:
            await repository.insert_key(connection, key, name.strip(), rules.digest(text), scopes, expires_at)
        return NewKey(key, name.strip(), text)

    async def revoke_key(self, key: str) -> ApiKey:
        """Revoke a key. In this process it stops at once, in others within the time that they remember it.

        Raises:
            NotFound: There is no such key.
        """
        revoked = None
        # PostgreSQL takes no NUL in a text, not even to find nothing.
        if key.isprintable():
            async with self._database.connection() as connection:
                revoked = await repository.revoke_key(connection, key)
        if revoked is None:
            raise NotFound(f"There is no key {key}.", remedy="Look at the list of keys.")
        self._known.clear()
        return revoked

    async def _find(self, name: str, password: str, source: str) -> tuple[User | None, bool]:
        """Return the person of that name, and whether the password is theirs. A right one clears *source*, a wrong one slows it down."""
        with self._throttle.attempt(source) as succeed:
            user = None
            # PostgreSQL takes no NUL in a text, not even to find nothing.
            if name.isprintable():
                async with self._database.connection() as connection:
                    user = await repository.find_user(connection, name)
            matches = await self._passwords.matches(password, None if user is None else user.password_hash)
            if matches:
                succeed()
        return user, matches

    async def _remember(self, secret: bytes, ask: Callable[[], Awaitable[Grant | None]]) -> Principal:
        known = self._known.get(secret)
        if known is not None and known.fresh_until > self._clock() and _is_good(known.grant):
            return known.grant.principal
        try:
            grant = await self._ask_once(secret, ask)
        except DependencyUnavailable:
            if known is None or not _is_good(known.grant):
                raise
            # Else every request of a busy till would wait for the same silence.
            known.fresh_until = self._clock() + self._memory
            return known.grant.principal
        if grant is None:
            self._known.pop(secret, None)
            raise _refused()
        self._known[secret] = _Remembered(grant, self._clock() + self._memory)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return grant.principal

    async def _ask_once(self, secret: bytes, ask: Callable[[], Awaitable[Grant | None]]) -> Grant | None:
        """Ask the database once for all requests that wait for the same answer, each for a moment.

        Raises:
            DependencyUnavailable: The answer did not come; it is still awaited for those who come later.
        """
        task = self._asking.get(secret)
        if task is None:
            task = asyncio.ensure_future(_as_coroutine(ask()))
            self._asking[secret] = task
            task.add_done_callback(lambda done: (self._asking.pop(secret, None), done.cancelled() or done.exception()))
        # A frozen server never answers, and cancelling what waits for it waits for it as well.
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE)
        if not done:
            raise DependencyUnavailable("database", "The database does not answer.")
        return task.result()

    async def _key_grant(self, key: str, secret: bytes) -> Grant | None:
        async with self._database.connection() as connection:
            found = await repository.find_key(connection, key, secret)
        return None if found is None else Grant(Principal(f"key:{found.name}", frozenset(found.scopes)), found.expires_at)

    async def _session_grant(self, secret: bytes) -> Grant | None:
        async with self._database.connection() as connection:
            found = await repository.find_session(connection, secret, SESSION_IDLE)
        return None if found is None else Grant(Principal(found[0], _OWNER_SCOPES, session=True), found[1])


async def _as_coroutine(answer: Awaitable[Grant | None]) -> Grant | None:
    return await answer


def _is_good(grant: Grant) -> bool:
    return grant.expires_at is None or grant.expires_at > now()


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "A valid API key or a login is needed.", remedy="Send a key in the header X-API-Key; `inventario key create` makes one."
    )
