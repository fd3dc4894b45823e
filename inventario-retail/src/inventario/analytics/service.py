"""Use cases of the shop's numbers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from inventario.analytics import repository
from inventario.analytics.schemas import Named, OnHand, Today
from inventario.platform.clock import now
from inventario.platform.postgres import Database

__all__ = ["Analytics"]

# After an import of a million rows the start page has to open as fast as before.
_LOOKED_AT = 20_000


class Analytics:
    """Reads across catalogue and ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def today(self, *, recent: int = 8) -> Today:
        """Return the day so far in every store's own time, and the movements recorded last."""
        since = now() - timedelta(hours=36)
        async with self._database.connection() as connection:
            kinds = await repository.today(connection, _first_id(since), since, _LOOKED_AT)
            newest = await repository.recent(connection, recent)
            products, stores = await repository.extent(connection)
        complete = sum(kind.movements for kind in kinds) < _LOOKED_AT
        return Today({kind.kind: kind for kind in kinds}, newest, complete, products, stores)

    async def products(self, skus: Collection[str]) -> dict[str, Named]:
        """Return what lists show of products, by SKU; unknown ones are left out."""
        if not skus:
            return {}
        async with self._database.connection() as connection:
            return {product.sku: product for product in await repository.named(connection, skus)}

    async def on_hand(self, skus: Collection[str]) -> dict[str, OnHand]:
        """Return the stock of products over all stores, by SKU; what never moved is left out."""
        if not skus:
            return {}
        async with self._database.connection() as connection:
            return {level.sku: level for level in await repository.on_hand(connection, skus)}


def _first_id(moment: datetime) -> UUID:
    """Return the smallest version 7 UUID of *moment* (RFC 9562, 5.7: 48 bits of milliseconds, version, variant)."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62)
