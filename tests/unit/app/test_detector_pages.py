"""Each detector's page carries the figures of the run that measured them, those of the benchmarks' page."""

import re
from pathlib import Path

import pytest

from s4allcities.app.bench import BenchDocument, Result
from s4allcities.app.bench.detector_pages import HEADING, PAGES, page_text
from s4allcities.app.bench.results import describe_machine

DOCS = Path(__file__).parents[3] / "docs"
FOLDERS = sorted(
    path.parent.name
    for path in (Path(__file__).parents[3] / "src/s4allcities/detection").glob("*/manifest.toml")
)


def document(*names: str) -> BenchDocument:
    results = tuple(Result(name=name, value=1.5, unit="s", runs=1, how="by hand") for name in names)
    return BenchDocument(bench="detectors", machine=describe_machine(), results=results)


def test_figures_take_the_place_of_earlier_ones_and_nothing_else_changes() -> None:
    page = f"# groups\n\nWords.\n\n{HEADING}\n\nan earlier figure\n\n## After\n\nMore.\n"
    text = page_text(page, "groups", document("multi.a", "building.b"))
    assert "earlier" not in text
    assert "| `multi.a` | 1.5 | s |" in text
    assert "building.b" not in text
    assert text.startswith("# groups\n\nWords.\n\n## After\n\nMore.\n\n## Measured\n")
    assert page_text(text, "groups", document("multi.a", "building.b")) == text


def test_every_detector_has_a_page_for_its_figures() -> None:
    assert set(FOLDERS) <= set(PAGES)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_says_what_the_page_of_benchmarks_says(name: str) -> None:
    page = (DOCS / "reference" / "detectors" / f"{name}.md").read_text("utf-8")
    whole = (DOCS / "benchmarks.md").read_text("utf-8").partition("\n## detectors\n")[2].partition("\n## ")[0]
    wanted = [
        line
        for line in whole.splitlines()
        if (found := re.match(r"\| `([^`]+)`", line)) and found[1].startswith(PAGES[name])
    ]
    rows = [line for line in page.partition(HEADING)[2].splitlines() if line.startswith("| `")]
    assert rows == wanted
    assert rows
