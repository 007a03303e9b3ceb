"""The site file format: IMDF 1.0.0 collections with our ``s4a:`` properties, as typed structs.

One struct a feature type holds the properties we read; others that IMDF knows may be there and are left
alone.
Ranges live here, so that a wrong figure is refused where it is read, with the property's name.
"""

from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

from msgspec import Meta, Struct, field

from .model import ApprovedPlan, ExitState, Flow, LinkKind, Quantity, Stair

__all__ = (
    "BACKGROUND_KINDS",
    "COLLECTIONS",
    "SENSOR_LETTERS",
    "AssemblyProps",
    "BackgroundProps",
    "Collection",
    "Feature",
    "FootprintProps",
    "LevelProps",
    "Manifest",
    "OpeningProps",
    "PlainProps",
    "Props",
    "RelationshipProps",
    "SensorProps",
    "SiteHeader",
    "StreetProps",
    "UnitProps",
    "VenueProps",
    "feature_id",
)

_NAMESPACE = UUID("3f0c6c0e-8f5a-5f59-9f0b-5a6f1d4c7a10")

_Slug = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
_Width = Annotated[float, Meta(ge=0.5, le=120)]
_Letter = Annotated[str, Meta(pattern=r"^[A-Z][0-9]?$")]
_Reference = Annotated[str, Meta(min_length=1)]
_LonLat = tuple[Annotated[float, Meta(ge=-180, le=180)], Annotated[float, Meta(ge=-89, le=89)]]

_BackgroundKind = Literal[
    "land", "square", "park", "water", "rail", "tram", "platform", "building", "venue", "passage", "steps"
]
BACKGROUND_KINDS: tuple[str, ...] = _BackgroundKind.__args__  # type: ignore[attr-defined]

SENSOR_LETTERS = {
    "smoke": "S",
    "co": "CO",
    "heat": "H",
    "camera": "C",
    "counter": "N",
    "door": "D",
    "sign": "V",
    "sound": "A",
    "traffic": "T",
    "weather": "W",
    "ids": "I",
    "building": "B",
}
"""Families of sensors and the letter that stands for each on the map."""

_Family = Literal[
    "smoke",
    "co",
    "heat",
    "camera",
    "counter",
    "door",
    "sign",
    "sound",
    "traffic",
    "weather",
    "ids",
    "building",
]


def feature_id(site: str, slug: str) -> str:
    """Give the UUID that IMDF asks for; it follows from site and slug, so that it stays the same for ever.

    >>> feature_id("helsinki-station", "ticket-hall") == feature_id("helsinki-station", "ticket-hall")
    True
    """
    return str(uuid5(_NAMESPACE, f"{site}/{slug}"))


class SiteHeader(Struct, frozen=True, kw_only=True):
    """What the manifest says of the whole site; ``anchor`` is where the local frame touches the earth."""

    slug: _Slug
    anchor: _LonLat
    timezone: str = "UTC"
    attribution: str = ""
    licence: str = ""
    synthetic_note: str = ""
    source: str = ""


class Manifest(Struct, frozen=True, kw_only=True):
    """``manifest.json``: IMDF's own keys and ``s4a:site``."""

    version: Literal["1.0.0"]
    created: str
    language: str
    site: SiteHeader = field(name="s4a:site")
    plans: tuple[ApprovedPlan, ...] = field(name="s4a:plans", default=())
    generated_by: str | None = None
    extensions: list[str] | None = None


class Props(Struct, frozen=True, kw_only=True):
    """What every feature has."""

    slug: _Slug = field(name="s4a:slug")
    name: dict[str, str] | None = None
    synthetic: bool = field(name="s4a:synthetic", default=False)


class PlainProps(Props, frozen=True, kw_only=True):
    """Of a building, an amenity or an address: kept for other readers, not used by us."""


class VenueProps(Props, frozen=True, kw_only=True):
    """Of the venue."""

    category: str


class FootprintProps(Props, frozen=True, kw_only=True):
    """Of a building's footprint."""

    category: str = "ground"


class LevelProps(Props, frozen=True, kw_only=True):
    """Of a storey."""

    ordinal: Annotated[int, Meta(ge=-50, le=200)]
    short_name: dict[str, str] | None = None
    outdoor: bool = False


class UnitProps(Props, frozen=True, kw_only=True):
    """Of a zone."""

    category: str
    level_id: _Reference
    outdoor: bool = field(name="s4a:outdoor", default=False)
    capacity_people: Annotated[int, Meta(ge=0, le=200_000)] = field(name="s4a:capacity", default=0)


class OpeningProps(Props, frozen=True, kw_only=True):
    """Of a doorway or an exit."""

    category: str
    level_id: _Reference
    connects: tuple[_Slug, _Slug] = field(name="s4a:connects")
    width_m: _Width = field(name="s4a:width_m")
    letter: _Letter | None = field(name="s4a:exit", default=None)
    state: ExitState = field(name="s4a:state", default="open")
    stair: Stair | None = field(name="s4a:stair", default=None)
    flow: Flow | None = field(name="s4a:flow_ps", default=None)
    step_free: bool = field(name="s4a:step_free", default=False)
    controller: _Slug | None = field(name="s4a:door_actuator", default=None)


class RelationshipProps(Props, frozen=True, kw_only=True):
    """Of stairs, an escalator, a lift or a ramp; ``connects`` is (lower zone, upper zone)."""

    category: LinkKind
    connects: tuple[_Slug, _Slug] = field(name="s4a:connects")
    width_m: _Width = field(name="s4a:width_m")
    stair: Stair | None = field(name="s4a:stair", default=None)
    step_free: bool = field(name="s4a:step_free", default=False)


class StreetProps(Props, frozen=True, kw_only=True):
    """Of a way outdoors."""

    width_m: _Width = field(name="s4a:width_m")
    walkable: bool = field(name="s4a:walkable")
    carriageway: bool = field(name="s4a:carriageway", default=False)
    along: tuple[_Slug, ...] = field(name="s4a:along", default=())


class AssemblyProps(Props, frozen=True, kw_only=True):
    """Of an assembly point."""

    capacity_people: Annotated[int, Meta(ge=1, le=1_000_000)] = field(name="s4a:capacity")


class SensorProps(Props, frozen=True, kw_only=True):
    """Of a sensor or actuator."""

    family: _Family = field(name="s4a:family")
    letter: str = field(name="s4a:letter")
    level_id: _Reference
    quantities: tuple[Quantity, ...] = field(name="s4a:quantities", default=())
    unit: _Slug | None = field(name="s4a:unit", default=None)
    covers: tuple[_Slug, ...] = field(name="s4a:covers", default=())


class BackgroundProps(Struct, frozen=True, kw_only=True):
    """Of what is only drawn on the map; it needs no slug."""

    kind: _BackgroundKind = field(name="s4a:kind")
    slug: str = field(name="s4a:slug", default="")
    name: dict[str, str] | None = None
    level: int = field(name="s4a:level", default=0)
    synthetic: bool = field(name="s4a:synthetic", default=False)


class Feature(Struct, frozen=True, kw_only=True):
    """A feature as read: where it came from, its geometry as GeoJSON, its checked properties."""

    file: str
    id: str
    shape: str
    coordinates: Any
    props: Any


class Collection(Struct, frozen=True, kw_only=True):
    """What a file may hold: the feature type, its properties, the geometry types allowed."""

    file: str
    feature_type: str
    props: type[Struct]
    shapes: tuple[str, ...]
    required: bool = False


_AREA = ("Polygon", "MultiPolygon")
_LINE = ("LineString", "MultiLineString")

COLLECTIONS: dict[str, Collection] = {
    each.feature_type: each
    for each in (
        Collection(file="venue.geojson", feature_type="venue", props=VenueProps, shapes=_AREA, required=True),
        Collection(file="building.geojson", feature_type="building", props=PlainProps, shapes=("none",)),
        Collection(file="footprint.geojson", feature_type="footprint", props=FootprintProps, shapes=_AREA),
        Collection(file="level.geojson", feature_type="level", props=LevelProps, shapes=_AREA, required=True),
        Collection(
            file="unit.geojson", feature_type="unit", props=UnitProps, shapes=("Polygon",), required=True
        ),
        Collection(
            file="opening.geojson",
            feature_type="opening",
            props=OpeningProps,
            shapes=("LineString",),
        ),
        Collection(file="amenity.geojson", feature_type="amenity", props=PlainProps, shapes=("Point",)),
        Collection(
            file="relationship.geojson",
            feature_type="relationship",
            props=RelationshipProps,
            shapes=("LineString",),
        ),
        Collection(
            file="street.geojson", feature_type="s4a:street", props=StreetProps, shapes=_LINE, required=True
        ),
        Collection(
            file="assembly.geojson",
            feature_type="s4a:assembly",
            props=AssemblyProps,
            shapes=("Point",),
            required=True,
        ),
        Collection(file="sensor.geojson", feature_type="s4a:sensor", props=SensorProps, shapes=("Point",)),
        Collection(
            file="background.geojson",
            feature_type="s4a:background",
            props=BackgroundProps,
            shapes=(*_AREA, *_LINE, "Point"),
        ),
    )
}
"""Every file of a site folder beside ``manifest.json``, by feature type."""
