"""Use cases of purchasing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from psycopg import errors as pg

from inventario.editing import stale
from inventario.errors import Busy, Conflict, FieldProblem, NotFound
from inventario.paging import DEFAULT_LIMIT, Cursor, Page
from inventario.platform.postgres import Connection, Database
from inventario.purchasing import repository
from inventario.purchasing.rules import canonical_cuit, shown_cuit
from inventario.purchasing.schemas import Supplier, SupplierCreate, SupplierEdit

__all__ = ["Purchasing"]

_FIELDS = ("name", "cuit", "email", "phone", "lead_time_days")


class Purchasing:
    """Suppliers.

    Every method raises `DependencyUnavailable` where the database does not answer, and `Busy` where somebody else holds the same row too long.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_supplier(self, code: str) -> Supplier:
        """Return the supplier, whatever the case of the letters in *code*.

        Raises:
            NotFound: There is none.
        """
        async with self._database.connection() as connection:
            found = await repository.by_code(connection, code) if "\0" not in code else None
        if found is None:
            raise _no_supplier(code)
        return found

    async def list_suppliers(self, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[Supplier]:
        """Return a page of suppliers by their codes.

        Raises:
            Invalid: The cursor is not one of this list.
        """
        place = Cursor(("suppliers",))
        after = str(place.read(cursor, str)[0]) if cursor else ""
        async with self._database.connection() as connection:
            found = await repository.page(connection, after=after, limit=limit + 1)
        return Page(found[:limit], place.write(found[limit - 1].code) if len(found) > limit else None)

    async def create_supplier(self, supplier: SupplierCreate) -> Supplier:
        """Add a supplier.

        Raises:
            Conflict: The code or the CUIT is taken; the error names both, and who has them.
        """
        async with self._writing() as connection:
            made = await repository.insert(connection, supplier.model_dump())
        if made is None:
            raise await self._taken(supplier.code, supplier.cuit)
        return made

    async def edit_supplier(self, code: str, edit: SupplierEdit, version: int, *, by_header: bool = False) -> Supplier:
        """Change the fields that *edit* holds, if the supplier still stands at *version*. An edit that changes nothing leaves the version as it is.

        Args:
            code: Of the supplier, whatever the case of its letters.
            edit: The fields to change; its own ``version`` is not looked at.
            version: The version that the edit starts from.
            by_header: Whether the caller said the version in ``If-Match``, which decides on the kind of error.

        Raises:
            NotFound: There is no such supplier.
            Conflict: It stands at another version, or the CUIT is taken.
            PreconditionFailed: It stands at another version, and ``If-Match`` said which was meant.
        """
        wanted = edit.model_dump(include=edit.model_fields_set - {"version"})
        try:
            async with self._writing() as connection:
                supplier = await repository.lock(connection, code) if "\0" not in code else None
                if supplier is None:
                    raise _no_supplier(code)
                changed = _changes(supplier, wanted)
                if supplier.version != version:
                    raise _stale(supplier, version, changed, by_header=by_header)
                edited = await repository.update(connection, supplier.code, {**_kept(supplier), **changed}) if changed else supplier
        except pg.UniqueViolation as error:
            raise await self._taken(None, wanted.get("cuit")) from error
        return edited or supplier

    async def _taken(self, code: str | None, cuit: str | None) -> Conflict:
        async with self._database.connection() as connection:
            holders = await repository.holders(connection, code, cuit)
        problems = []
        for holder in holders:
            if code is not None and holder.code.upper() == code.upper():
                problems.append(
                    FieldProblem(
                        "code",
                        f'The code "{code}" is taken by {holder.code} ("{holder.name}").',
                        f"Edit that supplier with PATCH /api/v1/suppliers/{holder.code}, or choose another code.",
                    )
                )
            if cuit is not None and holder.cuit == shown_cuit(cuit):
                problems.append(
                    FieldProblem(
                        "cuit",
                        f'The CUIT {shown_cuit(cuit)} is that of {holder.code} ("{holder.name}").',
                        f"Edit that supplier with PATCH /api/v1/suppliers/{holder.code}, or correct the CUIT.",
                    )
                )
        if not problems:
            return Conflict(
                "Somebody else was changing the same supplier at this moment; nothing was changed.", remedy="Send the same request again."
            )
        return Conflict("There is such a supplier already; nothing was changed.", errors=problems)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        try:
            async with self._database.connection() as connection, connection.transaction():
                yield connection
        except (pg.LockNotAvailable, pg.DeadlockDetected) as error:
            raise Busy("Somebody else is changing the same thing at this moment; nothing was changed.") from error


def _no_supplier(code: str) -> NotFound:
    shown = "".join(character if character.isprintable() else "\ufffd" for character in code[:80])
    return NotFound(f'There is no supplier "{shown}".', remedy="GET /api/v1/suppliers lists the suppliers.")


def _kept(supplier: Supplier) -> dict[str, Any]:
    """Return what an edit can change, as it is kept: the CUIT without its dashes."""
    kept = {name: getattr(supplier, name) for name in _FIELDS}
    return kept | {"cuit": None if supplier.cuit is None else canonical_cuit(supplier.cuit)}


def _changes(supplier: Supplier, wanted: Mapping[str, Any]) -> dict[str, Any]:
    now = _kept(supplier)
    return {name: value for name, value in wanted.items() if now[name] != value}


def _stale(supplier: Supplier, sent: int, changed: Mapping[str, Any], *, by_header: bool) -> Exception:
    differences = [
        {"field": name, "current": getattr(supplier, name), "yours": shown_cuit(value) if name == "cuit" and value else value}
        for name, value in changed.items()
    ]
    return stale(f'supplier "{supplier.code}"', current=supplier.version, sent=sent, by_header=by_header, differences=differences)
