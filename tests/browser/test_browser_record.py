"""Recording movements with a barcode scanner, by keyboard, on a phone, and when the network fails."""

from __future__ import annotations

import re

import pytest
from browser.browser_app import AZUCAR, BANANA, LECHE, YERBA, Shop, Watch
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.system


def scan(page: Page, code: str, *, gap: int = 8) -> None:
    """Type as a scanner does: *gap* milliseconds between two keys, and Enter."""
    page.keyboard.type(code, delay=gap)
    page.keyboard.press("Enter")


def quantity(page: Page, name: str) -> str:
    return page.get_by_label(f"Cantidad de {name}").input_value()


def line(page: Page, name: str, amount: str) -> None:
    expect(page.get_by_label(f"Cantidad de {name}")).to_have_value(amount)


def later(page: Page) -> None:
    """Let the second pass in which the same code counts as a double read."""
    page.clock.fast_forward(1500)


@pytest.fixture
def record(page: Page, shop: Shop) -> Page:
    """The record page, on a clock that the test moves."""
    page.clock.install()
    page.goto(f"{shop.url}/record")
    return page


def test_a_scan_and_enter_record_a_sale(record: Page, shop: Shop) -> None:
    scan(record, YERBA)
    line(record, "Yerba mate Rosamonte 1 kg", "1")
    record.keyboard.press("Enter")
    expect(record.locator("#done")).to_contain_text("Yerba mate Rosamonte 1 kg")
    assert shop.on_hand("YERBA-1") == "19"
    assert shop.query("SELECT kind::text, quantity::text, unit_price::text, actor FROM stock_movements WHERE kind <> 'opening'") == [
        ("sale", "-1.000", "4760.00", "owner")
    ]


def test_the_same_code_again_adds_one_and_the_page_stays_open(record: Page, shop: Shop) -> None:
    for _ in range(3):
        scan(record, LECHE)
        later(record)
    line(record, "Leche entera larga vida 1 l", "3")
    scan(record, YERBA)
    record.keyboard.press("Enter")
    expect(record.locator("#done li")).to_have_count(2)
    expect(record.locator("#code")).to_be_focused()
    later(record)
    scan(record, LECHE)
    line(record, "Leche entera larga vida 1 l", "1")
    assert shop.on_hand("LECHE-1") == "0"


def test_a_double_read_of_one_pull_of_the_trigger_counts_once_and_says_so(record: Page) -> None:
    scan(record, YERBA)
    scan(record, YERBA)
    expect(record.locator("#toasts")).to_contain_text("Se leyó dos veces, se contó una.")
    line(record, "Yerba mate Rosamonte 1 kg", "1")
    record.get_by_role("button", name="Sumar uno más").click()
    line(record, "Yerba mate Rosamonte 1 kg", "2")


def test_another_product_may_follow_at_once(record: Page) -> None:
    for code in (YERBA, LECHE, AZUCAR):
        scan(record, code)
    expect(record.locator("#lines .line")).to_have_count(3)


def test_a_slow_bluetooth_scanner_is_understood(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/record")
    scan(page, YERBA, gap=130)
    line(page, "Yerba mate Rosamonte 1 kg", "1")


def test_a_slow_scanner_outside_of_every_field_is_understood(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/products")
    page.locator("h1").click()
    scan(page, YERBA, gap=130)
    page.wait_for_url(f"{shop.url}/products/YERBA-1")


@pytest.mark.parametrize("path", ["/", "/products/LECHE-1", "/missing", "/movements", "/stores", "/suppliers", "/account"])
def test_a_scan_on_any_page_finds_the_product(page: Page, shop: Shop, path: str) -> None:
    page.goto(f"{shop.url}{path}")
    scan(page, YERBA)
    page.wait_for_url(f"{shop.url}/products/YERBA-1")
    expect(page.get_by_role("heading", name="Yerba mate Rosamonte 1 kg")).to_be_visible()


def test_a_scan_into_a_field_that_was_not_meant_leaves_it_as_it_was(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/products/LECHE-1/edit")
    page.locator("#name").focus()
    scan(page, YERBA)
    page.wait_for_url(f"{shop.url}/products/YERBA-1")
    page.go_back()
    expect(page.locator("#name")).to_have_value("Leche entera larga vida 1 l")


def test_a_scan_while_the_quantity_is_open_is_a_scan_and_no_quantity(record: Page) -> None:
    scan(record, YERBA)
    record.get_by_label("Cantidad de Yerba mate Rosamonte 1 kg").focus()
    scan(record, LECHE)
    line(record, "Leche entera larga vida 1 l", "1")
    line(record, "Yerba mate Rosamonte 1 kg", "1")


def test_a_scan_while_a_list_is_in_focus_chooses_nothing_in_it(record: Page, shop: Shop) -> None:
    shop.query("UPDATE stores SET name = '7 de Julio' WHERE code = 'NORTE' RETURNING 1")
    record.reload()
    record.locator("#store").focus()
    scan(record, YERBA)
    line(record, "Yerba mate Rosamonte 1 kg", "1")
    expect(record.locator("#store")).to_have_value("CENTRO")


def test_the_code_field_keeps_the_keyboard_of_a_phone_away_until_asked(phone: Page, shop: Shop) -> None:
    phone.goto(f"{shop.url}/record")
    assert phone.locator("#code").get_attribute("inputmode") == "none"
    expect(phone.locator("#code")).to_be_focused()
    phone.locator('[data-keyboard="code"]').tap()
    assert phone.locator("#code").get_attribute("inputmode") == "text"
    expect(phone.locator("#code")).to_be_focused()


def test_part_of_a_name_and_the_arrow_keys_find_a_product(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/record")
    page.keyboard.type("azúc", delay=30)
    expect(page.locator("#suggestions")).to_contain_text("Azúcar común tipo A 1 kg")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    line(page, "Azúcar común tipo A 1 kg", "1")


def test_a_weight_is_typed_with_a_comma(record: Page, shop: Shop) -> None:
    scan(record, BANANA)
    field = record.get_by_label("Cantidad de Banana")
    field.fill("1,25")
    field.press("Enter")
    expect(record.locator("#total")).to_have_text("$\xa02.887,50")
    record.keyboard.press("Enter")
    expect(record.locator("#done")).to_contain_text("Banana")
    assert shop.on_hand("BANANA") == "11.25"


def test_what_is_no_quantity_is_refused_with_an_example(record: Page) -> None:
    scan(record, BANANA)
    field = record.get_by_label("Cantidad de Banana")
    field.fill("mucho")
    field.press("Enter")
    expect(record.locator("#status")).to_contain_text("Escribila como 2 o 1,5.")


def test_a_count_shows_the_difference_and_records_it(record: Page, shop: Shop) -> None:
    record.get_by_text("Contar", exact=True).click()
    scan(record, YERBA)
    field = record.get_by_label("Cantidad de Yerba mate Rosamonte 1 kg")
    field.fill("18")
    field.press("Enter")
    expect(record.locator("#lines")).to_contain_text("Se esperaban 20 · diferencia −2")
    record.keyboard.press("Enter")
    expect(record.locator("#done")).to_contain_text("Yerba")
    assert shop.query("SELECT counted::text, expected::text, quantity::text FROM stock_movements WHERE kind = 'count'") == [
        ("18.000", "20.000", "-2.000")
    ]


def test_the_last_movement_is_undone_right_there(record: Page, shop: Shop) -> None:
    scan(record, YERBA)
    line(record, "Yerba mate Rosamonte 1 kg", "1")
    record.keyboard.press("Enter")
    record.get_by_role("button", name="Deshacer Yerba mate Rosamonte 1 kg").click()
    expect(record.locator("#done li").first).to_have_class("undone")
    assert shop.on_hand("YERBA-1") == "20"


def test_a_scanner_alone_can_do_all_of_it(record: Page, shop: Shop) -> None:
    for code in ("INVRECEIPT", YERBA, LECHE, "INVOK"):
        scan(record, code)
    expect(record.locator("#done li")).to_have_count(2)
    assert (shop.on_hand("YERBA-1"), shop.on_hand("LECHE-1")) == ("21", "4")
    scan(record, "INVUNDO")
    expect(record.locator("#done li.undone")).to_have_count(1)
    assert {shop.on_hand("YERBA-1"), shop.on_hand("LECHE-1")} in ({"20", "4"}, {"21", "3"})


def test_the_codes_for_the_scanner_can_be_printed(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/record/codes")
    expect(page.get_by_role("img", name="INVOK")).to_be_visible()
    assert page.get_by_role("img").count() >= 7


def test_a_code_that_nobody_has_leads_to_a_new_product(record: Page, watch: Watch) -> None:
    watch.expected.append("404")
    scan(record, "7790001000019")
    link = record.get_by_role("link", name="Crearlo")
    expect(link).to_be_visible()
    link.click()
    expect(record.locator("#barcodes")).to_have_value("7790001000019")


def test_a_movement_whose_answer_was_lost_is_sent_again_with_its_key_and_counts_once(record: Page, shop: Shop, watch: Watch) -> None:
    watch.expected.append("net::ERR")
    bodies: list[str] = []

    def lose_the_answer(route: Route) -> None:
        bodies.append(route.request.post_data or "")
        if len(bodies) == 1:
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    record.route("**/api/v1/movements:batch", lose_the_answer)
    scan(record, YERBA)
    line(record, "Yerba mate Rosamonte 1 kg", "1")
    record.keyboard.press("Enter")
    expect(record.get_by_role("alert").filter(has_text="No hay conexión con el negocio.")).to_be_visible()
    expect(record.locator("#unsure")).to_contain_text("1 movimiento sin confirmar")
    record.reload()
    expect(record.locator("#unsure")).to_be_visible()
    record.get_by_role("button", name="Probar ahora").click()
    expect(record.locator("#done")).to_contain_text("Yerba")
    assert bodies[0] == bodies[1]
    assert re.search(r'"key":"[0-9a-f-]{36}"', bodies[0])
    assert shop.on_hand("YERBA-1") == "19"


def test_a_sale_that_is_refused_says_why_at_its_line_and_stays(record: Page, shop: Shop) -> None:
    with_refusal = "UPDATE products SET allow_oversell = false WHERE sku = 'LECHE-1' RETURNING 1"
    shop.query(with_refusal)
    scan(record, LECHE)
    field = record.get_by_label("Cantidad de Leche entera larga vida 1 l")
    field.fill("9")
    field.press("Enter")
    record.keyboard.press("Enter")
    expect(record.locator("#lines .problem")).to_contain_text("Hay solo 3")
    field.fill("3")
    field.press("Enter")
    record.keyboard.press("Enter")
    expect(record.locator("#done")).to_contain_text("Leche")
    assert shop.on_hand("LECHE-1") == "0"


def test_an_ended_session_keeps_what_was_scanned(record: Page, shop: Shop, watch: Watch) -> None:
    watch.expected.append("401")
    scan(record, YERBA)
    line(record, "Yerba mate Rosamonte 1 kg", "1")
    record.context.clear_cookies()
    record.keyboard.press("Enter")
    expect(record.get_by_role("alert").filter(has_text="Se cerró tu sesión.")).to_be_visible()
    line(record, "Yerba mate Rosamonte 1 kg", "1")
    assert shop.on_hand("YERBA-1") == "20"
