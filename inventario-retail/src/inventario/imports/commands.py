"""`inventario import`: files of products and movements, from the machine itself."""

# ruff: noqa: PLC0415 - the command line starts in a few milliseconds because only the command that runs is paid for

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from inventario.imports.rules.dates import Order
from inventario.imports.rules.headers import Kind
from inventario.imports.rules.numbers import Mark
from inventario.imports.rules.options import MovementKind, Options
from inventario.stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from inventario.errors import DomainError
    from inventario.imports.printing import Printer
    from inventario.imports.schemas import Import
    from inventario.imports.service import Imports

__all__ = ["import_command"]

# As sysexits.h has it: nothing is wrong with the file, and the same command may work in a moment.
_TRY_AGAIN = 75
_INTERRUPTED = 130

app = typer.Typer(add_completion=False)


@app.command("import")
def import_file(
    file: Annotated[Path | None, typer.Argument(help="CSV or XLSX.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="What it is a table of. Default: what its headers tell.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change and all errors; change nothing.")] = False,
    store: Annotated[str | None, typer.Option(metavar="CODE", help="Store of rows that name none.")] = None,
    movement: Annotated[MovementKind | None, typer.Option(help="Kind of the movements that name none.")] = None,
    decimal: Annotated[Mark | None, typer.Option(help="What separates decimals. Default: what the file shows.")] = None,
    date_order: Annotated[Order | None, typer.Option(help="Order of day, month and year. Default: ISO, or the day first.")] = None,
    unsigned: Annotated[bool, typer.Option("--unsigned", help="Quantities are amounts: a sale of 3 takes three away.")] = False,
    sheet: Annotated[str | None, typer.Option(metavar="NAME", help="Sheet of the workbook. Default: the first one.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also where the same content was applied before.")] = False,
    undo: Annotated[UUID | None, typer.Option(metavar="ID", help="Take an import back as one.")] = None,
) -> None:
    """Import a file of products or movements, all or nothing. A run that was cut off goes on where it stopped.

    Exit status: 0 done, 1 errors in the file or nothing to be done, 75 try again (the database is away, or somebody else is at it).
    """
    if (file is None) == (undo is None):
        raise StackError("Name a file to import, e.g. `inventario import products.csv`, or an import to take back with --undo ID.")
    from inventario.imports.printing import Printer

    printer = Printer()
    if undo is not None:
        _run(printer, lambda imports: imports.reverse(undo, actor=_actor(), report=printer.progress))
        return
    assert file is not None  # noqa: S101 - checked above, in words for people
    _check_readable(file)
    told = Options(kind=kind, store=store, movement=movement, decimal=decimal, date_order=date_order, unsigned=unsigned, sheet=sheet)
    _run(printer, _importing(file, told, printer, dry_run=dry_run, again=again))


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise StackError(
            f"{path} cannot be read: {error.strerror}. Name a CSV or XLSX file, e.g. `inventario import products.csv`."
        ) from error


def _importing(path: Path, options: Options, printer: Printer, *, dry_run: bool, again: bool) -> Callable[[Imports], Awaitable[Import]]:
    def work(imports: Imports) -> Awaitable[Import]:
        return imports.run(
            path,
            file_name=path.name,
            options=options,
            actor=_actor(),
            dry_run=dry_run,
            again=again,
            report=printer.progress,
            resumed=printer.resumed,
        )

    return work


def _run(printer: Printer, work: Callable[[Imports], Awaitable[Import]]) -> None:
    import asyncio
    import logging

    from inventario.errors import DomainError

    # It says ten times in its own words what is said once below.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    try:
        with printer:
            found = asyncio.run(_with_imports(work))
    except KeyboardInterrupt:
        printer.say("Stopped. Nothing was applied; run the same command again, and it goes on where it stopped.")
        raise typer.Exit(_INTERRUPTED) from None
    except DomainError as error:
        _fail(printer, error)
    else:
        printer.report(found)
        raise typer.Exit(1 if found.error_total else 0)


async def _with_imports(work: Callable[[Imports], Awaitable[Import]]) -> Import:
    from inventario.catalogue.service import Catalogue
    from inventario.imports.service import Imports
    from inventario.platform.postgres import Database
    from inventario.stock.service import Stock

    database = Database(_database_url(), pool_size=3)
    await database.open()
    try:
        return await work(Imports(database, Catalogue(database), Stock(database)))
    finally:
        await database.close()


def _fail(printer: Printer, error: DomainError) -> None:
    from inventario.errors import Busy, DependencyUnavailable
    from inventario.imports.failures import ImportFailed

    if isinstance(error, ImportFailed):
        printer.failure(error)
    elif isinstance(error, DependencyUnavailable):
        remedy = "Start it, or correct DATABASE_URL, and run the same command again: it goes on where it stopped."
        typer.echo(f"inventario: {error.detail} {remedy}", err=True)
    else:
        typer.echo(f"inventario: {error.detail} {error.remedy}", err=True)
    raise typer.Exit(_TRY_AGAIN if isinstance(error, Busy | DependencyUnavailable) else 1)


def _actor() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "command line"  # a container's user often has a number and no name


def _database_url() -> str:
    from inventario.stack.configuration import load_database_url

    return load_database_url()


import_command = typer.main.get_command(app)
