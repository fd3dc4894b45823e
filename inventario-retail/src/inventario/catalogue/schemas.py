"""Products, prices, barcodes, categories and stores as they cross the wire. Quantities and money are decimal strings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from inventario.catalogue import rules
from inventario.catalogue.rules import BarcodeKind, Unit

__all__ = [
    "STATUSES",
    "Barcode",
    "BarcodeMatch",
    "Category",
    "CategoryCreate",
    "Code",
    "FieldChange",
    "ImportCounts",
    "ImportDifference",
    "ImportUndone",
    "Price",
    "PriceCreate",
    "Product",
    "ProductChange",
    "ProductCreate",
    "ProductEdit",
    "ProductStatus",
    "Store",
    "StoreCreate",
    "StoreEdit",
    "text_up_to",
]

ProductStatus = Literal["active", "discontinued"]
STATUSES: tuple[ProductStatus, ...] = ("active", "discontinued")


def text_up_to(longest: int) -> AfterValidator:
    """Return a validator of a line of text with 1 to *longest* characters, which tidies its spaces."""

    def check(text: str) -> str:
        found = rules.clean_text(text)
        if not found:
            raise ValueError("it is empty; write at least one character")
        if len(found) > longest:
            raise ValueError(f"it has {len(found)} characters; keep it to {longest}")
        return found

    return AfterValidator(check)


def _code_of(value: Any) -> Any:
    # A barcode may be sent back as the API showed it: {"code": ..., "kind": ...}. The kind follows from the code.
    return value.get("code") if isinstance(value, dict) else value


# The patterns are for whoever reads the API's description; the validators have words for what is wrong.
Sku = Annotated[str, AfterValidator(rules.checked_sku), Field(json_schema_extra={"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"})]
Code = Annotated[str, AfterValidator(rules.checked_code), Field(json_schema_extra={"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"})]
CategoryPath = Annotated[str, AfterValidator(rules.canonical_category)]
_Unit = Annotated[Unit, BeforeValidator(rules.checked_unit)]
_Barcode = Annotated[str, BeforeValidator(_code_of), AfterValidator(lambda code: rules.canonical_barcode(code)[0])]
_Barcodes = Annotated[list[_Barcode], Field(max_length=100), AfterValidator(lambda codes: list(dict.fromkeys(codes)))]
_Money = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]
_Cost = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=4)]
_Quantity = Annotated[Decimal, Field(max_digits=14, decimal_places=3)]
_Rate = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]
_Version = Annotated[int, Field(ge=1, lt=2**31)]
_TimeZone = Annotated[str, AfterValidator(rules.checked_time_zone)]


@dataclass(frozen=True, slots=True)
class Barcode:
    """A code in the form in which it is kept, and what it is."""

    code: str
    kind: BarcodeKind


@dataclass(frozen=True, slots=True)
class Product:
    """What a shop sells.

    ``category`` is a path from the general to the particular, ``supplier`` a supplier's code. ``cost`` is without tax and ``price`` with it, in the shop's
    currency for one ``unit``; ``price`` is the one in force now. ``vat_rate`` is in percent. ``allow_oversell`` null: as the store says.
    """

    sku: str
    name: str
    unit: Unit
    category: str | None
    supplier: str | None
    cost: Decimal | None
    price: Decimal | None
    vat_rate: Decimal
    barcodes: list[Barcode]
    reorder_point: Decimal | None
    reorder_quantity: Decimal | None
    allow_oversell: bool | None
    status: ProductStatus
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class BarcodeMatch:
    """The product that a scanned code belongs to. ``code`` and ``kind`` are the code's own, in the form in which it is kept."""

    code: str
    kind: BarcodeKind
    product: Product


@dataclass(frozen=True, slots=True)
class Category:
    """A node of the category tree. ``parent`` is the path of the node above, null at the root."""

    path: str
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class Price:
    """A price, tax included, and when it holds: from ``valid_from`` on, up to ``valid_until`` where that is set."""

    amount: Decimal
    valid_from: datetime | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Store:
    """A place that keeps stock. ``allow_oversell`` says whether a sale may take more than there is, where the product does not say."""

    code: str
    name: str
    time_zone: str
    allow_oversell: bool
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field before and after, as text; None: empty."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ProductChange:
    """What an import does to one product, and in which line of the file it says so. ``fields`` are those that change."""

    line: int
    sku: str
    name: str
    change: Literal["created", "changed"]
    fields: list[FieldChange]


@dataclass(frozen=True, slots=True)
class ImportDifference:
    """What an import would do: how many products it would create, change, and find as the file has them; and the first of the former."""

    created: int
    changed: int
    unchanged: int
    items: list[ProductChange]


@dataclass(frozen=True, slots=True)
class ImportUndone:
    """What taking an import back did: products that are as before, that are gone, that are discontinued, and SKUs of those that were left alone."""

    restored: int
    deleted: int
    discontinued: int
    left: list[str]


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """How many products an import created, changed, and found as the file has them."""

    created: int
    changed: int
    unchanged: int


class ProductCreate(BaseModel):
    """A new product. ``sku``, ``name`` and ``unit`` are enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sku: Sku = Field(description="The shop's own code. Never changes.", examples=["COLA-225"])
    name: Annotated[str, text_up_to(300)] = Field(examples=["Gaseosa cola 2,25 l"])
    unit: _Unit = Field(description="What one of it is.", examples=["unit"])
    category: CategoryPath | None = Field(
        None, description="Path of the category; missing parts are created.", examples=["Bebidas/Gaseosas"]
    )
    supplier: Code | None = Field(None, description="Code of the supplier.", examples=["BEBIDAS"])
    cost: _Cost | None = Field(None, description="Without tax, for one unit.", examples=["980.50"])
    price: _Money | None = Field(None, description="Tax included, for one unit, from now on.", examples=["1850.00"])
    vat_rate: _Rate = Field(Decimal(21), description="In percent.", examples=["21.00"])
    barcodes: _Barcodes = Field(default=[], description="EAN-13, EAN-8, UPC-A, or codes of the shop's own.", examples=[["7790895000997"]])
    reorder_point: Annotated[_Quantity, Field(ge=0)] | None = Field(None, description="Order when less than this is left.")
    reorder_quantity: Annotated[_Quantity, Field(gt=0)] | None = Field(None, description="How much to order then.")
    allow_oversell: bool | None = Field(None, description="Whether sales may take more than there is. Null: as the store says.")


class ProductEdit(BaseModel):
    """Fields of a product to change. What is left out stays; null empties a field that may be empty; ``barcodes`` replaces all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: _Version | None = Field(None, description="The version that the edit starts from, unless If-Match says it.")
    name: Annotated[str, text_up_to(300)] | None = None
    unit: _Unit | None = None
    category: CategoryPath | None = Field(None, description="Path of the category; missing parts are created.")
    supplier: Code | None = Field(None, description="Code of the supplier.")
    cost: _Cost | None = None
    price: _Money | None = Field(None, description="From now on; closes the price in force. Null: it has no price from now on.")
    vat_rate: _Rate | None = None
    barcodes: _Barcodes | None = None
    reorder_point: Annotated[_Quantity, Field(ge=0)] | None = None
    reorder_quantity: Annotated[_Quantity, Field(gt=0)] | None = None
    allow_oversell: bool | None = None
    status: ProductStatus | None = Field(None, description="`discontinued` products keep their stock and history.")

    @field_validator("name", "unit", "vat_rate", "barcodes", "status", mode="before")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("it cannot be null; send a value, or leave the field out to keep what is there")
        return value


class PriceCreate(BaseModel):
    """A price from a date on. It holds until the next price that is already planned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: _Money = Field(description="Tax included, for one unit.", examples=["1990.00"])
    valid_from: AwareDatetime | None = Field(
        None, lt=datetime.fromisoformat("2200-01-01T00:00:00Z"), description="Left out: now.", examples=["2027-01-01T00:00:00-03:00"]
    )


class CategoryCreate(BaseModel):
    """A new category. The categories above it are created where they are missing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: CategoryPath = Field(examples=["Bebidas/Gaseosas"])


class StoreCreate(BaseModel):
    """A new store. ``code`` and ``name`` are enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Code = Field(description="Short and unchangeable.", examples=["CENTRO"])
    name: Annotated[str, text_up_to(200)] = Field(examples=["Local del centro"])
    time_zone: _TimeZone = Field("America/Argentina/Buenos_Aires", description="Decides on which day a sale counts.")
    allow_oversell: bool = Field(default=True, description="Whether sales may take more than there is: the goods have left the shop.")


class StoreEdit(BaseModel):
    """Fields of a store to change. What is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: _Version | None = Field(None, description="The version that the edit starts from, unless If-Match says it.")
    name: Annotated[str, text_up_to(200)] | None = None
    time_zone: _TimeZone | None = None
    allow_oversell: bool | None = None

    @field_validator("name", "time_zone", "allow_oversell", mode="before")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("it cannot be null; send a value, or leave the field out to keep what is there")
        return value
