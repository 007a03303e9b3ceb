"""`s4 bench`: its document, its page, its refusals; and one benchmark for real."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from s4allcities.app.bench import benches, source_root
from s4allcities.app.bench.peers import PeerAbsent
from s4allcities.app.bench.results import Result, Say, at_least, at_most, measured, unmeasured
from s4allcities.cli.bench import app

FIELDS = ("name", "value", "unit", "peer", "peer_value", "ratio", "goal", "holds", "runs", "how")
Run = Callable[..., tuple[int, str, str]]


def fake(_root: Path, runs: int, say: Say) -> list[Result]:
    say("fake: at it")
    return [
        measured(
            "fake.most_s", [3.0, 1.0, 2.0], "s", how="made up", goal=at_most(2), peer_reason="no peer yet"
        ),
        measured("fake.least_per_s", [1234.4] * runs, "1/s", how="made up", goal=at_least(2000), digits=0),
        unmeasured("fake.none_s", "s", reason="the data are absent"),
        Result(name="fake.peer_s", value=1.0, unit="s", peer="other", peer_value=2.0, ratio=2.0, how="both"),
    ]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    module = ModuleType("fake")
    module.measure = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, f"{benches.__package__}.fake", module)
    monkeypatch.setattr(benches, "BENCHES", {"fake": "made up"})
    monkeypatch.setattr("s4allcities.app.bench.BENCHES", benches.BENCHES)

    def call(*options: str) -> tuple[int, str, str]:
        code: int = app(list(options), result_action="return_value")
        return code, *capsys.readouterr()

    return call


def test_the_document_has_what_scripts_rely_on(run: Run) -> None:
    code, out, err = run("fake", "--json", "--runs", "3")
    document: dict[str, Any] = json.loads(out)
    assert code == 0
    assert list(document) == ["bench", "version", "machine", "results"]
    assert document["bench"] == "fake"
    assert {"t", "cpu", "cores", "memory_gib", "system", "load_average", "versions"} == set(
        document["machine"]
    )
    assert {"python", "nats-server", "numpy"} <= set(document["machine"]["versions"])
    for result in document["results"]:
        assert set(FIELDS) <= set(result)
    most, least, none, _ = document["results"]
    assert (most["value"], most["goal"], most["holds"], most["runs"]) == (2.0, "<= 2", True, 3)
    assert (least["value"], least["goal"], least["holds"]) == (1234, ">= 2,000", False)
    assert (none["value"], none["holds"], none["reason"]) == (None, None, "the data are absent")
    assert "fake: at it" in err


def test_without_a_name_all_are_run(run: Run) -> None:
    _, out, _ = run("--json")
    assert [document["bench"] for document in json.loads(out)["benches"]] == ["fake"]


def test_lines_for_people_say_what_is_missed_and_missing(run: Run) -> None:
    code, out, _ = run("fake")
    assert code == 0
    assert "goal missed: >= 2,000" in out
    assert "not measured: the data are absent" in out


def test_the_page_says_what_was_measured_where_and_how(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    code, _, _ = run("--report", str(page))
    text = page.read_text(encoding="utf-8")
    assert code == 0
    assert "Data are simulated except where a figure names recordings" in text
    assert "`s4 bench fake --runs 3`. S4AllCities" in text
    assert "Load average" in text
    assert "| `fake.least_per_s` | 1,234 | 1/s | >= 2,000 | **no** | 3 |" in text
    assert "| `fake.none_s` | not measured |" in text
    assert "- `fake.most_s`: made up. no peer yet." in text
    assert "other in the same run: 2.0 s" in text


def test_one_section_of_a_page_is_written_anew_and_the_others_stay(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("# Benchmarks\n\nold words\n\n## other\n\nits figures\n\n## fake\n\nold figures\n")
    assert run("fake", "--report", str(page))[0] == 0
    text = page.read_text(encoding="utf-8")
    assert "its figures" in text
    assert "old words" not in text
    assert "old figures" not in text
    assert text.count("## fake") == text.count("## other") == 1
    assert run("fake", "--report", str(page))[0] == 0
    assert page.read_text(encoding="utf-8").count("## ") == 2


def test_one_phase_can_be_run_alone(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run("fake", "--only", "first")[::2] == (
        1,
        "s4 bench: fake is measured as a whole: it has no phases\n",
    )
    module = sys.modules[f"{benches.__package__}.fake"]
    monkeypatch.setattr(module, "PHASES", {"first": None}, raising=False)
    monkeypatch.setattr(
        module, "measure", lambda _root, _runs, _say, only: [unmeasured(only, "s", reason="none")]
    )
    assert run("fake", "--only", "first")[1].split() == ["first", "not", "measured:", "none"]
    page = tmp_path / "benchmarks.md"
    for phase in ("first", "second", "first"):
        assert run("fake", "--only", phase, "--report", str(page))[0] == 0
    text = page.read_text(encoding="utf-8")
    assert "Measured in phases; what follows is of the last. `s4 bench fake --only first" in text
    for phase in ("first", "second"):
        assert text.count(f"| `{phase}` | not measured |") == 1
        assert text.count(f"- `{phase}`: none. Measured alone: 20") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("nothing",), "allowed are fake"),
        (("fake", "--runs", "0"), "allowed are 1 to 100"),
        (("--only", "x"), "needs a NAME"),
        (("fake", "--report", "no/such/folder/page.md"), "no such folder"),
    ],
)
def test_wrong_use_is_one_clear_line(run: Run, options: tuple[str, ...], said: str) -> None:
    code, out, err = run(*options)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_an_installed_package_says_that_it_needs_the_checkout(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def installed() -> Path:
        return source_root(tmp_path / "site-packages" / "s4allcities" / "checkout.py")

    monkeypatch.setattr("s4allcities.app.bench.source_root", installed)
    code, _, err = run("fake")
    assert code == 2
    assert "source checkout" in err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_evacuation_measures_plans(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object, **__: object) -> object:
        raise PeerAbsent("no peers in a test")

    monkeypatch.setattr("s4allcities.app.bench.evacuation.run_peer", absent)
    assert app(["evacuation", "--json", "--runs", "1"], result_action="return_value") == 0
    document = json.loads(capsys.readouterr().out)
    found = {result["name"]: result for result in document["results"]}
    assert {"evacuation.plan_p95_ms", "evacuation.replan_p95_ms", "ensemble.seconds_1000"} <= set(found)
    assert found["evacuation.ratio_ortools_min_cost"]["reason"] == "no peers in a test"
    for result in found.values():
        assert result["reason"] if result["value"] is None else result["how"]
