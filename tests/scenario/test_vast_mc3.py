"""Messages of one evening of the made-up town Abila (VAST Challenge 2014, mini-challenge 3) through fusion.

A sanity check on data that nobody here made: posts of citizens and police and fire calls become detections by a few
words (`KINDS`), the rest, spam and chatter among it, is left out as a text filter would. No answer key is in the data;
what is asserted is what its dispatch calls say plainly: a building burns from 18:42, an officer is shot at 19:41.
"""

import csv
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import shapely

from s4allcities.domain import Detection, Incident, Place
from s4allcities.fusion import FusionStage
from s4allcities.fusion.lines import fuse_recording
from s4allcities.site.frame import Frame

KINDS = (
    (
        re.compile(r"\b(on fire|building fire|fire trucks?|possible fire|flames)\b", re.IGNORECASE),
        "flame-seen",
    ),
    (re.compile(r"\b(shooting|shots?|gun\w*|officer down)\b", re.IGNORECASE), "gunshot"),
    (re.compile(r"\bhit (a guy|my car|& run)", re.IGNORECASE), "vehicle-intrusion"),
)
CALL, POST = 0.9, 0.5
"""Confidence in a dispatcher's words and in a citizen's."""
FIRE, SHOOTING = (24.8945, 36.0595), (24.8565, 36.0595)
NEAR_M = 500.0


def folder() -> Path:
    data = Path(os.environ.get("S4_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
    found = data / "incidents" / "vast_mc3"
    if not found.is_dir():
        pytest.skip("the messages of VAST MC3 are not here; allowed are ../shared/data or S4_TEST_DATA")
    return found


class Streets:
    """Street lines of the town by name, to find the corner that a call names."""

    def __init__(self, path: Path) -> None:
        self.lines: dict[str, list[shapely.Geometry]] = {}
        for feature in msgspec.json.decode(path.read_bytes())["features"]:
            name, coordinates = feature["properties"]["FENAME"], feature["geometry"]["coordinates"]
            if name and len(coordinates) > 1 and feature["geometry"]["type"] == "LineString":
                self.lines.setdefault(name.lower(), []).append(shapely.LineString(coordinates))

    def corner(self, text: str) -> tuple[float, float] | None:
        """Where two named streets meet, or come nearest within about 100 m."""
        names = [
            re.sub(r"^[NSEW]\.? +| +(St|Ave|Way|Dr|Pl|Blvd)\.?$", "", part.strip())
            for part in text.split("/")
        ]
        found = [self.lines.get(name.lower()) for name in names]
        if len(found) != 2 or not found[0] or not found[1]:
            return None
        one, other = (shapely.union_all(lines) for lines in found)
        line = shapely.shortest_line(one, other)
        return tuple(line.coords[0]) if line.length < 0.001 else None


def t_us(text: str) -> int:
    return round(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp() * 1e6)


def place_of(row: list[str], streets: Streets) -> tuple[float, float] | None:
    latitude, longitude, corner = (*(cell.strip() for cell in row[4:7]), "", "", "")[:3]
    if latitude and longitude:
        return float(longitude), float(latitude)
    return streets.corner(corner) if corner else None


def detections(data: Path, frame: Frame) -> Iterator[Detection]:
    streets = Streets(data / "Abila.geojson")
    rows = []
    for path in sorted(data.glob("csv-*.csv")):
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            rows += list(csv.reader(file))[1:]
    for number, row in enumerate(rows):
        kind = next((kind for words, kind in KINDS if words.search(row[3])), "")
        where = place_of(row, streets) if kind else None
        if where is None:
            continue
        x_m, y_m = frame.to_local(*where)
        call = row[0] == "ccdata"
        yield Detection(
            id=f"message-{number}",
            t_us=t_us(row[1]),
            mode="replay",
            kind=kind,
            detector="words",
            sensor="dispatch" if call else row[2],
            group="dispatch" if call else row[2],
            place=Place(x_m=float(x_m), y_m=float(y_m), sigma_m=80.0),
            confidence=CALL if call else POST,
        )


def highest(
    incidents: list[Incident], hypothesis: str, where: tuple[float, float], frame: Frame
) -> tuple[float, str]:
    """How probable a hypothesis ever was near a place, and the clock time of that."""
    x_m, y_m = (float(value) for value in frame.to_local(*where))
    found = [(0.0, "")]
    for each in incidents:
        at = each.place
        if each.hypothesis != hypothesis or at.x_m is None or at.y_m is None:
            continue
        if abs(at.x_m - x_m) + abs(at.y_m - y_m) < NEAR_M:
            clock = datetime.fromtimestamp(each.t_us / 1e6, UTC).strftime("%H:%M")
            found.append((each.probability, clock))
    return max(found)


def test_the_fire_and_the_shooting_become_incidents_and_the_evening_is_not_full_of_others() -> None:
    """One citizen and one dispatcher tell of the fire: likely, not sure. Several people tell of the shooting."""
    data, frame = folder(), Frame(*FIRE)
    found = sorted(detections(data, frame), key=lambda each: each.t_us)
    assert len(found) >= 20
    incidents = list(fuse_recording(FusionStage(), found))
    fire, shooting = (
        highest(incidents, "fire", FIRE, frame),
        highest(incidents, "armed-attacker", SHOOTING, frame),
    )
    assert fire[0] > 0.3
    assert "18:40" <= fire[1] <= "18:50"
    assert shooting[0] > 0.7
    assert "19:40" <= shooting[1] <= "19:50"
    confirmed = {each.id for each in incidents if each.status == "confirmed"}
    assert len(confirmed) <= 6
