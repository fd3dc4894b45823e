"""Importing a list: the preview, all errors at once, applying, and taking back."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.browser_app import Shop, Watch
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.system

GOOD = """código;nombre;precio;código de barras;color
GAL-1;Galletitas surtidas 400 g;1.890,00;7790001000019;rojo
YERBA-1;Yerba mate Rosamonte 1 kg;4.990,00;7790387000016;verde
"""
BAD = """código;nombre;precio;código de barras
GAL 1;Galletitas;1.890,00;7790001000018
GAL-2;Otras;barato;
"""
SALES = """fecha,local,código,tipo,cantidad
2026-11-01 10:00,CENTRO,YERBA-1,venta,-2
2026-11-01 11:00,CENTRO,AZUCAR-1,venta,-1
"""


def check(page: Page, shop: Shop, path: Path, text: str) -> None:
    """Send *text* as a file."""
    path.write_text(text, encoding="utf-8")
    page.goto(f"{shop.url}/imports")
    page.set_input_files("#file", path)
    page.get_by_role("button", name="Revisar el archivo").click()
    page.wait_for_url(f"{shop.url}/imports/*")


def test_the_preview_shows_what_would_change_and_changes_nothing(page: Page, shop: Shop, tmp_path: Path) -> None:
    check(page, shop, tmp_path / "lista.csv", GOOD)
    expect(page.get_by_role("heading", name="El archivo está bien.")).to_be_visible()
    expect(page.get_by_role("row", name="GAL-1")).to_contain_text("nuevo")
    expect(page.get_by_role("row", name="YERBA-1")).to_contain_text("$\xa04.760,00 → $\xa04.990,00")
    expect(page.locator("#report")).to_contain_text("Columnas que no se usan: color")
    assert shop.query("SELECT count(*) FROM products WHERE sku = 'GAL-1'") == [(0,)]


def test_what_was_checked_is_applied_and_taken_back(page: Page, shop: Shop, tmp_path: Path) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    check(page, shop, tmp_path / "lista.csv", GOOD)
    page.get_by_role("button", name="Aplicar").click()
    expect(page.locator("#report")).to_contain_text("Aplicada: 2 filas quedaron registradas.")
    assert shop.query("SELECT count(*) FROM products WHERE sku = 'GAL-1'") == [(1,)]
    page.get_by_role("button", name="Deshacer").click()
    expect(page.locator("#report")).to_contain_text("Esta importación se deshizo.")


def test_every_error_is_shown_at_once_with_row_and_column_in_the_persons_language(page: Page, shop: Shop, tmp_path: Path) -> None:
    check(page, shop, tmp_path / "mala.csv", BAD)
    expect(page.get_by_role("alert")).to_contain_text("Hay 3 cosas para corregir en el archivo.")
    rows = page.locator("section[aria-labelledby=errors] tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("no es un SKU")
    expect(page.locator("section[aria-labelledby=errors]")).to_contain_text("barato no es un número.")
    expect(page.locator("section[aria-labelledby=errors]")).to_contain_text("dígito de control")
    expect(page.get_by_role("button", name="Aplicar")).to_have_count(0)


def test_movements_are_imported_and_change_the_stock(page: Page, shop: Shop, tmp_path: Path) -> None:
    check(page, shop, tmp_path / "ventas.csv", SALES)
    expect(page.locator("#report")).to_contain_text("Productos que se mueven")
    page.get_by_role("button", name="Aplicar").click()
    expect(page.locator("#report")).to_contain_text("Aplicada: 2 filas")
    assert (shop.on_hand("YERBA-1"), shop.on_hand("AZUCAR-1")) == ("18", "39")


def test_the_same_file_twice_asks_before_it_counts_twice(page: Page, shop: Shop, tmp_path: Path, watch: Watch) -> None:
    watch.expected.append("409")
    for _ in range(2):
        check(page, shop, tmp_path / "ventas.csv", SALES)
        page.get_by_role("button", name="Aplicar").click()
    expect(page.get_by_role("alert")).to_contain_text("Este mismo contenido se importó")
    page.get_by_role("button", name="Aplicar de todos modos").click()
    expect(page.locator("#report")).to_contain_text("Aplicada: 2 filas")


def test_what_is_no_table_is_refused_with_what_to_do(page: Page, shop: Shop, tmp_path: Path, watch: Watch) -> None:
    watch.expected.append("422")
    path = tmp_path / "foto.csv"
    path.write_bytes(bytes(range(256)) * 20)
    page.goto(f"{shop.url}/imports")
    page.set_input_files("#file", path)
    page.get_by_role("button", name="Revisar el archivo").click()
    expect(page.get_by_role("alert")).to_contain_text("Este archivo no se puede importar")


def test_imports_until_now_are_listed(page: Page, shop: Shop, tmp_path: Path) -> None:
    check(page, shop, tmp_path / "lista.csv", GOOD)
    page.goto(f"{shop.url}/imports")
    expect(page.get_by_role("row", name="lista.csv")).to_contain_text("revisada, sin aplicar")
