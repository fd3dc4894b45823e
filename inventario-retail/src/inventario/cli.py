"""The command line. What a command needs is imported when it runs: `inventario up` has to start servers, not to load modules."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer._click.exceptions import NoArgsIsHelpError, UsageError
from typer.core import TyperGroup

from inventario.stack.errors import StackError, reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer._click.core import Command, Context

__all__ = ["app"]

# Commands that features bring: the module, and in it the typer application of a group or the single command.
_FEATURES = {
    "import": ("inventario.imports.commands", "import_command"),
    "key": ("inventario.accounts.commands", "key_app"),
    "owner": ("inventario.accounts.commands", "owner_app"),
}

# These set up their logs themselves, or have none.
_OWN_LOGS = {"serve", "status", "up"}


class _Commands(TyperGroup):
    """Loads a feature's commands when one of them is called, or all are listed."""

    def list_commands(self, ctx: Context) -> list[str]:
        return [*super().list_commands(ctx), *_FEATURES]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name not in _FEATURES:
            return super().get_command(ctx, cmd_name)
        module, name = _FEATURES[cmd_name]
        found = getattr(import_module(module), name)
        command: Command = typer.main.get_group(found) if isinstance(found, typer.Typer) else found
        command.name = cmd_name
        return command

    def make_context(self, *arguments: Any, **named: Any) -> Context:
        """Read the options that stand before the command."""
        with _in_a_line():
            return super().make_context(*arguments, **named)

    def invoke(self, ctx: Context) -> Any:
        """Read the command and its options, and run it."""
        with _in_a_line():
            return super().invoke(ctx)


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _parsed_directory(text: str | Path) -> Path:
    # What a variable that is not set leaves of --data "$SHOP" would mean the present directory.
    if not str(text).strip():
        raise StackError("--data is empty. Name a directory, e.g. --data var, or leave the option out.")
    return Path(text)


Data = Annotated[
    Path | None,
    typer.Option("--data", parser=_parsed_directory, metavar="DIR", help="Where the shop lives. Default: INVENTARIO_DATA, else ./var."),
]
Host = Annotated[str, typer.Option(help="Address to listen on.")]


def _parsed_port(text: str | int) -> int:
    return _checked_port("--port ", str(text))


Port = Annotated[int | None, typer.Option(parser=_parsed_port, metavar="PORT", help="Port of the dashboard. Default: API_PORT, else 8080.")]


@app.callback()
def main(ctx: typer.Context, data: Data = None) -> None:
    """Inventario Retail: an inventory service for shops that never stops selling."""
    _choose(data)
    if ctx.invoked_subcommand not in _OWN_LOGS:
        _log_as_the_dashboard()
    if ctx.invoked_subcommand in _FEATURES:
        _find_servers()


@app.command()
def up(
    data: Data = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    sample: Annotated[bool, typer.Option(help="Fill a new shop with sample data.")] = True,
    follow_parent: Annotated[bool, typer.Option("--follow-parent", hidden=True)] = False,
) -> None:
    """Run the whole shop: PostgreSQL, Valkey, SeaweedFS and the dashboard. Ctrl-C stops it."""
    from inventario.stack.shop import Options, run  # noqa: PLC0415

    _choose(data)
    run(Options(_data(), host, _port(port), sample, follow_parent), os.environ)


@app.command()
def serve(
    data: Data = None,
    host: Host = "127.0.0.1",
    port: Port = None,
    fd: Annotated[int | None, typer.Option(hidden=True, help="Socket to take connections from, already listening.")] = None,
    gate: Annotated[int | None, typer.Option(hidden=True, help="Pipe whose end is awaited before the first connection.")] = None,
) -> None:
    """Run the dashboard alone, on the servers that the environment names."""
    _choose(data)
    _find_servers()
    from inventario.serve import serve as run  # noqa: PLC0415

    run(host=host, port=port, fd=fd, gate=gate)


@app.command()
def migrate(data: Data = None) -> None:
    """Bring the database to the schema of this release. Harmless to repeat."""
    _choose(data)
    _find_servers()
    from inventario.stack.configuration import migrate_database  # noqa: PLC0415

    typer.echo(migrate_database())


@app.command()
def status(data: Data = None, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show what runs. Exit status 1 when something is down."""
    _choose(data)
    _find_servers()
    from inventario.stack.status import inspect, show  # noqa: PLC0415

    found = inspect(_data())
    typer.echo(found.as_json() if as_json else show(found))
    raise typer.Exit(0 if found.ok else 1)


def _choose(data: Path | None) -> None:
    """Let an option stand where the variable would, for every command and every process started by one."""
    if data is not None:
        os.environ["INVENTARIO_DATA"] = str(data.absolute())


def _log_as_the_dashboard() -> None:
    """Keep the library's default away, which draws tracebacks with the values of all variables, secrets among them."""
    from inventario.observability.logging import configure  # noqa: PLC0415

    configure("warning")


def _data() -> Path:
    return Path(os.environ.get("INVENTARIO_DATA") or "var").absolute()


def _find_servers() -> None:
    """Point at the database of the shop in the data directory, where the environment names no other."""
    address = _data() / "secrets" / "database-url"
    if os.environ.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE"):
        return
    # Set and empty, as compose files hand on what is not set, means not set.
    for name in ("DATABASE_URL", "DATABASE_URL_FILE"):
        os.environ.pop(name, None)
    if address.is_file():
        os.environ["DATABASE_URL_FILE"] = str(address)


def _port(given: int | None) -> int:
    if given is not None:
        return given
    return _checked_port("API_PORT=", os.environ.get("API_PORT") or "8080")


def _checked_port(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise StackError(f"{name}{text} is not a port. Give a number up to 65535, e.g. {name}8080.")
    return int(text)


@contextmanager
def _in_a_line() -> Iterator[None]:
    """Turn what keeps a command from working into one line and exit status 1."""
    try:
        yield
    except Exception as error:
        problem = _explained(error)
        if problem is None:
            raise
        typer.echo(f"inventario: {problem}", err=True)
        raise typer.Exit(1) from None


def _explained(error: Exception) -> str | None:
    """Return what to tell about *error*, or None where it is a defect of ours and deserves its traceback."""
    if isinstance(error, StackError):
        return str(error)
    # Called without arguments a group shows its help, which travels as an error.
    if isinstance(error, UsageError) and not isinstance(error, NoArgsIsHelpError):
        return _misused(error)
    # Only a command that has loaded the driver can have met its error.
    driver = sys.modules.get("psycopg")
    if driver is not None and isinstance(error, driver.OperationalError):
        return f"The database does not answer: {reason(error)}. Is the shop running? `inventario status` shows it."
    if driver is not None and isinstance(error, driver.errors.UndefinedTable):
        return "The database has not the schema of this release. Run `inventario migrate`, or correct DATABASE_URL."
    return None


def _misused(error: UsageError) -> str:
    what = " ".join(error.format_message().split()).rstrip(".")
    return f"{what}. See `{error.ctx.command_path if error.ctx else 'inventario'} --help`."
