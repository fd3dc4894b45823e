"""The sample shop, made from a seed: the same seed and time give the same shop, to the byte."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import chain
from random import Random
from zoneinfo import ZoneInfo

from stdnum import ean
from stdnum.ar import cuit

from inventario.sample import simulation
from inventario.sample.assortment import SHELVES, SUPPLIERS, Item, Shelf
from inventario.sample.schemas import (
    SampleBarcode,
    SampleMovement,
    SampleProduct,
    SampleShop,
    SampleStore,
    SampleSupplier,
    SampleTransfer,
)
from inventario.sample.simulation import Plan

__all__ = ["DAYS", "make_shop"]

DAYS = 90
_LOW = "Yerba mate Yaguapé con palo 1 kg"
_ZONE = "America/Argentina/Buenos_Aires"
_STORES = (SampleStore("CENTRO", "Almacén del Centro", _ZONE, 1.0), SampleStore("NORTE", "Almacén Barrio Norte", _ZONE, 0.5))
_TILLS = {"CENTRO": ("caja-1", "caja-2"), "NORTE": ("caja-1",)}
# What scanners meet besides EAN-13: short codes on small packs, UPC-A on imported goods.
_SHORT = ("Chicle", "Pastillas", "Turrón", "Caldo")
_IMPORTED = ("Atún", "Duraznos", "Pilas", "Encendedor", "Máquina de afeitar")


def make_shop(seed: int, now: datetime, *, days: int = DAYS) -> SampleShop:
    """Make a shop with *days* whole days behind it, seven at least, and today up to *now* (aware).

    No level is ever negative, and at the end exactly one product stands below its reorder point, in every store.
    """
    plans = tuple(_plans(seed))
    low = next(plan.product.sku for plan in plans if plan.product.name == _LOW)
    histories = {(store.code, plan.product.sku): _history(seed, store, plan, now, days) for store in _STORES for plan in plans}
    movements = sorted(chain.from_iterable(histories.values()), key=lambda movement: movement.occurred_at)
    return SampleShop(
        stores=_STORES,
        suppliers=tuple(_suppliers()),
        products=tuple(plan.product for plan in plans),
        movements=tuple(_rung_up(movements, _stream(seed, "tills"))),
        transfer=_transfer(plans, histories),
        low=low,
    )


def _stream(seed: int, *names: str) -> Random:
    return Random("/".join((str(seed), *names)))  # noqa: S311 - chance that can be repeated is the point


def _history(seed: int, store: SampleStore, plan: Plan, now: datetime, days: int) -> list[SampleMovement]:
    # A stream of its own for each pair: a product that is added to the assortment does not change what the others did.
    rng = _stream(seed, store.code, plan.product.sku)
    local = now.astimezone(ZoneInfo(store.time_zone))
    return simulation.simulate(plan, store, rng, local, days, runs_out=plan.product.name == _LOW)


def _suppliers() -> Iterator[SampleSupplier]:
    for number, (code, name, lead_time) in enumerate(SUPPLIERS, start=1):
        # 30 is for companies; the tax office has given out no number this low.
        body = f"30{number * 111:08d}"
        yield SampleSupplier(code, name, body + cuit.calc_check_digit(body), lead_time)


def _plans(seed: int) -> Iterator[Plan]:
    lead_times = {code: lead_time for code, _, lead_time in SUPPLIERS}
    companies = {code: number for number, (code, _, _) in enumerate(SUPPLIERS, start=10)}
    number = 0
    for shelf in SHELVES:
        for position, item in enumerate(shelf.items, start=1):
            number += 1
            sku = f"{shelf.prefix}-{position:03d}"
            barcodes = tuple(_barcodes(item, sku, companies[shelf.supplier], number, _stream(seed, sku)))
            yield _plan(shelf, item, sku, barcodes, lead_times[shelf.supplier])


def _plan(shelf: Shelf, item: Item, sku: str, barcodes: tuple[SampleBarcode, ...], lead_time: int) -> Plan:
    # What sells until the delivery comes, and a third more; then enough for nine days, or three where it spoils.
    point = math.ceil(item.daily * (lead_time + 1) * 1.35) + 1
    packs = math.ceil(item.daily * (9 if lead_time > 1 else 3) / item.pack)
    tax = 1 + Decimal(shelf.vat) / 100
    price = round(Decimal(item.cost) * (100 + shelf.markup) / 100 * tax, -1)
    product = SampleProduct(
        sku=sku,
        name=item.name,
        unit=item.unit,
        category=shelf.category,
        supplier=shelf.supplier,
        cost=Decimal(item.cost).quantize(Decimal("1.0000")),
        price=price.quantize(Decimal("1.00")),
        vat_rate=Decimal(shelf.vat).quantize(Decimal("1.00")),
        barcodes=barcodes,
        reorder_point=Decimal(point),
        reorder_quantity=Decimal(packs * item.pack),
    )
    return Plan(product, shelf, item, lead_time)


def _barcodes(item: Item, sku: str, company: int, number: int, rng: Random) -> Iterator[SampleBarcode]:
    if item.unit != "unit" or sku.startswith("FAC"):
        yield SampleBarcode(f"PLU{number:04d}", "internal")
        return
    if item.name.startswith(_SHORT):
        yield SampleBarcode(_with_check_digit(f"7790{number:03d}"), "ean8")
    elif item.name.startswith(_IMPORTED):
        yield SampleBarcode(_with_check_digit(f"8{company}{number:08d}"), "upca")
    else:
        yield SampleBarcode(_with_check_digit(f"77990{company}{number:05d}"), "ean13")
    if rng.random() < 0.15:
        # The pack before the last redesign, of which some are still on the shelf.
        yield SampleBarcode(_with_check_digit(f"77990{company}{number + 50_000:05d}"), "ean13")


def _with_check_digit(body: str) -> str:
    return body + ean.calc_check_digit(body)


def _rung_up(movements: Iterable[SampleMovement], rng: Random) -> Iterator[SampleMovement]:
    """Give every sale and return a till and that till's next number."""
    counters: Counter[tuple[str, str]] = Counter()
    for movement in movements:
        if movement.kind not in {"sale", "return"}:
            yield movement
            continue
        device = rng.choice(_TILLS[movement.store])
        counters[movement.store, device] += 1
        yield replace(movement, device=device, device_sequence=counters[movement.store, device])


def _transfer(plans: tuple[Plan, ...], histories: dict[tuple[str, str], list[SampleMovement]]) -> SampleTransfer:
    """Send along what the first store has most of beyond its reorder point; a quarter of that, so that it stays above."""
    origin, destination = _STORES[0].code, _STORES[1].code
    surplus = []
    for plan in plans:
        product = plan.product
        on_hand = sum((movement.quantity for movement in histories[origin, product.sku]), Decimal(0))
        quarter = (on_hand - product.reorder_point) // 4
        if quarter >= 1 and product.unit == "unit":
            surplus.append((quarter, product.sku))
    return SampleTransfer(origin, destination, tuple((sku, quantity) for quantity, sku in sorted(surplus, reverse=True)[:4]))
