import asyncio
import csv
import json
from pathlib import Path

import pytest
from tests.unit.store.test_reader import fill

from s4allcities.cli import make_app


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    asyncio.run(fill(tmp_path / "history"))
    return tmp_path


def run(*words: str) -> int:
    return int(make_app()(["history", *words], result_action="return_value"))


def test_a_sensors_day_as_json(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("smoke-1", "--day", "2023-11-14", "--data-dir", str(data_dir), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rows"] == 2
    assert document["query_ms"] > 0
    assert [row["value"] for row in document["readings"]] == [None, 2.0]
    assert document["readings"][1]["t"] == "2023-11-14T00:00:02.000000+00:00"
    assert document["readings"][1]["quantity"] == "smoke_pct_m"


def test_without_a_time_the_newest_day_that_holds_any(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("gate", "--data-dir", str(data_dir), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["rows"], document["t_from"][:10]) == (1, "2023-11-14")


def test_series_are_listed(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--data-dir", str(data_dir)) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["gate", "smoke-1"]
    assert run("--data-dir", str(data_dir), "--family", "people", "--json") == 0
    [row] = json.loads(capsys.readouterr().out)["series"]
    assert row["quantity"] == "people"


def test_export_of_one_and_of_all(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = data_dir / "out.csv"
    span = ("--from", "2023-11-14", "--to", "2023-11-16")
    assert run("--data-dir", str(data_dir), *span, "--export", str(target), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    with target.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == document["rows"] == 4
    assert document["readings"] == []


def test_the_newest_readings_only(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("smoke-1", "--day", "2023-11-14", "--limit", "1", "--data-dir", str(data_dir), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert ([row["value"] for row in document["readings"]], document["rows"]) == ([2.0], 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nobody",), "no readings of sensor 'nobody'"),
        (("gate", "--quantity", "heat"), "no readings of quantity 'heat'"),
        (("gate", "--day", "yesterday"), "is no time"),
        (("gate", "--day", "2023-11-14", "--from", "2023-11-14"), "either --day"),
        (("gate", "--from", "2023-11-15", "--to", "2023-11-14"), "is before"),
        (("gate", "--limit", "-1"), "allowed are 0"),
        (("gate", "--export", "out.xlsx"), "allowed are .csv and .parquet"),
    ],
)
def test_wrong_use_is_one_line(
    data_dir: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert run(*words, "--data-dir", str(data_dir)) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not captured.out


def test_no_installation_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("gate", "--data-dir", str(tmp_path)) == 2
    assert "no history there" in capsys.readouterr().err
