"""Where reports lie in the data directory: one JSON document and one HTML page a run, the newest last."""

import os
from pathlib import Path

import msgspec

from .page import report_html
from .report import Assurance

__all__ = ("FOLDER", "KEPT", "keep_report", "newest_report")

FOLDER = "assurance"
KEPT = 60
"""So many reports are kept; older ones are removed."""


def keep_report(data_dir: Path, report: Assurance) -> Path:
    """Write a report beside the earlier ones; gives the JSON file. :raises OSError: it cannot be written."""
    folder = data_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stem = report.made[:19].replace(":", "")
    path = folder / f"{stem}.json"
    page = folder / f"{stem}.html"
    _write(page, report_html(report).encode())
    _write(path, msgspec.json.encode(report))
    for old in sorted(folder.glob("*.json"))[:-KEPT]:
        old.unlink(missing_ok=True)
        old.with_suffix(".html").unlink(missing_ok=True)
    return path


def newest_report(data_dir: Path, form: str) -> bytes | None:
    """Give the newest report as ``json`` or ``html``; None where there is none."""
    found = sorted((data_dir / FOLDER).glob("*.json"))
    if not found:
        return None
    try:
        return found[-1].with_suffix(f".{form}").read_bytes()
    except FileNotFoundError:
        return None


def _write(path: Path, data: bytes) -> None:
    """Write whole or not at all, so that a page that looks meanwhile never reads half of it."""
    part = path.with_suffix(f"{path.suffix}.part")
    part.write_bytes(data)
    os.replace(part, path)
