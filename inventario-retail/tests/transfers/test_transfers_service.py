from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from inventario.errors import Conflict, Invalid, NotFound
from inventario.platform.postgres import Database
from inventario.stock.jobs import LedgerProof
from inventario.stock.schemas import MovementCreate
from inventario.stock.service import Stock
from inventario.transfers.schemas import Receipt, TransferCreate
from inventario.transfers.service import Transfers


@pytest.fixture
async def stock(database: Database) -> Stock:
    """Two stores; 10 of A and 5 of B in the first."""
    await database.fetch("INSERT INTO stores (code, name, time_zone) VALUES ('ONE', 'One', 'UTC'), ('TWO', 'Two', 'UTC') RETURNING id")
    await database.fetch("INSERT INTO products (sku, name) VALUES ('A', 'Azúcar'), ('B', 'Bizcochos') RETURNING id")
    stock = Stock(database)
    for sku, quantity in (("A", 10), ("B", 5)):
        body = MovementCreate(store="ONE", sku=sku, kind="receipt", quantity=Decimal(quantity))
        await stock.record(body, key=f"in-{sku}", actor="test")
    return stock


@pytest.fixture
def transfers(database: Database, stock: Stock) -> Transfers:
    return Transfers(database, stock)


def body(**quantities: str) -> TransferCreate:
    return TransferCreate.model_validate(
        {"from_store": "ONE", "to_store": "TWO", "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]}
    )


async def on_hand(stock: Stock) -> dict[tuple[str, str], Any]:
    return {(level.store, level.sku): (level.on_hand, level.in_transit) for level in (await stock.levels()).items}


async def test_goods_are_in_transit_between_dispatch_and_receipt(transfers: Transfers, stock: Stock, database: Database) -> None:
    await stock.record(MovementCreate(store="TWO", sku="A", kind="receipt", quantity=Decimal(1)), key="x", actor="test")
    transfer, _ = await transfers.dispatch(body(A="4", B="5"), key="k", actor="test")
    assert transfer.state == "in_transit"
    assert await on_hand(stock) == {("ONE", "A"): (6, 0), ("ONE", "B"): (0, 0), ("TWO", "A"): (1, 4)}
    received, _ = await transfers.receive(transfer.id, Receipt(), actor="test")
    assert received.state == "received"
    assert await on_hand(stock) == {("ONE", "A"): (6, 0), ("ONE", "B"): (0, 0), ("TWO", "A"): (5, 0), ("TWO", "B"): (5, 0)}
    proof = await LedgerProof(database, interval=1, report=lambda _: None).run()
    assert proof.mismatches == 0


async def test_what_did_not_arrive_stands_on_the_document(transfers: Transfers, stock: Stock) -> None:
    transfer, _ = await transfers.dispatch(body(A="4", B="5"), key="k", actor="test")
    received, _ = await transfers.receive(transfer.id, Receipt.model_validate({"lines": [{"sku": "B", "quantity": "3"}]}), actor="test")
    assert {line.sku: (str(line.received), str(line.missing)) for line in received.lines} == {
        "A": ("4.000", "0.000"),
        "B": ("3.000", "2.000"),
    }
    assert (await on_hand(stock))["TWO", "B"] == (3, 0)


async def test_short_stock_refuses_the_whole_transfer(transfers: Transfers, stock: Stock) -> None:
    with pytest.raises(Conflict) as caught:
        await transfers.dispatch(body(A="4", B="6"), key="k", actor="test")
    assert caught.value.slug == "insufficient_stock"
    assert await on_hand(stock) == {("ONE", "A"): (10, 0), ("ONE", "B"): (5, 0)}
    transfer, replayed = await transfers.dispatch(body(A="4"), key="k", actor="test")
    assert (transfer.state, replayed) == ("in_transit", False)


async def test_unknown_stores_and_products_are_all_named(transfers: Transfers) -> None:
    with pytest.raises(Invalid) as stores:
        await transfers.dispatch(
            TransferCreate.model_validate({**body(A="1").model_dump(), "from_store": "X", "to_store": "Y"}), key="k", actor="t"
        )
    assert [problem.field for problem in stores.value.errors] == ["from_store", "to_store"]
    with pytest.raises(Invalid) as products:
        await transfers.dispatch(body(NO="1", NEITHER="1"), key="k", actor="test")
    assert len(products.value.errors) == 2


async def test_the_same_key_dispatches_once(transfers: Transfers, stock: Stock) -> None:
    answers = await asyncio.gather(*[transfers.dispatch(body(A="1"), key="same", actor="test") for _ in range(10)])
    assert len({transfer.id for transfer, _ in answers}) == 1
    assert sum(not replayed for _, replayed in answers) == 1
    assert (await on_hand(stock))["ONE", "A"] == (9, 0)
    with pytest.raises(Invalid, match="used before"):
        await transfers.dispatch(body(A="2"), key="same", actor="test")


async def test_receiving_at_once_counts_once(transfers: Transfers, stock: Stock) -> None:
    transfer, _ = await transfers.dispatch(body(A="4"), key="k", actor="test")
    answers = await asyncio.gather(*[transfers.receive(transfer.id, Receipt(), actor="test") for _ in range(10)])
    assert sum(not replayed for _, replayed in answers) == 1
    assert (await on_hand(stock))["TWO", "A"] == (4, 0)
    with pytest.raises(Conflict, match="other quantities"):
        await transfers.receive(transfer.id, Receipt.model_validate({"lines": [{"sku": "A", "quantity": "1"}]}), actor="test")


async def test_a_receipt_that_does_not_fit_names_every_line(transfers: Transfers) -> None:
    transfer, _ = await transfers.dispatch(body(A="4"), key="k", actor="test")
    lines: dict[str, Any] = {"lines": [{"sku": "A", "quantity": "5"}, {"sku": "B", "quantity": "1"}]}
    with pytest.raises(Invalid) as caught:
        await transfers.receive(transfer.id, Receipt.model_validate(lines), actor="test")
    assert [problem.field for problem in caught.value.errors] == ["lines.0.quantity", "lines.1.sku"]
    assert (await transfers.get(transfer.id)).state == "in_transit"


async def test_transfers_are_listed_newest_first(transfers: Transfers) -> None:
    made = [(await transfers.dispatch(body(A="1"), key=str(n), actor="test"))[0].id for n in range(5)]
    first = await transfers.page(limit=3)
    second = await transfers.page(limit=3, cursor=first.next)
    assert [transfer.id for transfer in [*first.items, *second.items]] == made[::-1]
    assert (await transfers.page(state="received")).items == []
    with pytest.raises(NotFound):
        await transfers.get(uuid4())


async def test_a_transfer_cannot_be_reversed_by_itself(transfers: Transfers, stock: Stock) -> None:
    await transfers.dispatch(body(A="1"), key="k", actor="test")
    [movement] = [item for item in (await stock.movements()).items if item.kind == "transfer"]
    with pytest.raises(Conflict, match="cannot be reversed"):
        await stock.reverse(movement.id, actor="test")
