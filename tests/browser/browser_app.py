"""A real browser on the real application with a small shop: one PostgreSQL a run, one database and one server a test."""

from __future__ import annotations

import asyncio
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright

from inventario.accounts.commands import create_key, create_owner
from inventario.app import create_app
from inventario.catalogue.schemas import ProductCreate, StoreCreate
from inventario.catalogue.service import Catalogue
from inventario.migrations import migrate
from inventario.platform.postgres import Database
from inventario.purchasing.schemas import SupplierCreate
from inventario.purchasing.service import Purchasing
from inventario.settings import Settings
from inventario.stack.testing import running_postgres
from inventario.stock.schemas import BatchItem
from inventario.stock.service import Stock

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# Without the background networking, a browser that is alone with our server does not look for anybody else.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
]

YERBA, LECHE, BANANA, AZUCAR = "7790387000016", "7790742000026", "2000000000015", "7792540000031"
PRODUCTS = [
    ("YERBA-1", "Yerba mate Rosamonte 1 kg", "unit", "4760.00", [YERBA], "Almacén/Infusiones"),
    ("LECHE-1", "Leche entera larga vida 1 l", "unit", "1530.50", [LECHE], "Lácteos"),
    ("BANANA", "Banana", "kg", "2310.00", [BANANA], "Verdulería"),
    ("AZUCAR-1", "Azúcar común tipo A 1 kg", "unit", "1190.00", [AZUCAR], "Almacén"),
    ("CAFE-250", "Café molido tostado 250 g", "unit", None, [], "Almacén/Infusiones"),
]


@dataclass
class Shop:
    """A running dashboard. ``owner`` is name and password, ``key`` an API key that may write."""

    url: str
    owner: tuple[str, str]
    key: str
    database_url: str

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the database what really happened."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(sql, parameters).fetchall()

    def on_hand(self, sku: str, store: str = "CENTRO") -> str:
        """Return the stock of a product in the ledger's level."""
        rows = self.query(
            "SELECT on_hand FROM stock_levels JOIN products ON products.id = product_id JOIN stores ON stores.id = store_id WHERE sku = %s AND code = %s",
            sku,
            store,
        )
        return format(rows[0][0].normalize(), "f") if rows else "0"


@dataclass
class Watch:
    """What the browser complained about. ``expected`` are parts of complaints that a test provokes."""

    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        """Note an error or a warning of the console."""
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def unexpected(self) -> list[str]:
        """Return the complaints that no test asked for."""
        return [text for text in self.complaints if not any(part in text for part in self.expected)]


@pytest.fixture(scope="session")
def browser_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a PostgreSQL for the whole run."""
    given = os.environ.get("INVENTARIO_TEST_POSTGRES")
    if given:
        yield given
        return
    with running_postgres(tmp_path_factory.mktemp("postgres"), durable=False) as url:
        yield url


@pytest.fixture(scope="session")
def stocked(browser_server: str) -> Iterator[tuple[str, tuple[str, str], str]]:
    """A database with a small shop, to copy; the owner's login and a key."""
    name = f"browser_{uuid.uuid4().hex}"
    with psycopg.connect(browser_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = _with_database(browser_server, name)
    migrate(url)
    owner = create_owner(url)
    assert owner is not None
    key = create_key(url, "till-1", ["read", "write"])
    # Playwright keeps a loop of its own in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _stock(url)).result()
    yield name, owner, key
    with psycopg.connect(browser_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def shop(browser_server: str, stocked: tuple[str, tuple[str, str], str]) -> Iterator[Shop]:
    """A dashboard of this test alone, with two stores and five products."""
    template, owner, key = stocked
    with _Served(browser_server, f'TEMPLATE "{template}"') as (url, database_url):
        yield Shop(url, owner, key, database_url)


@pytest.fixture
def empty_shop(browser_server: str) -> Iterator[Shop]:
    """A dashboard on the first day."""
    with _Served(browser_server, "") as (url, database_url):
        owner = create_owner(database_url)
        assert owner is not None
        yield Shop(url, owner, create_key(database_url, "till-1", ["read", "write"]), database_url)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; where it is absent the tests fail and say what to install. It ends with the module, and with it playwright's event loop."""
    assert Path(CHROMIUM).exists(), f"{CHROMIUM} is not there: apt-get install chromium, or set CHROMIUM"
    playwright: Playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test when the browser complained: no error on the console, no violation of the content security policy."""
    watch = Watch()
    yield watch
    assert not watch.unexpected(), watch.unexpected()


@pytest.fixture
def open_context(request: pytest.FixtureRequest, chromium: Browser, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """Open browsers that remember nothing; all are watched, and closed at the end."""
    # Set up before us, the server is taken down after us: a page that still loads something would complain.
    for server in {"shop", "empty_shop"} & set(request.fixturenames):
        request.getfixturevalue(server)
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = chromium.new_context(**{"locale": "es-AR", "viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(8000)
        context.on("console", watch.hear)
        context.on("weberror", lambda error: watch.complaints.append(str(error.error)))
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


def log_in(context: BrowserContext, shop: Shop) -> Page:
    """Open the dashboard and log in."""
    page = context.new_page()
    page.goto(f"{shop.url}/login")
    page.fill("#name", shop.owner[0])
    page.fill("#password", shop.owner[1])
    page.click("form.card button")
    page.wait_for_url(f"{shop.url}/")
    return page


@pytest.fixture
def page(open_context: Callable[..., BrowserContext], shop: Shop) -> Page:
    """The owner at a desk, in Spanish."""
    return log_in(open_context(), shop)


@pytest.fixture
def phone(open_context: Callable[..., BrowserContext], shop: Shop) -> Page:
    """The owner with a phone, in Spanish."""
    return log_in(open_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True), shop)


class _Served:
    """Serves a fresh database from a thread of its own."""

    def __init__(self, server_url: str, like: str) -> None:
        self._server_url = server_url
        self._name = f"browser_{uuid.uuid4().hex}"
        self._like = like

    def __enter__(self) -> tuple[str, str]:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{self._name}" {self._like}')
        database_url = _with_database(self._server_url, self._name)
        if not self._like:
            migrate(database_url)
        app = create_app(Settings(database_url=database_url, allowed_hosts=("localhost", "127.0.0.1")))
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none", timeout_graceful_shutdown=2))
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://localhost:{port}", database_url

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{self._name}" WITH (FORCE)')


async def _stock(url: str) -> None:
    database = Database(url)
    await database.open()
    catalogue, purchasing, stock = Catalogue(database), Purchasing(database), Stock(database)
    await purchasing.create_supplier(SupplierCreate(code="MAYORISTA", name="Mayorista del Sur", lead_time_days=3))
    for code, name in [("CENTRO", "Almacén del Centro"), ("NORTE", "Barrio Norte")]:
        await catalogue.create_store(StoreCreate(code=code, name=name))
    for sku, name, unit, price, barcodes, category in PRODUCTS:
        product = {"sku": sku, "name": name, "unit": unit, "price": price, "barcodes": barcodes, "category": category, "reorder_point": "5"}
        await catalogue.create_product(ProductCreate.model_validate(product))
    quantities = {"YERBA-1": "20", "LECHE-1": "3", "BANANA": "12.5", "AZUCAR-1": "40"}
    await stock.record_many(
        [
            BatchItem.model_validate({"key": sku, "store": "CENTRO", "sku": sku, "kind": "opening", "quantity": quantity})
            for sku, quantity in quantities.items()
        ],
        actor="owner",
    )
    await database.close()


def _with_database(url: str, name: str) -> str:
    base, _, tail = url.rpartition("/")
    _, mark, query = tail.partition("?")
    return f"{base}/{name}{mark}{query}"
