from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import logging, structlog
from inventario.observability.logging import configure
configure("info")
structlog.get_logger("ours").info("sold", sku="A")
structlog.get_logger("ours").debug("not shown")
logging.getLogger("theirs").warning("careful: %s", 1)
try:
    password = "do-not-tell"
    raise RuntimeError("boom")
except RuntimeError:
    structlog.get_logger("ours").exception("failed")
"""


def test_every_line_is_one_json_object_and_tracebacks_tell_no_values() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    assert [(line["level"], line["event"], line["logger"]) for line in lines] == [
        ("info", "sold", "ours"),
        ("warning", "careful: 1", "theirs"),
        ("error", "failed", "ours"),
    ]
    assert lines[0]["sku"] == "A"
    assert "RuntimeError: boom" in lines[2]["exception"]
    assert "do-not-tell" not in run.stderr
