from __future__ import annotations

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "bench" / "results").glob("*.json"))


def test_the_page_is_what_the_result_files_say() -> None:
    written = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert written == runpy.run_path(str(ROOT / "bench" / "harness" / "page.py"))["render"](), "a benchmark writes it anew"


def test_every_benchmark_has_its_result_file_and_its_place_in_the_readme() -> None:
    programs = {path.stem for path in (ROOT / "bench").glob("[a-z]*.py")}
    readme = (ROOT / "bench" / "README.md").read_text(encoding="utf-8")
    assert {path.stem for path in RESULTS} == programs
    assert all(f"bench/{program}.py" in readme for program in programs)


def test_no_result_file_names_a_place_on_somebodys_machine() -> None:
    for path in RESULTS:
        text = path.read_text(encoding="utf-8")
        assert not any(place in text for place in ("/home/", "/root/", "/tmp/", "/work/", "/Users/"))  # noqa: S108 - not used, looked for
        assert {"commit", "cpu", "cores", "python"} <= set(json.loads(text)["environment"])
