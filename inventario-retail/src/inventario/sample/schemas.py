"""What the sample shop consists of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

__all__ = ["SampleBarcode", "SampleMovement", "SampleProduct", "SampleShop", "SampleStore", "SampleSupplier", "SampleTransfer"]


@dataclass(frozen=True, slots=True)
class SampleStore:
    """A store; ``traffic`` is its share of the sales of the largest one."""

    code: str
    name: str
    time_zone: str
    traffic: float


@dataclass(frozen=True, slots=True)
class SampleSupplier:
    """A supplier; ``cuit`` has eleven digits, the last one checks the others."""

    code: str
    name: str
    cuit: str
    lead_time_days: int


@dataclass(frozen=True, slots=True)
class SampleBarcode:
    """A code as a scanner reads it. ``kind``: ``ean13``, ``ean8``, ``upca`` (twelve digits) or ``internal``."""

    code: str
    kind: str


@dataclass(frozen=True, slots=True)
class SampleProduct:
    """A product. ``cost`` is without tax, ``price`` with it, both of one ``unit``; ``category`` is a path such as ``Bebidas/Aguas``."""

    sku: str
    name: str
    unit: str
    category: str
    supplier: str
    cost: Decimal
    price: Decimal
    vat_rate: Decimal
    barcodes: tuple[SampleBarcode, ...]
    reorder_point: Decimal
    reorder_quantity: Decimal


@dataclass(frozen=True, slots=True)
class SampleMovement:
    """One fact of the ledger. ``quantity`` is signed; ``counted`` and ``expected`` are set for counts alone."""

    store: str
    sku: str
    kind: str
    quantity: Decimal
    occurred_at: datetime
    unit_price: Decimal | None = None
    unit_cost: Decimal | None = None
    counted: Decimal | None = None
    expected: Decimal | None = None
    reason: str | None = None
    device: str | None = None
    device_sequence: int | None = None


@dataclass(frozen=True, slots=True)
class SampleTransfer:
    """Goods that are on their way from one store to another; ``lines`` are pairs of SKU and quantity."""

    from_store: str
    to_store: str
    lines: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class SampleShop:
    """All of it. ``movements`` stand in the order in which they happened; ``low`` is the SKU that is about to run out."""

    stores: tuple[SampleStore, ...]
    suppliers: tuple[SampleSupplier, ...]
    products: tuple[SampleProduct, ...]
    movements: tuple[SampleMovement, ...]
    transfer: SampleTransfer
    low: str
