"""The catalogue's rules: pure functions of what is given to them."""

from inventario.catalogue.rules.barcodes import BarcodeKind, barcode_kind, canonical_barcode
from inventario.catalogue.rules.names import (
    UNITS,
    Unit,
    ancestors,
    canonical_category,
    checked_code,
    checked_sku,
    checked_time_zone,
    checked_unit,
    clean_text,
)

__all__ = [
    "UNITS",
    "BarcodeKind",
    "Unit",
    "ancestors",
    "barcode_kind",
    "canonical_barcode",
    "canonical_category",
    "checked_code",
    "checked_sku",
    "checked_time_zone",
    "checked_unit",
    "clean_text",
]
