"""What every request meets before it reaches a route."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from inventario.accounts.commands import create_key, create_owner
from inventario.app import create_app
from inventario.settings import Settings

pytest_plugins = ["web_app"]

Client = httpx.AsyncClient
JSON = {"accept": "application/json"}
MASTER_KEY = "the master key of the tests"
NOWHERE = "postgresql://nobody@127.0.0.1:9/none"


@pytest.mark.parametrize("path", ["/livez", "/api/v1/products", "/nowhere", "/login", "/static/0/none.js"])
async def test_every_answer_carries_the_security_headers(anonymous: Client, path: str) -> None:
    headers = (await anonymous.get(path)).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_crash_carries_the_security_headers_and_says_what_to_do(app: FastAPI, client: Client) -> None:
    @app.get("/api/v1/crash")
    async def crash() -> None:
        raise RuntimeError("boom")

    answer = await client.get("/api/v1/crash")
    assert answer.status_code == 500
    assert "content-security-policy" in answer.headers
    assert "x-request-id" in answer.headers
    assert answer.json()["remedy"].startswith("Repeat it with the same Idempotency-Key")


async def test_private_answers_are_kept_nowhere(client: Client) -> None:
    assert (await client.get("/health")).headers["cache-control"] == "no-store"


async def test_a_well_formed_request_id_comes_back(anonymous: Client) -> None:
    assert (await anonymous.get("/livez", headers={"X-Request-ID": "till-7.0001"})).headers["x-request-id"] == "till-7.0001"


@pytest.mark.parametrize("wrong", ["two words", "x" * 65, "<script>"])
async def test_an_ill_formed_request_id_is_replaced(anonymous: Client, wrong: str) -> None:
    assert len((await anonymous.get("/livez", headers={"X-Request-ID": wrong})).headers["x-request-id"]) == 32


@pytest.mark.parametrize("path", ["/", "/livez", "/api/v1/products", "/static/0/app.css"])
async def test_a_foreign_host_gets_nothing_but_the_remedy(app: FastAPI, connect: Callable[..., Client], path: str) -> None:
    answer = await connect(app, base_url="http://evil.example:8080").get(path)
    assert answer.status_code == 421
    assert "ALLOWED_HOSTS" in answer.json()["remedy"]


@pytest.mark.parametrize("base", ["http://localhost:9999", "http://127.0.0.1", "http://[::1]:8080"])
async def test_the_port_of_a_known_host_does_not_matter(app: FastAPI, connect: Callable[..., Client], base: str) -> None:
    assert (await connect(app, base_url=base).get("/livez")).status_code == 200


async def test_the_master_key_works_without_a_database(connect: Callable[..., Client]) -> None:
    app = create_app(Settings(database_url=NOWHERE, dashboard_api_key="of any format"))
    async with app.router.lifespan_context(app):
        answer = await connect(app).get("/health", headers={"X-API-Key": "of any format"})
    assert answer.status_code == 200


async def test_an_unknown_key_is_503_and_not_401_while_the_database_is_away(connect: Callable[..., Client], database_url: str) -> None:
    key = create_key(database_url, "till", ["read"])
    app = create_app(Settings(database_url=NOWHERE))
    app.state.services.database._patience = 0.2
    app.state.services.database._pool.timeout = 0.2
    async with app.router.lifespan_context(app):
        answer = await connect(app).get("/api/v1/openapi.json", headers={"X-API-Key": key})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


async def test_a_person_reads_on_a_page_that_the_database_is_away(connect: Callable[..., Client]) -> None:
    app = create_app(Settings(database_url=NOWHERE, dashboard_api_key=MASTER_KEY))
    app.state.services.database._pool.timeout = 0.2
    async with app.router.lifespan_context(app):
        headers = {"X-API-Key": MASTER_KEY, "accept": "text/html", "accept-language": "es-AR"}
        answer = await connect(app).get("/products", headers=headers)
    assert answer.status_code == 503
    assert "La base de datos no responde." in answer.text
    assert int(answer.headers["retry-after"]) > 0


async def test_a_key_works_as_header_and_as_bearer(anonymous: Client, database_url: str) -> None:
    key = create_key(database_url, "till", ["read"])
    assert (await anonymous.get("/api/v1/openapi.json", headers={"X-API-Key": key})).status_code == 200
    assert (await anonymous.get("/api/v1/openapi.json", headers={"Authorization": f"Bearer {key}"})).status_code == 200


async def test_a_wrong_key_is_401_without_a_hint(anonymous: Client, database_url: str) -> None:
    key = create_key(database_url, "till", ["read"])
    typo, stranger = key[:-1] + ("0" if key[-1] != "0" else "1"), "inv_local_abcdefgh_" + "0" * 43 + "_000000"
    answers = [await anonymous.get("/api/v1/openapi.json", headers={"X-API-Key": wrong}) for wrong in (typo, stranger, "x", "")]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"].startswith("Bearer")


async def test_a_scope_that_is_missing_is_named(anonymous: Client, database_url: str) -> None:
    key = create_key(database_url, "reader", ["read"])
    answer = await anonymous.post("/api/v1/openapi.json", headers={"X-API-Key": key}, json={})
    assert answer.status_code == 403
    assert "scope write" in answer.json()["detail"]


async def test_metrics_need_a_key_of_their_own_scope_at_least(anonymous: Client, database_url: str) -> None:
    key = create_key(database_url, "prometheus", ["metrics:read"])
    assert (await anonymous.get("/metrics")).status_code == 401
    assert (await anonymous.get("/metrics", headers={"Authorization": f"Bearer {key}"})).status_code == 200
    assert (await anonymous.get("/api/v1/openapi.json", headers={"X-API-Key": key})).status_code == 403


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/api/nowhere"])
async def test_an_unknown_path_is_404_with_or_without_a_key(anonymous: Client, client: Client, path: str) -> None:
    assert (await anonymous.get(path)).status_code == 404
    assert (await client.get(path)).status_code == 404
    assert (await anonymous.get(path, headers={"X-API-Key": "wrong"})).status_code == 404
    assert (await anonymous.post(path)).status_code == 404


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/login"])
async def test_what_is_open_needs_no_key(anonymous: Client, path: str) -> None:
    assert (await anonymous.get(path)).status_code == 200


async def test_a_draining_process_is_not_ready(app: FastAPI, anonymous: Client) -> None:
    app.state.services.operations.drain()
    assert (await anonymous.get("/readyz")).status_code == 503


async def test_a_page_without_a_session_goes_to_the_login_and_back(anonymous: Client) -> None:
    answer = await anonymous.get("/account?q=mate")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/account%3Fq%3Dmate"


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: Client) -> None:
    answer = await client.post("/api/v1/products", content=b"x" * (2 * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.json()["remedy"]


async def test_a_body_of_unknown_length_is_counted(client: Client) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    answer = await client.post("/api/v1/movements", content=endless(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 401),
        ({"origin": "http://localhost:8080"}, 401),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:8081"}, 403),
        ({"origin": "https://localhost:8080"}, 403),
        ({"origin": "http://["}, 403),
        ({}, 403),
    ],
)
async def test_a_login_must_come_from_our_own_page(anonymous: Client, headers: dict[str, str], status: int) -> None:
    answer = await anonymous.post("/login", data={"name": "owner", "password": "wrong"}, headers={**JSON, **headers})
    assert answer.status_code == status


async def test_a_session_may_not_write_from_another_site(app: FastAPI, connect: Callable[..., Client], database_url: str) -> None:
    owner = create_owner(database_url)
    assert owner is not None
    token = await app.state.services.accounts.log_in(*owner, source="test")
    browser = connect(app, cookies={"inventario_session": token})
    assert (await browser.get("/api/v1/openapi.json")).status_code == 200
    assert (await browser.post("/api/v1/products", json={}, headers={"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await browser.post("/api/v1/products", json={}, headers={"sec-fetch-site": "same-origin"})).status_code != 403


async def test_metrics_name_the_route_and_never_the_path(client: Client) -> None:
    def count(endpoint: str, status: str) -> float:
        return REGISTRY.get_sample_value("dashboard_requests_total", {"endpoint": endpoint, "status": status, "method": "GET"}) or 0

    before = count("/livez", "200"), count("none", "404")
    await client.get("/livez")
    await client.get("/nowhere/1")
    await client.get("/nowhere/2")
    assert (count("/livez", "200"), count("none", "404")) == (before[0] + 1, before[1] + 2)
    text = (await client.get("/metrics")).text
    assert 'dashboard_request_duration_seconds_bucket{endpoint="/livez"' in text
    assert 'dashboard_request_duration_ms_bucket{endpoint="/livez"' in text
    assert "ledger_mismatches" in text
    assert "nowhere" not in text


@pytest.mark.parametrize("path", ["/login", "/language"])
async def test_an_origin_that_is_no_address_is_a_foreign_one(anonymous: Client, path: str) -> None:
    answer = await anonymous.post(path, headers={"origin": "http://["})
    assert answer.status_code == 403
    assert "content-security-policy" in answer.headers


async def test_a_guard_that_breaks_is_answered_like_any_other_crash(
    app: FastAPI, anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> bool:
        raise ValueError("boom")

    monkeypatch.setattr("inventario.web.origin._by_cookie", broken)
    answer = await anonymous.post("/login")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "internal-error"
    assert "content-security-policy" in answer.headers
    assert "x-request-id" in answer.headers


@pytest.mark.parametrize("target", ["http://[", "//["])
async def test_a_next_address_that_is_none_leads_to_the_start(anonymous: Client, target: str) -> None:
    assert (await anonymous.get("/login", params={"next": target})).status_code == 200
    answer = await anonymous.post("/language", data={"language": "es", "next": target}, headers={"sec-fetch-site": "same-origin"})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("path", ["/livez", "/login", "/api/v1/products", "/products", "/nowhere"])
async def test_head_is_answered_as_get_without_a_body(client: Client, path: str) -> None:
    wanted, answer = await client.get(path), await client.head(path)
    assert answer.status_code == wanted.status_code
    assert answer.content == b""
    assert answer.headers["content-length"] == wanted.headers["content-length"]
    assert answer.headers["content-security-policy"]


async def test_headers_of_more_than_64_kilobytes_are_refused(anonymous: Client) -> None:
    answer = await anonymous.get("/livez", headers={"x-large": "x" * 65_536})
    assert answer.status_code == 431
    assert answer.json()["remedy"]
    assert (await anonymous.get("/livez", headers={"x-large": "x" * 60_000})).status_code == 200
