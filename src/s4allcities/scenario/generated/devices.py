"""The devices of generated worlds: those of the site file, and families that the demo site has none of yet."""

from collections.abc import Iterator

from msgspec import Struct

from s4allcities.site import SensorSpec, Site, Zone

__all__ = ("Device", "devices_of")

LARGE_M2 = 2000.0
PEOPLE = {"caller": 10, "poster": 6, "guard": 2}
"""Who may report: passers-by with a telephone, people who post, guards on their rounds. They may be anywhere."""

GAS = (
    "ticket-hall",
    "north-passage",
    "west-passage",
    "compass-hall",
    "metro-platform",
    "main-hall",
    "kitchen",
)
SPECTROMETERS = (
    "ticket-hall",
    "north-passage",
    "west-passage",
    "compass-hall",
    "metro-platform",
    "main-hall",
)
VIBRATION = (
    "ticket-hall",
    "north-passage",
    "east-passage",
    "west-passage",
    "main-hall",
    "platform-concourse",
)


class Device(Struct, frozen=True, kw_only=True):
    """Something that carries detectors. ``zone`` is empty for what may be anywhere; ``exit`` is a door's exit."""

    slug: str
    families: tuple[str, ...]
    x_m: float
    y_m: float
    level: int
    zone: str = ""
    covers: tuple[str, ...] = ()
    exit: str = ""


def devices_of(site: Site) -> tuple[Device, ...]:
    """Give the devices of a site with what is set up beside them, always in the same order."""
    return (*map(_of_spec, site.sensors), *_extra(site), *_people(site))


def _of_spec(spec: SensorSpec) -> Device:
    families = [spec.family]
    if spec.slug.startswith("occupancy"):
        families = ["occupancy"]
    if spec.family in ("co", "heat"):
        families.append("numeric")
    if spec.family == "camera" and spec.level == 0 and spec.zone == "station-square":
        families.append("square-camera")
    return Device(
        slug=spec.slug,
        families=tuple(families),
        x_m=spec.x_m,
        y_m=spec.y_m,
        level=spec.level,
        zone=spec.zone,
        covers=spec.covers,
        exit=spec.covers[0] if spec.family == "door" and spec.covers else "",
    )


def _extra(site: Site) -> Iterator[Device]:
    number = 0
    for zone in site.zones:
        for dx_m in (-15.0, 15.0) if zone.area_m2 >= LARGE_M2 else (0.0,):
            number += 1
            outdoors = ("microphone-outdoors",) if zone.outdoor else ()
            yield _in_zone(f"microphone-{number:02}", ("microphone", *outdoors), zone, dx_m)
    zones = {zone.slug: zone for zone in site.zones}
    for family, where in (("gas", GAS), ("spectrometer", SPECTROMETERS), ("vibration", VIBRATION)):
        for count, slug in enumerate((slug for slug in where if slug in zones), start=1):
            yield _in_zone(f"{family}-{count:02}", (family,), zones[slug], 5.0)
    for zone in (zone for zone in site.zones if zone.outdoor):
        for count in (1, 2):
            yield _in_zone(f"sky-camera-{zone.slug}-{count}", ("square-camera",), zone, 30.0 * count)
            yield _in_zone(f"radio-{zone.slug}-{count}", ("radio",), zone, -30.0 * count)


def _in_zone(slug: str, families: tuple[str, ...], zone: Zone, dx_m: float) -> Device:
    return Device(
        slug=slug, families=families, x_m=zone.x_m + dx_m, y_m=zone.y_m, level=zone.level, zone=zone.slug
    )


def _people(site: Site) -> Iterator[Device]:
    for family, count in PEOPLE.items():
        for number in range(1, count + 1):
            yield Device(slug=f"{family}-{number:02}", families=(family,), x_m=0.0, y_m=0.0, level=0)
