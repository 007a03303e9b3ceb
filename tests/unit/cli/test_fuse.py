"""`s4 fuse`: what outsiders put in and get out."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from s4allcities.cli.fuse import app

STATION = str(Path(__file__).parents[3] / "sites" / "helsinki-station")
T = "2026-11-19T15:40:%02d+00:00"


def line(number: int, kind: str, at_s: int, **more: Any) -> dict[str, Any]:
    return {"id": f"d{number}", "kind": kind, "sensor": f"{kind}-{number}", "t": T % at_s, **more}


def fire() -> list[dict[str, Any]]:
    return [
        line(1, "smoke", 0, zone="ticket-hall", group="smoke@ticket-hall"),
        line(2, "smoke", 1, zone="ticket-hall", group="smoke@ticket-hall", confidence=0.8),
        line(3, "co", 2, zone="ticket-hall", group="co@ticket-hall"),
        line(4, "heat", 4, zone="ticket-hall", group="heat@ticket-hall"),
    ]


def run(
    tmp_path: Path, lines: list[Any], capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, list[Any], str]:
    path = tmp_path / "detections.jsonl"
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines))
    code = app([str(path), *options], result_action="return_value")
    out, err = capsys.readouterr()
    return code, [json.loads(text) for text in out.splitlines()], err


def test_fire_in_fire_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, changes, err = run(tmp_path, fire(), capsys, "--site", STATION)
    assert (code, err) == (0, "")
    last = changes[-1]
    assert set(last) == {"id", "version", "t_us", "status", "hypotheses", "zones", "terms", "links", "text"}
    assert (last["status"], last["zones"]) == ("confirmed", ["ticket-hall"])
    assert last["text"].startswith("Fire in Ticket hall, level \u22121: 9")
    assert {id_ for term in last["terms"] for id_ in term["detections"]} == {"d1", "d2", "d3", "d4"}


def test_order_and_doubles_do_not_matter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, straight, _ = run(tmp_path, fire(), capsys)
    mixed = fire() + fire()
    random.Random(4).shuffle(mixed)
    _, shuffled, _ = run(tmp_path, mixed, capsys)
    assert shuffled == straight


def test_places_in_degrees_need_no_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        line(1, "left-object", 0, lon=24.9414, lat=60.1706, sigma_m=5),
        line(2, "owner-left", 5, lon=24.94145, lat=60.1706, sigma_m=5),
        line(3, "left-object", 30, lon=24.9450, lat=60.1706, sigma_m=5),
    ]
    code, changes, _ = run(tmp_path, lines, capsys)
    assert code == 0
    assert len({change["id"] for change in changes}) == 2


def test_entities_tie_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        line(1, "network-scan", 0, entity="10.20.4.77", group="10.20.4.77"),
        line(2, "unauthorised-write", 3, entity=["10.20.4.77", "exit-j"], group="10.20.4.77"),
        line(3, "door-contradiction", 6, entity=["door-dc-07", "exit-j"]),
    ]
    _, changes, _ = run(tmp_path, lines, capsys, "--site", STATION)
    assert changes[-1]["status"] == "confirmed"
    assert len({change["id"] for change in changes}) == 1
    assert changes[-1]["text"].startswith("Cyber intrusion at exit J")


def test_retraction(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken_back = [line(9, "clear", 5, retracts=["d3", "d4"], zone="ticket-hall")]
    _, changes, _ = run(tmp_path, fire() + taken_back, capsys)
    assert {id_ for term in changes[-1]["terms"] for id_ in term["detections"]} == {"d1", "d2", "d9"}


def test_bad_lines_are_named_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = [
        "{",
        "[1]",
        "\x00",
        line(5, "smok", 0, zone="ticket-hall"),
        line(6, "smoke", 0, zone="nowhere"),
        line(7, "smoke", 0),
        line(8, "smoke", 0, zone="ticket-hall", confidence=7),
        line(9, "smoke", 0, lon=24.9),
        line(10, "smoke", 0, lon=200, lat=60),
        line(11, "smoke", 0, lon=24, lat=90),
        line(12, "smoke", 0, zone="ticket-hall") | {"t": "yesterday"},
        line(13, "smoke", 0, zone="ticket-hall", sigma_m=-1),
        line(14, "smoke", 0, zone="ticket-hall", t_us=-5),
        line(15, "smoke", 0, zone="ticket-hall", colour="red"),
        {"id": "x"},
    ]
    code, changes, err = run(tmp_path, [*bad, "", *fire()], capsys, "--site", STATION)
    assert code == 0
    assert changes[-1]["status"] == "confirmed"
    reports = err.splitlines()
    assert len(reports) == len(bad) + 1
    assert [int(report.split(":")[-1 - report.count(":") + 1]) for report in reports[:-1]] == list(
        range(1, 16)
    )
    assert "kind 'smok' is not known" in reports[3]
    assert "allowed: compass-hall" in reports[4]
    assert reports[-1].endswith("15 bad lines left out, 4 read")


@pytest.mark.parametrize("lines", [[], ["nonsense"], [line(1, "smoke", 0)]])
def test_nothing_readable_is_wrong_use(
    tmp_path: Path, lines: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    code, changes, err = run(tmp_path, lines, capsys)
    assert (code, changes) == (2, [])
    assert "none of its lines is a detection" in err


@pytest.mark.parametrize("options", [["no-such-file.jsonl"], [], [__file__, "--site", "no-such-site"]])
def test_wrong_use(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert app(options, result_action="return_value") == 2
    assert capsys.readouterr().err.startswith("s4 fuse: ")


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert app(["--list"], result_action="return_value") == 0
    out = capsys.readouterr().out.splitlines()
    assert {"kind smoke", "kind sensor-stuck", "hypothesis fire", "hypothesis benign"} <= set(out)
    assert app(["--list", "--json"], result_action="return_value") == 0
    assert "cyber-intrusion" in json.loads(capsys.readouterr().out)["hypotheses"]


def test_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, (document,), _ = run(tmp_path, fire(), capsys, "--json")
    assert code == 0
    assert (document["detections"], document["bad_lines"]) == (4, 0)
    assert document["incidents"][-1]["status"] == "confirmed"


def test_a_year_of_silence_takes_no_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = [each | {"id": each["id"] + "b", "t": each["t"].replace("2026", "2027")} for each in fire()]
    _, changes, _ = run(tmp_path, fire() + late, capsys)
    assert len({change["id"] for change in changes if change["status"] == "confirmed"}) == 2
    assert sum(change["status"] == "closed" for change in changes) == 1
