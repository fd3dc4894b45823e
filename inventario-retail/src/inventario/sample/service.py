"""Loading the sample shop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from inventario.catalogue.schemas import StoreCreate
from inventario.catalogue.service import Catalogue
from inventario.platform import clock
from inventario.platform.postgres import Connection, Database
from inventario.purchasing.schemas import SupplierCreate
from inventario.purchasing.service import Purchasing
from inventario.sample import repository
from inventario.sample.rules import make_shop
from inventario.sample.schemas import SampleShop
from inventario.stock.service import Stock
from inventario.transfers.schemas import LineCreate, TransferCreate
from inventario.transfers.service import Transfers

__all__ = ["load_sample"]

_SEED = 20_261_124
_ACTOR = "sample"

Progress = Callable[[float], None]


def load_sample(database_url: str, progress: Progress, *, now: datetime | None = None) -> str:
    """Fill a migrated database with the sample shop, all of it or nothing, and say in a few words what it has now.

    Where anybody has put a store or a product before, this function too, it changes nothing.

    Args:
        database_url: Where.
        progress: Told how far it is, from 0 to 1.
        now: Until when the shop has been selling; the present if absent.

    Raises:
        DependencyUnavailable: The database went away. Nothing of the sample is in it, or all of it; calling again is safe.
    """
    return asyncio.run(_load(database_url, progress, now or clock.now()))


async def _load(database_url: str, progress: Progress, now: datetime) -> str:
    database = Database(database_url, pool_size=2)
    await database.open()
    try:
        async with database.connection() as connection, connection.transaction():
            await repository.lock(connection)
            if await repository.holds_anything(connection):
                return "left out, the shop has products of its own"
            progress(0.05)
            shop = make_shop(_SEED, now)
            progress(0.3)
            await _fill(connection, shop, progress)
            recorded = await repository.count_movements(connection)
        progress(1.0)
    finally:
        await database.close()
    return f"{len(shop.products)} products, {len(shop.stores)} stores, {recorded:,} movements"


async def _fill(connection: Connection, shop: SampleShop, progress: Progress) -> None:
    """Let the features' own services do it, within the one transaction of *connection*."""
    database = _WithinTransaction(connection)
    catalogue, stock = Catalogue(database), Stock(database)
    products, movements = clock.new_id(), clock.new_id()
    await _add_partners(catalogue, Purchasing(database), shop)
    await repository.stage_products(connection, products, shop.products)
    await catalogue.apply_import(connection, products)
    progress(0.45)
    await repository.stage_movements(connection, movements, shop.movements)
    progress(0.6)
    await stock.apply_import(connection, movements, _ACTOR)
    progress(0.95)
    await _dispatch(Transfers(database, stock), shop, movements)
    await repository.clear(connection, (products, movements))


async def _add_partners(catalogue: Catalogue, purchasing: Purchasing, shop: SampleShop) -> None:
    for store in shop.stores:
        await catalogue.create_store(StoreCreate(code=store.code, name=store.name, time_zone=store.time_zone))
    for supplier in shop.suppliers:
        await purchasing.create_supplier(
            SupplierCreate(code=supplier.code, name=supplier.name, cuit=supplier.cuit, lead_time_days=supplier.lead_time_days)
        )


async def _dispatch(transfers: Transfers, shop: SampleShop, batch: UUID) -> None:
    sent = shop.transfer
    lines = [LineCreate(sku=sku, quantity=quantity) for sku, quantity in sent.lines]
    if lines:
        body = TransferCreate(from_store=sent.from_store, to_store=sent.to_store, lines=lines, reason="reposición de la sucursal")
        await transfers.dispatch(body, key=f"{_ACTOR}-{batch}", actor=_ACTOR)


class _WithinTransaction(Database):
    """A database whose every connection is the one that holds a transaction: what services do on it becomes one whole."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend that connection; a transaction begun on it is a savepoint of the outer one."""
        yield self._connection
