"""`s4 simulate`: exit codes, the JSON document, one clear line for bad input, pictures."""

import json
from pathlib import Path

import pytest

from s4allcities.cli.simulate import app
from s4allcities.site.generate import generate_site


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sites") / "hall"
    generate_site("municipal", folder, storeys=2, offices_per_side=2)
    return folder


def run(*words: str) -> int:
    code = app([*words], exit_on_error=False, print_error=False, result_action="return_value")
    assert isinstance(code, int)
    return code


def test_crowd(hall: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = tmp_path / "people.json"
    people.write_text('{"lobby": 20, "council-chamber": 10}')
    plan = tmp_path / "plan.json"
    plan.write_text('{"lobby": {"west-entrance": 1.0}}')
    picture, frames = tmp_path / "densities.svg", tmp_path / "frames"
    words = [
        "--occupancy",
        str(people),
        "--plan",
        str(plan),
        "--premovement",
        "0",
        "--plot",
        str(picture),
        "--video",
        str(frames),
    ]
    assert run("crowd", str(hall), *words, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["people"], document["left"], document["simulated"]) == (30, 0, True)
    assert document["clearance_s"] > 10
    assert {each["exit"]: each["people"] for each in document["exits"]}["west-entrance"] >= 20
    assert picture.read_text().startswith("<svg")
    assert next(iter(sorted(frames.iterdir()))).read_bytes().startswith(b"\x89PNG")


def test_a_film_that_browsers_play(hall: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="films need the extra video")
    film = tmp_path / "run.mp4"
    assert run("crowd", str(hall), "--premovement", "0", "--limit-s", "20", "--video", str(film)) == 0
    with av.open(str(film)) as opened:
        stream = opened.streams.video[0]
        frames = sum(1 for _ in opened.decode(stream))
        assert (stream.codec_context.pix_fmt, frames) == ("yuv420p", 20)


def test_a_film_that_cannot_be_written_is_said_before_the_run(
    hall: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s4allcities.simulation.crowd.drawing.find_spec", lambda _: None)
    assert run("crowd", str(hall), "--video", str(tmp_path / "run.mp4")) == 2
    assert "needs the extra `video`" in capsys.readouterr().err


def test_crowd_in_words(hall: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("crowd", str(hall), "--premovement", "0", "--closed", "main-entrance") == 0
    out = capsys.readouterr().out
    assert "simulated" in out
    assert "main-entrance: 0 people" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dt-s", "5"], "--dt-s is 5; allowed are 0.01 to 0.1"),
        (["--compliance", "nan"], "--compliance is nan"),
        (["--closed", "gate-z"], "no exit or opening 'gate-z'"),
        (["--smoke", "lobby"], "allowed is ZONE=NUMBER"),
        (["--close-later", "x"], "allowed is EXIT@SECONDS"),
        (["--population", "elves"], "allowed are public, laboratory"),
        (["--until", "home"], "allowed are exit and assembly"),
        (["--occupancy", "nowhere.json"], "nowhere.json"),
    ],
)
def test_bad_input_is_one_line(
    hall: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run("crowd", str(hall), *words) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_no_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("crowd", str(tmp_path / "nowhere")) == 2
    assert "no such folder" in capsys.readouterr().err


def test_export(hall: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "hall.json"
    assert run("export", str(hall), str(out), "--json") == 0
    assert json.loads(capsys.readouterr().out)["levels"] == 2
    assert json.loads(out.read_text())["format"] == "s4allcities-jupedsim/1"


def test_validate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert run("validate", "--only", "RiMEA 2", "--report", str(page), "--json") == 0
    (case,) = json.loads(capsys.readouterr().out)["cases"]
    assert case["holds"] is True
    assert "| RiMEA 2 |" in page.read_text()


def test_ensemble(hall: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ensemble", str(hall), "--runs", "20", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["simulated"] is True
    assert document["p50_s"] <= document["p95_s"]
    assert run("ensemble", str(hall), "--runs", "0") == 2
    assert "allowed are 1 to 100,000" in capsys.readouterr().err
