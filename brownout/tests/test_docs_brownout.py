"""The documentation: every example runs, every link leads somewhere, and the reference is what the docstrings say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import brownout
from brownout import testing

HOME = Path(__file__).parents[1]
PAGES = sorted([HOME / "README.md", *(HOME / "docs").glob("*.md")])
EXAMPLE = r"^```python\n(.*?)^```\n(\n```text\n(.*?)^```)?"
# These need clients, and servers: tests/docs runs them.
RECIPES = sorted((HOME / "docs" / "howto").glob("*.md"))


@pytest.mark.parametrize("page", [page for page in PAGES if "```python" in page.read_text()], ids=lambda page: page.name)
def test_the_examples_of_a_page_run_in_their_order_and_print_what_stands_below(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": page.stem}
    for block, _, printed in re.findall(EXAMPLE, page.read_text(), re.MULTILINE | re.DOTALL):
        exec(compile(block, f"{page.name}: {block.splitlines()[0]}", "exec"), names)
        said = capsys.readouterr().out
        assert not printed or said == printed


@pytest.mark.parametrize("page", [*PAGES, *RECIPES], ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_reference_is_what_the_docstrings_say() -> None:
    script = HOME / "scripts" / "reference.py"
    assert (HOME / "docs" / "reference.md").read_text() == runpy.run_path(str(script))["reference"](), f"renew it: python {script}"


def test_every_public_name_is_in_the_reference() -> None:
    written = set(re.findall(r"^### (\w+)$", (HOME / "docs" / "reference.md").read_text(), re.MULTILINE))
    assert written == {*brownout.__all__, *testing.__all__}


def test_the_guide_leads_to_every_recipe() -> None:
    guide = (HOME / "docs" / "guide.md").read_text()
    assert [page.name for page in RECIPES if f"(howto/{page.name})" not in guide] == []


def test_the_figures_are_those_of_the_last_measurement() -> None:
    script = HOME / "scripts" / "figures.py"
    for page, text in runpy.run_path(str(script))["pages"]().items():
        assert page.read_text() == text, f"renew it: python {script}"
