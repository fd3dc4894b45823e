"""The composition root: the one place where settings, services, routes and middleware meet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from inventario import __version__
from inventario.platform.postgres import Database
from inventario.settings import Settings
from inventario.web import problems
from inventario.web.services import Services

__all__ = ["create_app"]


def create_app(settings: Settings) -> FastAPI:
    """Wire the service; nothing connects before its lifespan starts.

    Raises:
        ValueError: A setting is missing; the text names it and gives an example.
    """
    database = Database(settings.require_database_url(), pool_size=settings.database_pool_size)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await database.open()
        yield
        await database.close()

    app = FastAPI(
        title="Inventario Retail", version=__version__, lifespan=lifespan, openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None
    )
    app.state.services = Services(settings=settings, database=database)
    problems.install(app)
    return app
