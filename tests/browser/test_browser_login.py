"""Coming in and going out, languages, and what other sites may not do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from browser.browser_app import Shop, Watch, log_in
from playwright.sync_api import BrowserContext, Page, expect

pytestmark = pytest.mark.system

Opener = Callable[..., BrowserContext]


def test_no_page_shows_without_a_login_and_the_login_leads_back(open_context: Opener, shop: Shop) -> None:
    page = open_context().new_page()
    page.goto(f"{shop.url}/products?q=leche")
    assert page.url.startswith(f"{shop.url}/login")
    page.get_by_label("Nombre").fill(shop.owner[0])
    page.get_by_label("Contraseña").fill(shop.owner[1])
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("heading", name="Productos")).to_be_visible()
    assert page.url == f"{shop.url}/products?q=leche"


def test_the_login_works_by_keyboard_alone(open_context: Opener, shop: Shop) -> None:
    page = open_context().new_page()
    page.goto(shop.url)
    expect(page.locator("input[name=name]")).to_be_focused()
    page.keyboard.type(shop.owner[0])
    page.keyboard.press("Tab")
    page.keyboard.type(shop.owner[1])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="¿Qué querés hacer?")).to_be_visible()


def test_a_wrong_password_is_told_and_the_name_stays(open_context: Opener, shop: Shop, watch: Watch) -> None:
    watch.expected.append("401")
    page = open_context().new_page()
    page.goto(f"{shop.url}/login")
    page.fill("#name", "owner")
    page.fill("#password", "wrong")
    page.click("form.card button")
    expect(page.get_by_role("alert")).to_contain_text("El nombre o la contraseña no son correctos.")
    expect(page.locator("#name")).to_have_value("owner")


def test_a_logout_closes_the_door(page: Page, shop: Shop) -> None:
    page.locator(".side").get_by_role("button", name="Salir").click()
    page.wait_for_url(f"{shop.url}/login")
    page.goto(f"{shop.url}/products")
    assert "/login" in page.url


def test_the_language_is_the_browsers_and_can_be_switched(open_context: Opener, shop: Shop) -> None:
    page = log_in(open_context(locale="en-US"), shop)
    expect(page.get_by_role("heading", name="What do you want to do?")).to_be_visible()
    page.goto(f"{shop.url}/products?q=leche")
    expect(page.locator("#results")).to_contain_text("$\xa01,530.50")
    page.locator(".top").get_by_role("button", name="Español").click()
    expect(page.get_by_role("heading", name="Productos")).to_be_visible()
    assert page.url == f"{shop.url}/products?q=leche"
    expect(page.locator("#results")).to_contain_text("$\xa01.530,50")
    assert page.locator("html").get_attribute("lang") == "es-AR"


def test_a_foreign_host_is_not_answered(open_context: Opener, shop: Shop, watch: Watch) -> None:
    watch.expected += ["421", "Cross-Origin-Opener-Policy"]
    page = open_context().new_page()
    answer = page.goto(shop.url.replace("localhost", "evil.example"))
    assert answer is not None
    assert answer.status == 421
    assert "ALLOWED_HOSTS" in answer.text()


def test_another_site_can_use_neither_the_session_nor_the_frame(page: Page, shop: Shop, watch: Watch) -> None:
    watch.expected += ["403", "frame-ancestors", "refused to connect", "frame"]
    with _Site(
        f'<form method="post" action="{shop.url}/stores" target="_self"><input name="code" value="EVIL"><input name="name" value="Evil">'
        f'<button>go</button></form><iframe src="{shop.url}/"></iframe>'
    ) as address:
        page.goto(address)
        framed = page.frames[1]
        assert "¿Qué querés hacer?" not in framed.content()
        page.get_by_role("button", name="go").click()
        page.wait_for_url(f"{shop.url}/stores")
        expect(page.get_by_role("heading", name="No está permitido")).to_be_visible()
    assert shop.query("SELECT count(*) FROM stores WHERE code = 'EVIL'") == [(0,)]


def test_keys_are_made_shown_once_and_revoked(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.url}/account")
    page.get_by_label("Quién la usa").fill("balanza")
    page.get_by_role("button", name="Hacer la clave").click()
    key = page.locator("#new-key-text").input_value()
    assert key.startswith("inv_local_")
    page.goto(f"{shop.url}/account")
    assert key not in page.content()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("row", name="balanza").get_by_role("button", name="Anular").click()
    expect(page.get_by_role("row", name="balanza")).to_contain_text("anulada")


class _Site:
    """Another site: one page on another port, which is another origin."""

    def __init__(self, html: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(html.encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> str:
        self._thread.start()
        # The same name on another port: the browser sends the cookie there and back, so that nothing but our own check stands in the way.
        return f"http://localhost:{self._server.server_port}/"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
