"""Fifty thousand products, first as a dry run, then imported: all of it under a minute."""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
from harness import big, importing, machine, report, servers
from harness.report import Target


def main() -> None:
    """Make the file, run both, print, keep."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="inventario-bench-") as scratch, servers.postgres() as server_url:
        file = Path(scratch) / "products.csv"
        _write(file, options.products)
        rounds = []
        for number in range(options.rounds):
            url = servers.new_database(server_url, f"products{number}")
            environment = machine.environment(url)
            dry, real = importing.run(url, file, "--dry-run"), importing.run(url, file)
            rounds.append({"dry_run": _kept(dry), "import": _kept(real), "products": _count(url)})
            print(f"round {number + 1}: dry run {dry.seconds:.1f} s, import {real.seconds:.1f} s", flush=True)
    _report(options.products, environment, rounds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--products", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _write(path: Path, count: int) -> None:
    """As a shop would export it: Spanish headers, semicolons, decimal commas."""
    rng, brands = random.Random(1), big.Names(count).brands
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(
            ["Código", "Descripción", "Rubro", "Unidad", "Costo", "Precio", "IVA", "Código de barras", "Stock mínimo", "Cantidad de pedido"]
        )
        for number in range(1, count + 1):
            noun, cost = rng.choice(big.NOUNS), rng.randint(100, 900_000) / 100
            name = f"{noun} {rng.choice(big.VARIANTS)} {rng.choice(brands)} {number % 90 + 1}0 g"
            amounts = (cost, cost * 1.5, rng.choice((21.0, 10.5)))
            numbers = [f"{amount:,.2f}".translate(str.maketrans(",.", ".,")) for amount in amounts]
            writer.writerow(
                [
                    big.sku(number),
                    name,
                    f"Almacén/{noun}",
                    "unidad",
                    *numbers,
                    big.barcode(number),
                    rng.randint(1, 50),
                    rng.randint(10, 200),
                ]
            )


def _count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM products").fetchone()
    assert row is not None
    return int(row[0])


def _kept(seen: importing.Observed) -> dict[str, Any]:
    return {name: value for name, value in asdict(seen).items() if name != "output"}


def _report(products: int, environment: dict[str, Any], rounds: list[dict[str, Any]]) -> None:
    total = max(each["dry_run"]["seconds"] + each["import"]["seconds"] for each in rounds)
    lost = max(products - each["products"] for each in rounds)
    print()
    report.table(
        ["round", "dry run s", "import s", "MB peak", "MB peak of PostgreSQL"],
        [
            [
                number,
                each["dry_run"]["seconds"],
                each["import"]["seconds"],
                each["import"]["memory_peak"] / 2**20,
                each["import"]["server_peak"] / 2**20,
            ]
            for number, each in enumerate(rounds, start=1)
        ],
    )
    report.save(
        "products",
        what=f"{products:,} products by the command `inventario import`: a dry run, then the import of the same file; the slowest of {len(rounds)} rounds",
        environment=environment,
        targets=[
            Target("dry run and import together", total, "<=", 60, "s"),
            Target("products that are not in the catalogue afterwards", lost, "<=", 0, ""),
        ],
        raw={"rounds": rounds},
    )


if __name__ == "__main__":
    main()
