"""A plain shop to measure on: one store, a number of products, plenty of each."""

from __future__ import annotations

import psycopg

__all__ = ["STORE", "make_shop", "skus", "verify"]

STORE = "BENCH"


def skus(count: int) -> list[str]:
    """Return the SKUs of a shop with *count* products."""
    return [f"P{number:07d}" for number in range(1, count + 1)]


def make_shop(database_url: str, products: int) -> None:
    """Fill an empty database. Each product has an opening movement of a million."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO stores (code, name, time_zone) VALUES (%s, 'Benchmark', 'America/Argentina/Buenos_Aires')", (STORE,)
        )
        connection.execute(
            "INSERT INTO products (sku, name, cost, vat_rate) SELECT 'P' || lpad(n::text, 7, '0'), 'Producto ' || n, 100, 21 "
            "FROM generate_series(1, %s) AS n",
            (products,),
        )
        connection.execute("INSERT INTO prices (product_id, amount, valid) SELECT id, 150, tstzrange('2020-01-01', NULL) FROM products")
        connection.execute(
            "INSERT INTO stock_levels (store_id, product_id, on_hand, version) SELECT s.id, p.id, 1000000, 1 FROM stores AS s, products AS p"
        )
        connection.execute(
            "INSERT INTO stock_movements (id, store_id, product_id, sequence, kind, quantity, on_hand, occurred_at, business_date) "
            "SELECT time_ordered_uuid(row_number() OVER ()), store_id, product_id, 1, 'opening', on_hand, on_hand, now(), current_date FROM stock_levels"
        )
        # Only what has rows: of a table that was empty when it was analysed the planner believes that it stays so.
        connection.execute("ANALYZE stores, products, prices, stock_levels, stock_movements")


def verify(database_url: str, acknowledged: list[str]) -> dict[str, int]:
    """Hold the acknowledged movements, lines ``key id``, against the ledger and the levels.

    Returns:
        Counts: ``acknowledged``, ``missing`` from the ledger, keys with more than one effect (``doubled``), and levels that are not the sum
        of their movements (``mismatches``).
    """
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TEMPORARY TABLE told (key text, id uuid)")
        with connection.cursor().copy("COPY told FROM STDIN") as copy:
            for line in acknowledged:
                copy.write_row(line.split())
        found = connection.execute(
            """
            SELECT (SELECT count(*) FROM told),
                (SELECT count(*) FROM told LEFT JOIN stock_movements AS m USING (id)
                    LEFT JOIN movement_keys AS k ON k.key = told.key AND k.movement_id = told.id
                    WHERE m.id IS NULL OR k.key IS NULL),
                (SELECT count(*) FROM (SELECT FROM told GROUP BY key HAVING count(DISTINCT id) > 1) AS twice),
                (SELECT count(*) FROM stock_levels AS l WHERE (l.on_hand, l.version) IS DISTINCT FROM
                    (SELECT (sum(quantity), count(*)) FROM stock_movements AS m WHERE m.store_id = l.store_id AND m.product_id = l.product_id))
            """
        ).fetchone()
    assert found is not None
    return dict(zip(("acknowledged", "missing", "doubled", "mismatches"), found, strict=True))
