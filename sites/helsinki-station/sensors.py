"""The sensors and signs of the demo site, placed by hand or spread evenly over a zone; none of them is real.

Numbers run by family; a few are fixed because operators know them by name (smoke-21, co-31, heat-33, counter-04,
camera-12, vms-03, door-dc-07).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s4allcities.site.lattice import lattice_of
from s4allcities.site.model import Site, Zone

Place = tuple[float, float]


class Device(NamedTuple):
    """A sensor or actuator to be written: where it stands and what its readings speak about."""

    slug: str
    name: str
    family: str
    quantities: tuple[dict[str, object], ...]
    place: Place
    level: int
    unit: str
    covers: tuple[str, ...]


def _quantity(name: str, unit: str, low: float, high: float) -> dict[str, object]:
    return {"name": name, "unit": unit, "low": low, "high": high}


SMOKE = (_quantity("smoke_pct_m", "%/m", 0, 100),)
CO = (_quantity("co_ppm", "ppm", 0, 1000),)
HEAT = (_quantity("heat_c", "degC", -40, 150),)
CAMERA = ({"name": "frame_hash"}, _quantity("frames_ps", "1/s", 0, 60))
ZONE_COUNTER = (_quantity("people", "people", 0, 5000), _quantity("density_pm2", "people/m2", 0, 9))
EXIT_COUNTER = (_quantity("out_per_min", "people/min", 0, 400), _quantity("in_per_min", "people/min", 0, 400))
DOOR = (_quantity("open", "", 0, 1),)
SIGN = ({"name": "sign_ack"},)
TRAFFIC = (_quantity("speed_kmh", "km/h", 0, 130), _quantity("vehicles_per_min", "1/min", 0, 120))
WEATHER = (
    _quantity("wind_mps", "m/s", 0, 75),
    _quantity("wind_from_deg", "deg", 0, 360),
    _quantity("temperature_c", "degC", -50, 60),
)
IDS = ({"name": "eve"},)
NODE = (
    _quantity("temperature_c", "degC", -40, 125),
    _quantity("humidity_pct", "%", 0, 100),
    _quantity("smoke_pct_m", "%/m", 0, 100),
    _quantity("flame", "", 0, 1),
    _quantity("co_ppm", "ppm", 0, 1000),
    _quantity("lpg_pct_lel", "%", 0, 100),
    _quantity("cng_pct_lel", "%", 0, 100),
)

SMOKE_OF = {
    "ticket-hall": (21, 6),
    "main-hall": (1, 3),
    "platform-concourse": (4, 2),
    "kitchen": (6, 2),
    "north-passage": (8, 2),
    "east-passage": (10, 2),
    "west-passage": (12, 3),
    "compass-hall": (15, 2),
    "metro-platform": (17, 3),
}
"""Zone: first number, how many."""
FIRST_CO_HEAT = {"ticket-hall": (31, 33)}
"""Zone: numbers of its CO and heat sensors; the other zones count up from 1."""
NODES = ("ticket-hall", "kitchen")
"""Zones with a node that measures seven quantities at one place, numbered in this order."""
COUNTER_NUMBERS = {"exit-j": 4}
CAMERA_NUMBERS = {"ticket-hall": 12}
MIDDLE_PAIR = ((-26.0, -20.0), (-18.0, -16.0))
"""smoke-21 and smoke-22 hang near the ticket gates, in the middle of the ticket hall."""

SIGNS = (
    (1, "exit-a", "ticket-hall", (-60.0, -7.0), -1),
    (2, "exit-e", "west-passage", (-137.0, -41.5), -1),
    (3, "exit-b", "ticket-hall", (-56.0, -40.0), -1),
    (4, "exit-p", "east-passage", (45.5, -48.0), -1),
    (5, "exit-r", "ticket-hall", (-2.0, -37.0), -1),
    (6, "exit-j", "north-passage", (6.7, 7.0), -1),
    (7, "exit-d", "west-passage", (-168.0, -80.0), -1),
    (8, "ticket-hall", "ticket-hall", (-1.0, -8.0), -1),
    (9, "compass-hall", "compass-hall", (-29.0, -12.0), -2),
    (10, "metro-platform", "metro-platform", (-110.0, -26.0), -3),
    (11, "main-hall", "main-hall", (5.0, 60.0), 0),
    (12, "station-square", "station-square", (-10.0, 6.0), 0),
)
"""Number, what it speaks about, zone, place, level of each variable sign."""

LOOPS = {
    "kaivokatu": (20.0, -11.0),
    "mannerheimintie": (-175.0, -50.0),
    "simonkatu": (-205.0, -110.0),
    "postikatu": (-140.0, 42.0),
    "keskuskatu": (90.0, -70.0),
}
"""Street: about where its traffic loop lies; it is moved onto the carriageway."""


def devices(site: Site) -> list[Device]:
    """Give every device of the site."""
    made = (
        _detectors(site)
        + _cameras(site)
        + _counters(site)
        + _doors(site)
        + _signs()
        + _loops(site)
        + _nodes(site)
    )
    made.append(
        Device("weather-1", "Weather mast", "weather", WEATHER, (20.0, 22.0), 0, "station-square", ())
    )
    made.append(
        Device("ids-1", "Network sensor, building automation", "ids", IDS, (45.0, 40.0), 0, "kitchen", ())
    )
    return made


def _indoor(site: Site) -> list[Zone]:
    return [zone for zone in site.zones if not zone.outdoor]


def _spread(zone: Zone, count: int, away_from: tuple[Place, ...] = ()) -> list[Place]:
    """Points far from each other inside a zone: the first near its middle, each next the farthest from all."""
    xy = lattice_of(zone.polygon).xy_m
    taken = list(away_from) or [
        min(map(tuple, xy), key=lambda p: (p[0] - zone.x_m) ** 2 + (p[1] - zone.y_m) ** 2)
    ]
    while len(taken) < count:
        gaps = np.min([np.hypot(*(xy - np.array(place)).T) for place in taken], axis=0)
        taken.append(tuple(xy[int(np.argmax(gaps * _inner(xy, zone)))]))
    return [(round(float(x), 1), round(float(y), 1)) for x, y in taken[:count]]


def _inner(xy: NDArray[np.float64], zone: Zone) -> NDArray[np.float64]:
    """Prefer points off the walls."""
    import shapely

    depth_m = shapely.distance(shapely.points(xy), zone.polygon.boundary)
    return np.minimum(depth_m, 3.0) / 3.0


def _detectors(site: Site) -> list[Device]:
    made: list[Device] = []
    for number, zone in enumerate(_indoor(site), 1):
        first, count = SMOKE_OF[zone.slug]
        co, heat = FIRST_CO_HEAT.get(zone.slug, (number, number))
        places = _spread(zone, count, MIDDLE_PAIR if zone.slug == "ticket-hall" else ())
        for index, place in enumerate(places):
            slug = f"smoke-{first + index:02d}"
            made.append(_device(slug, f"Smoke detector, {zone.name}", "smoke", SMOKE, place, zone))
        beside = [(x + 3.0, y - 2.0) for x, y in places[:2]]
        made.append(
            _device(f"co-{co:02d}", f"CO sensor, {zone.name}", "co", CO, _inside(zone, beside[0]), zone)
        )
        made.append(
            _device(
                f"heat-{heat:02d}", f"Heat sensor, {zone.name}", "heat", HEAT, _inside(zone, beside[1]), zone
            )
        )
    return made


def _nodes(site: Site) -> list[Device]:
    made = []
    for number, slug in enumerate(NODES, 1):
        zone = site.zone(slug)
        place = MIDDLE_PAIR[1] if slug == "ticket-hall" else _spread(zone, 1)[0]
        beside = _inside(zone, (place[0] - 2.5, place[1] - 2.5))
        made.append(
            _device(f"node-{number:02d}", f"Building node, {zone.name}", "building", NODE, beside, zone)
        )
    return made


def _inside(zone: Zone, place: Place) -> Place:
    """The place, or the nearest point of the lattice if it lies in a wall."""
    import shapely

    if shapely.intersects_xy(zone.polygon.buffer(-0.5), *place):
        return place
    xy = lattice_of(zone.polygon).xy_m
    x, y = xy[int(np.argsort(np.hypot(*(xy - np.array(place)).T), kind="stable")[1])]
    return float(x), float(y)


def _device(
    slug: str, name: str, family: str, quantities: tuple[dict[str, object], ...], place: Place, zone: Zone
) -> Device:
    return Device(slug, name, family, quantities, place, zone.level, zone.slug, (zone.slug,))


def _cameras(site: Site) -> list[Device]:
    made = []
    numbers = iter(n for n in range(1, 60) if n not in CAMERA_NUMBERS.values())
    for zone in site.zones:
        place = _spread(zone, 2)[1]
        number = CAMERA_NUMBERS.get(zone.slug) or next(numbers)
        made.append(_device(f"camera-{number:02d}", f"Camera, {zone.name}", "camera", CAMERA, place, zone))
    return made


def _counters(site: Site) -> list[Device]:
    made = []
    numbers = iter(n for n in range(1, 90) if n not in COUNTER_NUMBERS.values())
    for opening in site.exits:
        zone = site.zone(opening.connects[0])
        number = COUNTER_NUMBERS.get(opening.slug) or next(numbers)
        place = _towards(opening.x_m, opening.y_m, zone)
        name = f"People counter, exit {opening.letter}"
        slug = f"counter-{number:02d}"
        made.append(
            Device(slug, name, "counter", EXIT_COUNTER, place, zone.level, zone.slug, (opening.slug,))
        )
    for zone in site.zones:
        slug = f"occupancy-{zone.slug}"
        made.append(
            _device(slug, f"Occupancy, {zone.name}", "counter", ZONE_COUNTER, (zone.x_m, zone.y_m), zone)
        )
    return made


def _towards(x_m: float, y_m: float, zone: Zone) -> Place:
    """A place some 3 m behind a door, inside its zone."""
    xy = lattice_of(zone.polygon).xy_m
    away = np.hypot(*(xy - np.array([x_m, y_m])).T)
    x, y = xy[int(np.argmin(away + 20.0 * (away < 2.0)))]
    return float(round((2 * x + x_m) / 3, 1)), float(round((2 * y + y_m) / 3, 1))


def _doors(site: Site) -> list[Device]:
    return [
        Device(
            each.controller,
            f"Door controller, exit {each.letter}",
            "door",
            DOOR,
            (each.x_m, each.y_m),
            each.level,
            each.connects[0],
            (each.slug,),
        )
        for each in site.exits
        if each.controller
    ]


def _signs() -> list[Device]:
    return [
        Device(
            f"vms-{number:02d}",
            f"Sign at {_spoken(about)}",
            "sign",
            SIGN,
            place,
            level,
            zone,
            (about,),
        )
        for number, about, zone, place, level in SIGNS
    ]


def _spoken(slug: str) -> str:
    """The name of a place as people say it: ``exit-a`` is exit A."""
    words = slug.split("-")
    return " ".join(word.upper() if len(word) == 1 else word for word in words)


def _loops(site: Site) -> list[Device]:
    import shapely

    made = []
    for slug, place in LOOPS.items():
        line = shapely.MultiLineString([part.tolist() for part in site.street(slug).lines_m])
        spot = line.interpolate(line.project(shapely.Point(place)))
        name = f"Traffic loop, {site.street(slug).name}"
        made.append(Device(f"loop-{slug}", name, "traffic", TRAFFIC, (spot.x, spot.y), 0, "", (slug,)))
    return made
