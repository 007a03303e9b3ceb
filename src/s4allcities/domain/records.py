"""What every record of the platform carries, whatever it says.

A record is one statement that travels on the bus and is kept in the store: a detection, an incident, an order. All
are frozen `msgspec` structs, told apart by the tag field ``record``.
"""

from typing import Literal

from msgspec import Struct

__all__ = ("Handling", "Mode", "Place", "Record")

Mode = Literal["live", "exercise", "simulation", "replay"]
"""How real a record is. Anything but ``live`` is marked so on every screen and in every export."""

Handling = Literal["RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR"]
"""Traffic Light Protocol 2.0: who may see the record."""


class Place(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where something is, as well as it is known: a point with its error, a zone, an entity, or several of them.

    ``x_m`` and ``y_m`` are metres east and north of the site's anchor; ``level`` is the storey (0 = street);
    ``sigma_m`` is the one-sigma horizontal error in metres. ``zone`` is a slug of the site file; ``entities`` are
    stable names of devices, hosts, doors, badges or vehicles that the record is about.
    """

    x_m: float | None = None
    y_m: float | None = None
    level: int | None = None
    sigma_m: float | None = None
    zone: str | None = None
    entities: tuple[str, ...] = ()


class Record(Struct, frozen=True, kw_only=True, tag_field="record", omit_defaults=True):
    """The part that all records share.

    ``id`` is a ULID (see `ids`); ``t_us`` is when the thing happened (microseconds since the Unix epoch, UTC);
    ``provenance`` names what the record was made from: record ids or sensor names, most direct first.
    """

    id: str
    t_us: int
    mode: Mode = "live"
    handling: Handling = "AMBER"
    purpose: str = "public-safety"
    personal: bool = False
    provenance: tuple[str, ...] = ()
