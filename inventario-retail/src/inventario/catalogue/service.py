"""Use cases of the catalogue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import errors as pg

from inventario.catalogue import changes, problems, search
from inventario.catalogue.repository import categories, imports, prices, products, stores, undoing
from inventario.catalogue.repository.categories import References
from inventario.catalogue.repository.products import Locked
from inventario.catalogue.repository.search import Filters, supplier_id
from inventario.catalogue.rules import ancestors, canonical_barcode
from inventario.catalogue.schemas import (
    STATUSES,
    BarcodeMatch,
    Category,
    CategoryCreate,
    ImportCounts,
    ImportDifference,
    ImportUndone,
    Price,
    PriceCreate,
    Product,
    ProductCreate,
    ProductEdit,
    Store,
    StoreCreate,
    StoreEdit,
)
from inventario.errors import Busy, Conflict
from inventario.paging import DEFAULT_LIMIT, MAX_LIMIT, Cursor, Page, bad_cursor
from inventario.platform.postgres import Connection, Database

__all__ = ["Catalogue"]

# A till's clock may be a little behind ours; "from now on" must not be refused for that.
_CLOCK_DRIFT = timedelta(minutes=5)


class Catalogue:
    """Products, their prices and barcodes, categories and stores.

    Every method raises `DependencyUnavailable` where the database does not answer, and `Busy` where somebody else holds the same row too long.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # Products

    async def get_product(self, sku: str) -> Product:
        """Return the product, whatever the case of the letters in *sku*.

        Raises:
            NotFound: There is none.
        """
        async with self._database.connection() as connection:
            found = await products.by_sku(connection, sku) if "\0" not in sku else None
        if found is None:
            raise problems.no_product(sku)
        return found

    async def list_products(
        self,
        *,
        q: str | None = None,
        category: str | None = None,
        supplier: str | None = None,
        status: str | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Product]:
        """Return a page of products by name, or what *q* finds, best first: see `inventario.catalogue.search.find`.

        ``category`` includes the categories below it. What no product can match is an empty page, not an error.

        Raises:
            Invalid: The cursor is not one of this list, or there is no such status.
        """
        if status is not None and status not in STATUSES:
            raise problems.no_status(status)
        query = _readable(q)
        place = Cursor(("products", query, category, supplier, status))
        after = search.read_place(place, cursor) if cursor else None
        async with self._database.connection() as connection:
            filters = await self._filters(connection, _readable(category), _readable(supplier), status)
            if filters is None:
                return Page([], None)
            ids, following = await search.find(connection, query, filters, after=after, limit=limit)
            found = await products.by_ids(connection, ids)
        return Page(found, None if following is None else search.write_place(place, following))

    async def create_product(self, product: ProductCreate) -> Product:
        """Add a product with its barcodes and price, and the categories of its path that are missing: all of it or nothing.

        Raises:
            Invalid: The supplier does not exist.
            Conflict: The SKU or a barcode is taken; the error names every one, and what has it.
        """
        values = product.model_dump()
        try:
            async with self._writing() as connection:
                kept = await self._references(connection, product.category, product.supplier)
                created = await products.insert(connection, {**values, "category_id": kept.category_id, "supplier_id": kept.supplier_id})
                return (await products.by_ids(connection, [created]))[0]
        except pg.UniqueViolation as error:
            raise await self._taken(product.barcodes, sku=product.sku) from error

    async def edit_product(self, sku: str, edit: ProductEdit, version: int, *, by_header: bool = False) -> Product:
        """Change the fields that *edit* holds, if the product still stands at *version*. An edit that changes nothing leaves the version as it is.

        Args:
            sku: Of the product, whatever the case of its letters.
            edit: The fields to change; its own ``version`` is not looked at.
            version: The version that the edit starts from.
            by_header: Whether the caller said the version in ``If-Match``, which decides on the kind of error.

        Raises:
            NotFound: There is no such product.
            Conflict: It stands at another version, or a barcode is taken.
            PreconditionFailed: It stands at another version, and ``If-Match`` said which was meant.
            Invalid: The supplier does not exist.
        """
        wanted = edit.model_dump(include=edit.model_fields_set - {"version"})
        try:
            async with self._writing() as connection:
                locked = await products.lock(connection, sku) if "\0" not in sku else None
                if locked is None:
                    raise problems.no_product(sku)
                kept = await self._references(connection, wanted.get("category"), wanted.get("supplier"))
                changed = changes.of_product(locked.product, wanted, kept.category, kept.supplier)
                if locked.product.version != version:
                    raise changes.stale_product(locked.product, version, changed, by_header=by_header)
                return await self._apply(connection, locked, changed) if changed else locked.product
        except pg.UniqueViolation as error:
            raise await self._taken(wanted.get("barcodes", ()), besides=sku) from error

    async def find_barcode(self, code: str) -> BarcodeMatch:
        """Return the product that a scanned or typed *code* belongs to; spaces and dashes in it do not matter.

        Raises:
            Invalid: It is no barcode; for a wrong check digit the error says which would be right.
            NotFound: No product has it.
        """
        canonical = _canonical(code)
        async with self._database.connection() as connection:
            found = await products.by_barcode(connection, canonical)
        if found is None:
            raise problems.unknown_barcode(canonical)
        return found

    async def _references(self, connection: Connection, category: str | None, supplier: str | None) -> References:
        """Look the two up; a category that is missing is made, a supplier that is missing is an error."""
        kept = await categories.references(connection, category, supplier)
        if supplier is not None and kept.supplier_id is None:
            raise problems.no_supplier(supplier)
        if category is None or kept.category_id is not None:
            return kept
        await categories.create(connection, ancestors(category))
        return await categories.references(connection, category, supplier)

    async def _apply(self, connection: Connection, locked: Locked, changed: dict[str, Any]) -> Product:
        edited = {**changes.fields(locked.product), **changed}
        kept = await categories.references(connection, edited["category"], edited["supplier"])
        await products.update(connection, locked.id, {**edited, "category_id": kept.category_id, "supplier_id": kept.supplier_id})
        if "barcodes" in changed:
            await products.replace_barcodes(connection, locked.id, changed["barcodes"])
        if "price" in changed:
            await prices.set_from(connection, locked.id, changed["price"], locked.at)
        # The new price begins after this transaction did, and now() is when it did.
        return await products.as_it_stands(connection, locked.id)

    async def _taken(self, barcodes: Sequence[str], *, sku: str | None = None, besides: str | None = None) -> Conflict:
        """Return the error that names everything that is taken already, and by which product."""
        async with self._database.connection() as connection:
            of_sku = None if sku is None else await products.sku_holder(connection, sku)
            of_codes = await products.barcode_holders(connection, barcodes)
        return problems.taken(of_sku, [holder for holder in of_codes if besides is None or holder.sku.upper() != besides.upper()], barcodes)

    async def _filters(self, connection: Connection, category: str | None, supplier: str | None, status: str | None) -> Filters | None:
        """Return the filters in terms of ids, or None where no product can pass them."""
        below = await categories.subtree(connection, category) if category else None
        of = await supplier_id(connection, supplier) if supplier else None
        impossible = below == [] or (supplier is not None and of is None)
        return None if impossible else Filters(below, of, status)

    # Prices

    async def list_prices(self, sku: str, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[Price]:
        """Return the product's prices, planned ones included, the latest first.

        Raises:
            NotFound: There is no such product.
            Invalid: The cursor is not one of this list.
        """
        place = Cursor(("prices", sku))
        before = _moment(str(place.read(cursor, str)[0])) if cursor else None
        async with self._database.connection() as connection:
            found = await prices.page(connection, sku, before=before, limit=limit + 1) if "\0" not in sku else None
        if found is None:
            raise problems.no_product(sku)
        last = found[limit - 1].valid_from if len(found) > limit else None
        return Page(found[:limit], None if last is None else place.write(last.isoformat()))

    async def set_price(self, sku: str, price: PriceCreate) -> Price:
        """Let the product cost something else from a moment on, until the next price that is already planned.

        Raises:
            NotFound: There is no such product.
            Invalid: The moment lies in the past.
        """
        async with self._writing() as connection:
            locked = await products.lock(connection, sku) if "\0" not in sku else None
            if locked is None:
                raise problems.no_product(sku)
            start = price.valid_from or locked.at
            if start < locked.at - _CLOCK_DRIFT:
                raise problems.price_in_the_past()
            if start <= locked.at:
                await products.touch(connection, locked.id)
            made = await prices.set_from(connection, locked.id, price.amount, max(start, locked.at))
        assert made is not None  # noqa: S101 - an amount was given
        return made

    # Categories

    async def list_categories(self) -> list[Category]:
        """Return all categories in the order of the tree."""
        async with self._database.connection() as connection:
            return await categories.page(connection, after="", limit=None)

    async def page_categories(self, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[Category]:
        """Return a page of categories in the order of the tree.

        Raises:
            Invalid: The cursor is not one of this list.
        """
        place = Cursor(("categories",))
        after = str(place.read(cursor, str)[0]) if cursor else ""
        async with self._database.connection() as connection:
            found = await categories.page(connection, after=after, limit=limit + 1)
        return Page(found[:limit], place.write(found[limit - 1].path) if len(found) > limit else None)

    async def create_category(self, category: CategoryCreate) -> Category:
        """Add a category, and those above it that are missing.

        Raises:
            Conflict: There is one of that path, whatever its case and accents.
        """
        async with self._writing() as connection:
            created = await categories.create(connection, ancestors(category.path))
            found = await categories.by_path(connection, category.path)
        assert found is not None  # noqa: S101 - it is there, made now or before
        if not created:
            raise problems.category_exists(category.path, found.path)
        return found

    # Stores

    async def get_store(self, code: str) -> Store:
        """Return the store, whatever the case of the letters in *code*.

        Raises:
            NotFound: There is none.
        """
        async with self._database.connection() as connection:
            found = await stores.by_code(connection, code) if "\0" not in code else None
        if found is None:
            raise problems.no_store(code)
        return found

    async def list_stores(self, *, limit: int = MAX_LIMIT, cursor: str | None = None) -> Page[Store]:
        """Return a page of stores by their codes.

        Raises:
            Invalid: The cursor is not one of this list.
        """
        place = Cursor(("stores",))
        after = str(place.read(cursor, str)[0]) if cursor else ""
        async with self._database.connection() as connection:
            found = await stores.page(connection, after=after, limit=limit + 1)
        return Page(found[:limit], place.write(found[limit - 1].code) if len(found) > limit else None)

    async def create_store(self, store: StoreCreate) -> Store:
        """Add a store.

        Raises:
            Conflict: The code is taken.
            Invalid: The database does not know the time zone.
        """
        try:
            async with self._writing() as connection:
                made = await stores.insert(connection, store.model_dump())
        except pg.InvalidParameterValue as error:
            raise problems.no_time_zone(store.time_zone) from error
        if made is None:
            raise problems.store_exists(store.code, await self.get_store(store.code))
        return made

    async def edit_store(self, code: str, edit: StoreEdit, version: int, *, by_header: bool = False) -> Store:
        """Change the fields that *edit* holds, if the store still stands at *version*.

        Raises:
            NotFound: There is no such store.
            Conflict: It stands at another version.
            PreconditionFailed: It stands at another version, and ``If-Match`` said which was meant.
            Invalid: The database does not know the time zone.
        """
        wanted = edit.model_dump(include=edit.model_fields_set - {"version"})
        try:
            async with self._writing() as connection:
                store = await stores.lock(connection, code) if "\0" not in code else None
                if store is None:
                    raise problems.no_store(code)
                changed = changes.of_store(store, wanted)
                if store.version != version:
                    raise changes.stale_store(store, version, changed, by_header=by_header)
                return await stores.update(connection, store, changed) if changed else store
        except pg.InvalidParameterValue as error:
            raise problems.no_time_zone(str(wanted.get("time_zone"))) from error

    # Imports: these work in the transaction of whoever imports

    async def import_difference(self, connection: Connection, import_id: UUID, limit: int) -> ImportDifference:
        """Return what the staged rows of an import would change, and the first *limit* products of these in the order of the file."""
        return await imports.difference(connection, import_id, limit)

    async def apply_import(self, connection: Connection, import_id: UUID) -> ImportCounts:
        """Create and change the products of an import's staged rows, and remember how each was before.

        The rows name a product once, by its SKU as it is kept; of a new one they have the name; suppliers exist, and barcodes belong to nobody else.

        Args:
            connection: In the transaction that all of the import belongs to.
            import_id: Whose rows.

        Raises:
            psycopg.errors.UniqueViolation: A SKU or a barcode was taken meanwhile; the transaction is lost.
        """
        return await imports.apply(connection, import_id)

    async def undo_import(self, connection: Connection, import_id: UUID) -> ImportUndone:
        """Bring the products of an applied import back to what they were.

        What it created goes, or is discontinued where it has moved or is on order meanwhile. What was edited since, or cannot get its barcodes back
        because another product has them now, is left as it is and named in the answer. Prices go back from now on: what was charged meanwhile was charged.
        """
        return await undoing.undo(connection, import_id)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        try:
            async with self._database.connection() as connection, connection.transaction():
                yield connection
        except (pg.LockNotAvailable, pg.DeadlockDetected) as error:
            raise Busy("Somebody else is changing the same thing at this moment; nothing was changed.") from error


def _readable(text: str | None) -> str | None:
    """Return *text* without what PostgreSQL does not take and what nobody sees; None where nothing is left."""
    return (" ".join(text.replace("\0", " ").split()) or None) if text else None


def _canonical(code: str) -> str:
    try:
        return canonical_barcode(code)[0]
    except ValueError as error:
        raise problems.no_barcode(str(error)) from error


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise bad_cursor("The cursor is not one that this API gave.") from error
