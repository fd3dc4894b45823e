from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from inventario.errors import Busy, Conflict, Invalid, NotFound
from inventario.platform.postgres import Database
from inventario.stock.jobs import LedgerProof
from inventario.stock.ledger import Recorded
from inventario.stock.schemas import BatchItem, MovementCreate
from inventario.stock.service import Stock

pytest_plugins = ["stock_shop"]


async def assert_proven(database: Database) -> None:
    proof = await LedgerProof(database, interval=1, report=lambda _: None).run()
    assert proof.mismatches == 0, proof.examples


async def test_movement_changes_level_and_ledger_together(stock: Stock, move: Any, shop: Database) -> None:
    first = await move("A", 10)
    second = await move("A", -3)
    assert (first.movement.sequence, second.movement.sequence) == (1, 2)
    assert second.movement.on_hand == Decimal(7)
    [level] = (await stock.levels(sku="A")).items
    assert (level.on_hand, level.confirmed, level.pending) == (Decimal(7), Decimal(7), Decimal(0))
    await assert_proven(shop)


async def test_same_key_answers_the_same_movement(stock: Stock, move: Any) -> None:
    first = await move("A", 10, key="k")
    again = await move("A", "10.000", key="k")
    assert again.replayed
    assert again.movement.model_dump_json(include=set(type(first.movement).model_fields)) == first.movement.model_dump_json()


async def test_same_key_with_another_body_is_refused(move: Any) -> None:
    await move("A", 10, key="k")
    with pytest.raises(Invalid, match="used before") as caught:
        await move("A", 11, key="k")
    assert caught.value.slug == "idempotency-key-reused"


async def test_same_key_in_another_store_is_another_key(stock: Stock, move: Any) -> None:
    await move("A", 10, key="k")
    other = await stock.record(MovementCreate(store="STRICT", sku="A", kind="receipt", quantity=Decimal(1)), key="k", actor="test")
    assert not other.replayed


async def test_fifty_clients_with_one_key_make_one_movement(move: Any, shop: Database) -> None:
    answers = await asyncio.gather(*[move("A", 5, key="same") for _ in range(50)])
    assert len({answer.movement.id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert (await shop.fetch("SELECT count(*) AS n FROM stock_movements"))[0]["n"] == 1


async def test_fifty_clients_over_several_processes_worth_of_pools_make_one_movement(shop: Database, database_url: str) -> None:
    """Each `Stock` coalesces for itself, as each process does; only the database brings them together."""
    doors = [Database(database_url) for _ in range(5)]
    for door in doors:
        await door.open()
    stocks = [Stock(door) for door in doors]
    body = MovementCreate(store="CENTRO", sku="A", kind="sale", quantity=Decimal(-1))
    answers = await asyncio.gather(*[stocks[n % 5].record(body, key="same", actor="test") for n in range(50)])
    assert len({answer.movement.id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    for door in doors:
        await door.close()
    await assert_proven(shop)


async def test_sixty_four_writers_on_one_product_lose_no_update(shop: Database, database_url: str) -> None:
    doors = [Database(database_url, pool_size=4) for _ in range(4)]
    for door in doors:
        await door.open()
    stocks = [Stock(door) for door in doors]

    async def writer(number: int) -> None:
        for _ in range(10):
            body = MovementCreate(store="CENTRO", sku="A", kind="receipt", quantity=Decimal(1))
            await stocks[number % 4].record(body, key=str(uuid4()), actor="test")

    await asyncio.gather(*[writer(number) for number in range(64)])
    [level] = (await stocks[0].levels(sku="A")).items
    assert level.on_hand == 640
    for door in doors:
        await door.close()
    await assert_proven(shop)


async def test_till_sale_below_zero_is_taken_marked_and_raises_one_task(stock: Stock, move: Any, shop: Database) -> None:
    sold = await move("A", -2)
    await move("A", -1)
    assert sold.movement.oversold
    assert sold.movement.on_hand == -2
    assert len(await shop.fetch("SELECT * FROM stock_tasks")) == 1
    assert (await stock.levels(sku="A")).items[0].oversold
    await move("A", 10)
    assert not (await stock.levels(sku="A")).items[0].oversold


@pytest.mark.parametrize(("store", "sku"), [("STRICT", "A"), ("CENTRO", "H")])
async def test_strict_store_or_product_refuses_to_go_below_zero(stock: Stock, store: str, sku: str, shop: Database) -> None:
    async def sell(quantity: int) -> Any:
        body = MovementCreate(store=store, sku=sku, kind="sale", quantity=Decimal(quantity))
        return await stock.record(body, key="once", actor="test")

    with pytest.raises(Conflict) as caught:
        await sell(-1)
    assert caught.value.slug == "insufficient_stock"
    assert caught.value.extra["on_hand"] == "0.000"
    # The refused key is free: once there is stock, the same request goes through.
    await stock.record(MovementCreate(store=store, sku=sku, kind="receipt", quantity=Decimal(1)), key="in", actor="test")
    assert not (await sell(-1)).replayed
    await assert_proven(shop)


async def test_dip_in_the_middle_of_a_batch_is_not_hidden(stock: Stock) -> None:
    items = [
        BatchItem(key="1", store="STRICT", sku="A", kind="receipt", quantity=Decimal(1)),
        BatchItem(key="2", store="STRICT", sku="A", kind="sale", quantity=Decimal(-2)),
        BatchItem(key="3", store="STRICT", sku="A", kind="receipt", quantity=Decimal(5)),
        BatchItem(key="4", store="STRICT", sku="B", kind="receipt", quantity=Decimal(7)),
    ]
    _, outcomes = await stock.record_many(items, actor="test")
    assert [getattr(outcome, "slug", "applied") for outcome in outcomes] == ["applied", "insufficient_stock", "applied", "applied"]
    levels = {level.sku: level.on_hand for level in (await stock.levels(store="STRICT")).items}
    assert levels == {"A": Decimal(6), "B": Decimal(7)}


async def test_batch_answers_each_item_for_itself(stock: Stock, shop: Database) -> None:
    items = [
        BatchItem(key="1", store="CENTRO", sku="A", kind="receipt", quantity=Decimal(1)),
        BatchItem(key="1", store="CENTRO", sku="A", kind="receipt", quantity=Decimal(1)),
        BatchItem(key="1", store="CENTRO", sku="A", kind="receipt", quantity=Decimal(2)),
        BatchItem(key="2", store="NOWHERE", sku="NOTHING", kind="receipt", quantity=Decimal(1)),
        BatchItem(key="inventario:x", store="CENTRO", sku="A", kind="receipt", quantity=Decimal(1)),
    ]
    _, outcomes = await stock.record_many(items, actor="test")
    first, second, third, fourth, fifth = outcomes
    assert not first.replayed  # type: ignore[union-attr]  # an outcome that was applied
    assert second.replayed  # type: ignore[union-attr]  # likewise
    assert isinstance(third, Invalid)
    assert isinstance(fourth, Invalid)
    assert {problem.field for problem in fourth.errors} == {"store", "sku"}
    assert isinstance(fifth, Invalid)
    await assert_proven(shop)


async def test_count_records_the_difference(move: Any) -> None:
    await move("A", 10)
    counted = await move("A", counted="7")
    assert (counted.movement.quantity, counted.movement.expected, counted.movement.counted) == (-3, 10, 7)
    assert counted.movement.on_hand == 7


async def test_count_of_what_was_expected_is_a_movement_of_zero(move: Any) -> None:
    await move("A", 10)
    assert (await move("A", counted="10")).movement.quantity == 0


async def test_count_against_an_older_figure_keeps_what_happened_since(move: Any) -> None:
    await move("A", 10)
    await move("A", -4)
    counted = await move("A", counted="9", expected="10")
    assert (counted.movement.quantity, counted.movement.on_hand) == (-1, 5)


async def test_counts_and_sales_of_one_product_in_one_batch(stock: Stock, shop: Database) -> None:
    bodies: list[dict[str, Any]] = [
        {"kind": "receipt", "quantity": "4"},
        {"kind": "count", "counted": "10"},
        {"kind": "sale", "quantity": "-3"},
        {"kind": "count", "counted": "6"},
        {"kind": "count", "quantity": "1"},
        {"kind": "waste", "quantity": "-2"},
    ]
    items = [BatchItem.model_validate({"store": "CENTRO", "sku": "A", "key": str(n), **body}) for n, body in enumerate(bodies)]
    _, outcomes = await stock.record_many(items, actor="test")
    movements = [outcome.movement for outcome in outcomes]  # type: ignore[union-attr]  # all were applied
    assert [movement.on_hand for movement in movements] == [4, 10, 7, 6, 7, 5]
    assert [movement.quantity for movement in movements] == [4, 6, -3, -1, 1, -2]
    await assert_proven(shop)


async def test_sale_keeps_price_tax_and_cost_of_its_moment(move: Any, shop: Database) -> None:
    await shop.fetch(
        """
        INSERT INTO prices (product_id, amount, valid)
        SELECT id, 100, '[2026-01-01, 2026-02-01)'::tstzrange FROM products WHERE sku = 'A' UNION ALL
        SELECT id, 120, '[2026-02-01,)'::tstzrange FROM products WHERE sku = 'A' RETURNING amount
        """
    )
    january = (await move("A", -1, occurred_at="2026-01-15T12:00:00-03:00")).movement
    march = (await move("A", -1, occurred_at="2026-03-15T12:00:00-03:00")).movement
    own = (await move("A", -1, unit_price="99.5")).movement
    assert (january.unit_price, march.unit_price, own.unit_price) == (100, 120, Decimal("99.50"))
    assert (january.vat_rate, january.unit_cost) == (21, 10)


async def test_business_date_is_the_store_s_own(move: Any) -> None:
    assert str((await move("A", -1, occurred_at="2026-03-02T02:30:00Z")).movement.business_date) == "2026-03-01"


async def test_reversal_takes_a_movement_back_once(stock: Stock, move: Any, shop: Database) -> None:
    sold = await move("A", -3)
    reversal = await stock.reverse(sold.movement.id, actor="test")
    again = await stock.reverse(sold.movement.id, actor="test")
    assert (reversal.movement.quantity, reversal.movement.on_hand, reversal.movement.reverses) == (Decimal(3), Decimal(0), sold.movement.id)
    assert again.replayed
    assert again.movement.id == reversal.movement.id
    assert (await stock.movement(sold.movement.id)).reversed_by == reversal.movement.id
    with pytest.raises(Conflict, match="cannot be reversed"):
        await stock.reverse(reversal.movement.id, actor="test")
    await assert_proven(shop)


async def test_many_at_once_reverse_a_movement_once(stock: Stock, move: Any, shop: Database) -> None:
    sold = (await move("A", -3)).movement
    answers = await asyncio.gather(*[stock.reverse(sold.id, actor="test") for _ in range(20)])
    assert len({answer.movement.id for answer in answers}) == 1
    await assert_proven(shop)


async def test_batch_is_reversed_whole_and_only_once(stock: Stock, shop: Database) -> None:
    items = [BatchItem(key=str(n), store="CENTRO", sku="ABCDE"[n % 5], kind="sale", quantity=Decimal(-n - 1)) for n in range(30)]
    batch, outcomes = await stock.record_many(items, actor="test")
    await stock.reverse(outcomes[0].movement.id, actor="test")  # type: ignore[union-attr]  # all were applied
    first = await stock.reverse_batch(batch, actor="test")
    second = await stock.reverse_batch(batch, actor="test")
    assert (first.reversed, first.already_reversed) == (29, 1)
    assert (second.reversed, second.already_reversed) == (0, 30)
    assert {level.on_hand for level in (await stock.levels()).items} == {Decimal(0)}
    await assert_proven(shop)


async def test_batch_and_its_movement_reversed_at_the_same_time_count_once(stock: Stock, shop: Database) -> None:
    items = [BatchItem(key=str(n), store="CENTRO", sku="A", kind="receipt", quantity=Decimal(1)) for n in range(20)]
    batch, outcomes = await stock.record_many(items, actor="test")
    single = [stock.reverse(outcome.movement.id, actor="test") for outcome in outcomes]  # type: ignore[union-attr]  # all were applied
    answers = await asyncio.gather(stock.reverse_batch(batch, actor="test"), *single, return_exceptions=True)
    assert all(isinstance(answer, Busy) for answer in answers if isinstance(answer, BaseException)), answers
    await stock.reverse_batch(batch, actor="test")
    assert (await stock.levels(sku="A")).items[0].on_hand == 0
    await assert_proven(shop)


async def test_unknown_batch_and_movement_say_so(stock: Stock) -> None:
    with pytest.raises(NotFound, match="no batch"):
        await stock.reverse_batch(uuid4(), actor="test")
    with pytest.raises(NotFound, match="no movement"):
        await stock.movement(uuid4())


async def test_an_import_lies_in_the_ledger_in_the_order_in_which_it_happened(stock: Stock, shop: Database) -> None:
    batch = uuid4()
    async with shop.connection() as connection, connection.transaction():
        await connection.execute(
            """
            INSERT INTO import_movements (import_id, line, store, sku, kind, quantity, occurred_at)
            SELECT %s, n, 'CENTRO', chr(65 + n %% 3), 'receipt', n, timestamptz '2026-03-30' - n * interval '1 day' FROM generate_series(1, 20) AS n
            """,
            (batch,),
        )
        assert await stock.apply_import(connection, batch, "test") == (20, 0)
    newest_first = [item.occurred_at for item in (await stock.movements(store="CENTRO")).items]
    assert newest_first == sorted(newest_first, reverse=True)
    await assert_proven(shop)


async def stage(shop: Database, stock: Stock, batch: Any, **columns: Any) -> None:
    row = {"import_id": batch, "line": 1, "store": "CENTRO", "sku": "A", "kind": "sale", "quantity": -1, **columns}
    async with shop.connection() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO import_movements (import_id, line, store, sku, kind, quantity, key, occurred_at) VALUES (%(import_id)s, %(line)s, %(store)s,"
            " %(sku)s, %(kind)s, %(quantity)s, %(key)s, %(occurred_at)s)",
            {"key": None, "occurred_at": None, **row},
        )
        await stock.apply_import(connection, batch, "test")


async def test_a_key_that_came_with_an_import_stands_for_that_movement_alone(stock: Stock, move: Any, shop: Database) -> None:
    await stage(shop, stock, uuid4(), key="imp-1")
    same = await move("A", -1, key="imp-1")
    assert same.replayed
    with pytest.raises(Invalid, match="used before"):
        await move("B", 500, key="imp-1")
    with pytest.raises(Invalid, match="used before"):
        await move("A", -2, key="imp-1")


async def test_an_imported_sale_has_the_price_of_its_day(stock: Stock, shop: Database) -> None:
    await shop.fetch(
        "INSERT INTO prices (product_id, amount, valid) SELECT id, 100, '[2026-01-01, 2026-02-01)'::tstzrange FROM products WHERE sku = 'A' RETURNING amount"
    )
    await stage(shop, stock, uuid4(), occurred_at="2026-01-15T12:00:00Z")
    assert (await stock.movements(sku="A")).items[0].unit_price == 100


async def test_many_who_want_a_product_that_is_held_wait_on_one_connection_and_are_told(stock: Stock, move: Any, shop: Database) -> None:
    await move("A", 100)
    waiting: list[int] = []
    async with shop.connection() as other, other.transaction():
        await other.execute("SELECT FROM stock_levels WHERE product_id = 1 FOR UPDATE")
        answers = asyncio.gather(*[move("A", -1) for _ in range(32)], return_exceptions=True)
        while not answers.done():
            [found] = await shop.fetch(
                "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            waiting.append(found["n"])
            await asyncio.wait([answers], timeout=0.05)
    assert max(waiting) == 1
    assert all(isinstance(answer, Busy) for answer in answers.result())
    assert (await stock.levels(sku="A")).items[0].on_hand == 100


async def test_batches_over_the_same_products_do_not_step_on_each_other(stock: Stock, shop: Database, database_url: str) -> None:
    other = Database(database_url)
    await other.open()
    stocks = [stock, Stock(other)]

    def batch(number: int) -> list[BatchItem]:
        return [
            BatchItem(key=f"{number}-{n}", store="CENTRO", sku="ABCDEFG"[(n + number) % 7], kind="receipt", quantity=Decimal(1))
            for n in range(50)
        ]

    found = await asyncio.gather(*[stocks[number % 2].record_many(batch(number), actor="test") for number in range(8)])
    assert all(isinstance(outcome, Recorded) for _, outcomes in found for outcome in outcomes)
    assert sum(level.on_hand for level in (await stock.levels()).items) == 400
    await other.close()
    await assert_proven(shop)


async def test_every_movement_leaves_one_event(move: Any, shop: Database) -> None:
    sold = (await move("A", -1, key="k")).movement
    await move("A", -1, key="k")
    assert [(row["topic"], row["subject"]) for row in await shop.fetch("SELECT * FROM outbox")] == [("movement.sale", sold.id)]


async def test_ledger_of_a_product_pages_newest_first_over_stores(stock: Stock, move: Any) -> None:
    made = []
    for n in range(25):
        made.append((await move("A", n + 1)).movement.id)
        body = MovementCreate(store="STRICT", sku="A", kind="receipt", quantity=Decimal(n + 1))
        made.append((await stock.record(body, key=str(n), actor="test")).movement.id)
    seen: list[Any] = []
    cursor = None
    while True:
        page = await stock.movements(sku="A", limit=7, cursor=cursor)
        seen += [item.id for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == made[::-1]


async def test_ledger_of_a_store_pages_without_gaps_or_repeats(stock: Stock, move: Any) -> None:
    made = [(await move("ABC"[n % 3], 1)).movement.id for n in range(20)]
    first = await stock.movements(store="CENTRO", limit=12)
    second = await stock.movements(store="CENTRO", limit=12, cursor=first.next)
    assert [item.id for item in first.items + second.items] == made[::-1]
    assert second.next is None


async def test_since_a_watermark_tells_exactly_what_is_new(stock: Stock, move: Any) -> None:
    await move("A", 1)
    mark = (await stock.movements()).watermark
    new = [(await move("B", 1)).movement.id for _ in range(5)]
    page = await stock.movements(since=mark, limit=3)
    rest = await stock.movements(since=mark, limit=3, cursor=page.next)
    assert [item.id for item in page.items + rest.items] == new
    assert (await stock.movements(since=rest.watermark)).items == []


async def test_a_slow_transaction_is_not_skipped_by_the_watermark(stock: Stock, move: Any, shop: Database) -> None:
    await move("A", 1)
    mark = (await stock.movements()).watermark
    async with shop.connection() as slow, slow.transaction():
        await slow.execute("SELECT pg_current_xact_id()")
        late = await stock.record_within(slow, [{"store": "CENTRO", "sku": "B", "kind": "receipt", "quantity": "1", "id": str(uuid4())}])
        await move("C", 1)
        during = await stock.movements(since=mark)
        assert [item.sku for item in during.items] == []
    after = await stock.movements(since=during.watermark)
    assert {item.id for item in after.items} >= {late[0].id}
    assert {item.sku for item in after.items} == {"B", "C"}


async def test_since_a_time_lists_oldest_first(stock: Stock, move: Any, shop: Database) -> None:
    await move("A", 1)
    moment = (await shop.fetch("SELECT clock_timestamp() AS now"))[0]["now"]
    later = [(await move("A", 1)).movement.id for _ in range(2)]
    assert [item.id for item in (await stock.movements(since=moment.isoformat())).items] == later
    assert (await stock.movements(since=moment.isoformat(), sku="B")).items == []


@pytest.mark.parametrize("since", ["yesterday", "2026-03-01T10:00:00", "-1"])
async def test_since_that_is_not_understood_says_what_is(stock: Stock, since: str) -> None:
    with pytest.raises(Invalid, match="since"):
        await stock.movements(since=since)


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "W10", "WyJhIiwiYiJd", "é", "WzEsMl0", "A" * 300])
async def test_foreign_cursor_is_refused(stock: Stock, move: Any, cursor: str) -> None:
    await move("A", 1)
    with pytest.raises(Invalid, match="cursor"):
        await stock.movements(cursor=cursor)
    with pytest.raises(Invalid, match="cursor"):
        await stock.movements(sku="A", cursor=cursor)


async def test_history_ends_with_the_stock_of_today(stock: Stock, move: Any) -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    await move("A", 10, occurred_at=(now - timedelta(days=3)).isoformat())
    await move("A", -4, occurred_at=(now - timedelta(days=1)).isoformat())
    [history] = await stock.history("A", days=5)
    assert [day.on_hand for day in history.days] == [0, 10, 10, 6, 6]


async def test_the_ledger_cannot_be_changed_or_emptied(move: Any, shop: Database) -> None:
    import psycopg

    await move("A", 1)
    for statement in (
        "UPDATE stock_movements SET quantity = 5 RETURNING id",
        "DELETE FROM stock_movements RETURNING id",
        "DELETE FROM stock_levels RETURNING store_id",
    ):
        with pytest.raises(psycopg.Error):
            await shop.fetch(statement)
    async with shop.connection() as connection:
        for table in ("stock_movements", "stock_levels"):
            with pytest.raises(psycopg.Error):
                await connection.execute(f"TRUNCATE {table} CASCADE")
    assert len(await shop.fetch("SELECT id FROM stock_movements")) == 1


async def test_the_owner_of_the_schema_has_no_right_to_change_the_ledger(server_url: str) -> None:
    """As in a real shop, where the role of the service owns the tables and is no superuser."""
    import psycopg

    from inventario.migrations import migrate

    name = f"owner_{uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        admin.execute(f"CREATE DATABASE {name} OWNER {name}")
        address = psycopg.conninfo.conninfo_to_dict(server_url)
        url = f"postgresql://{name}:x@{address['host']}:{address['port']}/{name}"
        migrate(url)
        with psycopg.connect(url, autocommit=True) as owner:
            for statement in ("UPDATE stock_movements SET reason = 'x'", "DELETE FROM stock_movements", "TRUNCATE stock_movements"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    owner.execute(statement)
            partition = owner.execute("SELECT 'stock_movements_' || to_char(now(), 'YYYYMM')").fetchone()
            assert partition is not None
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                owner.execute(f"DELETE FROM {partition[0]}")
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        admin.execute(f"DROP ROLE {name}")


async def test_the_standing_proof_outlives_what_keeps_it_from_running(shop: Database, move: Any) -> None:
    await move("A", 1)
    reported: asyncio.Queue[int] = asyncio.Queue()
    proof = LedgerProof(shop, interval=0.05, report=reported.put_nowait)
    proving = asyncio.create_task(proof.keep_proving())
    async with shop.connection() as other, other.transaction():
        # No partition can be made meanwhile; the proof only reads.
        await other.execute("LOCK TABLE stock_movements IN SHARE MODE")
        assert [await reported.get(), await reported.get()] == [0, 0]
    proving.cancel()


async def test_the_proof_finds_a_level_that_was_tampered_with(move: Any, shop: Database) -> None:
    await move("A", 5)
    await move("B", 5)
    await shop.fetch("UPDATE stock_levels SET on_hand = 4 WHERE product_id = 1 RETURNING store_id")
    await shop.fetch("UPDATE stock_levels SET version = 9 WHERE product_id = 2 RETURNING store_id")
    reported: list[int] = []
    proof = await LedgerProof(shop, interval=1, report=reported.append).run()
    assert proof.mismatches == 2
    assert [(example.sku, example.detail.split(",")[0]) for example in proof.examples] == [
        ("A", "the level says 4.000"),
        ("B", "the level has seen 9 movements"),
    ]
    assert reported == [2]


async def test_the_proof_finds_a_movement_without_a_level(move: Any, shop: Database) -> None:
    await move("A", 5)
    async with shop.connection() as connection, connection.transaction():
        # The triggers and rights that forbid this are what the proof does not rely on.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM stock_levels")
    proof = await LedgerProof(shop, interval=1, report=lambda _: None).run()
    assert proof.mismatches == 1


async def test_a_locked_product_delays_its_own_sales_only(stock: Stock, move: Any, shop: Database) -> None:
    await move("A", 10)
    await move("B", 10)
    async with shop.connection() as other:
        async with other.transaction():
            await other.execute("SELECT FROM stock_levels WHERE product_id = 1 FOR UPDATE")
            waiting = asyncio.create_task(move("A", -1))
            assert (await move("B", -1)).movement.on_hand == 9
            assert not waiting.done()
        assert (await waiting).movement.on_hand == 9
