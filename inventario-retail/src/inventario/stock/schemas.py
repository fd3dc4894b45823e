"""Movements and levels as they cross the wire. Quantities and money are decimal strings."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SkipValidation,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from inventario.errors import ProblemDocument
from inventario.stock import rules

__all__ = [
    "Attention",
    "AttentionPage",
    "BatchAnswer",
    "BatchItem",
    "BatchRequest",
    "BatchResult",
    "BatchReversal",
    "Code",
    "Day",
    "History",
    "HistoryPage",
    "Kind",
    "Level",
    "LevelPage",
    "LevelProof",
    "Movement",
    "MovementCreate",
    "MovementDetail",
    "MovementPage",
    "Proof",
    "Quantity",
    "Text",
]

Kind = Literal["sale", "return", "receipt", "adjustment", "count", "waste", "opening"]
AnyKind = Literal["sale", "return", "receipt", "adjustment", "count", "waste", "opening", "reversal", "transfer"]

_THOUSANDTH = Decimal("0.001")
_CENT = Decimal("0.01")
_COST = Decimal("0.0001")


def _scaled(unit: Decimal) -> AfterValidator:
    # One scale, so that "1" and "1.000" are the same request under the same key.
    return AfterValidator(lambda value: value.quantize(unit))


Quantity = Annotated[Decimal, Field(max_digits=14, decimal_places=3), _scaled(_THOUSANDTH)]
Money = Annotated[Decimal, Field(max_digits=14, decimal_places=2, ge=0), _scaled(_CENT)]
Cost = Annotated[Decimal, Field(max_digits=14, decimal_places=4, ge=0), _scaled(_COST)]
# What PostgreSQL cannot keep in a text.
_NO_NUL = r"^[^\x00]*$"
Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_NO_NUL)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=_NO_NUL)]
_Time = Annotated[
    AwareDatetime, Field(ge=datetime.fromisoformat("2000-01-01T00:00:00Z"), lt=datetime.fromisoformat("2100-01-01T00:00:00Z"))
]


class MovementCreate(BaseModel):
    """One change of stock at one store that has happened. ``store``, ``sku``, ``kind`` and ``quantity`` are enough."""

    model_config = ConfigDict(extra="forbid")

    store: Code = Field(description="Code of the store.", examples=["CENTRO"])
    sku: Code = Field(description="SKU of the product.", examples=["YER-001"])
    kind: Kind
    counted: Quantity | None = Field(None, ge=0, description="A count: what lies on the shelf.")
    expected: Quantity | None = Field(
        None, description="A count: what the person who counted was told. The fact is `counted - expected`; left out, it is the stock now."
    )
    quantity: Quantity | None = Field(
        None,
        validate_default=True,
        description="Signed, in the product's unit: a sale is negative. A count may leave it out.",
        examples=["-1"],
    )
    occurred_at: _Time | None = Field(None, description="When it happened, by the till's clock. Left out: now.")
    device: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_NO_NUL)] | None = Field(
        None, description="Which till or phone."
    )
    device_sequence: int | None = Field(None, ge=0, le=2**63 - 1, description="Its own counter, to notice gaps.")
    reason: Text | None = None
    unit_price: Money | None = Field(None, description="Tax included. Left out in a sale or return: the price of that moment.")
    unit_cost: Cost | None = Field(None, description="Left out: the product's cost.")

    @field_validator("counted", "expected")
    @classmethod
    def _belongs_to_a_count(cls, value: Decimal | None, info: ValidationInfo) -> Decimal | None:
        if value is not None and info.data.get("kind", "count") != "count":
            raise ValueError("only a count has it; leave it out, or send kind count")
        if info.field_name == "expected" and value is not None and info.data.get("counted", value) is None:
            raise ValueError("expected without counted says nothing; send counted too")
        return value

    @field_validator("quantity")
    @classmethod
    def _follows_kind(cls, value: Decimal | None, info: ValidationInfo) -> Decimal | None:
        kind = info.data.get("kind")
        if kind is None:  # wrong itself, and reported
            return value
        if kind == "count":
            return _quantity_of_a_count(value, info)
        if value is None:
            raise ValueError('quantity is missing; send the signed quantity that moved, e.g. "-1" for a sale of one')
        problem = rules.quantity_problem(kind, value)
        if problem:
            raise ValueError(problem)
        return value


def _quantity_of_a_count(value: Decimal | None, info: ValidationInfo) -> Decimal | None:
    if "counted" not in info.data or "expected" not in info.data:  # one of them is wrong itself, and reported
        return value
    counted, expected = info.data["counted"], info.data["expected"]
    if counted is None:
        if value is None:
            raise ValueError('a count says what lies on the shelf; send counted, e.g. "12"')
        return value
    if value is not None and (expected is None or value != counted - expected):
        raise ValueError("quantity of a count is counted - expected; leave quantity out, it is worked out")
    return None


class Movement(BaseModel):
    """A movement as the ledger holds it. Never changes, so that a repeated request gets the same answer."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    sequence: int = Field(description="Counts the movements of this product in this store, without gaps.")
    state: Literal["applied"] = "applied"
    on_hand: Decimal = Field(description="Stock of the product in the store after this movement.")
    store: str
    sku: str
    kind: AnyKind
    quantity: Decimal
    counted: Decimal | None
    expected: Decimal | None
    unit_price: Decimal | None
    unit_cost: Decimal | None
    vat_rate: Decimal | None
    oversold: bool = Field(description="More was sold than was there; a task was raised.")
    occurred_at: datetime
    recorded_at: datetime
    business_date: date = Field(description="Date of `occurred_at` in the store's time zone.")
    device: str | None
    device_sequence: int | None
    reason: str | None
    actor: str | None
    batch: UUID | None
    transfer: UUID | None
    reverses: UUID | None


class MovementDetail(Movement):
    """A movement, and what became of it."""

    reversed_by: UUID | None


class MovementPage(BaseModel):
    """Movements, newest first; with ``since``, oldest first."""

    items: list[MovementDetail]
    next: str | None
    watermark: str = Field(
        description="Give it as `since` next time to get exactly what was committed meanwhile. Complete once `next` is null.",
    )


class Level(BaseModel):
    """Stock of one product in one store."""

    store: str
    sku: str
    name: str
    unit: str
    on_hand: Decimal = Field(description="Confirmed and pending together.")
    confirmed: Decimal
    pending: Decimal = Field(description="Accepted and not yet in the ledger.")
    reserved: Decimal
    in_transit: Decimal = Field(description="On the way to this store.")
    oversold: bool
    as_of: datetime


class LevelPage(BaseModel):
    """Levels by store and product."""

    items: list[Level]
    next: str | None


class Attention(BaseModel):
    """A level that a person should look at."""

    store: str
    sku: str
    name: str
    unit: str
    on_hand: Decimal
    oversold: bool
    reorder_point: Decimal | None
    reorder_quantity: Decimal | None


class AttentionPage(BaseModel):
    """What is below zero or at its reorder point, the most urgent first."""

    items: list[Attention]
    more: bool = Field(description="There is more than is shown.")


class Day(BaseModel):
    """Stock at the end of a day."""

    day: date
    on_hand: Decimal


class History(BaseModel):
    """Stock over time in one store, oldest day first."""

    store: str
    days: list[Day]


class HistoryPage(BaseModel):
    """Stock over time in every store where the product ever moved."""

    items: list[History]
    next: str | None = None


class BatchItem(MovementCreate):
    """A movement of a batch, with its own key."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_NO_NUL)]


class BatchRequest(BaseModel):
    """Up to 1,000 movements. Each is applied or refused by itself, also where it is not well formed."""

    model_config = ConfigDict(extra="forbid")

    # Validated one by one by the route: what is wrong with one says nothing about the others.
    movements: list[SkipValidation[BatchItem]] = Field(min_length=1, max_length=1000)


class BatchAnswer(BaseModel):
    """What became of one item: ``movement`` when it was applied, ``problem`` when not."""

    key: str | None
    status: int
    replayed: bool = False
    movement: Movement | None = None
    problem: ProblemDocument | None = None


class BatchResult(BaseModel):
    """An answer for each item, in the order of the request."""

    batch: UUID = Field(description="Reverse all of it with `POST /batches/{batch}:reverse`.")
    items: list[BatchAnswer]


class BatchReversal(BaseModel):
    """What a reversal of a batch did."""

    batch: UUID
    reversed: int = Field(description="Movements reversed now.")
    already_reversed: int = Field(description="Movements that had been reversed before.")


class LevelProof(BaseModel):
    """A level that its ledger does not explain."""

    store: str
    sku: str
    on_hand: Decimal
    ledger: Decimal = Field(description="Sum of the movements.")
    movements: int = Field(description="Movements in the ledger.")
    version: int = Field(description="Movements that the level has seen.")
    detail: str


class Proof(BaseModel):
    """Whether every level is the sum of its movements."""

    mismatches: int
    levels: int
    movements: int
    checked_at: datetime
    seconds: float
    examples: list[LevelProof] = Field(description="The first 100 mismatches.")
