"""Use cases of transfers: dispatch, receive, look up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

import orjson

from inventario.errors import Conflict, FieldProblem, IdempotencyKeyReused, Invalid, NotFound
from inventario.paging import Cursor, bad_cursor
from inventario.platform.clock import new_id
from inventario.platform.postgres import Connection, Database
from inventario.stock.ledger import Row
from inventario.stock.rules import RESERVED_KEY_PREFIX, fingerprint
from inventario.stock.service import Stock
from inventario.transfers import repository
from inventario.transfers.schemas import Receipt, Transfer, TransferCreate, TransferPage

__all__ = ["AlreadyReceived", "Transfers"]


class AlreadyReceived(Conflict):
    """The transfer was received before, with other quantities."""

    slug = "already-received"
    title = "Received before"
    advice = "Read the transfer to see what was received; correct a difference by counting the shelf."


class Transfers:
    """Goods on the way: what has left one store and not yet reached the other belongs to the document."""

    def __init__(self, database: Database, stock: Stock) -> None:
        self._database = database
        self._stock = stock

    async def dispatch(self, body: TransferCreate, *, key: str, actor: str) -> tuple[Transfer, bool]:
        """Take the goods out of the source store, all lines or none. A transfer is an intention: it never takes stock below zero.

        Returns:
            The transfer, and whether it had been dispatched before under *key*.

        Raises:
            Invalid: Unknown store or product, or the key stands for another transfer.
            InsufficientStock: Not enough stock.
        """
        hashed = fingerprint(body.model_dump_json(exclude_none=True).encode())
        transfer_id = new_id()
        async with self._database.connection() as connection, connection.transaction():
            known = await _known_stores(connection, body)
            created = await repository.create(
                connection,
                transfer_id,
                source=known[body.from_store],
                target=known[body.to_store],
                key=key,
                body_hash=hashed,
                reason=body.reason,
                actor=actor,
            )
            if not created:
                return await _replayed(connection, known[body.from_store], key, hashed)
            quantities = {line.sku: line.quantity for line in body.lines}
            rows = [_row(transfer_id, body.from_store, sku, -quantity, actor, "out") for sku, quantity in quantities.items()]
            await self._stock.record_within(connection, rows)
            await repository.add_lines(connection, transfer_id, quantities)
            return await _found(connection, transfer_id), False

    async def receive(self, transfer_id: UUID, body: Receipt, *, actor: str) -> tuple[Transfer, bool]:
        """Bring what arrived into the target store.

        Returns:
            The transfer, and whether it had been received before with the same quantities.

        Raises:
            NotFound: There is no such transfer.
            Invalid: A line names a product that was not sent, or more than was sent.
            Conflict: It was received before with other quantities.
        """
        hashed = fingerprint(orjson.dumps(sorted((line.sku, str(line.quantity)) for line in body.lines)))
        async with self._database.connection() as connection, connection.transaction():
            await repository.lock(connection, transfer_id)
            transfer = await _found(connection, transfer_id)
            if transfer.state == "received":
                return await _received_before(connection, transfer, hashed), True
            arrived = _arrived(transfer, body)
            rows = [_row(transfer_id, transfer.to_store, sku, quantity, actor, "in") for sku, quantity in arrived.items() if quantity]
            if rows:
                await self._stock.record_within(connection, rows)
            await repository.mark_received(connection, transfer_id, arrived, hashed)
            return await _found(connection, transfer_id), False

    async def get(self, transfer_id: UUID) -> Transfer:
        """Return one transfer.

        Raises:
            NotFound: There is no such transfer.
        """
        async with self._database.connection() as connection:
            return await _found(connection, transfer_id)

    async def page(self, *, state: str | None = None, limit: int = 50, cursor: str | None = None) -> TransferPage:
        """Return transfers, newest first.

        Raises:
            Invalid: *cursor* is not one of ours.
        """
        place = Cursor(("transfers", state))
        before = _place(place, cursor) if cursor else None
        async with self._database.connection() as connection:
            rows = await repository.page(connection, state=state, before=before, limit=limit + 1)
        following = place.write(str(rows[limit - 1]["id"])) if len(rows) > limit else None
        return TransferPage(items=[Transfer.model_validate(row) for row in rows[:limit]], next=following)


def _row(transfer_id: UUID, store: str, sku: str, quantity: Decimal, actor: str, direction: str) -> Row:
    return {
        "id": str(new_id()),
        "key": f"{RESERVED_KEY_PREFIX}transfer:{transfer_id}:{direction}:{sku}",
        "hash": "",
        "store": store,
        "sku": sku,
        "kind": "transfer",
        "quantity": str(quantity),
        "transfer_id": str(transfer_id),
        "actor": actor,
    }


async def _known_stores(connection: Connection, body: TransferCreate) -> dict[str, int]:
    known = await repository.stores(connection, [body.from_store, body.to_store])
    problems = [
        FieldProblem(field, f"there is no store {code!r}", "GET /api/v1/stores lists the stores")
        for field, code in (("from_store", body.from_store), ("to_store", body.to_store))
        if code not in known
    ]
    if problems:
        raise Invalid("The transfer names a store that does not exist; nothing was moved.", errors=problems)
    return known


async def _found(connection: Connection, transfer_id: UUID) -> Transfer:
    row = await repository.find(connection, transfer_id)
    if row is None:
        raise NotFound(f"There is no transfer {transfer_id}.", remedy="GET /api/v1/transfers lists the transfers.")
    return Transfer.model_validate(row)


async def _replayed(connection: Connection, source: int, key: str, hashed: str) -> tuple[Transfer, bool]:
    row = await repository.find_by_key(connection, source, key)
    if row is None or row["body_hash"] != bytes.fromhex(hashed):
        raise IdempotencyKeyReused(
            f"The key {key!r} was used before for another transfer.",
            errors=[FieldProblem("Idempotency-Key", "this key already stands for another transfer", "send a new key for a new transfer")],
        )
    return Transfer.model_validate(row), True


async def _received_before(connection: Connection, transfer: Transfer, hashed: str) -> Transfer:
    row = await repository.find(connection, transfer.id)
    if row is not None and row["received_hash"] != bytes.fromhex(hashed):
        raise AlreadyReceived(
            "The transfer was received before, with other quantities.",
            remedy="GET it to see what was received; correct a difference by counting the shelf.",
        )
    return transfer


def _arrived(transfer: Transfer, body: Receipt) -> dict[str, Decimal]:
    """Return what arrived of each product of the transfer: as the receipt says, else all that was sent."""
    sent: Mapping[str, Decimal] = {line.sku: line.quantity for line in transfer.lines}
    problems = []
    for index, line in enumerate(body.lines):
        if line.sku not in sent:
            problems.append(
                FieldProblem(
                    f"lines.{index}.sku", f"{line.sku} was not sent with this transfer", "receive it by a movement of kind receipt"
                )
            )
        elif line.quantity > sent[line.sku]:
            remedy = f"receive {sent[line.sku]}, and count the rest at the store it came from"
            problems.append(FieldProblem(f"lines.{index}.quantity", f"only {sent[line.sku]} of {line.sku} were sent", remedy))
    if problems:
        raise Invalid("The receipt does not fit the transfer; nothing was received.", errors=problems)
    return dict(sent) | {line.sku: line.quantity for line in body.lines}


def _place(place: Cursor, cursor: str) -> UUID:
    [text] = place.read(cursor, str)
    try:
        return UUID(str(text))
    except ValueError as error:
        raise bad_cursor("The cursor is not one that this API gave.") from error
