"""Every detector's folder says what it gives, and gives nothing else."""

import tomllib
from pathlib import Path

import pytest

import s4allcities.detection as room

FOLDERS = sorted(path.parent for path in Path(room.__path__[0]).glob("*/manifest.toml"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_manifest_is_complete(folder: Path) -> None:
    manifest = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
    assert manifest["name"] == folder.name
    assert manifest["summary"]
    assert manifest["rate"]
    assert manifest["personal_data"] is False or manifest["personal_note"]
    assert all(suffix.startswith("obs.") for suffix in manifest["inputs"])
    assert manifest["outputs"]
    assert set(manifest["units"]) == set(manifest["outputs"])
