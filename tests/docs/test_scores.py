"""The page of fusion's score was made with the hypotheses that are in the package, and is linked."""

from pathlib import Path

import pytest

from s4allcities.fusion import load_hypotheses

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "reference" / "fusion-scores.md"
AGAIN = "make it again: s4 scenario score --report docs/reference/fusion-scores.md"


def test_the_score_is_of_these_hypotheses() -> None:
    assert f"hypotheses {load_hypotheses().version}," in PAGE.read_text(encoding="utf-8"), AGAIN


def test_every_hypothesis_and_law_has_its_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for slug in load_hypotheses().slugs[1:]:
        assert f"| {slug} | fusion |" in text, AGAIN
    for law in ("standard", "mis-specified", "shared-cause", "spoofed"):
        assert f"| {law} | fusion |" in text, AGAIN


@pytest.mark.parametrize("page", ["reference/README.md", "explanation/scores.md"])
def test_the_score_is_linked(page: str) -> None:
    assert "fusion-scores.md" in (DOCS / page).read_text(encoding="utf-8")
