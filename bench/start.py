"""How long it takes from ``make run`` to the first answer: on a new data directory, and later on the same one."""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from harness import machine, report
from harness.report import Target

from inventario.stack import ports

_ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measure, print, keep."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="inventario-bench-") as directory:
        # Not counted: it brings the programs from the disk, where an installation has just put them.
        _start(Path(directory) / "shop")
    first, later = [], []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="inventario-bench-") as directory:
            data = Path(directory) / "shop"
            first.append(_start(data))
            later += [_start(data) for _ in range(options.later)]
        print(
            f"round {number + 1}: first {first[-1]['ready']:.2f} s, later {[round(each['ready'], 2) for each in later[-options.later :]]} s",
            flush=True,
        )
    _report(options, machine.environment(), first, later)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5, help="new data directories")
    parser.add_argument("--later", type=int, default=2, help="further starts on each")
    return parser.parse_args()


def _start(data: Path) -> dict[str, float]:
    """Start the shop, wait until it is alive and ready, and stop it as Ctrl-C does. Returns seconds; ``cpu`` is processor time until ready."""
    port = ports.choose(1)[0]
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DATABASE_", "REDIS_", "S3_", "AWS_", "MAKE", "API_", "INVENTARIO_"))
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        ["make", "--no-print-directory", "-C", str(_ROOT), "run", f"ARGS=--port {port} --data {data}"],
        env=kept,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        alive = _await(process, port, "/livez", began)
        ready = _await(process, port, "/readyz", began)
        cpu = machine.cpu_seconds(machine.descendants(process.pid), with_ended_children=True)
    finally:
        stopping = time.perf_counter()
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    return {"alive": alive, "ready": ready, "cpu": cpu, "stopped": time.perf_counter() - stopping}


def _await(process: subprocess.Popen[bytes], port: int, path: str, began: float) -> float:
    while time.perf_counter() - began < 120:
        if process.poll() is not None:
            assert process.stderr is not None
            raise SystemExit(f"make run ended:\n{process.stderr.read().decode(errors='replace')}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
        except (urllib.error.HTTPError, OSError):
            time.sleep(0.01)
        else:
            return time.perf_counter() - began
    raise SystemExit(f"{path} did not answer in two minutes")


def _report(options: argparse.Namespace, environment: dict[str, Any], first: list[dict[str, float]], later: list[dict[str, float]]) -> None:
    print()
    report.table(
        ["start", "n", "median s", "slowest s", "median CPU s", "median s to stop"],
        [
            [
                name,
                len(seen),
                statistics.median(each["ready"] for each in seen),
                max(each["ready"] for each in seen),
                statistics.median(each["cpu"] for each in seen),
                statistics.median(each["stopped"] for each in seen),
            ]
            for name, seen in (("first", first), ("later", later))
        ],
    )
    report.save(
        "start",
        what=f"`make run` to a ready shop, after installation: {options.rounds} new data directories with the sample shop, {options.later} later starts on each",
        environment=environment,
        targets=[
            Target("first start, median", statistics.median(each["ready"] for each in first), "<=", 6, "s"),
            Target("later start, median", statistics.median(each["ready"] for each in later), "<=", 3, "s"),
        ],
        raw={"first": first, "later": later},
    )


if __name__ == "__main__":
    main()
