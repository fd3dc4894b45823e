"""The README's own commands, on a shop with sample data."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from inventario.stack.testing import running_shop

ROOT = Path(__file__).parents[2]


def _blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_sale_of_the_readme_counts_once(tmp_path: Path) -> None:
    [sale] = [block for block in _blocks() if block.startswith("curl")]
    with running_shop(tmp_path / "shop") as shop:
        command = sale.replace("http://127.0.0.1:8080", shop.url)
        answers = [
            subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, env={**os.environ, "KEY": shop.key}).stdout
            for _ in range(2)
        ]
    assert json.loads(answers[0])["state"] == "applied"
    assert answers[0] == answers[1]


def test_every_command_of_the_readme_exists() -> None:
    names = set(re.findall(r"\.venv/bin/inventario ([a-z]+(?: [a-z]+)?)", "\n".join(_blocks())))
    assert {"up", "status", "serve", "key create", "owner reset"} <= names
    for name in names:
        words = [word for word in name.split() if not word.endswith(".csv") and word != "products"]
        subprocess.run([ROOT / ".venv" / "bin" / "inventario", *words, "--help"], capture_output=True, check=True)
