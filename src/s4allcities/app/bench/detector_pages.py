"""The figures of each detector on its own page, written by the run that measured them."""

import re
from collections.abc import Mapping
from pathlib import Path

from .report import measured_table
from .results import BenchDocument

__all__ = ("PAGES", "page_text", "write_pages")

HEADING = "## Measured"
PAGES: Mapping[str, tuple[str, ...]] = {
    "access": ("speed.access_",),
    "badges": ("speed.badges_", "access."),
    "building": ("building.", "speed.building_"),
    "cyber": ("speed.cyber_",),
    "frames": ("speed.frames_",),
    "groups": ("multi.", "speed.groups_"),
    "integrity": ("speed.integrity_",),
    "patterns": ("patterns.",),
    "timeseries": ("speed.timeseries_",),
    "unusual": ("timeseries.", "detectors.", "speed.unusual_"),
    "validity": ("speed.validity_",),
}
"""Page -> how the names of its figures begin. What the full look at a series scores has the name of its command."""


def page_text(page: str, name: str, document: BenchDocument) -> str:
    """Put the figures of detector ``name`` at the end of its page, in place of those of an earlier run."""
    results = tuple(result for result in document.results if result.name.startswith(PAGES[name]))
    kept = re.sub(rf"\n{HEADING}\n.*?(?=\n## |\Z)", "", page, flags=re.DOTALL).rstrip()
    return f"{kept}\n\n{HEADING}\n\n{measured_table(document, results)}"


def write_pages(folder: Path, document: BenchDocument) -> None:
    """Write the figures of a run of `detectors` into the pages of ``folder``; one that is not there is passed over."""
    for name in PAGES:
        path = folder / f"{name}.md"
        if path.is_file():
            path.write_text(page_text(path.read_text("utf-8"), name, document), "utf-8")
