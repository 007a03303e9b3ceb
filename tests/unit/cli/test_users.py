"""`s4 users`, as an administrator calls it."""

import io
import json
from pathlib import Path

import pytest

from s4allcities.cli import users
from s4allcities.store.database import Database
from s4allcities.store.layout import DataDir


@pytest.fixture
def data(tmp_path: Path) -> Path:
    Database.open(DataDir(tmp_path).database).close_now()
    return tmp_path


def listed(data: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, bool, bool]]:
    capsys.readouterr()
    assert users.list_users(data_dir=data, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    return {each["name"]: (each["role"], each["disabled"], each["has_password"]) for each in found}


def test_an_accounts_life(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert users.add("anna", "supervisor", data_dir=data, as_json=True) == 0
    assert len(json.loads(capsys.readouterr().out)["token"]) > 30
    assert listed(data, capsys) == {"anna": ("supervisor", False, False)}
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert users.password("anna", data_dir=data) == 0
    assert users.role("anna", "auditor", data_dir=data) == 0
    assert users.disable("anna", data_dir=data) == 0
    assert listed(data, capsys) == {"anna": ("auditor", True, True)}
    assert users.link("anna", data_dir=data) == 2
    assert users.enable("anna", data_dir=data) == 0
    assert users.link("anna", data_dir=data) == 0
    assert "/login?token=" in capsys.readouterr().out


def test_mistakes_are_one_line(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert users.add("anna", "boss", data_dir=data) == 2
    assert "allowed are operator, supervisor" in capsys.readouterr().err
    assert users.role("nobody", "auditor", data_dir=data) == 2
    assert users.link("nobody", data_dir=data / "none") == 2
    assert "no database there" in capsys.readouterr().err
    users.add("anna", "operator", data_dir=data)
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert users.password("anna", data_dir=data) == 2
    assert "allowed are 12" in capsys.readouterr().err
