"""The steps of an import, each to be done while its file is held: read, check, apply, reverse."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import errors as pg
from psycopg.rows import DictRow

from inventario.catalogue.service import Catalogue
from inventario.errors import Busy, Conflict
from inventario.imports import repository
from inventario.imports.reading import Batch, Reading
from inventario.imports.rules.headers import Layout, read_headers
from inventario.imports.rules.problems import CellProblem
from inventario.imports.schemas import Phase, ProductDifference
from inventario.imports.source import Position, Unreadable
from inventario.platform.clock import new_id, now
from inventario.platform.postgres import Connection
from inventario.stock.service import Stock

__all__ = ["Report", "Steps"]

# Called with the phase, and how many rows of how many are done.
Report = Callable[[Phase, int, int], None]

# A file that is wrong in every row says so often enough.
_KEPT_ERRORS = 10_000
_SHOWN_CHANGES = 200
# So many new rows change what the planner should know, and the next minutes would otherwise go by before PostgreSQL looks by itself.
_MANY = 5_000
# What nobody went on with is forgotten after this many days.
_ABANDONED = 7


class Steps:
    """What is done to an import, one step after the other, on the connection that holds it."""

    def __init__(self, catalogue: Catalogue, stock: Stock) -> None:
        self._catalogue = catalogue
        self._stock = stock

    async def create(self, connection: Connection, reading: Reading, file_name: str, actor: str) -> DictRow:
        """Begin a new import, and forget those that nobody finished."""
        async with connection.transaction():
            await repository.prepare_long_work(connection)
            await repository.purge(connection, _ABANDONED)
            return await repository.create(
                connection,
                {
                    "id": new_id(),
                    "kind": reading.kind,
                    "file_name": file_name[:255],
                    "file_size": reading.size,
                    "file_hash": reading.hash,
                    "options": asdict(reading.options),
                    "identity": reading.identity,
                    "layout": {"headers": reading.start.headers, "notes": list(reading.notes)},
                    "next_offset": reading.start.rows.offset,
                    "next_line": reading.start.rows.line,
                    "lines": reading.lines,
                    "piece": reading.piece,
                    "created_by": actor,
                },
            )

    async def read(self, connection: Connection, record: DictRow, reading: Reading, report: Report) -> None:
        """Stage the rows that are not staged yet, piece by piece, each with its checkpoint.

        Raises:
            Conflict: The file changed meanwhile. It has to be read from the start.
        """
        if record["read_at"] is not None:
            report("reading", record["rows"], record["rows"])
            return
        staged = _Staged(record)
        zones = await repository.zones(connection)
        batches = reading.batches(
            str(record["id"]),
            Position(record["next_offset"], record["next_line"]),
            record["conventions"],
            zones,
            (now() + timedelta(days=1)).date(),
        )
        report("reading", staged.rows, record["lines"])
        try:
            async with aclosing(_read_ahead(batches)) as ahead:
                async for batch in ahead:
                    await self._stage(connection, record, staged, batch)
                    report("reading", staged.rows, max(record["lines"], staged.rows))
        except Unreadable as error:
            await repository.update(connection, record["id"], {"state": "failed", "identity": record["id"].bytes})
            raise Conflict(str(error), remedy=error.problem.remedy) from error
        await self._finish_reading(connection, record, staged)

    async def _stage(self, connection: Connection, record: DictRow, staged: _Staged, batch: Batch) -> None:
        problems = batch.problems[: max(_KEPT_ERRORS - staged.errors, 0)]
        staged.add(batch)
        async with connection.transaction():
            await repository.stage(connection, record["id"], record["kind"], batch.columns, batch.data, problems)
            await repository.update(connection, record["id"], staged.checkpoint(batch))

    async def _finish_reading(self, connection: Connection, record: DictRow, staged: _Staged) -> None:
        async with connection.transaction():
            if not staged.rows and not staged.errors:
                staged.errors = 1
                nothing = CellProblem(record["next_line"], "", "", "There is no row below the headers.", "Export the file with its rows.")
                await repository.stage(connection, record["id"], record["kind"], (), b"", [nothing])
            await repository.update(connection, record["id"], {"read_at": now(), "rows": staged.rows, "read_errors": staged.errors})
        await repository.analyse(connection, record["kind"])

    async def check(self, connection: Connection, import_id: UUID, report: Report) -> int:
        """Check what was staged against the shop as it is now, and work out what it changes; return how many errors there are."""
        started = time.monotonic()
        async with connection.transaction():
            await repository.prepare_long_work(connection)
            record = await _get(connection, import_id)
            report("checking", 0, record["rows"])
            layout = _layout(record)
            check = repository.check_movements if record["kind"] == "movements" else repository.check_products
            found = await check(connection, import_id, layout, max(_KEPT_ERRORS - record["read_errors"], 0))
            difference = await self._difference(connection, record, layout)
            total: int = record["read_errors"] + found
            seconds = _with_seconds(record, "check", time.monotonic() - started)
            state = "failed" if total else "checked"
            await repository.update(connection, import_id, {"state": state, "errors": total, "difference": difference, "seconds": seconds})
        report("checking", record["rows"], record["rows"])
        return total

    async def _difference(self, connection: Connection, record: DictRow, layout: Layout) -> dict[str, Any]:
        if record["kind"] == "movements":
            return await repository.movement_difference(connection, record["id"], keyed=layout.has("key"))
        found = await self._catalogue.import_difference(connection, record["id"], _SHOWN_CHANGES)
        return ProductDifference.model_validate(found).model_dump(mode="json")

    async def apply(self, connection: Connection, import_id: UUID, actor: str, report: Report) -> None:
        """Apply a checked import in one transaction, and delete its staged rows after it.

        Raises:
            Busy: Others held the same products for a minute, or added what the file brings since it was checked. Nothing was changed.
        """
        await repository.update(connection, import_id, {"state": "applying"})
        try:
            async with connection.transaction():
                await self._apply(connection, import_id, actor, report)
        except (pg.LockNotAvailable, pg.DeadlockDetected, pg.UniqueViolation) as error:
            raise Busy("Somebody else changed the same products at this moment; nothing was imported.") from error
        finally:
            # After the commit this changes nothing: the state is applied.
            if not connection.closed:
                await repository.give_up_applying(connection, import_id)
        async with connection.transaction():
            await repository.prepare_long_work(connection)
            record = await _get(connection, import_id)
            await repository.clear_staging(connection, import_id, record["kind"])
        if record["rows"] > _MANY:
            await repository.analyse_shop(connection, record["kind"])
        report("done", record["rows"], record["rows"])

    async def _apply(self, connection: Connection, import_id: UUID, actor: str, report: Report) -> None:
        started = time.monotonic()
        await repository.prepare_long_work(connection)
        record = await _get(connection, import_id)
        report("applying", 0, record["rows"])
        if record["kind"] == "movements":
            applied, replayed = await self._stock.apply_import(connection, import_id, actor)
            if applied + replayed != record["rows"]:
                raise Busy("A product or a store of the file went away at this moment; nothing was imported.")
        else:
            counts = await self._catalogue.apply_import(connection, import_id)
            applied, replayed = counts.created + counts.changed, 0
        report("applying", record["rows"], record["rows"])
        await repository.update(
            connection,
            import_id,
            {
                "state": "applied",
                "applied": applied,
                "replayed": replayed,
                "applied_at": now(),
                "applied_by": actor,
                "seconds": _with_seconds(record, "apply", time.monotonic() - started),
            },
        )

    async def reverse(self, connection: Connection, record: DictRow, actor: str, report: Report) -> None:
        """Take an applied import back in one transaction."""
        report("reversing", 0, record["rows"])
        async with connection.transaction():
            await repository.prepare_long_work(connection)
            reversal: dict[str, Any] = {}
            if record["kind"] == "products":
                reversal = asdict(await self._catalogue.undo_import(connection, record["id"]))
            elif record["applied"]:
                done = await self._stock.reverse_batch(record["id"], actor=actor, connection=connection)
                reversal = {"reversed": done.reversed}
            await repository.update(
                connection, record["id"], {"state": "reversed", "reversed_at": now(), "reversed_by": actor, "reversal": reversal}
            )
        report("done", record["rows"], record["rows"])


class _Staged:
    """How much of a file is staged."""

    def __init__(self, record: DictRow) -> None:
        self._seconds = record["seconds"]
        self._earlier = self._seconds.get("read", 0.0)
        self._started = time.monotonic()
        self.rows: int = record["rows"]
        self.errors: int = record["read_errors"]

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        self.rows += batch.rows
        self.errors += len(batch.problems)

    def checkpoint(self, batch: Batch) -> dict[str, Any]:
        """Return what has to be known to go on after *batch*."""
        taken = self._earlier + time.monotonic() - self._started
        return {
            "rows": self.rows,
            "read_errors": self.errors,
            "errors": self.errors,
            "next_offset": batch.end.offset,
            "next_line": batch.end.line,
            "conventions": batch.conventions,
            "seconds": {**self._seconds, "read": round(taken, 3)},
        }


async def _read_ahead(batches: Iterator[Batch]) -> AsyncGenerator[Batch]:
    """Yield *batches*, and prepare the next one in a thread while the last one is written: two processors have work then."""
    following = asyncio.create_task(asyncio.to_thread(next, batches, None))
    try:
        # Shielded, because a thread cannot be stopped: a cancelled wait must leave the task to be waited for below.
        while (batch := await asyncio.shield(following)) is not None:
            following = asyncio.create_task(asyncio.to_thread(next, batches, None))
            yield batch
    finally:
        # Whoever deletes the file next must not find it still being read.
        await asyncio.wait({following})
        following.exception()


async def _get(connection: Connection, import_id: UUID) -> DictRow:
    record = await repository.get(connection, import_id)
    assert record is not None  # noqa: S101 - the caller holds it
    return record


def _layout(record: DictRow) -> Layout:
    return read_headers(record["layout"]["headers"], record["kind"])


def _with_seconds(record: DictRow, phase: str, seconds: float) -> dict[str, float]:
    return {**record["seconds"], phase: round(record["seconds"].get(phase, 0.0) + seconds, 3)}
