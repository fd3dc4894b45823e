"""The documentation: every example runs, every link leads somewhere, and the reference is what the docstrings say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import brownout

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
    for target, place in re.findall(
        r"\]\(([^)#:]*)(?:#([^)]*))?\)", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    ):
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name} links to {target}"
        assert not place or place in _places(there), f"{page.name} links to {target}#{place}"


def _places(page: Path) -> set[str]:
    text = page.read_text()
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ ([\w ]+)$", text, re.MULTILINE)}
    return headings | set(re.findall(r'<a id="([^"]+)">', text))


def test_the_reference_is_what_the_docstrings_say() -> None:
    script = HOME / "scripts" / "reference.py"
    assert (HOME / "docs" / "reference.md").read_text() == runpy.run_path(str(script))["reference"](), f"renew it: python {script}"


def test_every_public_name_is_in_the_reference() -> None:
    sections = runpy.run_path(str(HOME / "scripts" / "reference.py"))["entries"]()
    extras = [(HOME / "src" / "brownout" / f"{name}.py") for name in ("testing", "prometheus", "opentelemetry", "openfeature")]
    listed = [name for extra in extras for name in re.findall(r'"(\w+)"', extra.read_text().partition("__all__ = [")[2].partition("]")[0])]
    assert sorted(entry.name for entries in sections.values() for entry in entries) == sorted([*brownout.__all__, *listed])
    assert [entry.name for entries in sections.values() for entry in entries if entry.node is None] == []


def test_the_guide_leads_to_every_recipe() -> None:
    guide = (HOME / "docs" / "guide.md").read_text()
    assert [page.name for page in RECIPES if f"(howto/{page.name})" not in guide] == []


def test_the_figures_are_those_of_the_last_measurement() -> None:
    script = HOME / "scripts" / "figures.py"
    for page, text in runpy.run_path(str(script))["pages"]().items():
        assert page.read_text() == text, f"renew it: python {script}"
