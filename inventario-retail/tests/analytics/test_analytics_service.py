"""Today's numbers and the stock of a list, on a real database."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pytest

from inventario.analytics.service import Analytics
from inventario.catalogue.schemas import ProductCreate, StoreCreate
from inventario.catalogue.service import Catalogue
from inventario.platform.postgres import Database
from inventario.stock.schemas import BatchItem
from inventario.stock.service import Stock


@pytest.fixture
async def stock(database: Database) -> Stock:
    """Two stores and two products, of which one is ordered again at 5."""
    catalogue = Catalogue(database)
    for code in ("CENTRO", "NORTE"):
        await catalogue.create_store(StoreCreate(code=code, name=code.title()))
    for sku, point in [("MATE", "5"), ("PAN", None)]:
        await catalogue.create_product(
            ProductCreate.model_validate({"sku": sku, "name": sku.title(), "unit": "unit", "price": "100.00", "reorder_point": point})
        )
    return Stock(database)


async def record(stock: Stock, rows: Sequence[tuple[str, str, str, str]]) -> None:
    items = [
        BatchItem.model_validate({"key": str(index), "store": store, "sku": sku, "kind": kind, "quantity": quantity})
        for index, (store, sku, kind, quantity) in enumerate(rows)
    ]
    _, outcomes = await stock.record_many(items, actor="test")
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]


async def test_an_empty_shop_has_no_numbers(database: Database) -> None:
    today = await Analytics(database).today()
    assert (today.kinds, today.recent, today.products, today.stores, today.complete) == ({}, [], 0, 0, True)


async def test_today_counts_and_sums_by_kind(database: Database, stock: Stock) -> None:
    await record(stock, [("CENTRO", "MATE", "opening", "10"), ("CENTRO", "MATE", "sale", "-2"), ("NORTE", "PAN", "sale", "-1")])
    today = await Analytics(database).today()
    assert (today.kinds["sale"].movements, today.kinds["sale"].quantity, today.kinds["sale"].amount) == (2, Decimal(-3), Decimal(-300))
    assert today.kinds["opening"].movements == 1


async def test_what_happened_earlier_is_not_today(database: Database, stock: Stock) -> None:
    item = {"key": "old", "store": "CENTRO", "sku": "MATE", "kind": "opening", "quantity": "10", "occurred_at": "2026-01-05T12:00:00-03:00"}
    await stock.record_many([BatchItem.model_validate(item)], actor="test")
    today = await Analytics(database).today()
    assert today.kinds == {}
    assert [movement.name for movement in today.recent] == ["Mate"]


async def test_the_last_movements_come_first(database: Database, stock: Stock) -> None:
    await record(stock, [("CENTRO", "MATE", "opening", "10")])
    await record(stock, [("NORTE", "PAN", "receipt", "4")])
    recent = (await Analytics(database).today(recent=1)).recent
    assert [(movement.sku, movement.store, movement.kind) for movement in recent] == [("PAN", "Norte", "receipt")]


async def test_stock_is_summed_over_stores_and_low_in_one_is_low(database: Database, stock: Stock) -> None:
    await record(stock, [("CENTRO", "MATE", "opening", "10"), ("NORTE", "MATE", "opening", "4"), ("CENTRO", "PAN", "sale", "-1")])
    levels = await Analytics(database).on_hand(["MATE", "PAN", "NOTHING"])
    assert (levels["MATE"].on_hand, levels["MATE"].low, levels["MATE"].oversold) == (Decimal(14), True, False)
    assert (levels["PAN"].on_hand, levels["PAN"].low, levels["PAN"].oversold) == (Decimal(-1), False, True)
    assert "NOTHING" not in levels


async def test_names_are_found_by_sku(database: Database, stock: Stock) -> None:
    del stock
    assert (await Analytics(database).products({"MATE"}))["MATE"].name == "Mate"
    assert await Analytics(database).products(set()) == {}
