"""Runs the product's own import command and watches what it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from harness import machine

__all__ = ["Observed", "run"]


@dataclass(frozen=True, slots=True)
class Observed:
    """One run of the command. Memory is of the command and its children, in bytes; ``at_tenth`` is when a tenth of the rows was read, ``at_end``
    when all were.

    ``server_peak`` is the private memory of the largest PostgreSQL process that worked for it.
    """

    seconds: float
    cpu_seconds: float
    rows: int
    phases: dict[str, float]
    memory_at_tenth: int
    memory_at_end: int
    memory_peak: int
    server_peak: int
    output: str


def run(database_url: str, file: Path, *options: str) -> Observed:
    """Run ``inventario import FILE`` on the database.

    Raises:
        RuntimeError: It failed; the text holds what it printed.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "inventario", "import", str(file), *options],
            env={**os.environ, "DATABASE_URL": database_url},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
        )
        samples, server_peak = _watch(process, database_url)
        seconds = time.perf_counter() - started
        printed.seek(0)
        output = printed.read()
    if process.returncode != 0:
        raise RuntimeError(f"the import failed:\n{output[-4000:]}")
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT rows, seconds FROM imports ORDER BY created_at DESC LIMIT 1").fetchone()
    assert row is not None
    rows, phases = int(row[0]), row[1]
    return Observed(
        seconds=seconds,
        cpu_seconds=samples[-1].cpu,
        rows=rows,
        phases=phases,
        memory_at_tenth=next((sample.memory for sample in samples if sample.rows >= rows / 10), samples[-1].memory),
        memory_at_end=next((sample.memory for sample in samples if sample.rows >= rows), samples[-1].memory),
        memory_peak=max(sample.memory for sample in samples),
        server_peak=server_peak,
        output=output,
    )


@dataclass(frozen=True, slots=True)
class _Sample:
    rows: int
    memory: int
    cpu: float


def _watch(process: subprocess.Popen[bytes], database_url: str) -> tuple[list[_Sample], int]:
    """Look at the command every 50 ms until it ends."""
    samples, server_peak, cpu = [_Sample(0, 0, 0.0)], 0, 0.0
    with psycopg.connect(database_url, autocommit=True) as connection:
        while process.poll() is None:
            members = machine.descendants(process.pid)
            memory = sum(machine.resident_memory(pid) for pid in members)
            cpu = max(cpu, machine.cpu_seconds(members))
            rows = _first(connection, "SELECT coalesce((SELECT rows FROM imports ORDER BY created_at DESC LIMIT 1), 0)")
            backends = _first(
                connection, "SELECT array_agg(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            server_peak = max([server_peak, *(machine.private_memory(pid) for pid in backends or [])])
            if memory:
                samples.append(_Sample(int(rows), memory, cpu))
            time.sleep(0.05)
    return samples, server_peak


def _first(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
