"""Write docs/reference.md from the docstrings of all public names: `make docs`. A test fails when it drifts."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
MODULES = ("brownout", "brownout.testing")


def reference() -> str:
    """Return the page."""
    parts = ["# Reference\n\nWritten from the docstrings by `brownout/scripts/reference.py`.\n"]
    for module in MODULES:
        loaded = importlib.import_module(module)
        parts.append(f"## {module}\n\n{inspect.getdoc(loaded)}\n")
        parts += [_entry(name, getattr(loaded, name)) for name in sorted(loaded.__all__, key=str.lower)]
    return re.sub(r" at 0x[0-9a-f]+", "", "\n".join(parts))


def _entry(name: str, value: Any) -> str:
    if not callable(value) or not hasattr(value, "__name__"):
        return f"### {name}\n\n`{value}`\n"
    head = f"### {name}\n\n{_signed(name, value)}{inspect.getdoc(value) or ''}\n"
    if not inspect.isclass(value):
        return head
    members = [(member, found) for member, found in vars(value).items() if not member.startswith("_")]
    return head + "".join(_member(name, member, found) for member, found in members)


def _signed(name: str, value: Any) -> str:
    try:
        signature = inspect.signature(value)
    except ValueError:
        return ""
    return f"```text\n{name}{signature}\n```\n\n"


def _member(owner: str, name: str, value: Any) -> str:
    documented = inspect.getdoc(value) if inspect.isfunction(value) or isinstance(value, property) else None
    if not documented:
        return ""
    shape = str(inspect.signature(value)) if inspect.isfunction(value) else ""
    indented = documented.replace("\n", "\n  ")
    return f"\n- **`{owner}.{name}{shape}`**: {indented}\n"


if __name__ == "__main__":
    PAGE.write_text(reference())
