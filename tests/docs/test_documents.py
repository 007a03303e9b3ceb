"""The documents hold together, and nothing in the repository points into one machine."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!`)\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)

# Paths of build machines and of people's homes, and hosts that packages are fetched from, which differ from
# site to site. Written in pieces, so that this file does not find itself.
MACHINE = re.compile(r"(?<![\w.~$}/-])/(?:(?:wor[k]|far[m]|roo[t]|opt/wheels)\b|(?:home|Users)/\w)")
REGISTRY = re.compile(r'python[h]osted|registry\.(?:npm|yarn)|/simpl[e]/(?=\s|$)|"resolve[d]": *"http')


@cache
def tracked() -> tuple[Path, ...]:
    """Files under version control; in an unpacked archive every file that is not made."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True)
    if done.returncode:
        made = re.compile(r"/(\.[^/]+|node_modules|__pycache__|ui)/")
        found = [
            path for path in ROOT.rglob("*") if not made.search(f"/{path.relative_to(ROOT).as_posix()}/")
        ]
    else:
        found = [ROOT / name for name in done.stdout.split("\0") if name]
    return tuple(path for path in found if path.is_file())


def documents() -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in tracked() if path.suffix == ".md")


@cache
def anchors(path: Path) -> frozenset[str]:
    """Names by which the headings of a document can be linked, as code hosts make them."""
    headings = HEADING.findall(FENCE.sub("", path.read_text(encoding="utf-8")))
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings)
    return frozenset(re.sub(r"\s", "-", heading.strip()) for heading in plain)


def broken(document: Path) -> list[str]:
    """Relative links of a document that lead nowhere."""
    found = []
    for link in LINK.findall(FENCE.sub("", document.read_text(encoding="utf-8"))):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = (document.parent / target).resolve() if target else document
        inside = path.is_relative_to(ROOT) and path.exists()
        if not inside or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            found.append(link)
    return found


@pytest.mark.parametrize("name", documents())
def test_relative_links_lead_somewhere(name: str) -> None:
    assert broken(ROOT / name) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("[gone](nowhere.md) [out](https://example.org) ```\n", encoding="utf-8")
    assert broken(document) == ["nowhere.md"]


def test_every_decision_record_is_listed_and_complete() -> None:
    folder = ROOT / "docs" / "adr"
    records = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    listed = re.findall(
        r"^\| \[(\d{4})\]\(([^)]+)\)", (folder / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert [name for _, name in listed] == [path.name for path in records]
    assert [number for number, _ in listed] == [path.name[:4] for path in records]
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert re.match(rf"# {path.name[:4]}\. \S", text), path.name
        assert [f"## {part}\n" in text for part in ("Context", "Decision", "Consequences")] == [True] * 3, (
            path.name
        )


def test_no_tracked_file_names_a_machine_path_or_a_registry_host() -> None:
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            hit = REGISTRY.search(line) or MACHINE.search(line)
            if hit:
                found.append(f"{name}:{number}: {hit.group()}")
    assert found == []


@pytest.mark.parametrize(
    ("line", "caught"),
    [
        ("open('/" + "work/main/x')", True),
        ("/" + "root/.cache", True),
        ("cd /" + "home/somebody/s4", True),
        ("https://example.org/work/", False),
        ("src/work/file.py", False),
        ("$HOME/work/", False),
    ],
)
def test_machine_paths_are_told_from_others(line: str, caught: bool) -> None:
    assert bool(MACHINE.search(line)) is caught
