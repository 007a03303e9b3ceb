"""The venue model: what a site is made of, in local metres, ready for planning and for the map.

A *zone* is an IMDF unit: a room, hall, passage or platform indoors, a square outdoors. Everything is named
by a *slug*, a short readable name that stays the same over the years (``ticket-hall``, ``exit-a``,
``kaivokatu``).
"""

from collections.abc import Iterable
from functools import cached_property
from math import hypot
from typing import Literal, Protocol, TypeVar

from msgspec import Struct
from shapely.geometry import Polygon

from .arrays import F8
from .errors import UnknownName
from .frame import Frame

__all__ = (
    "ApprovedPlan",
    "Assembly",
    "ExitState",
    "Flow",
    "Level",
    "Link",
    "LinkKind",
    "Opening",
    "Quantity",
    "SensorSpec",
    "Site",
    "Stair",
    "Street",
    "Zone",
)

LinkKind = Literal["stairs", "escalator", "elevator", "ramp"]
ExitState = Literal["open", "closed"]


class Flow(Struct, frozen=True, kw_only=True):
    """People a second through an opening, with where the figure comes from."""

    value: float
    source: str
    date: str = ""
    calibrated: bool = False


class Stair(Struct, frozen=True, kw_only=True):
    """A flight: riser and tread of a step, and the height it climbs, all in metres."""

    riser_m: float
    tread_m: float
    rise_m: float

    @property
    def slope_length_m(self) -> float:
        """Length walked along the slope."""
        return self.rise_m / self.riser_m * hypot(self.riser_m, self.tread_m)


class Level(Struct, frozen=True, kw_only=True):
    """A storey; ``ordinal`` 0 is the street, negative is underground."""

    slug: str
    id: str
    name: str
    short_name: str
    ordinal: int
    outdoor: bool = False


class Zone(Struct, frozen=True, kw_only=True, eq=False):
    """A room, hall, passage or square. ``polygon`` is in local metres; ``x_m``, ``y_m`` a point inside it."""

    slug: str
    id: str
    name: str
    level: int
    category: str
    outdoor: bool
    polygon: Polygon
    x_m: float
    y_m: float
    area_m2: float
    capacity_people: int = 0
    synthetic: bool = False


class Opening(Struct, frozen=True, kw_only=True, eq=False):
    """A doorway between two zones, or an exit from a zone to a street.

    ``connects`` names (zone, zone) or (zone, street); ``line_m`` (2, 2) is the threshold, x_m, y_m.
    An exit has a ``letter``; ``stair`` is the flight between the zone and the threshold's other side;
    ``controller`` is the slug of the sensor that reports and moves the door.
    """

    slug: str
    id: str
    name: str
    level: int
    connects: tuple[str, str]
    line_m: F8
    x_m: float
    y_m: float
    lon: float
    lat: float
    width_m: float
    letter: str = ""
    state: ExitState = "open"
    stair: Stair | None = None
    flow: Flow | None = None
    step_free: bool = False
    controller: str = ""
    synthetic: bool = False

    @property
    def is_exit(self) -> bool:
        """Whether it leads out of the building."""
        return bool(self.letter)


class Link(Struct, frozen=True, kw_only=True, eq=False):
    """Stairs, an escalator, a lift or a ramp between two levels; ``line_m`` (N, 2) goes lower to upper."""

    slug: str
    id: str
    name: str
    kind: LinkKind
    lower: str
    upper: str
    line_m: F8
    width_m: float
    stair: Stair | None = None
    step_free: bool = False
    synthetic: bool = False


class Street(Struct, frozen=True, kw_only=True, eq=False):
    """A way outdoors: ``lines_m`` holds (N, 2) x_m, y_m of each part.

    ``walkable`` ways carry people; a carriageway does not. A crossing, or a way between a carriageway's lanes,
    names it in ``along``: a jam there concerns it. Pavements beside it do not.
    """

    slug: str
    id: str
    name: str
    walkable: bool
    carriageway: bool
    width_m: float
    lines_m: tuple[F8, ...]
    along: tuple[str, ...] = ()
    synthetic: bool = False


class Assembly(Struct, frozen=True, kw_only=True):
    """A place where people gather in safety; routes end here."""

    slug: str
    id: str
    name: str
    x_m: float
    y_m: float
    lon: float
    lat: float
    capacity_people: int


class Quantity(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing a sensor reports; ``low`` and ``high`` bound what it can truly read."""

    name: str
    unit: str = ""
    low: float | None = None
    high: float | None = None


class SensorSpec(Struct, frozen=True, kw_only=True):
    """A sensor or actuator. ``covers`` names the zones, exits and streets that its readings speak about."""

    slug: str
    id: str
    name: str
    family: str
    letter: str
    quantities: tuple[Quantity, ...]
    x_m: float
    y_m: float
    lon: float
    lat: float
    level: int
    zone: str = ""
    covers: tuple[str, ...] = ()
    synthetic: bool = True


class _Named(Protocol):
    @property
    def slug(self) -> str: ...


N = TypeVar("N", bound=_Named)


def _find(things: dict[str, N], slug: str, kind: str, site: str) -> N:
    try:
        return things[slug]
    except KeyError:
        known = ", ".join(sorted(things)[:40])
        raise UnknownName(f"site {site!r} has no {kind} {slug!r}; allowed: {known}") from None


def _by_slug(things: Iterable[N]) -> dict[str, N]:
    return {thing.slug: thing for thing in things}


class ApprovedPlan(Struct, frozen=True, kw_only=True):
    """An evacuation plan that the authority approved: ``exits`` by zone, who approved it and when."""

    name: str
    exits: dict[str, tuple[str, ...]]
    approved_by: str = ""
    date: str = ""


class Site(Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """One venue and the streets round it.

    ``zones``, ``openings``, ``streets`` keep the order of their files: the graph refers to them by index.
    ``attribution`` must be shown wherever the map is; ``synthetic_note`` says what was drawn by hand.
    """

    slug: str
    name: str
    frame: Frame
    outline: Polygon
    timezone: str
    language: str
    attribution: str
    synthetic_note: str
    levels: tuple[Level, ...]
    zones: tuple[Zone, ...]
    openings: tuple[Opening, ...]
    links: tuple[Link, ...]
    streets: tuple[Street, ...]
    assembly: tuple[Assembly, ...]
    sensors: tuple[SensorSpec, ...]
    plans: tuple[ApprovedPlan, ...] = ()

    @cached_property
    def _zones(self) -> dict[str, Zone]:
        return _by_slug(self.zones)

    @cached_property
    def _openings(self) -> dict[str, Opening]:
        return _by_slug(self.openings)

    @cached_property
    def _streets(self) -> dict[str, Street]:
        return _by_slug(self.streets)

    @cached_property
    def _sensors(self) -> dict[str, SensorSpec]:
        return _by_slug(self.sensors)

    @cached_property
    def _assembly(self) -> dict[str, Assembly]:
        return _by_slug(self.assembly)

    @cached_property
    def exits(self) -> tuple[Opening, ...]:
        """The openings that lead out, by letter."""
        return tuple(sorted((each for each in self.openings if each.is_exit), key=lambda each: each.letter))

    def zone(self, slug: str) -> Zone:
        """Give a zone. :raises UnknownName: no such zone; the message lists those there are."""
        return _find(self._zones, slug, "zone", self.slug)

    def opening(self, slug: str) -> Opening:
        """Give an opening. :raises UnknownName: no such opening."""
        return _find(self._openings, slug, "opening", self.slug)

    def street(self, slug: str) -> Street:
        """Give a street. :raises UnknownName: no such street."""
        return _find(self._streets, slug, "street", self.slug)

    def sensor(self, slug: str) -> SensorSpec:
        """Give a sensor. :raises UnknownName: no such sensor."""
        return _find(self._sensors, slug, "sensor", self.slug)

    def assembly_point(self, slug: str) -> Assembly:
        """Give an assembly point. :raises UnknownName: no such point."""
        return _find(self._assembly, slug, "assembly point", self.slug)

    def sensors_of(self, zone: str, family: str = "") -> tuple[SensorSpec, ...]:
        """Give the sensors that stand in a zone or cover it, of one family or of all."""
        return tuple(
            each
            for each in self.sensors
            if (each.zone == zone or zone in each.covers) and family in ("", each.family)
        )

    def zone_at(self, x_m: float, y_m: float, level: int) -> Zone | None:
        """Give the zone of a level that holds a point, or None."""
        from shapely import intersects_xy

        for zone in self.zones:
            if zone.level == level and intersects_xy(zone.polygon, x_m, y_m):
                return zone
        return None
