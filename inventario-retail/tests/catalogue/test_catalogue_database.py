"""The database keeps the same rules as the code."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from stdnum import ean

from inventario.catalogue import rules
from inventario.catalogue.rules.search import HIGHEST

# One database for all examples of a test: none of them writes anything that another sees.
shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
any_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=45)
code_like = st.one_of(
    any_text,
    st.text("0123456789", min_size=6, max_size=15),
    st.text("ABCXYZ0189._- abc\n", max_size=42),
    st.text("0123456789", min_size=7, max_size=12).map(lambda body: body + ean.calc_check_digit(body)),
)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def value(connection: psycopg.Connection, query: str, *parameters: object) -> object:
    row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row[0]


@shared
@given(code=code_like)
@example(code="00000000000000")
@example(code="07790895000997")
@example(code="10012345678902")
def test_both_know_the_same_barcodes(connection: psycopg.Connection, code: str) -> None:
    assert value(connection, "SELECT barcode_kind(%s)", code) == rules.barcode_kind(code)


@shared
@given(code=code_like)
def test_both_know_the_same_check_digits(connection: psycopg.Connection, code: str) -> None:
    is_gtin = len(code) in {8, 12, 13} and code.isascii() and code.isdigit()
    assert value(connection, "SELECT gtin_is_valid(%s)", code) == (is_gtin and ean.is_valid(code))


@shared
@given(code=code_like)
def test_what_the_code_keeps_the_database_takes(connection: psycopg.Connection, code: str) -> None:
    try:
        kept, kind = rules.canonical_barcode(code)
    except ValueError:
        return
    assert value(connection, "SELECT barcode_kind(%s)", kept) == kind


@pytest.mark.parametrize(
    ("code", "kind"), [("7790895000991", "ean13"), ("7790895000997", "upca"), ("12345678", "internal"), ("036000291452", "upca")]
)
def test_a_wrong_barcode_is_refused_by_the_table(connection: psycopg.Connection, code: str, kind: str) -> None:
    connection.execute("INSERT INTO products (sku, name) VALUES ('A', 'A')")
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("INSERT INTO barcodes (code, product_id, kind) SELECT %s, id, %s FROM products", [code, kind])


@shared
@given(text=any_text)
def test_the_words_of_a_search_never_break_its_query(connection: psycopg.Connection, text: str) -> None:
    found = str(value(connection, "SELECT search_text(%s)", text))
    assert found == found.strip()
    assert not set(found) & set("'\\&|!():*<>")
    query = " & ".join(f"'{word}':*" for word in found.split())
    assert value(connection, "SELECT %s::tsquery IS NOT NULL", query) is True


@shared
@given(text=any_text)
def test_what_the_search_compares_is_compared_as_it_is(connection: psycopg.Connection, text: str) -> None:
    assert value(connection, "SELECT search_text(search_text(%(t)s)) = search_text(%(t)s)".replace("%(t)s", "%s"), text, text) is True


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Coca-Cola 1,5L", "coca cola 1.5 l"),
        ("Azúcar Ñandú x1kg.", "azucar nandu x 1 kg"),
        ("7up 1/2", "7 up 1 2"),
        ("---", ""),
        ("Молоко 3%", "молоко 3"),
    ],
)
def test_names_are_compared_without_accents_and_signs(connection: psycopg.Connection, name: str, text: str) -> None:
    assert value(connection, "SELECT search_text(%s)", name) == text


@shared
@given(text=any_text, more=any_text)
def test_what_begins_with_a_text_lies_below_the_highest_character(connection: psycopg.Connection, text: str, more: str) -> None:
    if more[:1] == HIGHEST:
        return
    assert value(connection, 'SELECT %s COLLATE "C" >= %s AND %s COLLATE "C" < %s', text + more, text, text + more, text + HIGHEST) is True


def test_a_time_zone_that_the_server_does_not_know_is_refused(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        connection.execute("INSERT INTO stores (code, name, time_zone) VALUES ('A', 'A', 'Mars/Olympus')")


def test_prices_of_one_product_never_overlap(connection: psycopg.Connection) -> None:
    connection.execute("INSERT INTO products (sku, name) VALUES ('A', 'A')")
    connection.execute("INSERT INTO prices SELECT id, 1, tstzrange(now(), NULL) FROM products")
    with pytest.raises(psycopg.errors.ExclusionViolation):
        connection.execute("INSERT INTO prices SELECT id, 2, tstzrange(now() + interval '1 day', NULL) FROM products")


def test_new_words_are_learnt_once(connection: psycopg.Connection) -> None:
    connection.execute("INSERT INTO products (sku, name) VALUES ('A', 'Leche leche 3L'), ('B', 'Leche de coco')")
    connection.execute("UPDATE products SET name = 'Leche entera' WHERE sku = 'B'")
    words = [row[0] for row in connection.execute("SELECT word FROM search_words ORDER BY word")]
    assert words == ["coco", "entera", "leche"]


def test_the_schema_can_be_taken_down_and_put_up_again(connection: psycopg.Connection, database_url: str) -> None:
    from alembic import command
    from alembic.config import Config

    from inventario import migrations

    config = Config()
    config.set_main_option("script_location", str(migrations._DIRECTORY))
    config.attributes["url"] = database_url
    command.downgrade(config, "base")
    assert (
        value(
            connection,
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname <> 'alembic_version' AND relname NOT LIKE 'alembic%%'",
        )
        == 0
    )
    command.upgrade(config, "head")
    assert value(connection, "SELECT count(*) FROM products") == 0
