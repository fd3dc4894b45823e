"""How many movements a second one server process records, durably, and what each costs it.

The product and a bare application (`harness/bare.py`: the same framework, validation and statement, nothing else) run side by side on one
PostgreSQL with a database each, and are loaded in turns, so that both see the same machine. Every acknowledged movement is looked up afterwards.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness import load, machine, report, servers, shop
from harness.report import Target


def main() -> None:
    """Measure, print, keep."""
    options = _options()
    with servers.postgres() as server_url, tempfile.TemporaryDirectory() as scratch:
        product_url = servers.new_database(server_url, "product")
        shop.make_shop(product_url, options.products)
        bare_url = servers.copy_database(server_url, "product", "bare")
        environment = machine.environment(product_url)
        with (
            servers.product(product_url) as product,
            servers.serve([sys.executable, "-m", "harness.bare"], {"DATABASE_URL": bare_url}) as bare,
        ):
            session = _Session(options, Path(scratch))
            rounds = session.interleave({"product": product, "bare": bare})
            batches = [session.measure("batches", product, number) for number in range(options.batch_rounds)]
        proofs = {"product": shop.verify(product_url, session.acknowledged["product"] + session.acknowledged["batches"])}
        proofs["bare"] = shop.verify(bare_url, session.acknowledged["bare"])
    _report(options, environment, rounds, batches, proofs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9, help="rounds that count; one more comes first, to warm up")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one round for one server")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--products", type=int, default=5000)
    parser.add_argument("--batch-rounds", type=int, default=9)
    parser.add_argument("--batch-clients", type=int, default=4)
    return parser.parse_args()


class _Session:
    """Runs rounds and keeps what was acknowledged."""

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self._options = options
        self._scratch = scratch
        self._number = 0
        self.acknowledged: dict[str, list[str]] = {"product": [], "bare": [], "batches": []}

    def interleave(self, both: dict[str, servers.Server]) -> list[dict[str, Any]]:
        """Load the two in turns, A B, B A, A B ...; the first round warms up and does not count."""
        rounds = []
        for number in range(self._options.rounds + 1):
            order = list(both) if number % 2 else list(both)[::-1]
            rounds.append({name: self.measure(name, both[name], number) for name in order})
            shown = {name: f"{rounds[-1][name]['per_second']:,.0f}/s {rounds[-1][name]['cpu_us']:,.0f} us" for name in both}
            print(f"round {number}{'' if number else ' (warm-up)'}: {shown}", flush=True)
        return rounds[1:]

    def measure(self, name: str, server: servers.Server, number: int) -> dict[str, Any]:
        """Load *server* for one round."""
        self._number += 1
        batches = name == "batches"
        file = self._scratch / f"acknowledged-{self._number}"
        order = load.Order(
            port=server.port,
            kind="batches" if batches else "movements",
            clients=self._options.batch_clients if batches else self._options.clients,
            seconds=self._options.seconds,
            api_key=servers.API_KEY,
            store=shop.STORE,
            skus=shop.skus(self._options.products),
            keys=f"{name}-{number}",
            seed=self._number,
            acknowledged=str(file),
        )
        before = machine.cpu_seconds([server.pid])
        run = load.run(order)
        cpu = machine.cpu_seconds([server.pid]) - before
        if run.complaints:
            raise SystemExit(f"{name} refused: {run.complaints}")
        self.acknowledged[name] += file.read_text(encoding="ascii").splitlines()
        return {
            "movements": run.movements,
            "per_second": round(run.movements / run.seconds, 1),
            "cpu_us": round(cpu / run.movements * 1e6, 1),
            "generator_cpu_us": round(run.generator_cpu / run.movements * 1e6, 1),
            **{f"p{share}_ms": report.percentile(run.latencies, share / 100) for share in (50, 95, 99)},
        }


def _report(
    options: argparse.Namespace,
    environment: dict[str, Any],
    rounds: list[dict[str, Any]],
    batches: list[dict[str, Any]],
    proofs: dict[str, dict[str, int]],
) -> None:
    columns = ["per_second", "p50_ms", "p95_ms", "p99_ms", "cpu_us"]
    measured = {name: [each[name] for each in rounds] for name in ("product", "bare")} | {"batches of 1,000": batches}
    medians = {name: [statistics.median(each[column] for each in found) for column in columns] for name, found in measured.items()}
    ratio = report.median_ratio([(each["product"]["cpu_us"], each["bare"]["cpu_us"]) for each in rounds])
    print()
    report.table(
        ["medians", "movements/s", "p50 ms", "p95 ms", "p99 ms", "server CPU us"], [[name, *values] for name, values in medians.items()]
    )
    print(
        f"\nCPU of the product over the bare application's, by pairs: {ratio['median']} (95 % interval {ratio['low']} to {ratio['high']})"
    )
    print(f"Acknowledged against the ledger: {proofs}")
    wrong = sum(proof[count] for proof in proofs.values() for count in ("missing", "doubled", "mismatches"))
    report.save(
        "movements",
        what=f"POST /movements, {options.clients} clients, {options.products:,} products, one server process, "
        f"{options.rounds} interleaved rounds of {options.seconds:g} s; p50 to p99 of a batch are of the whole batch",
        environment=environment,
        targets=[
            Target("movements a second", medians["product"][0], ">=", 900, "1/s"),
            Target("CPU a movement, over the bare application", ratio["median"], "<=", 1.6, "times"),
            Target("movements a second in batches of 1,000", medians["batches of 1,000"][0], ">=", 8000, "1/s"),
            Target("acknowledged movements missing, doubled or not in the level", wrong, "<=", 0, ""),
        ],
        raw={"rounds": rounds, "batches": batches, "ratio": ratio, "proofs": proofs},
    )


if __name__ == "__main__":
    main()
