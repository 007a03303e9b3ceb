"""The demonstration end to end, as `make demo ARGS="--headless --json"` runs it."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.scenario.demos import COMMAND, check_accounting, check_fire_story, plan_of, run_demo

SPEED = "3"
"""Faster than life, so that the suite stays short; slow enough for two shared cores."""


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_the_fire_story_from_sensors_to_signs(tmp_path: Path) -> None:
    document = run_demo("--seed", "1", "--speed", SPEED, data_dir=tmp_path)
    check_fire_story(document)
    capvalidator = pytest.importorskip("capvalidator")
    (cap,) = document["cap_files"]
    result = capvalidator.check_schema(Path(cap).read_bytes())
    assert result.passed, result.message


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_a_rush_hour_raises_no_high_alert(tmp_path: Path) -> None:
    document = run_demo("station-rush-hour", "--seed", "1", "--speed", SPEED, data_dir=tmp_path)
    assert [alert for alert in document["alerts"] if alert["level"] in ("high", "critical")] == []
    check_accounting(document)


@pytest.mark.parametrize("arguments", [("--jam", "nowhere"), ("--fire-at", "moon"), ("--close", "exit-zz")])
def test_unknown_names_are_refused_with_what_is_allowed(arguments: tuple[str, str]) -> None:
    done = subprocess.run([*COMMAND, *arguments, "--headless"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "allowed" in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(20))
def test_the_fire_story_for_twenty_seeds(seed: int, tmp_path: Path) -> None:
    check_fire_story(run_demo("--seed", str(100 + seed), "--speed", SPEED, data_dir=tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(20))
def test_the_rush_hour_for_twenty_seeds(seed: int, tmp_path: Path) -> None:
    document = run_demo("station-rush-hour", "--seed", str(200 + seed), "--speed", SPEED, data_dir=tmp_path)
    assert [alert for alert in document["alerts"] if alert["level"] in ("high", "critical")] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "zone",
    [
        "north-passage",
        "east-passage",
        "west-passage",
        "compass-hall",
        "kitchen",
        "main-hall",
        "platform-concourse",
    ],
)
def test_the_answer_follows_the_fire(zone: str, tmp_path: Path) -> None:
    document = run_demo("--fire-at", zone, "--speed", SPEED, data_dir=tmp_path)
    check_fire_story(document)
    fire = next(each for each in document["incidents"] if each["hypothesis"] == "fire")
    assert zone in fire["zones"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_answer_follows_jam_and_closure(tmp_path: Path) -> None:
    plans = {}
    for street in ("kaivokatu", "mannerheimintie", "keskuskatu"):
        document = run_demo("--jam", street, "--speed", SPEED, data_dir=tmp_path / street)
        check_fire_story(document)
        plans[street] = plan_of(document)
    assert len(set(plans.values())) == 3
    used = plans["kaivokatu"][0][1]
    closed = run_demo("--close", used, "--speed", SPEED, data_dir=tmp_path / "closed")
    assert used not in {exit_ for _, exit_ in plan_of(closed)}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killing_platform_and_server_loses_and_doubles_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--headless", "--json", "--seed", "5", "--data-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    running = tmp_path / "data" / "running.json"
    _wait_for(running.exists)
    time.sleep(35)
    first = json.loads(running.read_text())
    os.kill(first["pid"], signal.SIGKILL)
    _wait_for(lambda: running.exists() and json.loads(running.read_text())["pid"] != first["pid"])
    time.sleep(15)
    os.kill(json.loads(running.read_text())["nats_pid"], signal.SIGKILL)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    document = json.loads(out)
    check_accounting(document)
    assert sorted(each["hypothesis"] for each in document["incidents"]) == ["cyber-intrusion", "fire"]
    assert len(document["alerts"]) == 2
    assert len(document["orders"]) == 1
    assert len({command["device"] for command in document["commands"]}) == len(document["commands"])


def _wait_for(holds: Callable[[], bool], limit_s: float = 90.0) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_an_exit_that_somebody_locked_is_said_in_peace_with_its_cost(tmp_path: Path) -> None:
    document = run_demo(
        "station-rush-hour", "--seed", "1", "--lock", "A", "--speed", SPEED, data_dir=tmp_path
    )
    (incident,) = document["incidents"]
    assert (incident["hypothesis"], incident["status"], incident["zones"]) == (
        "exit-lost",
        "confirmed",
        ["ticket-hall"],
    )
    assert "To leave would take" in incident["text"]
    (alert,) = document["alerts"]
    assert (alert["title"], alert["level"]) == ("Exit shut, exit A", "medium")
    assert "door shut, to leave takes" in alert["lines"][1]
    check_accounting(document)
