"""`s4 site`: exit codes, the JSON document, one clear line for bad input."""

import json
from pathlib import Path

import pytest

from s4allcities.cli.site import app

HELSINKI = Path(__file__).parents[3] / "sites" / "helsinki-station"


def run(*words: str) -> int:
    code = app([*words], exit_on_error=False, print_error=False, result_action="return_value")
    assert isinstance(code, int)
    return code


def test_validate(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("validate", str(HELSINKI), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["valid"], document["problems"]) == (True, [])


def test_validate_a_bad_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("validate", str(tmp_path)) == 2
    assert "manifest.json: the file is missing; every site has one" in capsys.readouterr().out


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", str(HELSINKI), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert {"ticket-hall", "main-hall"} <= {zone["slug"] for zone in document["zones"]}
    assert run("show", str(HELSINKI)) == 0
    assert "OpenStreetMap contributors" in capsys.readouterr().out


def test_show_a_bad_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", str(tmp_path / "nowhere")) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "no such folder" in err


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d"])
def test_import_with_a_bad_box(tmp_path: Path, capsys: pytest.CaptureFixture[str], box: str) -> None:
    assert run("import-osm", str(tmp_path / "x.osm"), str(tmp_path / "new"), "--bbox", box) == 2
    assert "allowed are four numbers, west,south,east,north" in capsys.readouterr().err


def test_generate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("generate", "municipal", str(tmp_path / "hall"), "--storeys", "3", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["synthetic"], document["problems"]) == ("municipal", True, [])
    assert run("validate", str(tmp_path / "hall")) == 0
    assert run("generate", "busline", "--out", str(tmp_path / "line")) == 0
    assert "synthetic busline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["castle"], "allowed are stadium, festival, park, municipal, busline"),
        (["stadium", "--seats", "3"], "seats: Expected int >= 1000"),
        (["park", "--stops", "3"], "no parameter 'stops'"),
    ],
)
def test_generate_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run("generate", *words, "--folder", str(tmp_path / "x")) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
