"""Every page: what it shows, what it says when there is nothing, and how it fits a phone."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from browser.browser_app import YERBA, Shop, Watch, log_in
from playwright.sync_api import BrowserContext, Page, expect

pytestmark = pytest.mark.system

Opener = Callable[..., BrowserContext]
EVERY = ["/", "/products", "/products/YERBA-1", "/products/YERBA-1/edit", "/new-product", "/record", "/record/codes", "/missing", "/movements", "/stores",
         "/suppliers", "/imports", "/account"]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["es-AR", "en-US"])
def test_every_page_fits_a_phone_and_breaks_no_rule(open_context: Opener, shop: Shop, language: str, scheme: str) -> None:
    page = log_in(
        open_context(locale=language, color_scheme=scheme, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True), shop
    )
    for path in EVERY:
        page.goto(f"{shop.url}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert page.locator("h1").count() == 1, path
        assert page.title().endswith(" · Inventario"), path


def test_controls_are_large_enough_for_a_thumb(phone: Page, shop: Shop) -> None:
    for path in EVERY:
        phone.goto(f"{shop.url}{path}")
        small = phone.evaluate(
            """() => [...document.querySelectorAll('.button, .tabs > *, select, input:not([type=checkbox], [type=radio], [type=hidden])')]
                .filter((each) => each.checkVisibility()).map((each) => [each.outerHTML.slice(0, 80), each.getBoundingClientRect().height])
                .filter(([, height]) => height < 44)"""
        )
        assert small == [], path


def test_every_control_has_a_name(page: Page, shop: Shop) -> None:
    for path in EVERY:
        page.goto(f"{shop.url}{path}")
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a')].filter((each) => each.checkVisibility())
                .filter((each) => !(each.labels?.length || each.getAttribute('aria-label') || each.getAttribute('aria-labelledby') || each.textContent.trim()))
                .map((each) => each.outerHTML.slice(0, 120))"""
        )
        assert nameless == [], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_told_from_its_background(open_context: Opener, shop: Shop, scheme: str) -> None:
    page = log_in(open_context(color_scheme=scheme), shop)
    for path in EVERY:
        page.goto(f"{shop.url}{path}")
        assert page.evaluate(CONTRAST) == [], path


def test_the_first_load_of_the_start_page_is_under_200_kilobytes(open_context: Opener, shop: Shop) -> None:
    page = log_in(open_context(), shop)
    total = page.evaluate(
        "() => performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation')).reduce((sum, each) => sum + each.encodedBodySize, 0)"
    )
    assert 0 < total < 200_000


def test_the_dashboard_can_be_installed(page: Page, shop: Shop) -> None:
    address = page.locator("link[rel=manifest]").get_attribute("href")
    manifest = page.request.get(f"{shop.url}{address}").json()
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        assert page.request.get(f"{shop.url}{str(address).rsplit('/', 1)[0]}/{icon['src']}").ok


def test_the_skip_link_is_the_first_stop_of_the_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Ir al contenido")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_the_slash_key_goes_to_the_search_from_anywhere(page: Page, shop: Shop) -> None:
    page.keyboard.press("/")
    page.keyboard.type("leche")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{shop.url}/products?q=leche")
    expect(page.locator("#results tbody tr")).to_have_count(1)


def test_the_start_page_has_four_tiles_today_and_what_is_low(page: Page, shop: Shop) -> None:
    expect(page.locator(".tile")).to_have_count(4)
    expect(page.locator("section[aria-labelledby=low]")).to_contain_text("Leche entera larga vida 1 l")
    page.goto(f"{shop.url}/record?sku=YERBA-1")
    expect(page.get_by_label("Cantidad de Yerba mate Rosamonte 1 kg")).to_have_value("1")
    page.locator("#code").press("Enter")
    expect(page.locator("#done")).to_contain_text("Yerba")
    page.goto(shop.url)
    expect(page.locator(".figures")).to_contain_text("$\xa04.760,00")
    expect(page.locator("section[aria-labelledby=recent] tr").nth(1)).to_contain_text("Yerba mate Rosamonte 1 kg")


def test_the_first_day_says_what_to_do_next(open_context: Opener, empty_shop: Shop) -> None:
    page = log_in(open_context(), empty_shop)
    expect(page.get_by_text("Dos pasos y el negocio está listo.")).to_be_visible()
    for path, words in [
        ("/products", "Todavía no hay productos"),
        ("/record", "Primero, un local"),
        ("/missing", "No falta nada"),
        ("/movements", "Todavía no se movió nada"),
        ("/stores", "Todavía no hay locales"),
        ("/suppliers", "Todavía no hay proveedores"),
        ("/imports", "Todavía no hay importaciones"),
    ]:
        page.goto(f"{empty_shop.url}{path}")
        expect(page.locator(".empty")).to_contain_text(words)


def test_the_list_answers_while_one_types(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/products")
    expect(page.locator("#results tbody tr")).to_have_count(5)
    page.locator("#q").press_sequentially("yerba", delay=20)
    expect(page.locator("#results tbody tr")).to_have_count(1)
    assert "q=yerba" in page.url


@pytest.mark.parametrize("field", ["#q", "#global-search"])
def test_a_scan_into_a_search_field_opens_the_product(page: Page, shop: Shop, field: str) -> None:
    page.goto(f"{shop.url}/products")
    page.locator(field).focus()
    page.keyboard.type(YERBA, delay=8)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{shop.url}/products/YERBA-1")


def test_a_typo_still_finds_and_the_page_says_so(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/products")
    page.locator("#q").fill("rosamnte")
    expect(page.locator("#results")).to_contain_text("Nada se escribe como «rosamnte». Esto se le parece:")
    expect(page.locator("#results")).to_contain_text("Yerba mate Rosamonte 1 kg")


def test_nothing_found_offers_a_way_on(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/products?q=zzzzzz")
    expect(page.locator("#results")).to_contain_text("No se encontró nada")
    page.locator("#results").get_by_role("link", name="Agregar un producto").click()
    expect(page.locator("#name")).to_have_value("zzzzzz")


def test_the_list_is_filtered_by_category(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/products")
    page.locator("#category").select_option("Lácteos")
    expect(page.locator("#results tbody tr")).to_have_count(1)


def test_further_products_come_when_asked_for(page: Page, shop: Shop) -> None:
    with psycopg.connect(shop.database_url) as connection:
        connection.execute(
            "INSERT INTO products (sku, name) SELECT 'X' || i, 'Cosa ' || lpad(i::text, 3, '0') FROM generate_series(1, 70) i"
        )
    page.goto(f"{shop.url}/products?q=cosa")
    expect(page.locator("#results tbody tr")).to_have_count(51)
    page.get_by_role("link", name="Ver más").click()
    expect(page.locator("#results tbody tr")).to_have_count(70)


def test_a_product_shows_levels_chart_and_ledger(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/products/YERBA-1")
    expect(page.locator("section[aria-labelledby=levels]")).to_contain_text("Almacén del Centro")
    expect(page.locator("#stock-chart canvas")).to_be_visible()
    assert "20" in str(page.locator("#stock-chart").get_attribute("aria-label"))
    page.get_by_text("Lo mismo en una tabla").click()
    expect(page.locator("#stock-table tbody tr").first).to_contain_text("20")
    expect(page.locator("section[aria-labelledby=ledger] tbody tr")).to_have_count(1)


def test_a_movement_is_undone_from_the_ledger(page: Page, shop: Shop) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{shop.url}/products/YERBA-1")
    page.get_by_role("button", name="Deshacer: Stock inicial 20").click()
    expect(page.locator("section[aria-labelledby=ledger] tbody tr")).to_have_count(2)
    expect(page.locator("section[aria-labelledby=ledger]")).to_contain_text("deshecho")
    assert shop.on_hand("YERBA-1") == "0"


def test_a_product_is_added_with_what_was_typed_as_people_write(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/new-product")
    page.locator("#name").fill("Dulce de leche 400 g")
    page.locator("#sku").fill("DDL-400")
    page.locator("#price").fill("1.234,50")
    page.locator("#category").fill("Almacén/Dulces")
    page.locator("#barcodes").fill("7790001000019")
    page.get_by_role("button", name="Guardar").click()
    page.wait_for_url(f"{shop.url}/products/DDL-400?saved=1")
    expect(page.locator(".figures")).to_contain_text("$\xa01.234,50")


def test_everything_wrong_with_a_product_is_told_at_its_fields_and_nothing_is_lost(page: Page, shop: Shop, watch: Watch) -> None:
    watch.expected.append("422")
    page.goto(f"{shop.url}/new-product")
    page.locator("#name").fill("Dulce de leche")
    page.locator("#sku").fill("con espacio")
    page.locator("#price").fill("barato")
    page.locator("#barcodes").fill("7790001000018")
    page.get_by_role("button", name="Guardar").click()
    expect(page.locator("#price-error")).to_contain_text("«barato» no es un número.")
    expect(page.locator("#barcodes-error")).to_contain_text("dígito de control")
    expect(page.locator("#sku")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#name")).to_have_value("Dulce de leche")


def test_two_people_who_change_the_same_field_see_the_difference_and_choose(
    page: Page, open_context: Opener, shop: Shop, watch: Watch
) -> None:
    watch.expected.append("409")
    page.goto(f"{shop.url}/products/YERBA-1/edit")
    other = log_in(open_context(), shop)
    other.goto(f"{shop.url}/products/YERBA-1/edit")
    other.locator("#price").fill("5000")
    other.get_by_role("button", name="Guardar").click()
    other.wait_for_url("**/products/YERBA-1?saved=1")
    page.locator("#price").fill("4900")
    page.locator("#reorder_point").fill("12")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_role("heading", name="Alguien cambió este producto mientras tanto")).to_be_visible()
    row = page.get_by_role("row", name="Precio con IVA")
    expect(row).to_contain_text("5000")
    row.get_by_role("radio").first.check()
    page.get_by_role("button", name="Guardar").click()
    page.wait_for_url("**/products/YERBA-1?saved=1")
    assert shop.query("SELECT reorder_point::text FROM products WHERE sku = 'YERBA-1'") == [("12.000",)]
    expect(page.locator(".figures")).to_contain_text("$\xa05.000,00")


def test_two_people_who_change_different_fields_both_keep_theirs(page: Page, open_context: Opener, shop: Shop) -> None:
    page.goto(f"{shop.url}/products/YERBA-1/edit")
    other = log_in(open_context(), shop)
    other.goto(f"{shop.url}/products/YERBA-1/edit")
    other.locator("#price").fill("5000")
    other.get_by_role("button", name="Guardar").click()
    other.wait_for_url("**/products/YERBA-1?saved=1")
    page.locator("#reorder_point").fill("12")
    page.get_by_role("button", name="Guardar").click()
    page.wait_for_url("**/products/YERBA-1?saved=1")
    expect(page.locator(".figures")).to_contain_text("$\xa05.000,00")
    expect(page.locator(".figures")).to_contain_text("12")


def test_what_is_missing_leads_to_receiving_it(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/missing")
    page.get_by_role("row", name="Leche entera").get_by_role("link", name="Recibir").click()
    expect(page.get_by_label("Cantidad de Leche entera larga vida 1 l")).to_have_value("1")
    expect(page.get_by_role("radio", name="Recibir")).to_be_checked()


def test_a_store_and_a_supplier_are_added(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/stores")
    page.get_by_label("Nombre").fill("Depósito")
    page.get_by_label("Código corto").fill("DEPOSITO")
    page.locator("form.card").get_by_role("button", name="Agregar").click()
    expect(page.locator("tbody")).to_contain_text("Depósito")
    page.goto(f"{shop.url}/suppliers")
    page.get_by_label("Nombre").fill("Lácteos del Valle")
    page.get_by_label("Código corto").fill("LACTEOS")
    page.get_by_label("CUIT").fill("30-71234567-1")
    page.locator("form.card").get_by_role("button", name="Agregar").click()
    expect(page.locator("tbody")).to_contain_text("Lácteos del Valle")


def test_a_store_and_a_supplier_are_edited(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/stores")
    page.get_by_role("link", name="Editar Almacén del Centro").click()
    page.get_by_label("Nombre").fill("Almacén Central")
    page.get_by_label("Aceptar una venta aunque el stock diga cero").uncheck()
    page.get_by_role("button", name="Guardar").click()
    page.wait_for_url(f"{shop.url}/stores")
    expect(page.get_by_role("row", name="Almacén Central")).to_be_visible()
    assert shop.query("SELECT allow_oversell FROM stores WHERE code = 'CENTRO'") == [(False,)]
    page.goto(f"{shop.url}/suppliers")
    page.get_by_role("link", name="Editar Mayorista del Sur").click()
    page.locator("#lead_time_days").fill("5")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_role("row", name="Mayorista del Sur")).to_contain_text("5 días")


def test_a_wrong_cuit_is_told_in_the_persons_language(page: Page, shop: Shop, watch: Watch) -> None:
    watch.expected.append("422")
    page.goto(f"{shop.url}/suppliers")
    page.get_by_label("Nombre").fill("Lácteos del Valle")
    page.get_by_label("Código corto").fill("LACTEOS")
    page.get_by_label("CUIT").fill("30-71234567-9")
    page.locator("form.card").get_by_role("button", name="Agregar").click()
    expect(page.locator("#cuit-error")).to_contain_text("corregí el dígito mal escrito")


# WCAG 2.1, 1.4.3: 4.5 to 1, and 3 to 1 for large text. Looks at texts on plain backgrounds.
CONTRAST = """() => {
  const parts = (color) => { const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true}); c.fillStyle = color; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (each) => { for (let at = each; at; at = at.parentElement) { const color = parts(getComputedStyle(at).backgroundColor); if (color[3] === 255) return color; if (color[3] > 0) return null; } return [255, 255, 255, 255]; };
  const found = new Set();
  for (const each of document.querySelectorAll('body *')) {
    if (![...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || !each.checkVisibility() || each.disabled) continue;
    const style = getComputedStyle(each), back = behind(each);
    if (!back || each.closest('.visually-hidden, template')) continue;
    const a = light(parts(style.color)), b = light(back), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) found.add(`${each.tagName} ${each.className} ${ratio.toFixed(2)}: ${each.textContent.trim().slice(0, 40)}`);
  }
  return [...found];
}"""
