"""Writing to the ledger: sends rows through the one statement until each has a final answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import errors as sql
from psycopg.rows import DictRow

from inventario.errors import Busy, DomainError, FieldProblem, IdempotencyKeyReused, InsufficientStock, Invalid
from inventario.platform.postgres import Connection, Database
from inventario.stock import repository
from inventario.stock.schemas import Movement

__all__ = ["Ledger", "Outcome", "Recorded", "Row"]

Row: TypeAlias = dict[str, Any]
"""A movement on its way into the statement: the columns of its source, ``ord`` excepted."""

_ATTEMPTS = 4
# Seconds to wait for a place among those who wait.
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A movement in the ledger; ``replayed`` when it had been there before under the same key."""

    movement: Movement
    replayed: bool


Outcome: TypeAlias = Recorded | DomainError


class Ledger:
    """Writes movements, each once, and says what became of each."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # One batch of ours at a time: two would wait for each other's locks, and one keeps PostgreSQL busy.
        self._turn = asyncio.Lock()
        # Rows that wait for a level somebody else holds must not take the whole pool with them.
        self._waiting = asyncio.Semaphore(4)

    async def apply(self, rows: Sequence[Row]) -> list[Outcome | None]:
        """Write *rows*, independent of each other, without waiting for anybody. Keys must differ within *rows*.

        Returns:
            An outcome for each row, in order; None for one that is left to `settle`: somebody else holds its level, or the rows of its level
            would together take it below zero where that is forbidden.

        Raises:
            DependencyUnavailable: The database went away. Which rows were written is unknown; repeating them with their keys is safe.
        """
        outcomes: list[Outcome | None] = [None] * len(rows)
        async with self._turn:
            await self._send(rows, range(len(rows)), outcomes, wait=False)
        return outcomes

    async def settle(self, rows: Sequence[Row]) -> list[Outcome]:
        """Write *rows*, waiting for their levels; the answers are final. Rows of one level keep their order.

        Waits 2 s for its turn, and 2 s at a time for a level that another transaction holds.

        Raises:
            DependencyUnavailable: As in `apply`.
        """
        outcomes: list[Outcome | None] = [None] * len(rows)
        left: Sequence[int] = range(len(rows))
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._waiting.acquire()
        except TimeoutError:
            return [_busy(row) for row in rows]
        try:
            # All at once first: they lock in one order, so this waits in no circle.
            if len(rows) > 1:
                await self._send(rows, left, outcomes, wait=True)
                left = [position for position in left if outcomes[position] is None]
            stuck: set[tuple[str, str]] = set()
            for position in left:
                row = rows[position]
                level = row["store"], row["sku"]
                # Who holds the level will hold it for the next row too.
                outcomes[position] = _busy(row) if level in stuck else await self._settle_one(row)
                if isinstance(outcomes[position], Busy):
                    stuck.add(level)
        finally:
            self._waiting.release()
        return [outcome if outcome is not None else _busy(row) for row, outcome in zip(rows, outcomes, strict=True)]

    async def _settle_one(self, row: Row) -> Outcome:
        outcomes: list[Outcome | None] = [None]
        # A refusal counts from the second time: the key of a row that was applied meanwhile is seen only by a statement that begins after that.
        for final in (False, True):
            failure = await self._send([row], [0], outcomes, wait=True, final=final)
            if failure is not None:
                return failure
            if outcomes[0] is not None:
                return outcomes[0]
        return _busy(row)

    async def _send(
        self, rows: Sequence[Row], positions: Sequence[int], outcomes: list[Outcome | None], *, wait: bool, final: bool = False
    ) -> DomainError | None:
        """Send the rows at *positions* together until none of them asks for another try, and fill *outcomes*.

        Returns:
            What the database had against the rows as a whole, or None. One row spoils the statement; by themselves the others go through.
        """
        left = list(positions)
        for _ in range(_ATTEMPTS):
            if not left:
                return None
            try:
                left = await self._attempt(rows, left, outcomes, wait=wait, final=final)
            except sql.UniqueViolation:
                # Another connection wrote one of the keys first: with a new snapshot that key is seen.
                continue
            except Busy:
                return _busy(rows[left[0]])
            except Invalid as error:
                return error
            except (sql.IntegrityError, sql.DataError) as error:
                return _from_sql(error)
        return None

    async def apply_within(self, connection: Connection, rows: Sequence[Row]) -> list[Movement]:
        """Write *rows* in the caller's transaction, all or nothing; they wait for levels that others hold.

        Raises:
            DomainError: Something stands against one of them; the transaction must be given up.
        """
        numbered = [{**row, "ord": position} for position, row in enumerate(rows)]
        await repository.create_levels_of(connection, numbered)
        found = await repository.apply_rows(connection, numbered, wait=True)
        problems = {line: _refusal(row, result) for line, (row, result) in enumerate(zip(rows, found, strict=True)) if result["id"] is None}
        if problems:
            raise _together(problems)
        return [_movement(row, result) for row, result in zip(rows, found, strict=True)]

    async def _attempt(
        self, rows: Sequence[Row], positions: Sequence[int], outcomes: list[Outcome | None], *, wait: bool, final: bool = False
    ) -> list[int]:
        """Send the rows at *positions* once and fill *outcomes*; return the positions to send again, since their level was missing."""
        numbered = [{**rows[position], "ord": position} for position in positions]
        async with self._database.connection() as connection:
            found = await repository.apply_rows(connection, numbered, wait=wait)
            missing = [result for result in found if _lacks_level(result)]
            if missing:
                await repository.create_levels(connection, [(result["store_id"], result["product_id"]) for result in missing])
            seen = {result["seen_id"]: result for result in found if result["seen_id"] is not None}
            if seen:
                await _replay(connection, rows, seen, outcomes)
        for result in found:
            position = result["ord"]
            if result["id"] is not None:
                outcomes[position] = Recorded(_movement(rows[position], result), replayed=False)
            elif result["store_id"] is None or result["product_id"] is None or (result["held"] and final):
                outcomes[position] = _refusal(rows[position], result)
        return [result["ord"] for result in missing]


def _lacks_level(result: DictRow) -> bool:
    return result["store_id"] is not None and result["product_id"] is not None and not result["has_level"]


async def _replay(connection: Connection, rows: Sequence[Row], seen: Mapping[UUID, DictRow], outcomes: list[Outcome | None]) -> None:
    for found in await repository.movements_by_id(connection, list(seen)):
        result = seen[found["id"]]
        row = rows[result["ord"]]
        movement = Movement.model_validate(found)
        # A key that came with an import has no hash of a request; there what the movement says is compared.
        same = _says_the_same(row, movement) if result["seen_hash"] == "" else result["seen_hash"] == row["hash"]
        outcomes[result["ord"]] = Recorded(movement, replayed=True) if same else _key_reused(row)


def _says_the_same(row: Row, movement: Movement) -> bool:
    if (row["sku"], row["kind"]) != (movement.sku, movement.kind):
        return False
    said = {name: Decimal(row[name]) for name in ("quantity", "counted") if row.get(name) is not None}
    return bool(said) and all(value == getattr(movement, name) for name, value in said.items())


def _movement(row: Row, result: DictRow) -> Movement:
    return Movement.model_validate({**result, "store": row["store"], "sku": row["sku"]})


def _key_reused(row: Row) -> DomainError:
    return IdempotencyKeyReused(
        f"The key {row['key']!r} was used before for another movement.",
        errors=[FieldProblem("Idempotency-Key", "this key already stands for another movement", "send a new key for a new movement")],
    )


def _refusal(row: Row, result: DictRow) -> DomainError:
    """Say why *row* was not written."""
    unknown = []
    if result["store_id"] is None:
        unknown.append(
            FieldProblem("store", f"there is no store {row['store']!r}", "create it with POST /api/v1/stores, or correct the code")
        )
    if result["product_id"] is None:
        unknown.append(
            FieldProblem("sku", f"there is no product {row['sku']!r}", "create it with POST /api/v1/products, or correct the SKU")
        )
    if unknown:
        return Invalid("The movement names something that does not exist; nothing was recorded.", errors=unknown)
    if result["held"]:
        return InsufficientStock(
            f"Only {result['before']} of {row['sku']} in {row['store']}, and it must not fall below zero there.",
            remedy="Take less, or count the shelf first. To sell below zero, set allow_oversell on the product or the store.",
            extra={"on_hand": str(result["before"]), "sku": row["sku"], "store": row["store"]},
        )
    return _busy(row)


def _busy(row: Row) -> Busy:
    return Busy(f"The stock of {row['sku']} in {row['store']} is being changed by somebody else.")


def _from_sql(error: sql.Error) -> DomainError:
    return Invalid("The ledger does not take this movement.", remedy=f"Correct the movement: {error.diag.message_primary or error}.")


def _together(problems: Mapping[int, DomainError]) -> DomainError:
    """Make one error of those of a document's lines, so that all can be mended at once."""
    first = next(iter(problems.values()))
    fields = [
        FieldProblem(f"lines.{line}.{found.field}", found.detail, found.remedy)
        for line, problem in problems.items()
        for found in problem.errors or [FieldProblem("quantity", problem.detail, problem.remedy)]
    ]
    detail = first.detail if len(problems) == 1 else f"{len(problems)} lines cannot be carried out; nothing was changed."
    return type(first)(detail, remedy=first.remedy, errors=fields, extra=first.extra)
