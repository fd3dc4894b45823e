"""Imports as they cross the wire. Quantities and money are decimal strings."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from inventario.imports.rules.headers import Kind

__all__ = [
    "ColumnRead",
    "FieldChange",
    "Import",
    "ImportPage",
    "ImportProblem",
    "ImportSummary",
    "LevelBelowZero",
    "MovementDifference",
    "MovementGroup",
    "Phase",
    "ProductChange",
    "ProductDifference",
    "Progress",
    "Resumed",
    "Reversal",
    "Seconds",
    "State",
]

State = Literal["staging", "checked", "failed", "applying", "applied", "reversed"]
Phase = Literal["reading", "checking", "applying", "reversing", "waiting", "done"]


_Text = Annotated[str, BeforeValidator(lambda value: value or "")]


class _Model(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ImportProblem(_Model):
    """One thing wrong in the file. ``line`` counts from 1, the headers included; ``column`` is the file's own name of it, empty for a whole line."""

    line: int
    column: str
    value: str
    detail: str
    remedy: str


class ColumnRead(_Model):
    """A column of the file that is understood, and the field it is read as."""

    header: str
    field: str


class FieldChange(_Model):
    """A field before and after."""

    field: str
    before: str | None
    after: str | None


class ProductChange(_Model):
    """What becomes of one product. Only fields that change are named. SKU and name are empty where the file has none that can be used."""

    line: int | None
    sku: _Text
    name: _Text
    change: Literal["created", "changed"]
    fields: list[FieldChange]


class ProductDifference(_Model):
    """What a file of products changes: how many, and the first of them."""

    created: int
    changed: int
    unchanged: int
    items: list[ProductChange] = Field(description="The first 200 that are created or changed.")


class MovementGroup(_Model):
    """Movements of one kind in one store. ``quantity`` is their signed sum; counts have none before they are applied."""

    store: str
    kind: str
    rows: int
    quantity: Decimal | None


class LevelBelowZero(_Model):
    """Stock that would fall below zero: now, and after the import."""

    store: str
    sku: str
    on_hand: Decimal
    after: Decimal


class MovementDifference(_Model):
    """What a file of movements changes."""

    groups: list[MovementGroup]
    products: int = Field(description="Products that move.")
    first: datetime | None = Field(description="When the first movement happened; null where the file does not say.")
    last: datetime | None
    already_recorded: int = Field(description="Rows whose key the ledger knows. They are left out.")
    below_zero: int = Field(description="Levels that end below zero.")
    below_zero_items: list[LevelBelowZero] = Field(description="The lowest 50 of them.")


class Progress(_Model):
    """How far an import is. ``percent`` is of the phase."""

    phase: Phase
    running: bool = Field(
        description="Whether a process works on it now. Otherwise: send the same file again, and it goes on where it stopped."
    )
    percent: int
    rows_read: int
    rows_expected: int = Field(description="As many as the file has lines below its headers.")


class Resumed(_Model):
    """How much of the file an earlier run had read: ``rows`` of them. ``again`` is how many rows at most were read twice."""

    rows: int
    again: int

    def told(self, expected: int) -> str:
        """Say so in a sentence."""
        share = 100 * self.again / max(self.rows, 1)
        again = f"at most {share:.1f} % of them are read again" if self.again else "nothing is read again"
        return f"resumed: {self.rows:,} of {expected:,} rows were already read; {again}"


class Seconds(_Model):
    """How long each phase took, over all runs."""

    read: float = 0
    check: float = 0
    apply: float = 0


class Reversal(_Model):
    """What taking an import back did."""

    reversed: int | None = Field(None, description="Movements that were taken back.")
    restored: int | None = Field(None, description="Products that are as they were before.")
    deleted: int | None = Field(None, description="New products that are gone.")
    discontinued: int | None = Field(None, description="New products that have moved meanwhile, and stay as discontinued.")
    left: list[str] = Field([], description="Products that were edited since, and were left alone.")


class ImportSummary(_Model):
    """An import in the list."""

    id: UUID
    kind: Kind
    state: State
    file_name: str
    file_size: int
    rows: int
    error_total: int
    created_at: datetime
    created_by: str
    applied_at: datetime | None
    applied_by: str | None
    reversed_at: datetime | None
    reversed_by: str | None


class Import(ImportSummary):
    """An import, what it changes, and all that is wrong with its file."""

    progress: Progress
    resumed: Resumed | None = Field(None, description="In the answer of a run that went on with an earlier one.")
    columns: list[ColumnRead] = Field(description="Columns of the file that are understood, in its order.")
    unknown_columns: list[str] = Field(description="Headers that are not understood. Their cells are left out.")
    notes: list[str] = Field(description="How the file was read, where there was a choice.")
    products: ProductDifference | None = None
    movements: MovementDifference | None = None
    errors: list[ImportProblem] = Field(description="The first 1,000.")
    applied: int | None = Field(None, description="Rows that took effect.")
    replayed: int | None = Field(None, description="Movements that the ledger had under their key already.")
    reversal: Reversal | None = None
    seconds: Seconds


class ImportPage(BaseModel):
    """Imports, newest first."""

    items: list[ImportSummary]
    next: str | None
