"""What others may rely on: names, signatures and members. A change of it fails here, and is then meant or mended.

Renew the list with ``python brownout/tests/test_public_api.py`` and say in the changelog what has changed.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LIST = Path(__file__).with_name("public_api.txt")
MODULES = ("brownout", "brownout.testing")


def members(name: str, value: type) -> Iterator[str]:
    for member, found in sorted(vars(value).items()):
        if member.startswith("_") and member not in {"__enter__", "__aenter__", "__call__", "__and__", "__or__", "__getitem__", "__iter__"}:
            continue
        if inspect.isfunction(found):
            yield f"{name}.{member}{inspect.signature(found)}"
        else:
            yield f"{name}.{member}"


def described(name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__)
        yield f"{name} is a class of ({bases})"
        if "__init__" in vars(value):
            yield f"{name}{inspect.signature(value.__init__)}"
        yield from members(name, value)
    elif callable(value) and hasattr(value, "__name__"):
        yield f"{name}{inspect.signature(value)}"
    else:
        yield f"{name} = {value}"


def public() -> str:
    lines: list[str] = []
    for module in MODULES:
        names = importlib.import_module(module).__all__
        for name in sorted(names):
            lines += described(f"{module}.{name}", getattr(importlib.import_module(module), name))
    return re.sub(r" at 0x[0-9a-f]+", "", "\n".join(lines)) + "\n"


def test_the_public_interface_is_what_it_was() -> None:
    assert public() == LIST.read_text(), f"the public interface has changed; if that is meant: python {__file__}"


def test_every_public_name_is_documented() -> None:
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            value = getattr(importlib.import_module(module), name)
            if inspect.isclass(value) or inspect.isfunction(value):
                assert inspect.getdoc(value), f"{module}.{name} has no docstring"


if __name__ == "__main__":
    LIST.write_text(public())
