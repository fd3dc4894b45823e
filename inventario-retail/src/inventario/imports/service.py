"""Use cases of imports: read and check a file, apply it as a whole, take it back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from psycopg.rows import DictRow

from inventario.catalogue.service import Catalogue
from inventario.errors import Busy, Conflict, DomainError, NotFound
from inventario.imports import repository
from inventario.imports.description import describe
from inventario.imports.failures import AlreadyImported, ImportFailed, refused
from inventario.imports.reading import Reading, RefusedFile, open_file
from inventario.imports.rules.options import Options
from inventario.imports.schemas import Import, ImportPage, ImportSummary, Phase, Resumed
from inventario.imports.steps import Report, Steps
from inventario.paging import Cursor
from inventario.platform.postgres import Connection, Database
from inventario.stock.service import Stock

__all__ = ["Imports"]

log = structlog.get_logger(__name__)

# How long a second run of a file waits for the first one: long enough for the server to notice that a killed one is gone.
_PATIENCE = 4.0
_PAGE = Cursor(("imports",))


def _silent(phase: Phase, done: int, total: int) -> None:
    """Report to nobody."""


class Imports:
    """Files of products and movements on their way into the shop."""

    def __init__(self, database: Database, catalogue: Catalogue, stock: Stock) -> None:
        self._database = database
        self._steps = Steps(catalogue, stock)
        self._working: dict[UUID, tuple[Phase, int, int]] = {}
        self._tasks: set[asyncio.Task[Import]] = set()

    async def run(
        self,
        path: Path,
        *,
        file_name: str,
        options: Options,
        actor: str,
        dry_run: bool = False,
        again: bool = False,
        report: Report = _silent,
        begun: Callable[[UUID], None] = lambda _: None,
        resumed: Callable[[Resumed, int], None] = lambda *_: None,
    ) -> Import:
        """Import the file at *path*, or with *dry_run* show what that would change and all that is wrong.

        A run that was killed is gone on with: what had been read is not read again.

        Args:
            path: The file; it must not change meanwhile.
            file_name: What the person calls it.
            options: What the file does not say.
            actor: Who imports.
            dry_run: Stop before anything changes. Errors are then part of the answer.
            again: Import a file whose content was applied before once more.
            report: Called with the phase, and how many rows of how many are done.
            begun: Called with the import's id as soon as it has one.
            resumed: Called where an earlier run is gone on with, with how much that had read, and how many rows are expected.

        Raises:
            ImportFailed: The file is no table that can be imported, or without *dry_run* it has errors; with all of them. Nothing was changed.
            Conflict: The same content was applied before.
            Busy: Another run works on the same file.
            DependencyUnavailable: The database went away. What was read stays read; run it again.
        """
        try:
            reading = await asyncio.to_thread(open_file, path, options)
        except RefusedFile as error:
            raise refused(file_name, error.problems) from error
        async with self._held(reading.identity) as connection:
            record, earlier = await self._begin(connection, reading, file_name, actor, dry_run=dry_run, again=again)
            begun(record["id"])
            if earlier is not None:
                resumed(earlier, max(record["lines"], earlier.rows))
            with self._watched(record["id"], report) as tell:
                await self._steps.read(connection, record, reading, tell)
                errors = await self._steps.check(connection, record["id"], tell)
                if not errors and not dry_run:
                    await self._steps.apply(connection, record["id"], actor, tell)
        found = await self.get(record["id"])
        if errors and not dry_run:
            raise ImportFailed(found)
        return found.model_copy(update={"resumed": earlier})

    async def apply(self, import_id: UUID, *, actor: str, again: bool = False, report: Report = _silent) -> Import:
        """Apply what a dry run has read, without reading it again. It is checked again, because the shop may have changed since.

        Raises:
            NotFound: There is no such import.
            ImportFailed: It has errors.
            Conflict: It was applied already, or the same content was; or it is not read to its end.
            Busy: Another run works on it.
            DependencyUnavailable: The database went away; nothing was changed.
        """
        record = await self._record(import_id)
        async with self._held(record["identity"]) as connection:
            record = await self._record(import_id)
            _require_readiness(record)
            if not again:
                await _refuse_repetition(connection, record["file_hash"], record["kind"])
            with self._watched(import_id, report) as tell:
                errors = await self._steps.check(connection, import_id, tell)
                if not errors:
                    await self._steps.apply(connection, import_id, actor, tell)
        found = await self.get(import_id)
        if errors:
            raise ImportFailed(found)
        return found

    async def reverse(self, import_id: UUID, *, actor: str, report: Report = _silent) -> Import:
        """Take an applied import back as one.

        Raises:
            NotFound: There is no such import.
            Conflict: It is not applied, or what it changed was changed since in a way that cannot be taken back.
            Busy: Another run works on it.
            DependencyUnavailable: The database went away; nothing was changed.
        """
        record = await self._record(import_id)
        async with self._held(record["identity"]) as connection:
            record = await self._record(import_id)
            if record["state"] != "applied":
                raise Conflict(
                    f"The import is {record['state']}, and only an applied one can be taken back.", remedy="Look at its state first."
                )
            with self._watched(import_id, report) as tell:
                await self._steps.reverse(connection, record, actor, tell)
        return await self.get(import_id)

    async def get(self, import_id: UUID) -> Import:
        """Return an import with its difference, its errors and how far it is.

        Raises:
            NotFound: There is no such import.
        """
        record = await self._record(import_id)
        async with self._database.connection() as connection:
            problems = await repository.errors(connection, import_id, 1000)
            working = self._working.get(import_id)
            running = working is not None or await repository.is_locked(connection, record["identity"])
            before = await repository.find_applied(connection, record["file_hash"], record["kind"])
        return describe(record, problems, working=working, running=running, before=before)

    async def list_imports(self, *, limit: int = 50, cursor: str | None = None) -> ImportPage:
        """Return imports, newest first.

        Raises:
            Invalid: *cursor* is not one of ours.
        """
        place = None
        if cursor:
            when, import_id = _PAGE.read(cursor, str, str)
            place = (datetime.fromisoformat(str(when)), UUID(str(import_id)))
        async with self._database.connection() as connection:
            rows = await repository.newest(connection, place, limit + 1)
        following = _PAGE.write(rows[limit - 1]["created_at"].isoformat(), str(rows[limit - 1]["id"])) if len(rows) > limit else None
        return ImportPage(items=[ImportSummary.model_validate(row) for row in rows[:limit]], next=following)

    async def run_in_background(
        self, path: Path, *, file_name: str, options: Options, actor: str, dry_run: bool, again: bool, within: float
    ) -> Import:
        """Do as `run`, but answer after *within* seconds at the latest; the work goes on. The file is deleted at its end.

        Raises:
            DomainError: As `run`, where it ends in time. Later errors are part of what `get` returns.
        """
        begun: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()

        async def work() -> Import:
            try:
                return await self.run(
                    path, file_name=file_name, options=options, actor=actor, dry_run=dry_run, again=again, begun=begun.set_result
                )
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)

        task = self._start(work())
        either: set[asyncio.Future[Any]] = {task, begun}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({task}, timeout=within)
        return task.result() if task.done() else await self.get(begun.result())

    async def apply_in_background(self, import_id: UUID, *, actor: str, again: bool, within: float) -> Import:
        """Do as `apply`, but answer after *within* seconds at the latest; the work goes on.

        Raises:
            DomainError: As `apply`, where it ends in time.
        """
        return await self._answer(self.apply(import_id, actor=actor, again=again), import_id, within)

    async def reverse_in_background(self, import_id: UUID, *, actor: str, within: float) -> Import:
        """Do as `reverse`, but answer after *within* seconds at the latest; the work goes on.

        Raises:
            DomainError: As `reverse`, where it ends in time.
        """
        return await self._answer(self.reverse(import_id, actor=actor), import_id, within)

    async def close(self) -> None:
        """Stop what runs in the background. What was read stays read, and what was not applied to its end was not applied at all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, work: Coroutine[Any, Any, Import], import_id: UUID, within: float) -> Import:
        task = self._start(work)
        await asyncio.wait({task}, timeout=within)
        return task.result() if task.done() else await self.get(import_id)

    def _start(self, work: Coroutine[Any, Any, Import]) -> asyncio.Task[Import]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Import]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, DomainError):
            log.error("import_failed", exc_info=error)

    async def _record(self, import_id: UUID) -> DictRow:
        async with self._database.connection() as connection:
            record = await repository.get(connection, import_id)
        if record is None:
            raise NotFound(f"There is no import {import_id}.", remedy="GET /api/v1/imports lists them.")
        return record

    @asynccontextmanager
    async def _held(self, identity: bytes) -> AsyncIterator[Connection]:
        """Lend a connection that nobody else imports the same file on."""
        async with self._database.connection() as connection:
            deadline = time.monotonic() + _PATIENCE
            while not await repository.try_lock(connection, identity):
                if time.monotonic() > deadline:
                    raise Busy(
                        "Another run is importing this very file.", remedy="Wait until it ends; GET /api/v1/imports shows how far it is."
                    )
                await asyncio.sleep(0.1)
            try:
                yield connection
            finally:
                if not connection.closed:
                    await repository.unlock(connection, identity)

    async def _begin(
        self, connection: Connection, reading: Reading, file_name: str, actor: str, *, dry_run: bool, again: bool
    ) -> tuple[DictRow, Resumed | None]:
        """Find the import to go on with, or make a new one."""
        if not (dry_run or again):
            await _refuse_repetition(connection, reading.hash, reading.kind)
        record = await repository.find_unfinished(connection, reading.identity)
        if record is None:
            return await self._steps.create(connection, reading, file_name, actor), None
        if not record["rows"]:
            return record, None
        twice = 0 if record["read_at"] else min(2 * record["piece"], max(record["lines"] - record["rows"], 0))
        return record, Resumed(rows=record["rows"], again=twice)

    def _watched(self, import_id: UUID, report: Report) -> _Watch:
        return _Watch(self._working, import_id, report)


class _Watch:
    """Keeps how far an import is, for whoever asks, and passes it on."""

    def __init__(self, working: dict[UUID, tuple[Phase, int, int]], import_id: UUID, report: Report) -> None:
        self._working, self._import_id, self._report = working, import_id, report

    def __enter__(self) -> Report:
        return self._tell

    def __exit__(self, *_: object) -> None:
        self._working.pop(self._import_id, None)

    def _tell(self, phase: Phase, done: int, total: int) -> None:
        self._working[self._import_id] = (phase, done, total)
        self._report(phase, done, total)


def _require_readiness(record: DictRow) -> None:
    if record["state"] in {"applied", "reversed"}:
        raise Conflict(f"The import is {record['state']} already.", remedy="Send the file again with again=true to import it once more.")
    if record["read_at"] is None:
        raise Conflict("The file was not read to its end.", remedy="Send the file again; what was read of it is not read again.")


async def _refuse_repetition(connection: Connection, file_hash: bytes, kind: str) -> None:
    before = await repository.find_applied(connection, file_hash, kind)
    if before is not None:
        raise AlreadyImported(
            f"This very content was imported on {before['applied_at']:%Y-%m-%d %H:%M} UTC by {before['applied_by']}, "
            f"as {before['file_name']}: {before['rows']:,} rows.",
            remedy="Take that import back first, or import it once more with again=true (--again). Movements with a key are never recorded twice.",
            extra={"import": str(before["id"])},
        )
