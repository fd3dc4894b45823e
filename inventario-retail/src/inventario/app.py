"""The composition root: the one place where settings, services, routes and middleware meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from inventario import __version__
from inventario.accounts import pages as accounts_pages
from inventario.accounts.service import Accounts
from inventario.analytics import pages as analytics_pages
from inventario.analytics.service import Analytics
from inventario.catalogue import pages as catalogue_pages
from inventario.catalogue import routes as catalogue_routes
from inventario.catalogue.service import Catalogue
from inventario.imports import pages as imports_pages
from inventario.imports import routes as imports_routes
from inventario.imports.service import Imports
from inventario.observability.metrics import ledger_mismatches
from inventario.operations import routes as operations_routes
from inventario.operations.service import Operations
from inventario.platform.postgres import Database
from inventario.purchasing import pages as purchasing_pages
from inventario.purchasing import routes as purchasing_routes
from inventario.purchasing.service import Purchasing
from inventario.settings import Settings
from inventario.stock import pages as stock_pages
from inventario.stock import routes as stock_routes
from inventario.stock.jobs import LedgerProof
from inventario.stock.service import Stock
from inventario.transfers import routes as transfers_routes
from inventario.transfers.service import Transfers
from inventario.web import metrics, problems
from inventario.web import pages as web_pages
from inventario.web.middleware import Dashboard
from inventario.web.services import Services
from inventario.web.static import StaticFiles
from inventario.web.templating import Pages

__all__ = ["create_app"]


def create_app(settings: Settings) -> FastAPI:
    """Wire the service; nothing connects before its lifespan starts.

    Raises:
        ValueError: A setting is missing; the text names it and gives an example.
    """
    database = Database(settings.require_database_url(), pool_size=settings.database_pool_size, statement_timeout=settings.request_timeout)
    master_key = settings.dashboard_api_key
    accounts = Accounts(database, master_key=None if master_key is None else master_key.get_secret_value())
    catalogue = Catalogue(database)
    purchasing = Purchasing(database)
    stock = Stock(database)
    transfers = Transfers(database, stock)
    imports = Imports(database, catalogue, stock)
    proof = LedgerProof(database, interval=settings.ledger_proof_interval, report=ledger_mismatches.set)
    operations = Operations(database, mismatches=lambda: None if proof.latest is None else proof.latest.mismatches)
    static = StaticFiles()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await database.open()
        proving = asyncio.create_task(proof.keep_proving())
        yield
        proving.cancel()
        await imports.close()
        accounts.close()
        await database.close()

    app = Dashboard(
        title="Inventario Retail", version=__version__, lifespan=lifespan, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None
    )
    app.state.services = Services(
        settings=settings,
        database=database,
        accounts=accounts,
        catalogue=catalogue,
        purchasing=purchasing,
        stock=stock,
        proof=proof,
        transfers=transfers,
        operations=operations,
        analytics=Analytics(database),
        imports=imports,
    )
    app.state.pages = Pages(static)
    app.guard(settings, accounts, static)
    # FastAPI tries routes one after the other, twice: what tills send comes first.
    app.include_router(stock_routes.router, prefix="/api/v1")
    app.include_router(operations_routes.router)
    app.include_router(metrics.router)
    app.include_router(catalogue_routes.router, prefix="/api/v1")
    app.include_router(purchasing_routes.router, prefix="/api/v1")
    app.include_router(transfers_routes.router, prefix="/api/v1")
    app.include_router(imports_routes.router, prefix="/api/v1")
    for pages in (web_pages, accounts_pages, analytics_pages, catalogue_pages, imports_pages, purchasing_pages, stock_pages):
        app.include_router(pages.router)
    problems.install(app)
    return app
