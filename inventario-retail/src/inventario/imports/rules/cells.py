r"""What one cell means: each reader takes its text and returns what goes to the staging table, in the text form of COPY.

Readers are called once for each distinct text of a column, not once a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial

from stdnum import ean

from inventario.catalogue.rules import canonical_barcode, canonical_category, checked_code, checked_sku, checked_unit, clean_text
from inventario.imports.rules.conventions import Conventions
from inventario.imports.rules.headers import Kind
from inventario.imports.rules.numbers import STORED_NUMBER, read_number
from inventario.imports.rules.options import MovementKind, Options
from inventario.stock.rules import RESERVED_KEY_PREFIX

__all__ = ["NULL", "Reader", "readers"]

Reader = Callable[[str], str]

# How COPY writes an absent value. No cell can look like it: a backslash in a text is doubled.
NULL = r"\N"

_KINDS: dict[str, str] = {
    name: kind
    for kind, names in {
        "sale": "sale venta ventas",
        "return": "return devolucion devoluciones",
        "receipt": "receipt recepcion compra compras ingreso purchase",
        "adjustment": "adjustment ajuste ajustes",
        "count": "count conteo recuento",
        "waste": "waste merma mermas rotura vencido vencimiento desperdicio",
        "opening": "opening apertura inicial saldo_inicial stock_inicial",
    }.items()
    for name in names.split()
}
_UNITS: dict[str, str] = {
    name: unit
    for unit, names in {
        "unit": "u un uni unid unidad unidades unit units pieza piezas ea each",
        "kg": "kg kgs kilo kilos kilogramo kilogramos",
        "g": "g gr grs gramo gramos",
        "l": "l lt lts litro litros",
        "ml": "ml mililitro mililitros",
        "m": "m mt mts metro metros",
        "m2": "m2 m²",
        "pack": "pack packs caja cajas bulto bultos paquete paquetes",
    }.items()
    for name in names.split()
}
_STATUSES = {
    name: status
    for status, names in {
        "active": "active activo activa alta",
        "discontinued": "discontinued discontinuado discontinuada baja inactivo",
    }.items()
    for name in names.split()
}
_ACCENTS = str.maketrans("áéíóúü", "aeiouu")
_SEVERAL = re.compile(r"[,;|\n]+")
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+")


def readers(kind: Kind, options: Options, conventions: Conventions) -> Mapping[str, Reader]:
    """Return the reader of each field, but for those that take two columns to read (`occurred_at` and `time`)."""
    money = partial(_number, conventions, money=True)
    if kind == "products":
        return {
            "sku": _sku,
            "name": _optional(partial(_text, longest=300)),
            "category": _optional(_category),
            "unit": _optional(_unit),
            "cost": money("cost", scale=4),
            "price": money("price", scale=2),
            "vat_rate": _optional(partial(_vat_rate, conventions)),
            "reorder_point": _number(conventions, "reorder_point", scale=3),
            "reorder_quantity": _number(conventions, "reorder_quantity", scale=3, positive=True),
            "supplier": _optional(lambda text: checked_code(plain(text))),
            "barcodes": _optional(_barcodes),
            "status": _optional(_status),
        }
    return {
        "store": partial(_store, options.store),
        "sku": _sku,
        "kind": partial(_kind, options.movement),
        "quantity": _number(conventions, "quantity", scale=3, signed=True),
        "counted": _number(conventions, "counted", scale=3),
        "unit_price": money("unit_price", scale=2),
        "unit_cost": money("unit_cost", scale=4),
        "reason": _optional(partial(_text, longest=500)),
        "key": _optional(_key),
        "device": _optional(partial(_text, longest=100)),
        "device_sequence": _optional(_sequence),
    }


def plain(text: str) -> str:
    """Return a cell as text, also where a spreadsheet keeps a number in it."""
    return text.removeprefix(STORED_NUMBER)


def _optional(read: Reader) -> Reader:
    return lambda text: read(text) if text else NULL


def _sku(text: str) -> str:
    return checked_sku(plain(text))


def _text(text: str, *, longest: int) -> str:
    found = plain(text)
    # Nothing to clean is what nearly every text has, and the keys of a million movements are a million texts.
    if not (found.isascii() and found.isprintable()) or "  " in found:
        found = clean_text(found)
    if len(found) > longest:
        raise ValueError(f"it has {len(found)} characters; keep it to {longest}")
    return found.replace("\\", "\\\\")


def _category(text: str) -> str:
    return canonical_category(plain(text).replace(">", "/")).replace("\\", "\\\\")


def _unit(text: str) -> str:
    return _UNITS.get(text.casefold().rstrip(".")) or checked_unit(text)


def _status(text: str) -> str:
    status = _STATUSES.get(text.casefold())
    if status is None:
        raise ValueError(f"{plain(text)} is no status; use active or discontinued (activo, discontinuado)")
    return status


def _number(
    conventions: Conventions, field: str, *, scale: int, signed: bool = False, money: bool = False, positive: bool = False
) -> Reader:
    def read(text: str) -> str:
        number = read_number(text, conventions.mark(field), scale=scale, signed=signed, money=money)
        if positive and number == "0":
            raise ValueError("it is zero; give more than zero, or leave the cell empty")
        return number

    return _optional(read)


def _vat_rate(conventions: Conventions, text: str) -> str:
    rate = Decimal(read_number(text, conventions.mark("vat_rate"), scale=4, percent=True))
    # A spreadsheet shows the number 0.105 as 10.5 %. No country has a rate below one per cent, so that the two cannot be mixed up.
    if text.startswith(STORED_NUMBER) and 0 < rate < 1:
        rate *= 100
    if rate > 100:
        raise ValueError(f"a rate of {rate} % is too high; give per cent from 0 to 100, e.g. 21")
    return read_number(f"{STORED_NUMBER}{rate:f}", None, scale=2)


def _barcodes(text: str) -> str:
    # Looked for before the split, because "7,79E+12" has a comma of its own.
    if _SHORTENED.fullmatch(plain(text)):
        raise ValueError(
            f"{plain(text)} has been shortened by a spreadsheet, and its last digits are lost; format the column as text and export again"
        )
    codes = [_barcode(code.strip()) for code in _SEVERAL.split(text) if code.strip()]
    return "{" + ",".join(dict.fromkeys(codes)) + "}" if codes else NULL


def _barcode(text: str) -> str:
    code = plain(text)
    if _SHORTENED.fullmatch(code):
        raise ValueError(
            f"{code} has been shortened by a spreadsheet, and its last digits are lost; format the column as text and export again"
        )
    if text != code and 6 <= len(code) <= 11 and any(ean.is_valid(code.zfill(length)) for length in (8, 12) if length > len(code)):
        raise ValueError(f"{code} is a number that may have lost zeros in front; format the column as text and write the whole code")
    canonical, kind = canonical_barcode(code)
    return f"{kind}:{canonical}"


def _store(default: str | None, text: str) -> str:
    if text:
        return checked_code(plain(text))
    if default is None:
        raise ValueError("the row names no store; fill it in, or give store=CODE for such rows")
    return default


def _kind(default: MovementKind | None, text: str) -> str:
    if not text:
        if default is None:
            raise ValueError("the row does not say what it is; write sale, receipt, adjustment, ..., or give movement=sale for such rows")
        return default
    kind = _KINDS.get("_".join(text.casefold().translate(_ACCENTS).split()))
    if kind is None:
        raise ValueError(f"{plain(text)} is no kind of movement; use sale, return, receipt, adjustment, count, waste or opening")
    return kind


def _key(text: str) -> str:
    key = _text(text, longest=255)
    if key.startswith(RESERVED_KEY_PREFIX):
        raise ValueError(f"{key} begins like the keys of the service itself; choose another beginning than {RESERVED_KEY_PREFIX}")
    return key


def _sequence(text: str) -> str:
    number = plain(text)
    if not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise ValueError(f"{number} is no running number; give a whole number of zero or more")
    return number
