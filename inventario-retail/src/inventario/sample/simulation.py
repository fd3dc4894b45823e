"""Ninety days of one product in one store: customers, deliveries, spoilage, counts. Pure; quantities are thousandths until they leave."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import NamedTuple

from inventario.sample.assortment import Item, Shelf
from inventario.sample.schemas import SampleMovement, SampleProduct, SampleStore

__all__ = ["Plan", "simulate"]

# Monday to Sunday, as shares of a plain day.
_WEEKS = {"even": (0.88, 0.90, 0.95, 1.00, 1.15, 1.30, 0.70), "weekend": (0.65, 0.65, 0.75, 0.95, 1.45, 1.75, 0.95)}
_OPENS, _CLOSES_ON_SUNDAY = 8, 14
# Weight of each hour from eight in the morning; the shop closes at nine in the evening, and after lunch on Sundays.
_HOURS = {
    "morning": (9, 12, 10, 8, 6, 3, 1, 2, 3, 4, 4, 3, 1),
    "all_day": (3, 5, 7, 9, 8, 4, 2, 3, 5, 8, 10, 9, 4),
    "evening": (1, 2, 3, 4, 5, 4, 3, 3, 5, 8, 11, 13, 9),
}
_CUMULATED = {name: tuple(accumulate(weights)) for name, weights in _HOURS.items()}
_DELIVERY, _RETURN, _SPOILAGE, _COUNT = (7, 0), (9, 30), (21, 10), (21, 30)
_RETURN_REASONS = ("envase abierto", "se llevó de más", "no era lo que buscaba")
_WASTE_REASONS = ("vencido", "en mal estado", "roto")


@dataclass(frozen=True, slots=True)
class Plan:
    """A product with what moves it: its shelf, its line of the assortment and the days until a delivery."""

    product: SampleProduct
    shelf: Shelf
    item: Item
    lead_time: int


class _Event(NamedTuple):
    second: int
    kind: str
    thousandths: int
    reason: str | None = None


@dataclass(slots=True)
class _Shelf:
    """The state of one product in one store, while the days go by."""

    on_hand: int = 0
    deliveries: dict[int, int] = field(default_factory=dict)
    returns: dict[int, int] = field(default_factory=dict)
    movements: list[SampleMovement] = field(default_factory=list)


def simulate(plan: Plan, store: SampleStore, rng: Random, now: datetime, days: int, *, runs_out: bool) -> list[SampleMovement]:
    """Return the movements of *plan*'s product in *store*, in order of time, from *days* days before *now* (local) until *now*.

    With *runs_out* the supplier does not come any more towards the end, and the product ends far below its reorder point;
    any other product ends above it.
    """
    product, shelf = plan.product, _Shelf()
    point = int(product.reorder_point) * 1000
    daily = plan.item.daily * store.traffic
    last_order = days - math.ceil((product.reorder_point + product.reorder_quantity / 2) / Decimal(daily)) if runs_out else days
    floor = 3000 if runs_out else 0
    for day in range(days + 1):
        today = now.date() + timedelta(days=day - days)
        for event in _day(plan, store, rng, shelf, day, today, last_count=days - 3):
            if day == days and event.second > _seconds(now.time()):
                break
            _apply(event, plan, store, shelf, datetime.combine(today, time.min, now.tzinfo), _months_ago(today, now), floor)
        _reorder(plan, rng, shelf, day, today, last_order)
    yesterday = datetime.combine(now.date() - timedelta(days=1), time.min, now.tzinfo)
    if runs_out:
        _sell_off(plan, store, rng, shelf, yesterday, point // 3)
    elif shelf.on_hand <= point:
        _last_delivery(plan, store, rng, shelf, yesterday, point)
    return shelf.movements


def _months_ago(day: date, now: datetime) -> int:
    """How many firsts of a month lie between *day* and *now*: prices change on that day."""
    return (now.year - day.year) * 12 + now.month - day.month


def _day(plan: Plan, store: SampleStore, rng: Random, shelf: _Shelf, day: int, today: date, last_count: int) -> list[_Event]:
    events = list(_sales(plan, store, rng, today))
    if day == 0:
        stock = int(plan.product.reorder_point) + math.ceil(int(plan.product.reorder_quantity) * rng.uniform(0.6, 1))
        events.append(_Event(_second(rng, _DELIVERY), "opening", stock * 1000))
    if delivered := shelf.deliveries.pop(day, 0):
        events.append(_Event(_second(rng, _DELIVERY), "receipt", delivered))
    if returned := shelf.returns.pop(day, 0):
        events.append(_Event(_second(rng, _RETURN), "return", returned, rng.choice(_RETURN_REASONS)))
    spoiled = sum(event.thousandths for event in events if event.kind == "sale") * plan.shelf.spoils
    if rng.random() < 0.3 and spoiled:
        events.append(_Event(_second(rng, _SPOILAGE), "waste", -_whole(plan.item, spoiled / -0.3), rng.choice(_WASTE_REASONS)))
    # Some shelves are counted once a month; not in the last days, where `_last_delivery` would make what was expected wrong.
    if day % 29 == 28 and day <= last_count and rng.random() < 0.12:
        events.append(_Event(_second(rng, _COUNT), "count", _miscount(plan.item, rng)))
    if rng.random() < _daily_returns(plan):
        shelf.returns[day + 1] = _portion(plan.item, rng)
    return sorted(events)


def _daily_returns(plan: Plan) -> float:
    """The share of days on which somebody brings something back: one unit in 250, and nothing that was cut or weighed."""
    return plan.item.daily / 250 if plan.item.unit == "unit" else 0.0


def _sales(plan: Plan, store: SampleStore, rng: Random, today: date) -> Iterator[_Event]:
    weekday = today.weekday()
    expected = plan.item.daily * store.traffic * _WEEKS[plan.shelf.week][weekday] * _month(today)
    weights = _CUMULATED[plan.shelf.hours]
    if weekday == 6:
        weights = weights[: _CLOSES_ON_SUNDAY - _OPENS]
    for _ in range(_poisson(expected / _mean_portion(plan.item), rng)):
        hour = _OPENS + bisect(weights, rng.random() * weights[-1])
        yield _Event(hour * 3600 + rng.randrange(3600), "sale", -_portion(plan.item, rng))


def _month(today: date) -> float:
    """Wages are paid in the first days of a month; the last week is thin."""
    return 1.22 if today.day <= 6 else 0.9 if today.day >= 25 else 1.0


def _apply(event: _Event, plan: Plan, store: SampleStore, shelf: _Shelf, midnight: datetime, months: int, floor: int) -> None:
    quantity, counted = event.thousandths, None
    if event.kind in {"sale", "waste"}:
        # Who comes too late buys what is left, or nothing.
        quantity = -min(-quantity, max(shelf.on_hand - floor, 0))
        if not quantity:
            return
    elif event.kind == "count":
        counted = max(shelf.on_hand + quantity, 0)
        quantity = counted - shelf.on_hand
    _book(shelf, plan, store, midnight, event._replace(thousandths=quantity), months, counted)


def _book(
    shelf: _Shelf, plan: Plan, store: SampleStore, midnight: datetime, event: _Event, months: int, counted: int | None = None
) -> None:
    product, kind = plan.product, event.kind
    shelf.movements.append(
        SampleMovement(
            store=store.code,
            sku=product.sku,
            kind=kind,
            quantity=_decimal(event.thousandths),
            occurred_at=midnight + timedelta(seconds=event.second),
            unit_price=_then(product.price, months, -1) if kind in {"sale", "return"} else None,
            unit_cost=_then(product.cost, months, 0) if kind in {"receipt", "opening"} else None,
            counted=None if counted is None else _decimal(counted),
            expected=None if counted is None else _decimal(shelf.on_hand),
            reason=event.reason,
        )
    )
    shelf.on_hand += event.thousandths


def _reorder(plan: Plan, rng: Random, shelf: _Shelf, day: int, today: date, last_order: int) -> None:
    product = plan.product
    if day > last_order or shelf.on_hand + sum(shelf.deliveries.values()) > product.reorder_point * 1000:
        return
    arrival = day + plan.lead_time + (rng.random() < 0.2)
    if (today + timedelta(days=arrival - day)).weekday() == 6:
        arrival += 1
    shelf.deliveries[arrival] = shelf.deliveries.get(arrival, 0) + int(product.reorder_quantity) * 1000


def _sell_off(plan: Plan, store: SampleStore, rng: Random, shelf: _Shelf, yesterday: datetime, target: int) -> None:
    """Where the customers have left too much, one of them buys it for a club."""
    if shelf.on_hand <= target:
        return
    event = _Event(_second(rng, (20, 0)), "sale", target // 1000 * 1000 - shelf.on_hand)
    _book(shelf, plan, store, yesterday, event, 0)
    shelf.movements.sort(key=lambda movement: movement.occurred_at)


def _last_delivery(plan: Plan, store: SampleStore, rng: Random, shelf: _Shelf, yesterday: datetime, point: int) -> None:
    """What is still on order comes in time."""
    order = int(plan.product.reorder_quantity) * 1000
    orders = (point - shelf.on_hand) // order + 1
    _book(shelf, plan, store, yesterday, _Event(_second(rng, _DELIVERY), "receipt", orders * order), 0)
    shelf.movements.sort(key=lambda movement: movement.occurred_at)


def _portion(item: Item, rng: Random) -> int:
    """What one customer takes, in thousandths."""
    if item.unit == "kg":
        heavy = _mean_portion(item)
        return max(round(rng.triangular(0.3 * heavy, 1.9 * heavy, 0.8 * heavy) * 200) * 5, 50)
    if item.daily >= 8:
        return rng.choice((2000, 3000, 3000, 4000, 6000, 6000))
    if item.unit == "m":
        return rng.choice((5000, 10_000))
    return rng.choice((1000, 1000, 1000, 2000)) if item.daily >= 0.5 else 1000


def _mean_portion(item: Item) -> float:
    """The mean of `_portion`, in units: what is dear or cut thin goes in small pieces."""
    if item.unit == "kg":
        return 0.3 if item.cost > 4000 else 0.9
    if item.daily >= 8:
        return 4.0
    if item.unit == "m":
        return 7.5
    return 1.25 if item.daily >= 0.5 else 1.0


def _miscount(item: Item, rng: Random) -> int:
    return rng.choice((0, 0, 0, 0, -1000, -1000, -2000, 1000)) if item.unit == "unit" else rng.randrange(-60, 30) * 5


def _whole(item: Item, thousandths: float) -> int:
    step = 1000 if item.unit == "unit" else 5
    return max(round(thousandths / step), 1) * step


def _poisson(mean: float, rng: Random) -> int:
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _second(rng: Random, moment: tuple[int, int]) -> int:
    return moment[0] * 3600 + moment[1] * 60 + rng.randrange(1200)


def _seconds(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


@lru_cache(maxsize=10_000)
def _decimal(thousandths: int) -> Decimal:
    return Decimal(thousandths).scaleb(-3)


@lru_cache(maxsize=2_000)
def _then(amount: Decimal, months: int, places: int) -> Decimal:
    """What *amount* was: prices and costs rise by about two per cent on the first of each month."""
    return round(amount / Decimal("1.02") ** months, places).quantize(amount) if months else amount
