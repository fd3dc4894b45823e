"""Use cases of stock: record, look up, correct."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

import orjson
from psycopg import errors as sql

from inventario.errors import Busy, Conflict, DomainError, FieldProblem, Invalid, NotFound
from inventario.paging import Cursor, bad_cursor
from inventario.platform.clock import new_id, now
from inventario.platform.postgres import Connection, Database
from inventario.stock import repository, rules
from inventario.stock.coalescing import Coalescer
from inventario.stock.ledger import Ledger, Outcome, Recorded, Row
from inventario.stock.schemas import (
    AttentionPage,
    BatchItem,
    BatchReversal,
    Day,
    History,
    Level,
    LevelPage,
    Movement,
    MovementCreate,
    MovementDetail,
    MovementPage,
)

__all__ = ["Stock"]

_NO_ID = UUID(int=0)
# Above every sequence.
_TOP = 2**63 - 1
# Anybody can write a cursor; what does not look like one of ours must not reach SQL.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_SHOWN = re.compile(r"[0-9]{1,9}:[0-9]{1,18}(,[0-9]{1,9}:[0-9]{1,18})*", re.ASCII)


class Stock:
    """The ledger as the rest of the shop uses it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ledger = Ledger(database)
        self._coalescer: Coalescer[Row, Outcome | None] = Coalescer(self._ledger.apply)
        # A lane is kept by those who wait in it.
        self._lanes: WeakValueDictionary[tuple[str, str], Coalescer[Row, Outcome]] = WeakValueDictionary()

    async def record(self, movement: MovementCreate, *, key: str, actor: str) -> Recorded:
        """Record *movement* once under *key*, together with whatever else arrives at this moment.

        Raises:
            Invalid: Unknown store or product, or the key stands for another movement.
            InsufficientStock: Store or product forbids to go below zero.
            Busy: Another writer held the same stock or key for more than 2 s.
            DependencyUnavailable: The database went away; whether the movement was recorded is unknown, and repeating it is safe.
        """
        row = _row(movement, key=_client_key(key), actor=actor)
        return await self._write(row)

    async def record_many(self, items: Sequence[BatchItem], *, actor: str) -> tuple[UUID, list[Outcome]]:
        """Record *items*, each by itself; return the batch's id and an outcome for each, in order.

        Raises:
            DependencyUnavailable: As in `record`.
        """
        batch = new_id()
        rows = [_row(item, key=item.key, actor=actor, batch=batch) for item in items]
        outcomes: dict[int, Outcome] = {}
        for index, item in enumerate(items):
            problem = _key_problem(item.key)
            if problem:
                outcomes[index] = Invalid("The key cannot be used.", errors=[FieldProblem("key", *problem)])
        for wave in _waves(items, skip=outcomes.keys()):
            written = await self._ledger.apply([rows[index] for index in wave])
            outcomes |= {index: outcome for index, outcome in zip(wave, written, strict=True) if outcome is not None}
            left = [index for index in wave if index not in outcomes]
            if left:
                outcomes |= dict(zip(left, await self._ledger.settle([rows[index] for index in left]), strict=True))
        return batch, [outcomes[index] for index in range(len(items))]

    async def movement(self, movement_id: UUID) -> MovementDetail:
        """Return one movement.

        Raises:
            NotFound: The ledger does not hold it.
        """
        async with self._database.connection() as connection:
            found = await repository.movements_by_id(connection, [movement_id])
        if not found:
            raise NotFound(
                f"There is no movement {movement_id}.", remedy="Repeat POST /api/v1/movements with its Idempotency-Key to get its id."
            )
        return MovementDetail.model_validate(found[0])

    async def movements(
        self, *, store: str | None = None, sku: str | None = None, since: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> MovementPage:
        """Return movements: newest first, or with *since* oldest first.

        Args:
            store: Code of a store; all stores if absent.
            sku: A product; all products if absent.
            since: A ``watermark`` of an earlier answer, or a time with its zone (ISO 8601).
            limit: Items at most.
            cursor: ``next`` of the page before.

        Raises:
            NotFound: Unknown store or product.
            Invalid: *since* or *cursor* is not one of ours.
        """
        place = Cursor(("movements", store, sku, since))
        async with self._database.connection() as connection:
            # Taken before the rows: what commits meanwhile is then told twice rather than never.
            mark = await repository.watermark(connection)
            stores, product = await _wanted(connection, store, sku)
            if since is not None:
                rows = await _since(connection, stores, product, since, mark, limit, _transaction(place, cursor))
            elif product is not None:
                shown = _shown(place, cursor)
                rows = await repository.product_ledger(connection, product, [(s, shown.get(s, _TOP)) for s in stores], limit + 1)
                return _movement_page(rows, limit, _after_shown(place, rows[:limit], shown), mark)
            else:
                rows = await repository.store_ledger(connection, stores, _transaction(place, cursor), limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return _movement_page(rows, limit, place.write(last["xid"], str(last["id"])) if last else None, mark)

    async def levels(self, *, store: str | None = None, sku: str | None = None, limit: int = 50, cursor: str | None = None) -> LevelPage:
        """Return levels by store and product; where a product never moved in a store, there is none.

        Raises:
            NotFound: Unknown store or product.
            Invalid: *cursor* is not one of ours.
        """
        place = Cursor(("stock", store, sku))
        after = (0, 0)
        if cursor:
            after_store, after_product = place.read(cursor, int, int)
            after = int(after_store), int(after_product)
        async with self._database.connection() as connection:
            stores, product = await _wanted(connection, store, sku)
            rows = await repository.levels(connection, stores, product, after, limit + 1)
        following = place.write(rows[limit - 1]["store_id"], rows[limit - 1]["product_id"]) if len(rows) > limit else None
        return LevelPage(items=[Level.model_validate(row) for row in rows[:limit]], next=following)

    async def needing_attention(self, limit: int = 100) -> AttentionPage:
        """Return what is below zero or at its reorder point, the most urgent first."""
        async with self._database.connection() as connection:
            rows = await repository.levels_needing_attention(connection, limit + 1)
        return AttentionPage.model_validate({"items": rows[:limit], "more": len(rows) > limit})

    async def history(self, sku: str, *, days: int = 90) -> list[History]:
        """Return the stock of a product at the end of each of the last *days* days, for each store where it ever moved.

        Raises:
            NotFound: Unknown product.
        """
        async with self._database.connection() as connection:
            stores, product = await _wanted(connection, None, sku)
            found = []
            for level in await repository.levels(connection, stores, product, (0, 0), len(stores)):
                # A day of grace: what happened today somewhere may be dated tomorrow by the store's own clock.
                since = now() - timedelta(days=days + 1)
                changes = await repository.daily_changes(connection, level["store_id"], level["product_id"], since)
                today = now().astimezone(ZoneInfo(level["time_zone"])).date()
                by_day = {row["business_date"]: row["change"] for row in changes}
                points = rules.daily_on_hand(today, days, level["on_hand"], by_day)
                found.append(History(store=level["store"], days=[Day(day=day, on_hand=on_hand) for day, on_hand in points]))
        return found

    async def reverse(self, movement_id: UUID, *, actor: str) -> Recorded:
        """Take a movement back by its opposite. Reversing it again answers the first reversal.

        Raises:
            NotFound: The ledger does not hold it.
            Conflict: A reversal or a transfer cannot be reversed.
        """
        movement = await self.movement(movement_id)
        if movement.reversed_by is not None:
            return Recorded(await self.movement(movement.reversed_by), replayed=True)
        if movement.kind in {"reversal", "transfer"}:
            raise Conflict(
                f"A {movement.kind} cannot be reversed.", remedy="Record what really happened as a new movement, or a transfer back."
            )
        body = {
            "store": movement.store,
            "sku": movement.sku,
            "kind": "reversal",
            "quantity": str(-movement.quantity),
            "reverses": str(movement.id),
        }
        row: Row = {
            **body,
            "id": str(new_id()),
            # Always the same key: that is what makes a movement reversible once.
            "key": f"{rules.RESERVED_KEY_PREFIX}reversal:{movement.id}",
            "hash": rules.fingerprint(orjson.dumps(body)),
            "unit_price": _text(movement.unit_price),
            "unit_cost": _text(movement.unit_cost),
            "actor": actor,
        }
        return await self._write(row)

    async def reverse_batch(self, batch: UUID, *, actor: str, connection: Connection | None = None) -> BatchReversal:
        """Take back what is left of a batch or an import, all or nothing.

        Raises:
            NotFound: No movement belongs to that batch.
            Busy: Somebody else is taking back some of it, or changing its stock.
        """
        if connection is None:
            try:
                async with self._database.connection() as own, own.transaction():
                    return await self.reverse_batch(batch, actor=actor, connection=own)
            except sql.UniqueViolation as error:
                raise Busy("Somebody else is taking back movements of this batch.") from error
        await repository.lock_batch(connection, batch)
        before = await repository.batch_size(connection, batch)
        if not before["movements"]:
            raise NotFound(f"There is no batch {batch}.", remedy="Take the id from the answer of the batch or the import.")
        reversal = new_id()
        done = await repository.apply_batch_reversal(connection, of=batch, batch=reversal, actor=actor)
        if done["applied"]:
            await repository.tell(connection, topic="batch.reversed", subject=batch, batch=reversal)
        return BatchReversal(batch=batch, reversed=done["applied"], already_reversed=before["reversed"])

    async def apply_import(self, connection: Connection, import_id: UUID, actor: str) -> tuple[int, int]:
        """Write the staged movements of an import in the caller's transaction, as batch *import_id*.

        Rows are facts: they are taken below zero too. They are ordered by ``occurred_at``, then by line.

        Returns:
            How many were applied, and how many had been applied before under their key.
        """
        done = await repository.apply_import(connection, import_id, actor)
        await repository.tell(connection, topic="import.applied", subject=import_id, batch=import_id)
        return done["applied"], done["replayed"]

    async def record_within(self, connection: Connection, rows: Sequence[Row]) -> list[Movement]:
        """Write the movements of a document in the caller's transaction, all or nothing; see `Ledger.apply_within`."""
        return await self._ledger.apply_within(connection, rows)

    async def _write(self, row: Row) -> Recorded:
        outcome = await self._coalescer.submit(row, identity=(row["store"], row["key"]))
        if outcome is None:
            outcome = await self._lane(row["store"], row["sku"]).submit(row, identity=(row["store"], row["key"]))
        if isinstance(outcome, DomainError):
            raise outcome
        return outcome

    def _lane(self, store: str, sku: str) -> Coalescer[Row, Outcome]:
        """Return where the rows of a level wait together that somebody else holds: one connection waits for all of them."""
        lane = self._lanes.get((store, sku))
        if lane is None:
            lane = self._lanes[store, sku] = Coalescer(self._ledger.settle)
        return lane


def _waves(items: Sequence[BatchItem], *, skip: Container[int]) -> list[list[int]]:
    """Split a batch so that no key comes twice in a part: the second one then finds the first."""
    waves: list[list[int]] = []
    times: Counter[tuple[str, str]] = Counter()
    for index, item in enumerate(items):
        if index in skip:
            continue
        wave = times[item.store, item.key]
        times[item.store, item.key] += 1
        if wave == len(waves):
            waves.append([])
        waves[wave].append(index)
    return waves


def _row(movement: MovementCreate, *, key: str, actor: str, batch: UUID | None = None) -> Row:
    body = movement.model_dump(mode="json", exclude_none=True, exclude={"key"})
    # The hash covers what the client sent, not what the server fills in: a price that changed meanwhile is no other request.
    hashed = rules.fingerprint(orjson.dumps(body, option=orjson.OPT_SORT_KEYS))
    return {**body, "id": str(new_id()), "key": key, "hash": hashed, "actor": actor, "batch_id": str(batch) if batch else None}


def _key_problem(key: str) -> tuple[str, str] | None:
    if key.startswith(rules.RESERVED_KEY_PREFIX):
        return f"keys that begin with {rules.RESERVED_KEY_PREFIX!r} are the service's own", "send any other key, e.g. a UUID"
    return None


def _client_key(key: str) -> str:
    problem = _key_problem(key)
    if problem:
        raise Invalid("The key cannot be used.", errors=[FieldProblem("Idempotency-Key", *problem)])
    return key


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


async def _wanted(connection: Connection, store: str | None, sku: str | None) -> tuple[list[int], int | None]:
    # PostgreSQL takes no NUL; nothing has one in its name.
    stores = await repository.store_ids(connection, store) if "\0" not in (store or "") else []
    if store is not None and not stores:
        raise NotFound(f"There is no store {store!r}.", remedy="GET /api/v1/stores lists the stores.")
    if sku is None:
        return stores, None
    products = await repository.product_ids(connection, sku) if "\0" not in sku else []
    if not products:
        raise NotFound(f"There is no product {sku!r}.", remedy="GET /api/v1/products?q= finds products.")
    return stores, products[0]


def _movement_page(rows: Sequence[Any], limit: int, following: str | None, mark: str) -> MovementPage:
    items = [MovementDetail.model_validate(row) for row in rows[:limit]]
    return MovementPage(items=items, next=following if len(rows) > limit else None, watermark=mark)


def _transaction(place: Cursor, cursor: str | None) -> tuple[str, UUID] | None:
    """Read a place in the order of transactions: transaction, movement."""
    if not cursor:
        return None
    xid, identifier = (str(value) for value in place.read(cursor, str, str))
    if not (xid.isascii() and xid.isdigit() and int(xid) < 2**64 and _UUID.fullmatch(identifier)):
        raise bad_cursor("The cursor is not one that this API gave.")
    return xid, UUID(identifier)


def _shown(place: Cursor, cursor: str | None) -> dict[int, int]:
    """Read a place in the ledger of a product: the last sequence that was shown of each store."""
    if not cursor:
        return {}
    [text] = place.read(cursor, str)
    if not _SHOWN.fullmatch(str(text)):
        raise bad_cursor("The cursor is not one that this API gave.")
    pairs = [pair.split(":") for pair in str(text).split(",")]
    return {int(store): int(sequence) for store, sequence in pairs}


def _after_shown(place: Cursor, rows: Sequence[Any], before: dict[int, int]) -> str:
    shown = before | {row["store_id"]: row["sequence"] for row in rows}
    return place.write(",".join(f"{store}:{sequence}" for store, sequence in sorted(shown.items())))


async def _since(
    connection: Connection, stores: Sequence[int], product: int | None, since: str, mark: str, limit: int, after: tuple[str, UUID] | None
) -> list[Any]:
    moment = None if since.isascii() and since.isdigit() else _moment(since)
    if after is None and moment is None:
        if int(since) >= 2**64:
            raise _not_understood(since)
        after = (since, _NO_ID)
    elif after is None and moment is not None:
        after = (await repository.first_xid_since(connection, moment), _NO_ID)
    return await repository.movements_since(connection, stores, product, after or ("0", _NO_ID), mark, moment, limit + 1)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _not_understood(text)
    return moment


def _not_understood(since: str) -> Invalid:
    remedy = "give the watermark of an earlier answer, or a time with its zone: 2026-03-01T00:00:00-03:00"
    return Invalid("since is neither a watermark nor a time.", errors=[FieldProblem("since", f"{since!r} is not understood", remedy)])
