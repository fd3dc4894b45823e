from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import ean
from stdnum.ar import cuit

from inventario.sample.rules import DAYS, make_shop
from inventario.sample.schemas import SampleMovement, SampleShop

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)


@cache
def _shop() -> SampleShop:
    return make_shop(1, NOW)


@pytest.fixture(name="shop")
def _fixture() -> SampleShop:
    return _shop()


def _levels(shop: SampleShop) -> Iterator[tuple[SampleMovement, Decimal]]:
    """Every movement with the level it leaves."""
    levels: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for movement in shop.movements:
        levels[movement.store, movement.sku] += movement.quantity
        yield movement, levels[movement.store, movement.sku]


def _final(shop: SampleShop) -> dict[tuple[str, str], Decimal]:
    return {(movement.store, movement.sku): level for movement, level in _levels(shop)}


# Any seed, any minute of the day, any day of the week and the month: a short past is enough for what could go wrong at its ends.
any_shop = given(seed=st.integers(0, 2**32), now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - the zone is given beside them
few = settings(max_examples=12, deadline=None)


@any_shop
@few
def test_no_level_is_ever_negative(seed: int, now: datetime) -> None:
    assert all(level >= 0 for _, level in _levels(make_shop(seed, now, days=14)))


@any_shop
@few
def test_exactly_one_product_ends_below_its_reorder_point_and_it_does_so_in_every_store_and_in_total(seed: int, now: datetime) -> None:
    shop = make_shop(seed, now, days=14)
    final = _final(shop)
    sent = dict(shop.transfer.lines)
    for product in shop.products:
        levels = [final[store.code, product.sku] for store in shop.stores]
        levels[0] -= sent.get(product.sku, 0)
        if product.sku == shop.low:
            assert 0 < sum(levels) < product.reorder_point
        else:
            assert min(levels) > product.reorder_point


@any_shop
@few
def test_nothing_happens_in_the_future_and_all_stands_in_order(seed: int, now: datetime) -> None:
    times = [movement.occurred_at for movement in make_shop(seed, now, days=14).movements]
    assert times == sorted(times)
    assert times[-1] <= now


@any_shop
@few
def test_every_count_expects_what_the_ledger_holds(seed: int, now: datetime) -> None:
    for movement, level in _levels(make_shop(seed, now, days=32)):
        if movement.kind == "count":
            assert movement.counted is not None
            assert movement.expected is not None
            assert movement.counted - movement.expected == movement.quantity
            assert movement.counted == level


def test_the_same_seed_and_time_give_the_same_shop() -> None:
    assert repr(make_shop(1, NOW)) == repr(make_shop(1, NOW))


def test_another_seed_gives_other_sales() -> None:
    assert make_shop(1, NOW, days=7).movements != make_shop(2, NOW, days=7).movements


def test_it_has_ninety_days_and_today(shop: SampleShop) -> None:
    days = {movement.occurred_at.date() for movement in shop.movements}
    assert days == {(NOW - timedelta(days=back)).date() for back in range(DAYS + 1)}


def test_it_has_some_150_products_with_names_of_their_own(shop: SampleShop) -> None:
    assert 150 <= len(shop.products) <= 170
    assert len({product.sku for product in shop.products}) == len({product.name for product in shop.products}) == len(shop.products)


def test_it_has_eight_suppliers_whose_cuit_is_valid(shop: SampleShop) -> None:
    assert len(shop.suppliers) == 8
    assert all(cuit.is_valid(supplier.cuit) for supplier in shop.suppliers)
    assert {product.supplier for product in shop.products} == {supplier.code for supplier in shop.suppliers}


def test_every_barcode_is_valid_and_belongs_to_one_product(shop: SampleShop) -> None:
    barcodes = [barcode for product in shop.products for barcode in product.barcodes]
    lengths = {"ean13": 13, "ean8": 8, "upca": 12}
    assert len({barcode.code.zfill(13) for barcode in barcodes}) == len(barcodes)
    for barcode in barcodes:
        if barcode.kind != "internal":
            assert len(barcode.code) == lengths[barcode.kind]
            assert ean.is_valid(barcode.code)


def test_all_kinds_of_barcodes_occur_and_several_products_have_two(shop: SampleShop) -> None:
    kinds = [barcode.kind for product in shop.products for barcode in product.barcodes]
    assert set(kinds) == {"ean13", "ean8", "upca", "internal"}
    assert all(barcode.code.startswith("779") for product in shop.products for barcode in product.barcodes if barcode.kind == "ean13")
    assert sum(len(product.barcodes) == 2 for product in shop.products) >= 8


def test_prices_cover_cost_and_tax_and_all_three_tax_rates_occur(shop: SampleShop) -> None:
    assert {product.vat_rate for product in shop.products} == {Decimal(21), Decimal("10.5"), Decimal(0)}
    assert all(product.price > product.cost * (1 + product.vat_rate / 100) for product in shop.products)


def test_everything_fits_the_ledgers_columns(shop: SampleShop) -> None:
    for movement in shop.movements:
        assert movement.quantity.as_tuple().exponent == -3
        assert movement.unit_price is None or movement.unit_price.as_tuple().exponent == -2
        assert movement.unit_cost is None or movement.unit_cost.as_tuple().exponent == -4


def test_what_is_sold_by_the_piece_moves_in_whole_pieces(shop: SampleShop) -> None:
    pieces = {product.sku for product in shop.products if product.unit == "unit"}
    assert {product.unit for product in shop.products} >= {"unit", "kg", "l", "m"}
    assert all(movement.quantity % 1 == 0 for movement in shop.movements if movement.sku in pieces)


def test_sales_follow_the_days_of_the_week(shop: SampleShop) -> None:
    sales = [0] * 7
    for movement in shop.movements:
        sales[movement.occurred_at.weekday()] += movement.kind == "sale"
    assert sales[0] * 1.3 < sales[4] < sales[5] * 0.95
    assert sales.index(max(sales)) == 5


def test_sales_follow_the_hours_and_the_shop_is_closed_at_night_and_on_sunday_afternoons(shop: SampleShop) -> None:
    sales = [movement for movement in shop.movements if movement.kind == "sale"]
    hours = [0] * 24
    for movement in sales:
        hours[movement.occurred_at.hour] += 1
        assert movement.occurred_at.weekday() != 6 or movement.occurred_at.hour < 14 or movement.sku == shop.low
    assert sum(hours[:8]) == sum(hours[21:]) == 0
    assert hours[11] > 2 * hours[14]


def test_wages_make_the_first_days_of_a_month_better_than_the_last(shop: SampleShop) -> None:
    per_day: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for back in range(1, DAYS + 1):
        day = (NOW - timedelta(days=back)).date()
        group = 0 if day.day <= 6 else 1 if day.day >= 25 else 2
        per_day[group][0] += 1
        per_day[group][1] += sum(movement.kind == "sale" and movement.occurred_at.date() == day for movement in shop.movements)
    first, last = (per_day[group][1] / per_day[group][0] for group in (0, 1))
    assert first > 1.1 * last


def test_a_fifth_of_the_products_makes_more_than_half_of_the_sales_and_some_hardly_sell(shop: SampleShop) -> None:
    sales: dict[str, int] = defaultdict(int)
    for movement in shop.movements:
        sales[movement.sku] += movement.kind == "sale"
    ranked = sorted(sales.values(), reverse=True)
    assert sum(ranked[: len(shop.products) // 5]) > sum(ranked) / 2
    assert sum(count < 20 for count in ranked) >= 5


def test_all_that_happens_in_a_shop_happens(shop: SampleShop) -> None:
    kinds = [movement.kind for movement in shop.movements]
    assert set(kinds) == {"opening", "sale", "receipt", "waste", "return", "count"}
    assert kinds.count("opening") == len(shop.products) * len(shop.stores)
    assert kinds.count("return") < kinds.count("sale") / 50


def test_goods_come_when_the_reorder_point_is_reached_and_in_ordered_quantities(shop: SampleShop) -> None:
    quantities = {product.sku: product.reorder_quantity for product in shop.products}
    receipts = [movement for movement in shop.movements if movement.kind == "receipt"]
    assert receipts
    assert all(movement.quantity % quantities[movement.sku] == 0 for movement in receipts)


def test_each_till_counts_its_movements_without_a_gap(shop: SampleShop) -> None:
    sequences: dict[tuple[str, str], list[int]] = defaultdict(list)
    for movement in shop.movements:
        if movement.device is not None and movement.device_sequence is not None:
            sequences[movement.store, movement.device].append(movement.device_sequence)
    assert len(sequences) == 3
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in sequences.values())


def test_prices_of_earlier_months_were_lower(shop: SampleShop) -> None:
    prices = [movement.unit_price for movement in shop.movements if movement.sku == "PAN-001" and movement.unit_price]
    assert prices == sorted(prices)
    assert len(set(prices)) >= 3
    assert prices[-1] == next(product.price for product in shop.products if product.sku == "PAN-001")


def test_the_transfer_takes_a_few_products_of_which_the_sender_has_plenty(shop: SampleShop) -> None:
    assert (shop.transfer.from_store, shop.transfer.to_store) == ("CENTRO", "NORTE")
    assert 1 <= len(shop.transfer.lines) <= 4
    assert shop.low not in dict(shop.transfer.lines)
