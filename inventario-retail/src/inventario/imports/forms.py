"""What a form says about the file that comes with it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from inventario.catalogue.rules import checked_code
from inventario.imports.rules.dates import Order
from inventario.imports.rules.headers import Kind
from inventario.imports.rules.numbers import Mark
from inventario.imports.rules.options import MovementKind, Options

__all__ = ["ImportForm"]


class ImportForm(BaseModel):
    """The fields beside the file. All may be left out; what then stays open is asked for."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind | None = Field(None, description="What the file is a table of. Left out: what its headers tell.")
    dry_run: bool = Field(False, description="Show what would change and all errors, and change nothing.")
    store: Annotated[str, AfterValidator(checked_code)] | None = Field(None, description="Code of the store of rows that name none.")
    movement: MovementKind | None = Field(None, description="Kind of the movements that name none.")
    decimal: Mark | None = Field(None, description="What separates decimals. Left out: what the file shows.")
    date_order: Order | None = Field(None, description="Order of day, month and year. Left out: ISO, or the day first.")
    unsigned: bool = Field(False, description="Quantities are amounts: a sale of 3 takes three away.")
    sheet: Annotated[str, StringConstraints(max_length=100)] | None = Field(None, description="Name of the sheet. Left out: the first one.")
    again: bool = Field(False, description="Also where the same content was applied before.")

    @field_validator("*", mode="before")
    @classmethod
    def _no_nul(cls, value: Any) -> Any:
        # PostgreSQL stores none.
        if isinstance(value, str) and "\0" in value:
            raise ValueError("it holds a NUL character; leave that out")
        return value

    def options(self) -> Options:
        """Return what decides how the file is read."""
        return Options(**self.model_dump(exclude={"dry_run", "again"}))
