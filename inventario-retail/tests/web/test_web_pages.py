"""Languages, static files and error pages."""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

import inventario
from inventario.web.languages import ENGLISH, LANGUAGES, SPANISH, catalog
from inventario.web.messages import all_messages

pytest_plugins = ["web_app"]

Client = httpx.AsyncClient
STATIC = Path(inventario.__file__).parent / "static"
HTML = {"accept": "text/html", "sec-fetch-site": "same-origin"}


@pytest.mark.parametrize(
    ("accepted", "tag"),
    [
        ("es-AR,es;q=0.9,en;q=0.8", "es-AR"),
        ("en-US,en;q=0.9", "en"),
        ("pt-BR,en;q=0.5", "en"),
        ("es-ES", "es-AR"),
        ("de", "es-AR"),
        ("", "es-AR"),
        ("en;q=x", "es-AR"),
    ],
)
async def test_the_browser_chooses_the_language(anonymous: Client, accepted: str, tag: str) -> None:
    assert f'<html lang="{tag}">' in (await anonymous.get("/login", headers={"accept-language": accepted})).text


async def test_the_language_can_be_switched_before_the_login_and_stays(anonymous: Client) -> None:
    answer = await anonymous.post("/language", data={"language": "en", "next": "/login"}, headers=HTML)
    assert answer.headers["location"] == "/login"
    assert '<html lang="en">' in (await anonymous.get("/login", headers={"accept-language": "es-AR"})).text


async def test_a_language_that_does_not_exist_changes_nothing(anonymous: Client) -> None:
    assert "set-cookie" not in (await anonymous.post("/language", data={"language": "xx"}, headers=HTML)).headers


def test_every_sentence_has_a_spanish_translation() -> None:
    spanish = catalog("es-AR")
    missing = []
    for message in all_messages():
        found = spanish.get(message if isinstance(message, str) else message[0])
        strings = [] if found is None else [found.string] if isinstance(found.string, str) else list(found.string or ())
        if not strings or not all(strings):
            missing.append(message)
    assert sorted(map(str, missing)) == []


def test_no_translation_is_unsure_or_unused() -> None:
    spanish = catalog("es-AR")
    said = {message if isinstance(message, str) else message[0] for message in all_messages()}
    assert [
        message.id
        for message in spanish
        if message.id and (message.fuzzy or (message.id if isinstance(message.id, str) else message.id[0]) not in said)
    ] == []
    assert not spanish.obsolete


def test_translations_keep_the_blanks_of_their_sentences() -> None:
    blanks = re.compile(r"\{\w+\}|%\(\w+\)s")
    wrong = [
        message.id
        for message in catalog("es-AR")
        if isinstance(message.id, str) and message.id and set(blanks.findall(message.id)) != set(blanks.findall(str(message.string)))
    ]
    assert wrong == []


def test_a_sentence_with_names_in_it_is_translated_with_them() -> None:
    assert SPANISH.sentence("There is no scope fly.") == "No existe el permiso fly."
    assert ENGLISH.sentence("There is no scope fly.") == "There is no scope fly."


def test_money_quantities_and_rates_look_as_in_the_country() -> None:
    assert SPANISH.money(Decimal("1234.56")) == "$\xa01.234,56"
    assert ENGLISH.money(Decimal("-1234.5")) == "−$\xa01,234.50"
    assert SPANISH.quantity(Decimal("1234.500"), "kg") == "1.234,5\xa0kg"
    assert SPANISH.quantity(Decimal("-2.000")) == "−2"
    assert SPANISH.percent(Decimal("10.50")) == "10,5\xa0%"


async def test_static_files_are_kept_for_ever_under_their_hash_and_compressed(anonymous: Client) -> None:
    page = (await anonymous.get("/login")).text
    address = re.search(r'href="(/static/[0-9a-f]{12}/app\.css)"', page)
    assert address is not None
    answer = await anonymous.get(address[1], headers={"accept-encoding": "gzip"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == (STATIC / "app.css").read_text(encoding="utf-8")


async def test_yesterdays_address_of_a_static_file_answers_and_is_not_kept(anonymous: Client) -> None:
    answer = await anonymous.get("/static/000000000000/app.css")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "path", ["/static/x/../../settings.py", "/static/x/%2e%2e/settings.py", "/static/app.css", "/static/x/vendor/README.md"]
)
async def test_no_other_file_can_be_read(anonymous: Client, path: str) -> None:
    assert (await anonymous.get(path)).status_code == 404


def test_vendored_files_are_the_published_ones() -> None:
    table = re.findall(r"^\| `([\w.]+)` \|.*\| `(\w{64})` \|$", (STATIC / "vendor" / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {name for name, _ in table} == {path.name for path in (STATIC / "vendor").iterdir() if path.suffix in {".js", ".css"}}
    for name, expected in table:
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == expected


async def test_the_first_page_weighs_less_than_200_kilobytes(anonymous: Client) -> None:
    page = (await anonymous.get("/login")).text
    base = re.search(r"/static/[0-9a-f]{12}/", page)
    assert base is not None
    names = ["app.css", "icon.svg", "messages/es-AR.js", "vendor/htmx.min.js", "vendor/uPlot.iife.min.js", "vendor/uPlot.min.css"]
    names += [f"js/{path.name}" for path in (STATIC / "js").iterdir()]
    total = len(page) + sum([int((await anonymous.get(base[0] + name)).headers["content-length"]) for name in names])
    assert total < 200_000


async def test_a_person_gets_an_error_as_a_page_in_their_language(client: Client) -> None:
    answer = await client.get("/nowhere", headers={"accept": "text/html", "accept-language": "es-AR"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "No hay nada en esta dirección." in answer.text


async def test_a_machine_gets_an_error_as_a_problem(client: Client) -> None:
    assert (await client.get("/nowhere")).headers["content-type"] == "application/problem+json"


def test_both_languages_are_complete_in_name() -> None:
    assert {tag: language.name for tag, language in LANGUAGES.items()} == {"es-AR": "Español", "en": "English"}
