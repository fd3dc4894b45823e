"""The application under test, and clients that speak to it without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI

from inventario.app import create_app
from inventario.settings import Settings

MASTER_KEY = "the master key of the tests"
Client = httpx.AsyncClient


@pytest.fixture
async def app(database_url: str) -> AsyncIterator[FastAPI]:
    """The application on an empty database."""
    application = create_app(Settings(database_url=database_url, dashboard_api_key=MASTER_KEY))
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Client]]:
    """Make clients; all are closed at the end."""
    async with AsyncExitStack() as stack:
        clients: list[Client] = []

        def make(application: FastAPI, **options: object) -> Client:
            transport = httpx.ASGITransport(application, raise_app_exceptions=False)
            client = Client(transport=transport, **{"base_url": "http://localhost:8080", **options})  # type: ignore[arg-type]  # options of httpx
            clients.append(client)
            stack.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
def anonymous(app: FastAPI, connect: Callable[..., Client]) -> Client:
    """Somebody without a key."""
    return connect(app)


@pytest.fixture
def client(app: FastAPI, connect: Callable[..., Client]) -> Client:
    """A machine with the key that may do everything."""
    return connect(app, headers={"X-API-Key": MASTER_KEY})
