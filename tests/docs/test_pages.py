"""Every page can be found, names what exists, and its Python runs."""

import asyncio
import contextlib
import importlib
import importlib.util
import io
import re
from functools import cache
from pathlib import Path

import pytest
from cyclopts import App
from msgspec import Struct
from msgspec.structs import fields
from tests.docs.walkthrough import Block, blocks

from s4allcities.app.config import AppConfig
from s4allcities.app.demo.report import Latencies, build_report
from s4allcities.cli import COMMANDS
from s4allcities.store.database import Database

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"])
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
COMMAND = re.compile(r"(?:^|`|\(|\| )s4 ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", re.MULTILINE)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def commands() -> dict[str, frozenset[str]]:
    """The commands that there are, each with its sub-commands."""
    found = {}
    for command in COMMANDS:
        if importlib.util.find_spec(f"s4allcities.cli.{command}") is None:
            continue
        app: App = importlib.import_module(f"s4allcities.cli.{command}").app
        found[command] = frozenset(sub for sub in app if not sub.startswith("-"))
    return found


def named_in(text: str) -> set[tuple[str, str]]:
    """Commands named in the code of a page: (command, the word behind it or nothing)."""
    return {(word, then or "") for code in CODE.findall(text) for word, then in COMMAND.findall(code)}


@pytest.mark.parametrize("page", [path for path in PAGES if path.is_relative_to(DOCS)], ids=name)
def test_every_page_is_linked_from_an_index(page: Path) -> None:
    index = page.parent / "README.md"
    if page == index:
        index = page.parent.parent / "README.md"
        assert page == DOCS / "README.md" or f"({page.parent.name}/README.md)" in index.read_text("utf-8")
    else:
        assert f"({page.name})" in index.read_text("utf-8"), f"{name(index)} does not link {page.name}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_that_a_page_names_exist(page: Path) -> None:
    for command, then in named_in(page.read_text("utf-8")):
        assert command in commands(), f"there is no command s4 {command}"
        subs = commands()[command]
        assert not subs or not then or then in subs, f"s4 {command} has no {then}"


def test_every_command_is_in_the_reference() -> None:
    named = named_in((DOCS / "reference" / "commands.md").read_text("utf-8"))
    wanted = {(command, sub) for command, subs in commands().items() for sub in subs or [""]}
    assert sorted(wanted - named) == []


def settings(struct: type[Struct], prefix: str = "") -> list[str]:
    found = []
    for field in fields(struct):
        inner = field.type
        if isinstance(inner, type) and issubclass(inner, Struct):
            found += settings(inner, f"{field.name}.")
        else:
            found.append(prefix + field.name)
    return found


def test_every_setting_is_in_the_reference() -> None:
    text = (DOCS / "reference" / "settings.md").read_text("utf-8")
    assert [key for key in settings(AppConfig) if f"`{key}`" not in text] == []


def python_blocks() -> list[tuple[str, Block]]:
    found = [(name(page), block) for page in PAGES for block in blocks(page.read_text("utf-8"))]
    return [(page, block) for page, block in found if block.language == "python"]


@pytest.mark.parametrize(
    ("page", "block"), python_blocks(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_python_in_pages_runs(page: str, block: Block, tmp_path: Path) -> None:
    if block.word == "not run":
        pytest.skip(block.what)
    database = Database.open(tmp_path / "s4.sqlite")
    asyncio.run(database.close())
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(block.text, page, "exec"), {"path": tmp_path})


class Anything(dict[str, object]):
    """A record in which every field is there and empty."""

    def __missing__(self, key: str) -> tuple[()]:
        return ()


def keys_of(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for inner in value.values() for key in keys_of(inner)}
    return {key for inner in value for key in keys_of(inner)} if isinstance(value, list) else set()


def test_every_field_of_the_demonstrations_document_is_in_the_reference() -> None:
    collections = ("incidents", "alerts", "courses", "orders", "commands")
    document = build_report(
        scenario="station-fire",
        seed=1,
        picture={name: {(): Anything()} for name in collections},
        cap_files=[],
        observations=dict.fromkeys(
            ("acknowledged", "decided", "rejected", "expired", "in_flight", "lost"), 0
        ),
        latency_ms=Latencies().summary({}),
    )
    text = (DOCS / "reference" / "demo-json.md").read_text("utf-8")
    document["hazard"] = None  # GeoJSON, with the keys that everybody knows
    assert [key for key in sorted(keys_of(document)) if not re.search(rf"`[\w\[\].]*\b{key}\b", text)] == []


def test_every_detector_is_in_the_reference() -> None:
    text = (DOCS / "reference" / "detectors" / "README.md").read_text("utf-8")
    found = [path.parent.name for path in (ROOT / "src/s4allcities/detection").glob("*/manifest.toml")]
    assert found
    assert [detector for detector in found if f"[{detector}]({detector}.md)" not in text] == []
