"""A small shop: two stores and some products."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from inventario.platform.postgres import Database
from inventario.stock.ledger import Recorded
from inventario.stock.schemas import MovementCreate
from inventario.stock.service import Stock


@pytest.fixture
async def shop(database: Database) -> Database:
    """Stores CENTRO (takes sales below zero) and STRICT (does not), and the products A to J; H never falls below zero anywhere."""
    await database.fetch(
        """
        INSERT INTO stores (code, name, time_zone, allow_oversell)
        VALUES ('CENTRO', 'Centro', 'America/Argentina/Buenos_Aires', true), ('STRICT', 'Depósito', 'America/Argentina/Buenos_Aires', false)
        RETURNING id
        """
    )
    await database.fetch(
        """
        INSERT INTO products (sku, name, unit, cost, allow_oversell)
        SELECT chr(64 + n), 'Producto ' || n, 'unit', 10, CASE WHEN n = 8 THEN false END FROM generate_series(1, 10) AS n RETURNING id
        """
    )
    return database


@pytest.fixture
def stock(shop: Database) -> Stock:
    """Stock of that shop."""
    return Stock(shop)


@pytest.fixture
def move(stock: Stock) -> Callable[..., Any]:
    """Record one movement: ``await move("A", -1)``."""

    async def record(sku: str, quantity: str | int | None = None, kind: str | None = None, key: str | None = None, **more: Any) -> Recorded:
        if kind is None:
            kind = "count" if quantity is None else "sale" if float(quantity) < 0 else "receipt"
        body = {"store": "CENTRO", "sku": sku, "kind": kind, **more}
        if quantity is not None:
            body["quantity"] = str(quantity)
        return await stock.record(MovementCreate.model_validate(body), key=key or str(uuid4()), actor="test")

    return record


@pytest.fixture
def numbers() -> itertools.count[int]:
    """Numbers for names that must differ."""
    return itertools.count(1)
