"""The documentation lists what the code understands."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventario.imports.forms import ImportForm
from inventario.imports.rules.headers import NAMES, Kind

DOCUMENT = (Path(__file__).parents[3] / "docs" / "imports.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", list(NAMES))
def test_every_header_is_listed(kind: Kind) -> None:
    for field, names in NAMES[kind].items():
        assert f"| `{field}` | {', '.join(name.replace('_', ' ') for name in names)} |" in DOCUMENT


@pytest.mark.parametrize("option", list(ImportForm.model_fields))
def test_every_option_is_named(option: str) -> None:
    assert f"`{option}" in DOCUMENT or f"{option}=" in DOCUMENT
