from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from inventario.catalogue.schemas import StoreCreate
from inventario.catalogue.service import Catalogue
from inventario.platform.postgres import Database
from inventario.sample.rules import make_shop
from inventario.sample.service import load_sample
from inventario.stock.jobs import LedgerProof
from inventario.stock.service import Stock
from inventario.transfers.service import Transfers

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


def _quiet(_: float) -> None:
    """Listen to no progress."""


def _query(url: str, text: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(text.encode()).fetchall()


def _counts(url: str) -> dict[str, int]:
    tables = ("stores", "suppliers", "products", "barcodes", "prices", "stock_levels", "stock_movements", "stock_transfers")
    return {table: _query(url, f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in tables}


@pytest.fixture(scope="module")
def loaded(server_url: str, template: str) -> Iterator[str]:
    """Address of a database with the sample shop, for tests that change nothing in it."""
    name = f"sample_{uuid.uuid4().hex}"
    url = f"{server_url.rpartition('/')[0]}/{name}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        load_sample(url, _quiet, now=NOW)
        yield url
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def test_the_whole_shop_is_in_the_database(loaded: str) -> None:
    counts = _counts(loaded)
    assert 150 <= counts["products"] == counts["prices"] < counts["barcodes"]
    assert counts["stores"] == 2
    assert counts["suppliers"] == 8
    assert counts["stock_levels"] == 2 * counts["products"]
    assert counts["stock_movements"] > 20_000
    assert counts["stock_transfers"] == 1


async def test_the_ledger_proves_itself(loaded: str) -> None:
    database = Database(loaded)
    await database.open()
    assert (await LedgerProof(database, interval=60, report=lambda _: None).run()).mismatches == 0
    await database.close()


async def test_one_product_alone_is_low_and_it_is_low_in_both_stores(loaded: str) -> None:
    database = Database(loaded)
    await database.open()
    page = await Stock(database).needing_attention()
    await database.close()
    assert [item.store for item in page.items] in (["CENTRO", "NORTE"], ["NORTE", "CENTRO"])
    assert {item.sku for item in page.items} == {"YER-001"}
    assert all(0 < item.on_hand < Decimal(24) for item in page.items)


def test_the_ledger_holds_what_the_generator_made(loaded: str) -> None:
    levels = {(row["store"], row["sku"]): row["on_hand"] for row in _query(loaded, _LEVELS)}
    shop = make_shop(20_261_124, NOW)
    made = dict.fromkeys(levels, Decimal(0))
    for movement in shop.movements:
        made[movement.store, movement.sku] += movement.quantity
    for sku, quantity in shop.transfer.lines:
        made[shop.transfer.from_store, sku] -= quantity
    assert levels == made


_LEVELS = """
    SELECT s.code AS store, p.sku, l.on_hand FROM stock_levels AS l JOIN stores AS s ON s.id = l.store_id JOIN products AS p ON p.id = l.product_id
"""


def test_nothing_is_oversold_and_no_task_is_raised(loaded: str) -> None:
    assert _query(loaded, "SELECT FROM stock_movements WHERE oversold OR on_hand < 0") == []
    assert _query(loaded, "SELECT FROM stock_tasks") == []


def test_the_counts_found_what_they_expected_to_find_or_say_by_how_much_they_did_not(loaded: str) -> None:
    counts = _query(loaded, "SELECT quantity, counted, expected FROM stock_movements WHERE kind = 'count'")
    assert {0} < {row["quantity"] for row in counts}
    assert all(row["quantity"] == row["counted"] - row["expected"] for row in counts)


async def test_a_transfer_is_on_its_way(loaded: str) -> None:
    database = Database(loaded)
    await database.open()
    page = await Transfers(database, Stock(database)).page()
    await database.close()
    [transfer] = page.items
    assert (transfer.state, transfer.from_store, transfer.to_store) == ("in_transit", "CENTRO", "NORTE")


async def test_the_history_of_a_product_goes_back_ninety_days(database_url: str) -> None:
    database = Database(database_url)
    await database.open()
    # The clock's own time: a history ends today.
    load = await _in_thread(database_url)
    history = await Stock(database).history("PAN-001", days=90)
    await database.close()
    assert load.startswith("160 products")
    assert [len(each.days) for each in history] == [90, 90]
    assert all(len({day.on_hand for day in each.days}) > 30 for each in history)


async def _in_thread(url: str) -> str:
    import asyncio

    return await asyncio.to_thread(load_sample, url, _quiet)


def test_loading_again_changes_nothing(loaded: str) -> None:
    before = _counts(loaded)
    assert load_sample(loaded, _quiet, now=NOW) == "left out, the shop has products of its own"
    assert _counts(loaded) == before


async def test_a_shop_of_somebody_else_is_left_alone(database: Database, database_url: str) -> None:
    await Catalogue(database).create_store(StoreCreate(code="MIO", name="Mi local"))
    await _in_thread(database_url)
    assert _counts(database_url)["products"] == 0
    assert _counts(database_url)["stores"] == 1


def test_nothing_staged_is_left_behind(loaded: str) -> None:
    assert _query(loaded, "SELECT FROM import_products") == _query(loaded, "SELECT FROM import_movements") == []


def test_progress_goes_from_little_to_all_and_the_end_counts_the_ledger(database_url: str) -> None:
    told: list[float] = []
    outcome = load_sample(database_url, told.append, now=NOW)
    # Those of the transfer are counted too.
    assert f" {_counts(database_url)['stock_movements']:,} movements" in outcome
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] == 1


def test_killed_half_way_it_has_left_nothing_and_the_next_start_loads_it_whole(database_url: str) -> None:
    program = (
        "import os, signal, sys; from inventario.sample.service import load_sample\n"
        "load_sample(sys.argv[1], lambda share: os.kill(os.getpid(), signal.SIGKILL) if share > 0.9 else None)"
    )
    killed = subprocess.run([sys.executable, "-c", program, database_url], env=os.environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    load_sample(database_url, _quiet, now=NOW)
    counts = _counts(database_url)
    assert counts["stock_movements"] == len(make_shop(20_261_124, NOW).movements) + 4
    assert counts["stores"] == 2


def test_two_at_once_load_it_once(database_url: str) -> None:
    program = "import sys; from inventario.sample.service import load_sample; print(load_sample(sys.argv[1], lambda share: None))"
    both = [subprocess.Popen([sys.executable, "-c", program, database_url], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outcomes = sorted(process.communicate()[0].strip() for process in both)
    assert outcomes[0].startswith("160 products")
    assert outcomes[1].startswith("left out")
    assert _counts(database_url)["stores"] == 2
