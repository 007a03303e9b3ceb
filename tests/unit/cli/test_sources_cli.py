import json
from pathlib import Path

import pytest

from s4allcities.cli.sources import app


def run(*arguments: str) -> int:
    code = app(list(arguments), exit_on_error=False, result_action="return_value")
    assert isinstance(code, int)
    return code


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--json") == 0
    assert {"json_auto", "mapped", "eve", "camera", "sign", "lock", "access"} == {
        manifest["name"] for manifest in json.loads(capsys.readouterr().out)
    }
    assert run("list") == 0
    assert "no personal data" in capsys.readouterr().out


def test_check_a_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("topic: env/*\nquantities: {co_ppm: air.co}\n")
    bad.write_text("topic: env/*\nquantities: {co_ppm: {path: air.co, scale: 0}}\n")
    assert run("check", str(good)) == 0
    capsys.readouterr()
    assert run("check", str(bad)) == 2
    captured = capsys.readouterr()
    assert "scale not 0" in captured.err
    assert captured.err.count("\n") == 1
    assert run("check", str(bad), "--json") == 2
    assert json.loads(capsys.readouterr().out)["valid"] is False


def test_check_a_file_through_a_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping, file = tmp_path / "gas.yaml", tmp_path / "g1.jsonl"
    mapping.write_text("topic: env/g*\ntime: at\nquantities: {co_ppm: {path: air.co, range: [0, 9]}}\n")
    file.write_text('{"at": "2014-01-01", "air": {"co": 4}}\n{"at": "2014-01-01", "air": {"co": 40}}\n')
    assert run("check", str(file), "--mapping", str(mapping), "--family", "env") == 2
    assert "line 2: out of range" in capsys.readouterr().out


def test_replay_without_a_platform_decodes_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hall.csv"
    file.write_text("timestamp,value\n2014-04-01,1\nx,2\n")
    assert run("replay", str(file), "--json") == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["sent"] is False
    assert document["total"] == {"lines": 2, "accepted": 1, "rejected": 1, "observations": 1, "sent": 0}
    assert run("replay", str(file)) == 0
    captured = capsys.readouterr()
    assert "line 3: bad time" in captured.out
    assert "decoded only" in captured.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay",),
        ("replay", "absent.csv"),
        ("replay", "absent.csv", "--column", "x"),
        ("replay", "absent.csv", "--data-dir", "nowhere"),
        ("watch", "--data-dir", "nowhere"),
        ("watch", "--count", "-1"),
        ("check", "absent.yaml"),
        ("check", "absent.toml"),
    ],
)
def test_wrong_use_is_one_clear_line(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("s4 sources: ")
    assert captured.err.count("\n") == 1
    assert not captured.out
