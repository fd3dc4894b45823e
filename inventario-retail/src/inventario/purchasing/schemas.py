"""Suppliers as they cross the wire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from inventario.catalogue.schemas import Code, text_up_to
from inventario.purchasing import rules

__all__ = ["Supplier", "SupplierCreate", "SupplierEdit"]

_Name = Annotated[str, text_up_to(200)]
_Cuit = Annotated[str, AfterValidator(rules.canonical_cuit)]
_Email = Annotated[str, AfterValidator(rules.checked_email)]
_Phone = Annotated[str, AfterValidator(rules.checked_phone)]
_Days = Annotated[int, Field(ge=0, le=365)]


@dataclass(frozen=True, slots=True)
class Supplier:
    """Whom the shop buys from. ``cuit`` is written with its dashes; ``lead_time_days`` are the days from an order to its delivery."""

    code: str
    name: str
    cuit: str | None
    email: str | None
    phone: str | None
    lead_time_days: int | None
    version: int
    created_at: datetime
    updated_at: datetime


class SupplierCreate(BaseModel):
    """A new supplier. ``code`` and ``name`` are enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Code = Field(description="Short and unchangeable.", examples=["LACTEOS"])
    name: _Name = Field(examples=["Lácteos Aurel S.R.L."])
    cuit: _Cuit | None = Field(None, description="Tax number, with or without dashes.", examples=["30-50001091-2"])
    email: _Email | None = None
    phone: _Phone | None = None
    lead_time_days: _Days | None = Field(None, description="Days from an order to its delivery.")


class SupplierEdit(BaseModel):
    """Fields of a supplier to change. What is left out stays; null empties a field that may be empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Annotated[int, Field(ge=1, lt=2**31)] | None = Field(
        None, description="The version that the edit starts from, unless If-Match says it."
    )
    name: _Name | None = None
    cuit: _Cuit | None = None
    email: _Email | None = None
    phone: _Phone | None = None
    lead_time_days: _Days | None = None

    @field_validator("name", mode="before")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("it cannot be null; send a value, or leave the field out to keep what is there")
        return value
