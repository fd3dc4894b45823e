"""Whether what is fast in a small shop is fast in a large one: the same routes at 10,000 products and 200,000 movements, and a hundred times that.

Both shops run side by side, each with its own database and server process, and are asked in turns. The large one takes some minutes and 15 GB to
make; with ``--keep DIRECTORY`` it is made once.
"""

from __future__ import annotations

import argparse
import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import psycopg
from harness import big, load, machine, report, servers
from harness.report import Target

# The routes whose time must not grow, and the searches, which have bounds of their own.
_STEADY = ("barcode", "sku", "stock of a product", "stock of a store", "ledger of a product", "ledger of a store", "movement")
_WORDS = ("word", "two words", "brand", "beginning of a word")
_TYPOS = ("typo in a word", "typo in a brand")

# Milliseconds, by shop, kind of request and round.
_Times: TypeAlias = dict[str, dict[str, list[list[float]]]]


def main() -> None:
    """Make, measure, print, keep."""
    options = _options()
    sizes = {"small": (options.small_products, options.small_movements), "large": (options.products, options.movements)}
    with ExitStack() as stack:
        server_url = stack.enter_context(servers.postgres(options.keep))
        urls = {name: _database(server_url, name, *size) for name, size in sizes.items()}
        running = {name: stack.enter_context(servers.product(url)) for name, url in urls.items()}
        paths = {name: _paths(urls[name], sizes[name][0], options.requests) for name in sizes}
        environment = machine.environment(urls["large"])
        found = _measure(options, running, paths)
        sizes_on_disk = {name: _size(url) for name, url in urls.items()}
    _report(sizes, environment, found, sizes_on_disk)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--movements", type=int, default=20_000_000)
    parser.add_argument("--small-products", type=int, default=10_000)
    parser.add_argument("--small-movements", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=9, help="rounds that count; one more comes first, to warm up")
    parser.add_argument("--requests", type=int, default=200, help="requests of each kind in a round")
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=None, help="directory whose databases stay for the next run")
    return parser.parse_args()


def _database(server_url: str, name: str, products: int, movements: int) -> str:
    database = f"scale_{products}_{movements}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        made = connection.execute("SELECT FROM pg_database WHERE datname = %s", (database,)).fetchone()
    if made is not None:
        return f"{server_url.rpartition('/')[0]}/{database}"
    print(f"making the {name} shop: {products:,} products, {movements:,} movements", flush=True)
    url = servers.new_database(server_url, "scale_unfinished")
    big.make(url, products=products, movements=movements, tell=lambda text: print(f"  {text}", flush=True))
    # Only a finished one gets the name by which the next run finds it.
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE scale_unfinished RENAME TO "{database}"')
    return f"{server_url.rpartition('/')[0]}/{database}"


def _paths(url: str, products: int, count: int) -> dict[str, list[str]]:
    """Return *count* requests of each kind, for products all over the shop."""
    rng = random.Random(products)
    numbers = [rng.randint(1, products) for _ in range(count)]
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT id FROM stock_movements TABLESAMPLE SYSTEM (1) LIMIT %s", (count * 5,)).fetchall()
        names = [
            str(row[0])
            for row in connection.execute(
                "SELECT name FROM products WHERE sku = ANY(%s)", ([big.sku(number) for number in numbers],)
            ).fetchall()
        ]
    ids = [str(row[0]) for row in rng.sample(rows, min(count, len(rows)))]
    split = [name.split() for name in names]
    searches = {
        "word": [words[0] for words in split],
        "two words": [f"{words[0]} {words[1]}" for words in split],
        "brand": [_brand(words) for words in split],
        "beginning of a word": [words[0][:4] for words in split],
        "typo in a word": [_mistyped(words[0], rng) for words in split],
        "typo in a brand": [_mistyped(_brand(words), rng) for words in split],
    }
    return {
        "barcode": [f"/api/v1/barcodes/{big.barcode(number)}" for number in numbers],
        "sku": [f"/api/v1/products/{big.sku(number)}" for number in numbers],
        "stock of a product": [f"/api/v1/stock?sku={big.sku(number)}" for number in numbers],
        "stock of a store": ["/api/v1/stock?store=CENTRO"],
        "ledger of a product": [f"/api/v1/movements?sku={big.sku(number)}" for number in numbers],
        "ledger of a store": ["/api/v1/movements?store=CENTRO"],
        "movement": [f"/api/v1/movements/{movement}" for movement in ids],
        **{kind: [f"/api/v1/products?q={quote(text)}" for text in texts] for kind, texts in searches.items()},
    }


def _brand(words: list[str]) -> str:
    """The brand is the only word but the first that begins with a capital letter."""
    return next(word for word in words[1:] if word[0].isupper())


def _mistyped(word: str, rng: random.Random) -> str:
    """Exchange two letters beside each other, or leave one out; the first stays, as it does with people."""
    if len(word) < 4:
        return word
    place = rng.randint(1, len(word) - 2)
    if rng.random() < 0.5:
        return word[:place] + word[place + 1 :]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _measure(options: argparse.Namespace, running: dict[str, servers.Server], paths: dict[str, dict[str, list[str]]]) -> _Times:
    """Load both shops in turns."""
    found: _Times = {name: {kind: [] for kind in paths[name]} for name in running}
    for number in range(options.rounds + 1):
        for kind in paths["small"]:
            order = list(running) if number % 2 else list(running)[::-1]
            for name in order:
                ordered = load.Order(
                    port=running[name].port,
                    kind="reads",
                    clients=options.clients,
                    requests=options.requests,
                    api_key=servers.API_KEY,
                    paths=paths[name][kind],
                    seed=number,
                )
                run = load.run(ordered)
                if run.complaints:
                    raise SystemExit(f"{name} shop, {kind}: {run.complaints}")
                if number:
                    found[name][kind].append(run.latencies)
        print(f"round {number}{'' if number else ' (warm-up)'}", flush=True)
    return found


def _ratio(found: _Times, kind: str) -> dict[str, float]:
    """Return the ratio of the p95 of the two shops, from pairs that were measured one after the other."""
    pairs = zip(found["large"][kind], found["small"][kind], strict=True)
    return report.median_ratio([(report.percentile(large, 0.95), report.percentile(small, 0.95)) for large, small in pairs])


def _all(rounds: list[list[float]]) -> list[float]:
    return [time for each in rounds for time in each]


def _size(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def _report(
    sizes: dict[str, tuple[int, int]],
    environment: dict[str, Any],
    found: _Times,
    sizes_on_disk: dict[str, int],
) -> None:
    kinds = list(found["small"])
    p50, p95 = (
        {name: {kind: report.percentile(_all(times), share) for kind, times in by_kind.items()} for name, by_kind in found.items()}
        for share in (0.5, 0.95)
    )
    ratios = {kind: _ratio(found, kind) for kind in kinds}
    print()
    report.table(
        ["request", "small p50 ms", "small p95 ms", "large p50 ms", "large p95 ms", "p95 ratio", "from", "to"],
        [[kind, p50["small"][kind], p95["small"][kind], p50["large"][kind], p95["large"][kind], *ratios[kind].values()] for kind in kinds],
    )
    words, typos = ([time for kind in group for time in _all(found["large"][kind])] for group in (_WORDS, _TYPOS))
    report.save(
        "scale",
        what=f"Routes at {sizes['large'][0]:,} products and {sizes['large'][1]:,} movements against "
        f"{sizes['small'][0]:,} and {sizes['small'][1]:,}; {len(words) // len(_WORDS):,} requests of each kind",
        environment=environment,
        targets=[
            *[Target(f"p95 of {kind}, large over small", ratios[kind]["median"], "<=", 1.5, "times") for kind in _STEADY],
            Target("p95 of a search by words, large shop", report.percentile(words, 0.95), "<=", 50, "ms"),
            Target("p95 of a search with a typo, large shop", report.percentile(typos, 0.95), "<=", 150, "ms"),
        ],
        raw={
            "sizes": sizes,
            "bytes_on_disk": sizes_on_disk,
            "p50_ms": p50,
            "p95_ms": p95,
            "p95_ratio": ratios,
            "p95_ms_by_round": {
                name: {kind: [report.percentile(each, 0.95) for each in rounds] for kind, rounds in by_kind.items()}
                for name, by_kind in found.items()
            },
        },
    )


if __name__ == "__main__":
    main()
