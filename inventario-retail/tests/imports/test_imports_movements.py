"""Movements from a file to the ledger, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from inventario.errors import Busy, Conflict, NotFound
from inventario.imports.failures import AlreadyImported, ImportFailed
from inventario.imports.rules.options import Options
from inventario.imports.schemas import Import
from inventario.imports.service import Imports
from inventario.platform.clock import new_id
from inventario.platform.postgres import Database
from inventario.stock.jobs import LedgerProof

Run = Callable[..., Awaitable[Import]]

HEADERS = "sucursal;sku;tipo;cantidad;fecha;precio\n"


async def on_hand(shop: Database) -> dict[str, Decimal]:
    rows = await shop.fetch(
        "SELECT s.code || ' ' || p.sku AS level, on_hand FROM stock_levels JOIN stores AS s ON s.id = store_id JOIN products AS p ON p.id = product_id"
    )
    return {row["level"]: row["on_hand"] for row in rows}


async def count(shop: Database, table: str) -> int:
    queries: dict[str, Any] = {
        name: f"SELECT count(*) AS rows FROM {name}" for name in ("stock_movements", "import_movements", "import_errors", "imports")
    }
    return int((await shop.fetch(queries[table]))[0]["rows"])


async def test_movements_reach_the_ledger(run: Run, shop: Database) -> None:
    done = await run(
        HEADERS + "CENTRO;A;apertura;10;01/03/2026;\nCENTRO;A;venta;-1,5;02/03/2026 18:30;1.234,50\nCENTRO;B;compra;3;02/03/2026;\n"
    )

    assert (done.state, done.rows, done.applied, done.replayed) == ("applied", 3, 3, 0)
    assert await on_hand(shop) == {"CENTRO A": Decimal("8.500"), "CENTRO B": Decimal("3.000")}
    [sale] = await shop.fetch("SELECT * FROM stock_movements WHERE kind = 'sale'")
    assert (sale["unit_price"], sale["actor"], sale["batch_id"]) == (Decimal("1234.50"), "tester", done.id)
    assert sale["occurred_at"].isoformat() == "2026-03-02T21:30:00+00:00"
    assert (await LedgerProof(shop, interval=60, report=lambda _: None).run()).mismatches == 0


async def test_a_dry_run_shows_the_difference_and_changes_nothing(run: Run, shop: Database) -> None:
    shown = await run(
        HEADERS + "CENTRO;A;venta;-1;01/03/2026;\nCENTRO;A;venta;-2;02/03/2026;\nCENTRO;B;compra;3;05/03/2026;\n", dry_run=True
    )

    assert shown.state == "checked"
    assert shown.movements is not None
    assert [(group.kind, group.rows, group.quantity) for group in shown.movements.groups] == [
        ("receipt", 1, Decimal("3.000")),
        ("sale", 2, Decimal("-3.000")),
    ]
    assert shown.movements.products == 2
    assert [(level.sku, level.after) for level in shown.movements.below_zero_items] == [("A", Decimal("-3.000"))]
    assert str(shown.movements.first)[:10] == "2026-03-01"
    assert str(shown.movements.last)[:10] == "2026-03-05"
    assert await count(shop, "stock_movements") == 0


async def test_a_dry_run_is_applied_without_the_file(run: Run, imports: Imports, shop: Database) -> None:
    shown = await run(HEADERS + "CENTRO;A;compra;10;01/03/2026;\n", dry_run=True)

    done = await imports.apply(shown.id, actor="owner")

    assert (done.state, done.applied_by) == ("applied", "owner")
    assert await on_hand(shop) == {"CENTRO A": Decimal("10.000")}
    assert await count(shop, "import_movements") == 0


async def test_a_real_run_after_a_dry_run_reads_nothing_again(run: Run) -> None:
    text = HEADERS + "CENTRO;A;compra;10;01/03/2026;\n"
    shown = await run(text, dry_run=True)

    done = await run(text)

    assert done.id == shown.id
    assert done.resumed is not None
    assert (done.resumed.rows, done.resumed.again) == (1, 0)
    assert done.resumed.told(1) == "resumed: 1 of 1 rows were already read; nothing is read again"


async def test_all_errors_of_the_file_and_of_the_shop_come_together(run: Run, shop: Database) -> None:
    text = (
        HEADERS
        + "CENTRO;A;venta;-1;01/03/2026;\nNORTE;Z;venta;-1;01/03/2026;\nCENTRO;Y;venta;x;01/03/2026;\nCENTRO;A;venta;1;31/02/2026;\n"
    )

    shown = await run(text, dry_run=True)

    assert shown.state == "failed"
    assert [(error.line, error.column) for error in shown.errors] == [
        (3, "sku"),
        (3, "sucursal"),
        (4, "cantidad"),
        (4, "sku"),
        (5, "cantidad"),
        (5, "fecha"),
    ]
    assert shown.error_total == 6
    with pytest.raises(ImportFailed) as failed:
        await run(text)
    assert len(failed.value.extra["errors"]) == 6
    assert failed.value.extra["errors"][0]["line"] == 3
    assert await count(shop, "stock_movements") == 0


async def test_a_file_with_errors_is_checked_anew_when_the_shop_has_changed(run: Run, shop: Database) -> None:
    text = HEADERS + "CENTRO;Z;compra;1;01/03/2026;\n"
    failed = await run(text, dry_run=True)
    await shop.fetch("INSERT INTO products (sku, name) VALUES ('Z', 'Zeta') RETURNING id")

    done = await run(text)

    assert (failed.state, done.state) == ("failed", "applied")
    assert done.error_total == 0


async def test_a_checked_import_is_checked_again_before_it_is_applied(run: Run, imports: Imports, shop: Database) -> None:
    shown = await run(HEADERS + "STRICT;A;compra;1;01/03/2026;\nSTRICT;A;venta;-1;02/03/2026;\n", dry_run=True)
    await run(HEADERS + "STRICT;B;compra;5;01/03/2026;\n")
    other = await run(HEADERS + "STRICT;B;venta;-5;01/03/2026;\n", dry_run=True)
    await run(HEADERS + "STRICT;B;venta;-3;01/03/2026;\n")

    assert (await imports.apply(shown.id, actor="tester")).state == "applied"
    with pytest.raises(ImportFailed):
        await imports.apply(other.id, actor="tester")
    assert (await on_hand(shop))["STRICT B"] == Decimal("2.000")


async def test_stock_that_may_not_fall_below_zero_is_checked_in_the_order_of_time(run: Run) -> None:
    good = HEADERS + "STRICT;A;venta;-5;02/03/2026;\nSTRICT;A;compra;5;01/03/2026;\n"
    bad = (
        HEADERS
        + "STRICT;A;compra;5;03/03/2026;\nSTRICT;A;venta;-5;02/03/2026;\nCENTRO;E;venta;-1;02/03/2026;\nCENTRO;A;venta;-1;02/03/2026;\n"
    )

    assert (await run(good, dry_run=True)).state == "checked"
    shown = await run(bad, dry_run=True)

    assert [(error.line, error.column) for error in shown.errors] == [(3, "cantidad"), (4, "cantidad")]
    assert "has 0 of A" in shown.errors[0].detail


async def test_a_count_sets_what_strict_stock_is_checked_against(run: Run, shop: Database) -> None:
    text = HEADERS + "STRICT;A;recuento;7;01/03/2026;\nSTRICT;A;venta;-7;02/03/2026;\n"

    shown = await run(text, dry_run=True)
    done = await run(text)

    assert shown.movements is not None
    assert shown.movements.below_zero == 0
    assert done.state == "applied"
    assert await on_hand(shop) == {"STRICT A": Decimal("0.000")}


async def test_levels_below_zero_are_worked_out_with_counts(run: Run) -> None:
    text = (
        HEADERS
        + "CENTRO;A;venta;-9;01/03/2026;\nCENTRO;A;recuento;2;02/03/2026;\nCENTRO;A;venta;-3;03/03/2026;\nCENTRO;B;recuento;2;02/03/2026;\n"
    )

    shown = await run(text, dry_run=True)

    assert shown.movements is not None
    assert [(level.sku, level.after) for level in shown.movements.below_zero_items] == [("A", Decimal("-1.000"))]


async def test_keys_are_never_recorded_twice(run: Run, shop: Database) -> None:
    headers = "store,sku,kind,quantity,key\n"
    first = await run(headers + "CENTRO,A,receipt,5,k-1\nCENTRO,A,receipt,5,k-2\n")
    text = headers + "CENTRO,A,receipt,5,k-2\nCENTRO,A,receipt,5,k-3\n"
    shown = await run(text, dry_run=True)
    second = await run(text)

    assert shown.movements is not None
    assert shown.movements.already_recorded == 1
    assert [(done.applied, done.replayed) for done in (first, second)] == [(2, 0), (1, 1)]
    assert await on_hand(shop) == {"CENTRO A": Decimal("15.000")}


async def test_a_key_twice_in_a_file_is_told_with_both_lines(run: Run) -> None:
    shown = await run("store,sku,kind,quantity,key\nCENTRO,A,receipt,5,k\nCENTRO,B,receipt,5,l\nCENTRO,B,receipt,5,k\n", dry_run=True)

    assert [(error.line, error.detail) for error in shown.errors] == [(4, "The key stands in line 2 already.")]


async def test_codes_are_known_whatever_their_capitals(run: Run, shop: Database) -> None:
    await run(HEADERS + "centro;a;compra;1;01/03/2026;\nCENTRO;A;compra;1;01/03/2026;\n")

    assert await on_hand(shop) == {"CENTRO A": Decimal("2.000")}


async def test_the_same_content_is_refused_the_second_time(run: Run, shop: Database) -> None:
    text = HEADERS + "CENTRO;A;compra;1;01/03/2026;\n"
    first = await run(text)

    with pytest.raises(Conflict) as refused:
        await run(text)
    assert refused.value.slug == "already-imported"
    assert refused.value.extra["import"] == str(first.id)
    shown = await run(text, dry_run=True)
    assert any("This very content was imported" in note for note in shown.notes)
    with pytest.raises(Conflict):
        await run(text, store="STRICT")

    again = await run(text, again=True)

    assert (again.state, again.id) == ("applied", shown.id)
    assert await on_hand(shop) == {"CENTRO A": Decimal("2.000")}


async def test_an_import_is_taken_back_as_one(run: Run, imports: Imports, shop: Database) -> None:
    text = HEADERS + "CENTRO;A;compra;10;01/03/2026;\nCENTRO;A;venta;-3;02/03/2026;\nCENTRO;B;compra;3;02/03/2026;\n"
    done = await run(text)

    back = await imports.reverse(done.id, actor="owner")

    assert (back.state, back.reversed_by) == ("reversed", "owner")
    assert back.reversal is not None
    assert back.reversal.reversed == 3
    assert set((await on_hand(shop)).values()) == {Decimal("0.000")}
    assert (await LedgerProof(shop, interval=60, report=lambda _: None).run()).mismatches == 0
    with pytest.raises(Conflict, match="is reversed"):
        await imports.reverse(done.id, actor="owner")
    with pytest.raises(Conflict, match="is reversed already"):
        await imports.apply(done.id, actor="owner")
    assert (await run(text)).state == "applied"


async def test_only_what_was_applied_can_be_taken_back(run: Run, imports: Imports) -> None:
    shown = await run(HEADERS + "CENTRO;A;compra;10;01/03/2026;\n", dry_run=True)

    with pytest.raises(Conflict, match="is checked"):
        await imports.reverse(shown.id, actor="owner")
    with pytest.raises(NotFound):
        await imports.reverse(new_id(), actor="owner")


async def test_a_file_without_rows_has_an_error(run: Run) -> None:
    shown = await run(HEADERS, dry_run=True)

    assert [error.detail for error in shown.errors] == ["There is no row below the headers."]


async def test_the_errors_kept_are_bounded_and_counted_all(run: Run, shop: Database) -> None:
    shown = await run(HEADERS + "CENTRO;A;venta;x;01/03/2026;\n" * 6_000 + "NADA;Z;venta;-1;01/03/2026;\n" * 3_000, dry_run=True)

    assert shown.error_total == 12_000
    assert len(shown.errors) == 1_000
    assert await count(shop, "import_errors") == 10_000


async def test_two_runs_of_one_file_do_not_meet(imports: Imports, write: Callable[[str], Path], shop: Database) -> None:
    path = write(HEADERS + "CENTRO;A;compra;1;01/03/2026;\n" * 20_000)

    async def once() -> Import:
        return await imports.run(path, file_name="a.csv", options=Options(), actor="tester")

    results = await asyncio.gather(once(), once(), once(), return_exceptions=True)

    refused = [result for result in results if not isinstance(result, Import)]
    assert len(refused) == 2
    assert {type(result) for result in refused} <= {AlreadyImported, Busy}
    assert await on_hand(shop) == {"CENTRO A": Decimal("20000.000")}


async def test_progress_is_told(imports: Imports, write: Callable[[str], Path]) -> None:
    told: list[tuple[str, int, int]] = []
    path = write(HEADERS + "CENTRO;A;compra;1;01/03/2026;\n" * 1_000)

    await imports.run(path, file_name="a.csv", options=Options(), actor="tester", report=lambda *step: told.append(step))

    assert list(dict.fromkeys(phase for phase, _, _ in told)) == ["reading", "checking", "applying", "done"]
    assert [done for phase, done, _ in told if phase == "reading"] == list(range(0, 1_001, 50))
    assert all(total == 1_000 for _, _, total in told)


async def test_the_list_is_newest_first_and_paged(run: Run, imports: Imports) -> None:
    ids = [(await run(HEADERS + f"CENTRO;A;compra;{number};01/03/2026;\n", dry_run=True)).id for number in range(1, 6)]

    first = await imports.list_imports(limit=2)
    second = await imports.list_imports(limit=2, cursor=first.next)
    third = await imports.list_imports(limit=2, cursor=second.next)

    assert [item.id for page in (first, second, third) for item in page.items] == ids[::-1]
    assert third.next is None


async def test_what_nobody_goes_on_with_is_forgotten(run: Run, imports: Imports, shop: Database) -> None:
    old = await run(HEADERS + "CENTRO;A;compra;1;01/03/2026;\n", dry_run=True)
    await shop.fetch("UPDATE imports SET updated_at = now() - interval '8 days' RETURNING id")

    await run(HEADERS + "CENTRO;A;compra;2;01/03/2026;\n", dry_run=True)

    with pytest.raises(NotFound):
        await imports.get(old.id)
    assert await count(shop, "import_movements") == 1


async def test_a_file_that_changes_while_it_is_read_is_not_applied(imports: Imports, write: Callable[[str], Path], shop: Database) -> None:
    path = write(HEADERS + "CENTRO;A;compra;1;01/03/2026;\n" * 5_000)

    def append(*_: object) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write("CENTRO;A;compra;1;01/03/2026;\n")

    with pytest.raises(Conflict, match="changed while it was read"):
        await imports.run(path, file_name="a.csv", options=Options(), actor="tester", report=append)
    assert await count(shop, "stock_movements") == 0


async def test_a_cancelled_run_is_gone_on_with(imports: Imports, write: Callable[[str], Path], shop: Database) -> None:
    path = write(HEADERS + "CENTRO;A;compra;1;01/03/2026;\n" * 10_000)
    task: asyncio.Task[Import]

    def stop(phase: str, done: int, _: int) -> None:
        if phase == "reading" and done >= 5_000:
            task.cancel()

    task = asyncio.create_task(imports.run(path, file_name="a.csv", options=Options(), actor="tester", report=stop))
    with pytest.raises(asyncio.CancelledError):
        await task

    done = await imports.run(path, file_name="a.csv", options=Options(), actor="tester")

    assert done.resumed is not None
    assert done.resumed.rows >= 5_000
    assert done.resumed.again / done.resumed.rows < 0.1
    assert await on_hand(shop) == {"CENTRO A": Decimal("10000.000")}
