"""Login, logout, keys and password, as a browser sees them."""

from __future__ import annotations

import re

import httpx
import psycopg
import pytest

pytest_plugins = ["accounts_app"]

Browser = httpx.AsyncClient
Owner = tuple[str, str]


async def enter(browser: Browser, owner: Owner, **more: str) -> httpx.Response:
    return await browser.post("/login", data={"name": owner[0], "password": owner[1], **more})


async def test_a_login_sets_a_cookie_that_scripts_cannot_read(browser: Browser, owner: Owner) -> None:
    answer = await enter(browser, owner)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie


async def test_over_https_the_cookie_is_for_https_alone(browser: Browser, owner: Owner) -> None:
    answer = await browser.post("https://localhost:8080/login", data={"name": owner[0], "password": owner[1]})
    assert "Secure" in answer.headers["set-cookie"]


async def test_a_login_goes_on_to_where_the_person_was_going(browser: Browser, owner: Owner) -> None:
    assert (await enter(browser, owner, next="/products?q=mate")).headers["location"] == "/products?q=mate"


@pytest.mark.parametrize(
    "trap", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example", "http://[", "//[", ""]
)
async def test_a_login_leads_nowhere_else(browser: Browser, owner: Owner, trap: str) -> None:
    assert (await enter(browser, owner, next=trap)).headers["location"] == "/"


async def test_a_wrong_password_is_told_on_the_page_and_the_name_stays(browser: Browser, owner: Owner) -> None:
    answer = await enter(browser, (owner[0], "wrong"))
    assert answer.status_code == 401
    assert 'value="owner"' in answer.text
    assert 'role="alert"' in answer.text


async def test_too_many_wrong_passwords_say_how_long_to_wait(browser: Browser, owner: Owner) -> None:
    answers = [await enter(browser, (owner[0], "wrong")) for _ in range(7)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_a_logout_ends_the_session_on_the_server(browser: Browser, owner: Owner) -> None:
    await enter(browser, owner)
    token = browser.cookies["inventario_session"]
    answer = await browser.post("/logout")
    assert answer.headers["location"] == "/login"
    browser.cookies.set("inventario_session", token, domain="localhost.local")
    assert (await browser.get("/account")).headers["location"].startswith("/login")


async def test_a_key_is_shown_once_and_works(browser: Browser, owner: Owner) -> None:
    await enter(browser, owner)
    page = (await browser.post("/account/keys", data={"name": "till-1", "scopes": ["read"]})).text
    key = re.search(r"inv_local_\w+", page)
    assert key is not None
    assert key[0] not in (await browser.get("/account")).text
    browser.cookies.clear()
    assert (await browser.get("/api/v1/openapi.json", headers={"x-api-key": key[0]})).status_code == 200


async def test_a_key_without_a_name_keeps_the_form_and_says_why(browser: Browser, owner: Owner) -> None:
    await enter(browser, owner)
    answer = await browser.post("/account/keys", data={"name": " ", "scopes": ["read"]}, headers={"accept-language": "en"})
    assert answer.status_code == 422
    assert "A key needs a name" in answer.text


async def test_a_revoked_key_is_shown_as_such(browser: Browser, owner: Owner, database_url: str) -> None:
    await enter(browser, owner)
    await browser.post("/account/keys", data={"name": "till-1", "scopes": ["read"]})
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT id FROM api_keys").fetchone()
    assert found is not None
    assert (await browser.post(f"/account/keys/{found[0]}/revoke")).status_code == 303
    assert "revoked" in (await browser.get("/account", headers={"accept-language": "en"})).text


async def test_another_password_gives_a_new_session(browser: Browser, owner: Owner) -> None:
    await enter(browser, owner)
    before = browser.cookies["inventario_session"]
    answer = await browser.post("/account/password", data={"current": owner[1], "new": "a few words of mine"})
    assert answer.headers["location"] == "/account?changed=1"
    assert browser.cookies["inventario_session"] != before
    assert (await browser.get("/account?changed=1")).status_code == 200


async def test_a_key_without_the_scope_sees_no_keys(browser: Browser, database_url: str) -> None:
    from inventario.accounts.commands import create_key

    key = create_key(database_url, "till", ["read", "write"])
    assert (await browser.get("/account", headers={"x-api-key": key})).status_code == 403
    assert (await browser.post("/account/keys", headers={"x-api-key": key}, data={"name": "mine", "scopes": ["admin"]})).status_code == 403


@pytest.mark.parametrize("name", ["a\0", "\0", "a\nb"])
async def test_a_name_that_nobody_can_have_is_a_wrong_one(browser: Browser, owner: Owner, name: str) -> None:
    assert (await enter(browser, (name, owner[1]))).status_code == 401


async def test_halves_of_surrogate_pairs_are_refused(browser: Browser, owner: Owner) -> None:
    form = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n\\ud800\r\n' % field for field in (b"name", b"password", b"next")
    )
    headers = {"content-type": "multipart/form-data; boundary=b; charset=unicode_escape"}
    assert (await browser.post("/login", content=form + b"--b--\r\n", headers=headers)).status_code == 422


async def test_a_key_that_nobody_can_have_cannot_be_revoked(browser: Browser, owner: Owner) -> None:
    await enter(browser, owner)
    assert (await browser.post("/account/keys/%00/revoke")).status_code == 404


@pytest.mark.parametrize("name", ["till\0", "till\n1", "\u202etill"])
async def test_a_key_is_named_in_signs_that_can_be_shown(browser: Browser, owner: Owner, name: str) -> None:
    await enter(browser, owner)
    assert (await browser.post("/account/keys", data={"name": name, "scopes": "read"})).status_code == 422
    assert (await browser.post("/account/keys", data={"name": "till", "scopes": "\0"})).status_code == 422
