"""Runs `s4 demo` as a user does, and reads its document."""

import json
import subprocess
import sys
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from shapely import LineString
from shapely.geometry import shape

Document = dict[str, Any]

COMMAND = [sys.executable, "-c", "from s4allcities.cli import main; main()", "demo"]


def run_demo(*arguments: str, data_dir: Path, limit_s: float = 300.0) -> Document:
    """Run a headless demonstration; give its document."""
    done = subprocess.run(
        [*COMMAND, *arguments, "--headless", "--json", "--data-dir", str(data_dir)],
        capture_output=True, text=True, timeout=limit_s, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    document: Document = json.loads(done.stdout)
    return document


def seconds_to_open(incident: Document) -> float:
    """Scenario seconds from the first evidence to the incident."""
    first, opened = (datetime.fromisoformat(incident[key]) for key in ("t_first_evidence", "t_opened"))
    return (opened - first).total_seconds()


def check_fire_story(document: Document) -> None:
    """Two linked incidents in time, one alert each, routes off the hazard and the distrusted exit, one order, a CAP."""
    incidents = {incident["hypothesis"]: incident for incident in document["incidents"]}
    assert set(incidents) == {"fire", "cyber-intrusion"}
    assert len(document["incidents"]) == 2
    fire, intrusion = incidents["fire"], incidents["cyber-intrusion"]
    assert intrusion["id"] in fire["linked"]
    assert fire["id"] in intrusion["linked"]
    assert max(map(seconds_to_open, incidents.values())) <= 15.0
    assert sorted(alert["incident_id"] for alert in document["alerts"]) == sorted(
        i["id"] for i in document["incidents"]
    )
    check_routes(document)
    assert len(document["orders"]) == 1
    states = [command["state"] for command in document["commands"]]
    assert states.count("no_answer") == 1
    assert set(states) == {"acknowledged", "no_answer"}
    assert len(document["cap_files"]) == 1
    check_accounting(document)


def check_routes(document: Document) -> None:
    """No route crosses the smoke on its level as known when ordered, or uses the distrusted exit."""
    smoke = {f["properties"]["level"]: shape(f["geometry"]) for f in document["hazard"]["features"]}
    assert smoke
    assert not any(outline.is_empty for outline in smoke.values())
    ordered = document["orders"][0]["course_of_action_id"]
    (course,) = [each for each in document["courses_of_action"] if each["id"] == ordered]
    assert course["routes"]
    for route in course["routes"]:
        points = zip(route["path"], route["levels"], strict=True)
        for (start, one), (end, other) in pairwise(points):
            for level in {one, other} & smoke.keys():
                assert not LineString([start, end]).intersects(smoke[level]), (
                    route["from_zone"],
                    route["exit"],
                )
        assert route["exit"] != "exit-j"
    assert "exit-j" in {each["exit"] for each in course["exits_not_used"]}
    assert course["clearance_s"]["p50"] <= course["clearance_s"]["p95"]


def check_accounting(document: Document) -> None:
    """Everything acknowledged has ended as decided, rejected or expired, once."""
    counts = document["observations"]
    assert counts["lost"] == 0
    assert counts["in_flight"] == 0
    assert counts["acknowledged"] == counts["decided"] + counts["rejected"] + counts["expired"] > 1000


def plan_of(document: Document) -> tuple[Any, ...]:
    """Give what the ordered routes are, to compare two runs."""
    ordered = document["orders"][0]["course_of_action_id"]
    (course,) = [each for each in document["courses_of_action"] if each["id"] == ordered]
    return tuple(sorted((route["from_zone"], route["exit"]) for route in course["routes"]))
