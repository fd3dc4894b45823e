"""Headers in Spanish and English: which column is which, and of what the file is a table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from inventario.imports.rules.problems import CellProblem

__all__ = ["FIELDS", "NAMES", "Column", "Kind", "Layout", "guess_kind", "layout_problems", "read_headers", "recognised"]

Kind = Literal["products", "movements"]

_SHARED = {
    "sku": "sku codigo cod codigo_producto codigo_de_producto codigo_articulo codigo_interno articulo_codigo cod_producto cod_articulo "
    "product_code item_code product_id id_producto id_articulo referencia ref",
}
_PRODUCTS = _SHARED | {
    "name": "name nombre descripcion description producto product articulo product_name nombre_producto detalle denominacion",
    "category": "category categoria rubro familia category_path",
    "unit": "unit unidad unidad_medida unidad_de_medida um uom",
    "cost": "cost costo coste precio_costo precio_de_costo precio_compra precio_de_compra cost_price unit_cost costo_unitario",
    "price": "price precio precio_venta precio_de_venta precio_final precio_publico precio_al_publico pvp sale_price unit_price precio_unitario",
    "vat_rate": "vat_rate vat iva alicuota alicuota_iva tasa_iva iva_porcentaje porcentaje_iva tax_rate",
    "reorder_point": "reorder_point punto_pedido punto_de_pedido punto_reposicion punto_de_reposicion stock_minimo minimo min_stock",
    "reorder_quantity": "reorder_quantity cantidad_pedido cantidad_de_pedido cantidad_a_pedir cantidad_reposicion",
    "supplier": "supplier proveedor supplier_code codigo_proveedor cod_proveedor",
    "barcodes": "barcodes barcode ean gtin upc codigo_barras codigo_de_barras codigos_barras codigos_de_barras cod_barras cod_barra codigo_barra",
    "status": "status estado",
}
_MOVEMENTS = _SHARED | {
    "store": "store sucursal tienda local deposito almacen store_code codigo_sucursal cod_sucursal",
    "kind": "kind type tipo movimiento tipo_movimiento tipo_de_movimiento movement movement_type operacion",
    "quantity": "quantity cantidad qty cant unidades units",
    "counted": "counted contado contados cantidad_contada recuento conteo",
    "occurred_at": "occurred_at date fecha datetime fecha_hora fecha_y_hora fecha_movimiento fecha_de_movimiento timestamp date_time",
    "time": "time hora",
    "unit_price": "unit_price price precio precio_unitario precio_venta precio_de_venta sale_price pvp",
    "unit_cost": "unit_cost cost costo coste costo_unitario precio_costo precio_de_costo",
    "reason": "reason motivo razon comment comentario comentarios observacion observaciones nota note notes",
    "key": "key clave idempotency_key",
    "device": "device dispositivo caja terminal pos till",
    "device_sequence": "device_sequence secuencia numero_secuencia",
}
_WORDS: dict[Kind, dict[str, str]] = {"products": _PRODUCTS, "movements": _MOVEMENTS}

# What each field may be called, folded: small letters without accents, one underscore for whatever stands between words.
NAMES: dict[Kind, dict[str, tuple[str, ...]]] = {
    kind: {field: tuple(names.split()) for field, names in fields.items()} for kind, fields in _WORDS.items()
}
FIELDS: dict[Kind, tuple[str, ...]] = {kind: tuple(fields) for kind, fields in NAMES.items()}
_BY_NAME = {kind: {name: field for field, names in fields.items() for name in names} for kind, fields in NAMES.items()}
# A product may have several barcodes, in columns "EAN 1", "EAN 2", "EAN13".
_NUMBERED = re.compile(r"(?P<name>.*?)_?[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file that is understood. ``header`` is what the file calls it, ``index`` where it stands, from 0."""

    field: str
    header: str
    index: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a file: those understood, those not, and how many cells a line has."""

    columns: tuple[Column, ...]
    unknown: tuple[str, ...]
    width: int

    def header(self, field: str) -> str:
        """Return what the file calls *field*, or the field's own name where the file has no such column."""
        return next((column.header for column in self.columns if column.field == field), field)

    def has(self, field: str) -> bool:
        """Whether the file has *field*."""
        return any(column.field == field for column in self.columns)


def recognised(header: str, kind: Kind) -> str | None:
    """Return the field that *header* names in a table of *kind*, or None."""
    name = _folded(header)
    names = _BY_NAME[kind]
    if name in names:
        return names[name]
    numbered = _NUMBERED.fullmatch(name)
    return "barcodes" if numbered and names.get(numbered["name"]) == "barcodes" else None


def read_headers(headers: Sequence[str], kind: Kind) -> Layout:
    """Return which column is which. A column without a header is not understood, and not reported either."""
    columns, unknown = [], []
    for index, header in enumerate(headers):
        field = recognised(header, kind)
        shown = " ".join(header.split())
        if field:
            columns.append(Column(field, shown, index))
        elif shown:
            unknown.append(shown)
    return Layout(tuple(columns), tuple(unknown), len(headers))


def guess_kind(headers: Sequence[str]) -> Kind | None:
    """Tell what *headers* are a table of, or None where they could be both or neither."""
    products = {recognised(header, "products") for header in headers} - {None}
    movements = {recognised(header, "movements") for header in headers} - {None}
    if "sku" not in products:
        return None
    happened = movements & {"store", "kind", "occurred_at", "counted", "time"}
    if "quantity" in movements or "counted" in movements:
        return "movements" if happened or "name" not in products else None
    if happened:
        return None
    return "products" if len(products) > 1 else None


def layout_problems(layout: Layout, kind: Kind, line: int) -> list[CellProblem]:
    """Return what is wrong with the headers in *line*: what is missing, and what stands there twice."""
    problems = []
    for field in FIELDS[kind]:
        headers = [column.header for column in layout.columns if column.field == field]
        if len(headers) > 1 and field != "barcodes":
            detail = f"The columns {', '.join(headers)} would both be {field}."
            problems.append(CellProblem(line, headers[1], headers[1], detail, "Keep one of them, or rename the other."))
    if not layout.has("sku"):
        problems.append(_missing(line, "sku", "sku or codigo"))
    if kind == "movements" and not (layout.has("quantity") or layout.has("counted")):
        problems.append(_missing(line, "quantity", "quantity or cantidad"))
    if kind == "products" and len(layout.columns) < 2:
        problems.append(_missing(line, "name", "name or nombre, price or precio, ..."))
    return problems


def _missing(line: int, field: str, names: str) -> CellProblem:
    return CellProblem(line, field, "", f"No column is called {field}.", f"Add a column with the header {names}.")


def _folded(header: str) -> str:
    plain = unicodedata.normalize("NFKD", header.casefold())
    return re.sub(r"[^a-z0-9]+", "_", "".join(letter for letter in plain if not unicodedata.combining(letter))).strip("_")
