"""The demonstration as one JSON document: the contract of `s4 demo --headless --json`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from s4allcities.domain import to_rfc3339

from .client import Seen

__all__ = ("Latencies", "build_report", "read_sent")

SILENCE = "sensor-gap"
"""A detection that no reading causes, but its absence: it has no latency."""

Sent = Mapping[tuple[str, int], int]
"""Wall-clock time (us) at which a sensor's reading was published, by sensor and the reading's own time."""


class Latencies:
    """Joins what sensors sent with what reached the operator."""

    def __init__(self) -> None:
        self.detections: dict[str, tuple[str, int]] = {}
        self.arrived: dict[str, int] = {}
        self.alerts: list[tuple[str, int]] = []

    def see(self, seen: Seen) -> None:
        """Take in one change of the picture as it arrived."""
        value = seen.value
        if value is None:
            return
        if seen.collection == "detections" and seen.id not in self.arrived and value["kind"] != SILENCE:
            self.arrived[seen.id] = seen.wall_us
            self.detections[seen.id] = (value["sensor"], value["t_us"])
        elif seen.collection == "alerts" and value["version"] == 1:
            self.alerts.append((value.get("decisive", ""), seen.wall_us))

    def summary(self, sent: Sent) -> dict[str, float | None]:
        """Give medians and 99th percentiles in wall milliseconds; None where nothing can be joined."""
        to_detection = [
            (wall_us - sent[source]) / 1000
            for key, wall_us in self.arrived.items()
            if (source := self.detections[key]) in sent
        ]
        to_alert = [
            (wall_us - sent[self.detections[decisive]]) / 1000
            for decisive, wall_us in self.alerts
            if decisive in self.detections and self.detections[decisive] in sent
        ]
        return {
            "sensor_to_detection_p50": _quantile(to_detection, 0.5),
            "sensor_to_detection_p99": _quantile(to_detection, 0.99),
            "sensor_to_alert_p50": _quantile(to_alert, 0.5),
            "sensor_to_alert_p99": _quantile(to_alert, 0.99),
        }


def _quantile(values: list[float], q: float) -> float | None:
    return round(float(np.quantile(values, q)), 2) if values else None


def read_sent(path: Path) -> dict[tuple[str, int], int]:
    """Read the sensors' own log: what was published when."""
    sent: dict[tuple[str, int], int] = {}
    if path.exists():
        for line in path.read_bytes().splitlines():
            row = msgspec.json.decode(line)
            sent.setdefault((row["sensor"], row["t_us"]), row["wall_us"])
    return sent


def _time(t_us: int | None) -> str | None:
    return to_rfc3339(t_us) if t_us else None


def _incident(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": value["id"],
        "hypothesis": value["hypothesis"],
        "probability": value["probability"],
        "status": value["status"],
        "zones": value["zones"],
        "t_first_evidence": _time(value["t_first_evidence_us"]),
        "t_opened": _time(value.get("t_opened_us")),
        "linked": [link["incident"] for link in value.get("links", ())],
        "why": [
            {"name": term["name"], "llr": term["llr"], "detections": term.get("detections", [])}
            for term in value.get("terms", ())
        ],
        "text": value.get("text", ""),
    }


def _alert(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": value["id"],
        "level": value["level"],
        "state": value["state"],
        "incident_id": value["incident_id"],
        "t_annunciated": _time(value["t_annunciated_us"]),
        "title": value["title"],
        "lines": value["lines"],
        "why": value.get("why", []),
    }


def _course(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": value["id"],
        "name": value["name"],
        "incident_id": value["incident_id"],
        "version": value.get("version", 1),
        "supersedes": value.get("supersedes", ""),
        "routes": [
            {
                key: route[key]
                for key in ("from_zone", "exit", "path", "levels", "people", "sentence")
                if key in route
            }
            for route in value["routes"]
        ],
        "exits_not_used": value["exits_not_used"],
        "clearance_s": value["clearance_s"],
        "bottleneck": value.get("bottleneck", ""),
        "unreachable_zones": value.get("unreachable_zones", []),
        "assumptions": value.get("assumptions", []),
    }


def _current(picture: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the options that count: those that were ordered, and those that nothing has replaced."""
    courses = picture["courses"].values()
    ordered = {order["course_of_action_id"] for order in picture["orders"].values()}
    replaced = {course.get("supersedes", "") for course in courses}
    return [course for course in courses if course["id"] in ordered or course["id"] not in replaced]


def _order(value: dict[str, Any]) -> dict[str, Any]:
    keys = ("id", "course_of_action_id", "incident_id", "actor", "role")
    return {**{key: value[key] for key in keys}, "t": _time(value["t_us"])}


def _command(value: dict[str, Any]) -> dict[str, Any]:
    keys = ("id", "order_id", "device", "text", "state")
    return {**{key: value[key] for key in keys}, "attempts": value.get("attempts", 1)}


def _hazard(picture: dict[str, Any]) -> dict[str, Any]:
    """Give the smoke as known when the order was given, or with the last option if none was."""
    courses, orders = picture["courses"], picture["orders"]
    ordered = [courses[order["course_of_action_id"]] for order in orders.values()]
    chosen = (ordered or list(courses.values()))[-1:]
    empty: dict[str, Any] = {"type": "FeatureCollection", "features": []}
    return chosen[0].get("hazard", empty) if chosen else empty


def build_report(
    *,
    scenario: str,
    seed: int,
    picture: dict[str, Any],
    cap_files: list[str],
    observations: dict[str, int],
    latency_ms: dict[str, float | None],
) -> dict[str, Any]:
    """Write the document. Incidents are those that were confirmed; of courses, those that count."""
    return {
        "scenario": scenario,
        "seed": seed,
        "simulated": True,
        "incidents": [_incident(value) for value in picture["incidents"].values()],
        "alerts": [_alert(value) for value in picture["alerts"].values()],
        "courses_of_action": [_course(value) for value in _current(picture)],
        "superseded_courses": sorted(set(picture["courses"]) - {value["id"] for value in _current(picture)}),
        "orders": [_order(value) for value in picture["orders"].values()],
        "commands": [_command(value) for value in picture["commands"].values()],
        "cap_files": cap_files,
        "hazard": _hazard(picture),
        "observations": observations,
        "latency_ms": latency_ms,
    }
