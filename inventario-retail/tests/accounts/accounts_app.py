"""The application and its clients are the same as in the tests of the web side."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from inventario.accounts.commands import create_owner
from inventario.app import create_app
from inventario.settings import Settings


@pytest.fixture
def owner(database_url: str) -> tuple[str, str]:
    """Name and password of the owner."""
    made = create_owner(database_url)
    assert made is not None
    return made


@pytest.fixture
async def app(database_url: str) -> AsyncIterator[FastAPI]:
    """The application on an empty database."""
    application = create_app(Settings(database_url=database_url))
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on our own pages, not logged in, that keeps cookies."""
    headers = {"sec-fetch-site": "same-origin", "accept": "text/html"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8080", headers=headers) as client:
        yield client
