"""`s4 locks`: tokens enrolled from a file, listed, revoked; what cannot be used is one clear line."""

import json
from pathlib import Path

import pytest

from s4allcities.cli.locks import app
from s4allcities.scenario.lock import enrolment, main


def run(*arguments: str) -> int:
    code = app(list(arguments), exit_on_error=False, result_action="return_value")
    assert isinstance(code, int)
    return code


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s4-data").mkdir()


def test_a_token_from_enrolment_to_revocation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lock-01", "--token", "t-1", "--enrol", "60"]) == 0
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(capsys.readouterr().out)
    assert run("enrol", "t-1", str(pairs), "--role", "cleaner", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"token": "t-1", "pairs": 60, "new": 60}
    assert run("enrol", "t-1", str(pairs), "--role", "cleaner") == 0
    assert capsys.readouterr().out == "t-1: 0 new pairs of 60\n"
    assert run("list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [
        {"token": "t-1", "role": "cleaner", "left": 60, "revoked": False}
    ]
    assert run("revoke", "t-1") == 0
    assert run("list") == 0
    assert "revoked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no pairs in it"),
        ("{}", "line 1"),
        ('{"challenge": "00", "response": "00"}', "a challenge has 8 to 64 bytes, a response 16"),
        ('{"challenge": "zz", "response": ""}', "line 1"),
    ],
)
def test_a_file_that_is_not_right_is_refused(
    content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pairs.jsonl").write_text(content)
    assert run("enrol", "t-1", "pairs.jsonl", "--role", "cleaner") == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert said in found.err
    assert len(found.err.splitlines()) == 1


def test_unknown_names_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pairs.jsonl").write_bytes(b"\n".join(enrolment("t-1", 1, 2)))
    assert run("revoke", "t-9") == 2
    assert run("enrol", "no spaces", "pairs.jsonl", "--role", "cleaner") == 2
    assert run("enrol", "t-1", "missing.jsonl", "--role", "cleaner") == 2
    assert main(["lock-01", "--token", "t-1"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 4
