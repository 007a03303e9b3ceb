"""What OpenStreetMap does not know of Helsinki central station, drawn by hand: rooms, doors, sensors.

All places are metres east and north of the anchor (24.9414 E, 60.1706 N). Outlines are plausible, not surveyed; every
feature made from this file is marked ``s4a:synthetic``. Passages follow real underground ways, named by OSM number.
"""

from typing import NamedTuple

Place = tuple[float, float]
Ring = tuple[Place, ...]

SLUG = "helsinki-station"
ANCHOR = (24.9414, 60.1706)
BBOX = (24.937, 60.168, 24.947, 60.1735)

LEVELS = (
    ("level-minus-3", -3, "Metro platforms"),
    ("level-minus-2", -2, "Compass level"),
    ("level-minus-1", -1, "Station tunnel"),
    ("level-0", 0, "Street level"),
)


class Room(NamedTuple):
    """A zone: outline parts and strips along ways (OSM number or points, half-width), minus earlier rooms."""

    slug: str
    name: str
    fi: str
    level: int
    category: str
    capacity: int
    rings: tuple[Ring, ...] = ()
    osm_strips: tuple[tuple[int, float], ...] = ()
    strips: tuple[tuple[Ring, float], ...] = ()
    keep: Ring = ()  # strips are cut to this ring if there is one
    osm_area: int = 0
    outdoor: bool = False
    synthetic: bool = True


ROOMS = (
    Room(
        "ticket-hall",
        "Ticket hall",
        "Asematunneli",
        -1,
        "lobby",
        1500,
        rings=(((-63, -4.5), (3.5, -1.8), (4.5, -40.2), (-62.3, -42.8)),),
        strips=((((-63.3, -5), (-63.4, 9.5)), 2.4), (((-55.8, -42), (-55.6, -56)), 2.4)),
    ),
    Room(
        "north-passage",
        "North passage",
        "Pohjoiskäytävä",
        -1,
        "walkway",
        350,
        osm_strips=((18379209, 3.2), (18379241, 3.0)),
        strips=(
            (((29.5, 14), (29.5, 16.6), (40, 17.2)), 2.2),
            (((-17, 11), (-17, 12.6), (-28.6, 12.1)), 2.2),
            (((6.7, 10), (6.3, 25)), 2.4),
            (((0.6, 4), (1.3, -4)), 3.0),
        ),
    ),
    Room(
        "east-passage",
        "East passage",
        "Itäkäytävä",
        -1,
        "walkway",
        400,
        osm_strips=((23648615, 3.5), (28639578, 3.5)),
        strips=(
            (((38.5, -20), (44.2, -20), (44.2, -15.8), (35, -16.2)), 2.0),
            (((44.2, -20), (44.2, -23.2), (36, -23.9)), 2.0),
            (((22.9, -42), (22.9, -38.8), (28.4, -38.6)), 2.0),
            (((45.5, -52), (65, -51.2)), 2.4),
            (((6, -42.5), (2, -39.5)), 3.5),
        ),
        keep=((-10, 40), (80, 40), (80, -56), (-10, -56)),
    ),
    Room(
        "west-passage",
        "West passage",
        "Länsikäytävä",
        -1,
        "walkway",
        600,
        osm_strips=(
            (23653322, 3.6),
            (23648234, 3.2),
            (470014070, 2.4),
            (27008942, 2.4),
            (18379003, 2.4),
            (28903127, 2.4),
            (193448522, 2.2),
        ),
        strips=(
            (((-82, -28), (-80.5, -30), (-69.2, -29.6)), 2.0),
            (((-168.5, -113), (-170, -113.5), (-176, -105.8)), 2.4),
            (((-117, -104.5), (-120.5, -107.8), (-115.6, -112.8)), 2.2),
            (((-143, -43), (-147.5, -48), (-152.4, -52.4)), 2.4),
        ),
        keep=((-230, 20), (-50, 20), (-50, -60), (-108, -60), (-108, -116), (-230, -116)),
    ),
    Room("compass-hall", "Compass hall", "Kompassitaso", -2, "lobby", 700, osm_area=18379563, synthetic=False),
    Room(
        "metro-platform",
        "Metro platform",
        "Metrolaituri",
        -3,
        "platform",
        1800,
        rings=(((-173, -38.8), (-173, -16.5), (-51, -10.5), (-49.5, -35.2)),),
    ),
    Room(
        "kitchen",
        "Kitchen of the main hall",
        "Keittiö",
        0,
        "foodservice",
        40,
        rings=(((38.5, 32.5), (59.5, 33.4), (59.2, 48.5), (38, 47.6)),),
    ),
    Room(
        "main-hall",
        "Main hall",
        "Päähalli",
        0,
        "lobby",
        2000,
        rings=(
            ((-26, 27.4), (37.6, 30.2), (36.3, 70.4), (-27, 67.8)),
            ((36, 55.8), (50.5, 56.4), (50.2, 67.2), (36, 66.8)),
            ((-55.8, 54.2), (-26, 54.2), (-26, 63), (-56, 62.8)),
        ),
    ),
    Room(
        "platform-concourse",
        "Platform concourse",
        "Laiturialue",
        0,
        "platform",
        1500,
        rings=(
            ((-32, 68.6), (37, 71.6), (36, 85.6), (-33, 82.6)),
            ((-54.6, 81.6), (-31, 81.8), (-31, 85.4), (-54.8, 85.6)),
            ((35.5, 82.6), (58.4, 84.2), (58.3, 88.6), (35.4, 87)),
        ),
    ),
    Room(
        "station-square",
        "Station square",
        "Asema-aukio",
        0,
        "outdoors",
        5000,
        rings=(
            ((-66.5, -3.4), (62.6, -0.2), (61.6, 31), (26, 29), (24.4, 21), (19.5, 14.5), (19.4, 29), (-8, 27.8),
             (-8, 13.5), (-14, 18), (-14.5, 26.6), (-52, 25.2), (-66.5, 24.8)),
            ((-67, 24), (-52.5, 24), (-56.5, 44), (-59.8, 47), (-56.6, 50), (-56.2, 66), (-60.5, 70), (-55, 73.5),
             (-55, 89), (-67, 89)),
        ),
        outdoor=True,
    ),
)  # fmt: skip

KIOSKS = ((-24.5, 12.5), (36.0, 17.0), (55.5, 21.5), (-63.0, 4.0))
"""A point inside each small building that stands on the square; its footprint is cut out of the zone."""


class Door(NamedTuple):
    """An opening between two rooms: its middle, the direction of its threshold (degrees from east), width."""

    slug: str
    rooms: tuple[str, str]
    place: Place
    heading_deg: float
    width_m: float


DOORS = (
    Door("ticket-hall-north", ("ticket-hall", "north-passage"), (1.1, -2.0), 2, 5.0),
    Door("ticket-hall-east", ("ticket-hall", "east-passage"), (4.4, -39.0), 92, 5.0),
    Door("ticket-hall-west", ("ticket-hall", "west-passage"), (-62.7, -21.5), 92, 6.0),
    Door("passage-north-east", ("north-passage", "east-passage"), (30.6, 0.6), 2, 5.0),
    Door("main-hall-concourse-west", ("main-hall", "platform-concourse"), (-9.9, 69.0), 3, 4.5),
    Door("main-hall-concourse-middle", ("main-hall", "platform-concourse"), (4.4, 69.6), 3, 4.5),
    Door("main-hall-concourse-east", ("main-hall", "platform-concourse"), (18.6, 70.2), 3, 4.5),
    Door("main-hall-kitchen", ("main-hall", "kitchen"), (38.0, 38.5), 92, 1.4),
    Door("main-hall-kitchen-bar", ("main-hall", "kitchen"), (37.8, 44.5), 92, 1.2),
)


class Exit(NamedTuple):
    """A lettered exit: its room, OSM node (0 = by hand at ``place``), width, stair climb (0 = level), where to."""

    letter: str
    room: str
    osm: int
    place: Place
    width_m: float
    rise_m: float = 4.5
    to: str = ""  # an outdoor zone; else the nearest street
    step_free: bool = False
    controller: str = ""


EXITS = (
    Exit("A", "ticket-hall", 189437356, (-63.4, 10.2), 2.4, to="station-square", controller="door-dc-01"),
    Exit("B", "ticket-hall", 2261292458, (-55.6, -55.9), 2.4, controller="door-dc-02"),
    Exit("D", "west-passage", 296044102, (-203.0, -93.0), 3.0, controller="door-dc-04"),
    Exit("E", "west-passage", 1110731829, (-153.2, -53.0), 2.6, controller="door-dc-05"),
    Exit("F", "west-passage", 189438734, (-178.3, -65.8), 2.4),
    Exit("G", "west-passage", 256258041, (-177.0, -105.0), 2.4),
    Exit("H", "west-passage", 256203377, (-115.3, -113.6), 2.2),
    Exit("J", "north-passage", 189441823, (6.1, 26.2), 2.8, to="station-square", controller="door-dc-07"),
    Exit("K", "north-passage", 315285956, (-29.2, 12.1), 2.0, to="station-square"),
    Exit("L", "north-passage", 189440704, (40.2, 17.0), 2.0, to="station-square"),
    Exit("M", "east-passage", 3170187282, (34.4, -16.0), 1.8),
    Exit("N", "east-passage", 3170187274, (35.0, -23.8), 1.8),
    Exit("O", "west-passage", 1003278927, (-68.3, -29.7), 1.8),
    Exit("P", "east-passage", 4733960682, (65.6, -51.2), 2.8, controller="door-dc-16"),
    Exit("Q", "east-passage", 4733960685, (28.8, -38.5), 1.8),
    Exit("R", "ticket-hall", 189439360, (-6.8, -39.4), 2.0),
    Exit("S", "west-passage", 664317439, (-147.4, -50.8), 2.0),
    Exit("T", "main-hall", 0, (5.6, 28.6), 6.0, 0.0, "station-square", True, "door-dc-20"),
    Exit("U", "main-hall", 0, (50.4, 62.4), 4.0, 0.0, "", True, "door-dc-21"),
    Exit("V", "main-hall", 0, (-55.9, 58.6), 4.0, 0.0, "station-square", True, "door-dc-22"),
    Exit("W", "platform-concourse", 0, (-54.8, 83.6), 3.0, 0.0, "station-square", True, "door-dc-23"),
    Exit("X", "platform-concourse", 0, (58.3, 86.6), 3.0, 0.0, "", True, "door-dc-24"),
)


class Flight(NamedTuple):
    """Stairs or escalators between rooms of two levels, lower end first."""

    slug: str
    name: str
    kind: str
    rooms: tuple[str, str]
    line: Ring
    width_m: float
    rise_m: float
    osm: int = 0


FLIGHTS = (
    Flight("escalators-platform-east", "Escalators metro platform to compass hall", "escalator",
           ("metro-platform", "compass-hall"), ((-86.0, -23.6), (-47.8, -22.3)), 3.0, 18.0, 18378805),
    Flight("escalators-platform-west", "Escalators metro platform to west passage", "escalator",
           ("metro-platform", "west-passage"), ((-166.0, -29.0), (-117.0, -30.2)), 2.0, 22.0),
    Flight("stairs-compass-east", "Stairs compass hall to ticket hall, east", "stairs",
           ("compass-hall", "ticket-hall"), ((-10.6, -20.0), (1.6, -19.4)), 2.4, 4.5, 18379658),
    Flight("escalators-compass-east", "Escalators compass hall to ticket hall, east", "escalator",
           ("compass-hall", "ticket-hall"), ((-10.6, -21.4), (1.6, -20.8)), 2.0, 4.5, 555445041),
    Flight("escalators-compass-southwest", "Escalators compass hall to ticket hall, south-west", "escalator",
           ("compass-hall", "ticket-hall"), ((-47.8, -31.5), (-59.0, -32.0)), 2.0, 4.5, 193449885),
    Flight("escalators-compass-northwest", "Escalators compass hall to ticket hall, north-west", "escalator",
           ("compass-hall", "ticket-hall"), ((-47.8, -11.2), (-57.6, -11.4)), 2.0, 4.5, 193449883),
)  # fmt: skip

ASSEMBLY = (
    ("assembly-elielinaukio", "Elielinaukio", (-76.0, 79.0), 3000),
    ("assembly-lasipalatsi", "Lasipalatsi", (-214.0, -50.0), 2500),
    ("assembly-kaivopiha", "Kaivopiha", (-46.5, -108.0), 2000),
    ("assembly-keskuskatu", "Keskuskatu", (80.0, -84.0), 2500),
    ("assembly-rautatientori", "Rautatientori", (118.0, 66.0), 6000),
    ("assembly-kolmensepanaukio", "Kolmensepänaukio", (-25.0, -206.0), 2500),
)

LINKS_OUTDOORS = (
    ("elielinaukio", "Elielinaukio", ((-61.5, 80.0), (-73.0, 74.6)), 5.0),
    ("station-front", "Kaivokatu", ((-55.6, -3.0), (6.6, -1.6), (62.0, 0.2)), 6.0),
)
"""Pavements that the map lacks; their ends join the nearest mapped way within ``SNAP_M``."""
SNAP_M = 6.0

BACKGROUND_PASSAGES = ((45314105, 2.5), (23648570, 3.0), (23648615, 3.0), (23653322, 3.0), (23648234, 3.0))
"""Underground ways outside our zones, drawn for the map only."""

STREETS_WITH_LOOPS = ("kaivokatu", "mannerheimintie", "simonkatu", "postikatu", "keskuskatu")
