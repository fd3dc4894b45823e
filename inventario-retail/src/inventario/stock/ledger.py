"""Writing to the ledger: sends rows through the one statement until each has a final answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import errors as sql
from psycopg.rows import DictRow

from inventario.errors import Busy, Conflict, DomainError, FieldProblem, Invalid
from inventario.platform.postgres import Connection, Database
from inventario.stock import repository
from inventario.stock.schemas import Movement

__all__ = ["Ledger", "Outcome", "Recorded", "Row"]

Row: TypeAlias = dict[str, Any]
"""A movement on its way into the statement: the columns of its source, ``ord`` excepted."""

_ATTEMPTS = 4


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
        # Rows that wait for a level somebody else holds must not take the whole pool with them.
        self._waiters = asyncio.Semaphore(4)

    async def apply(self, rows: Sequence[Row]) -> list[Outcome | None]:
        """Write *rows*, independent of each other, without waiting for anybody. Keys must differ within *rows*.

        Returns:
            An outcome for each row, in order; None for one that has to be settled by itself (`settle`): somebody else holds its level, or it
            was held because the rows of its level take it below zero together.

        Raises:
            DependencyUnavailable: The database went away. Which rows were written is unknown; repeating them with their keys is safe.
        """
        outcomes: list[Outcome | None] = [None] * len(rows)
        left = list(range(len(rows)))
        for _ in range(_ATTEMPTS):
            if not left:
                break
            try:
                left = await self._attempt(rows, left, outcomes, wait=False)
            except (sql.UniqueViolation, sql.SerializationFailure, sql.DeadlockDetected):
                # Another connection wrote one of the keys first: with a new snapshot that key is seen.
                continue
            except (sql.LockNotAvailable, sql.IntegrityError, sql.DataError):
                # One row spoils the statement; by themselves the others go through.
                break
        return outcomes

    async def settle(self, row: Row) -> Outcome:
        """Write *row* by itself, waiting for its level for at most 2 s; the answer is final.

        Raises:
            DependencyUnavailable: As in `apply`.
        """
        outcomes: list[Outcome | None] = [None]
        held = False
        async with self._waiters:
            for _ in range(_ATTEMPTS):
                try:
                    if not await self._attempt([row], [0], outcomes, wait=True, final=held) and outcomes[0] is None:
                        # Refused only the second time: its key may have been committed after the statement took its snapshot.
                        held = True
                except (sql.UniqueViolation, sql.SerializationFailure, sql.DeadlockDetected):
                    continue
                except (sql.LockNotAvailable, sql.IntegrityError, sql.DataError) as error:
                    return _from_sql(error)
                if outcomes[0] is not None:
                    return outcomes[0]
        return Busy(f"Other writers kept changing the stock of {row['sku']}.")

    async def apply_within(self, connection: Connection, rows: Sequence[Row]) -> list[Movement]:
        """Write *rows* in the caller's transaction, all or nothing; they wait for levels that others hold.

        Raises:
            DomainError: Something stands against one of them; the transaction must be given up.
        """
        numbered = [{**row, "ord": position} for position, row in enumerate(rows)]
        await repository.create_levels_of(connection, numbered)
        found = await repository.apply_rows(connection, numbered, wait=True)
        problems = [_refusal(row, result) for row, result in zip(rows, found, strict=True) if result["id"] is None]
        if problems:
            raise problems[0] if len(problems) == 1 else _together(problems)
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
    for movement in await repository.movements_by_id(connection, list(seen)):
        result = seen[movement["id"]]
        row = rows[result["ord"]]
        # A key that came with an import has no hash to compare.
        same = result["seen_hash"] in {"", row["hash"]}
        outcomes[result["ord"]] = Recorded(Movement.model_validate(movement), replayed=True) if same else _key_reused(row)


def _movement(row: Row, result: DictRow) -> Movement:
    return Movement.model_validate({**result, "store": row["store"], "sku": row["sku"]})


def _key_reused(row: Row) -> DomainError:
    return Invalid(
        f"The key {row['key']!r} was used before for another movement.",
        errors=[FieldProblem("Idempotency-Key", "this key already stands for another movement", "send a new key for a new movement")],
        extra={"code": "idempotency-key-reused"},
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
        return Conflict(
            f"Only {result['before']} of {row['sku']} in {row['store']}, and it must not fall below zero there.",
            remedy="Take less, or count the shelf first. To sell below zero, set allow_oversell on the product or the store.",
            extra={"code": "insufficient_stock", "on_hand": str(result["before"]), "sku": row["sku"], "store": row["store"]},
        )
    return Busy(f"The stock of {row['sku']} in {row['store']} is being changed by somebody else.")


def _from_sql(error: sql.Error) -> DomainError:
    if isinstance(error, sql.LockNotAvailable):
        return Busy("Another request is changing this stock, or is recording a movement with this key, for more than 2 s.")
    if isinstance(error, sql.NumericValueOutOfRange):
        return Invalid("The stock would become larger than 99,999,999,999.", remedy="Correct the quantity.")
    return Invalid("The ledger does not take this movement.", remedy=f"Correct the movement: {error.diag.message_primary}.")


def _together(problems: Sequence[DomainError]) -> DomainError:
    """Make one error of several, so that all of a document's lines can be mended at once."""
    first = problems[0]
    lines = [FieldProblem(f"lines.{index}", problem.detail, problem.remedy) for index, problem in enumerate(problems)]
    fields = [found for problem in problems for found in problem.errors]
    return type(first)(f"{len(problems)} lines cannot be carried out; nothing was changed.", remedy=first.remedy, errors=fields or lines)
