"""What is installed is what the project file names: pinned, hashed, and from no particular mirror."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import s4allcities

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / "requirements" / name).read_text(encoding="utf-8")))


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ;]", entry, maxsplit=1)[0].lower() for entry in requirements}


def test_every_dependency_is_pinned(project: dict[str, Any]) -> None:
    core = names(project["project"]["dependencies"])
    assert core <= set(pins("core.txt"))
    assert core | names(project["dependency-groups"]["dev"]) <= set(pins("dev.txt"))
    for extra, wanted in project["project"]["optional-dependencies"].items():
        assert names(wanted) <= set(pins("constraints.txt")), extra


def test_all_files_agree_on_versions() -> None:
    everything = pins("constraints.txt")
    for name in ("core.txt", "dev.txt"):
        assert {key: everything[key] for key in pins(name)} == pins(name)


@pytest.mark.parametrize("name", ["core.txt", "dev.txt"])
def test_every_pin_has_a_hash_and_none_an_address(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text


@pytest.mark.parametrize("name", ["ortools", "highspy", "opencv-python", "trackers"])
def test_packages_that_break_others_stay_out(name: str) -> None:
    """ortools and highspy cannot be imported together; opencv-python and headless both own `cv2`."""
    assert name not in pins("constraints.txt")


def test_the_version_is_one_that_can_be_released() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:\.dev\d+)?", s4allcities.__version__)
