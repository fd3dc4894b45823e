"""The catalogue on an empty database, and a client of its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from inventario.app import create_app
from inventario.catalogue.schemas import Product, ProductCreate
from inventario.catalogue.service import Catalogue
from inventario.platform.postgres import Database
from inventario.purchasing.service import Purchasing
from inventario.settings import Settings

KEY = {"X-API-Key": "test-key"}


@pytest.fixture
def catalogue(database: Database) -> Catalogue:
    """The service."""
    return Catalogue(database)


@pytest.fixture
def purchasing(database: Database) -> Purchasing:
    """The service of suppliers."""
    return Purchasing(database)


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a key, speaking to the whole application."""
    app = create_app(Settings.model_validate({"database_url": database_url, "dashboard_api_key": "test-key", "inventario_data": tmp_path}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1", headers=KEY) as client:
            yield client


@pytest.fixture
def add(catalogue: Catalogue) -> Callable[..., Any]:
    """Add a product of which only the SKU and the name matter."""

    async def make(sku: str, name: str = "Something", **more: Any) -> Product:
        return await catalogue.create_product(ProductCreate.model_validate({"sku": sku, "name": name, "unit": "unit", **more}))

    return make
