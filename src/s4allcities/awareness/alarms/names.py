"""What people call the places and devices of a site, as alerts use it."""

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from s4allcities.site.model import Site

__all__ = ("Names", "ZoneName", "names_of")

MINUS = "\u2212"


class ZoneName(Struct, frozen=True, kw_only=True):
    """A zone's name and storey (0 = street)."""

    name: str
    level: int = 0


class Names(Struct, frozen=True, kw_only=True):
    """Names by slug: zones, exits ("exit J"), door controllers ("DC-07"). What is not here is called by its slug."""

    zones: dict[str, ZoneName] = {}
    exits: dict[str, str] = {}
    doors: dict[str, str] = {}

    def place(self, zone: str) -> str:
        """The name inside a title: "ticket hall"; proper names keep their capital."""
        name = self.zones[zone].name if zone in self.zones else zone
        return name[:1].lower() + name[1:] if _is_common(name) else name

    def zone(self, zone: str) -> str:
        """The name inside a sentence: "the ticket hall"."""
        name = self.zones[zone].name if zone in self.zones else zone
        return f"the {self.place(zone)}" if _is_common(name) else name

    def level(self, zone: str) -> str:
        """The storey of a zone, "" where it is not known."""
        return f"level {str(self.zones[zone].level).replace('-', MINUS)}" if zone in self.zones else ""


def _is_common(name: str) -> bool:
    """Whether a name is a common noun ("Ticket hall") and not a proper one ("Elielinaukio", "Platform A")."""
    words = name.split()
    return len(words) > 1 and all(word[:1].islower() for word in words[1:])


def names_of(site: "Site") -> Names:
    """Take the names from a site file."""
    doors = {each.controller for each in site.openings if each.controller}
    return Names(
        zones={zone.slug: ZoneName(name=zone.name, level=zone.level) for zone in site.zones},
        exits={each.slug: f"exit {each.letter}" for each in site.exits},
        doors={slug: slug.removeprefix("door-").upper() for slug in doors},
    )
