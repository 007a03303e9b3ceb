"""What risk needs to know of a site: what touches, who fits in, which exits and cameras protect a zone."""

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from s4allcities.site.model import Site

__all__ = ("ZoneFacts", "zones_of")


class ZoneFacts(Struct, frozen=True, kw_only=True):
    """One zone. ``exits`` maps the exits it can be left by to what people call them; ``cameras`` see it."""

    name: str
    capacity_people: int = 0
    neighbours: tuple[str, ...] = ()
    exits: dict[str, str] = {}
    cameras: tuple[str, ...] = ()


def zones_of(site: "Site") -> dict[str, ZoneFacts]:
    """Take the facts from a site file."""
    slugs = {zone.slug for zone in site.zones}
    near: dict[str, set[str]] = {slug: set() for slug in slugs}
    pairs = [each.connects for each in site.openings] + [(link.lower, link.upper) for link in site.links]
    for one, other in pairs:
        if one in slugs and other in slugs:
            near[one].add(other)
            near[other].add(one)
    return {
        zone.slug: ZoneFacts(
            name=zone.name,
            capacity_people=zone.capacity_people,
            neighbours=tuple(sorted(near[zone.slug])),
            exits={
                e.slug: f"exit {e.letter}" for e in site.exits if zone.slug in e.connects and not zone.outdoor
            },
            cameras=tuple(each.slug for each in site.sensors_of(zone.slug, "camera")),
        )
        for zone in site.zones
    }
