"""Transfers as they cross the wire."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inventario.stock.schemas import Code, Quantity, Text

__all__ = ["Line", "LineCreate", "LineReceived", "Receipt", "Transfer", "TransferCreate", "TransferPage"]


class LineCreate(BaseModel):
    """One product of a transfer."""

    model_config = ConfigDict(extra="forbid")

    sku: Code
    quantity: Quantity = Field(gt=0, description="How much leaves, in the product's unit.")


class TransferCreate(BaseModel):
    """Goods that leave one store for another."""

    model_config = ConfigDict(extra="forbid")

    from_store: Code = Field(examples=["CENTRO"])
    to_store: Code = Field(examples=["NORTE"])
    lines: list[LineCreate] = Field(min_length=1, max_length=500)
    reason: Text | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> TransferCreate:
        if self.from_store == self.to_store:
            raise ValueError("a transfer goes from one store to another; name two stores")
        _refuse_repeats([line.sku for line in self.lines])
        return self


class LineReceived(BaseModel):
    """What arrived of one product."""

    model_config = ConfigDict(extra="forbid")

    sku: Code
    quantity: Quantity = Field(ge=0, description="How much arrived; less than was sent is noted as missing.")


class Receipt(BaseModel):
    """What arrived. Without ``lines``: all of it; a product that is not named arrived whole."""

    model_config = ConfigDict(extra="forbid")

    lines: list[LineReceived] = Field(default_factory=list, max_length=500)

    @model_validator(mode="after")
    def _makes_sense(self) -> Receipt:
        _refuse_repeats([line.sku for line in self.lines])
        return self


class Line(BaseModel):
    """One product of a transfer."""

    sku: str
    name: str
    quantity: Decimal = Field(description="What was sent.")
    received: Decimal | None = Field(description="What arrived; null while it is on the way.")
    missing: Decimal | None = Field(description="What was sent and did not arrive.")


class Transfer(BaseModel):
    """A transfer: in transit until it is received."""

    id: UUID
    state: Literal["in_transit", "received"]
    from_store: str
    to_store: str
    reason: str | None
    actor: str | None
    dispatched_at: datetime
    received_at: datetime | None
    lines: list[Line]


class TransferPage(BaseModel):
    """Transfers, newest first."""

    items: list[Transfer]
    next: str | None


def _refuse_repeats(skus: list[str]) -> None:
    repeated = sorted({sku for sku in skus if skus.count(sku) > 1})
    if repeated:
        raise ValueError(f"{', '.join(repeated)} stands in more than one line; send one line a product, with the sum")
