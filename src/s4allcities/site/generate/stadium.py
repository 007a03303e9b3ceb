"""A stadium: a pitch, two tiers of stands in sectors, a concourse round them, gates, a ring of streets.

The plan is a rounded rectangle; every ring is an offset of the pitch's surround, cut into sectors along its normals.
The tiers are as deep as the seats need. Gates leave the north side free, as where a river runs behind a stand: so the
ways out are uneven, as at most real grounds.
"""

from math import pi, sqrt
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray
from shapely.geometry import Polygon

from .canvas import Canvas, Place, letters, rectangle

__all__ = ("StadiumParams", "draw_stadium")

F8 = NDArray[np.float64]

_SEAT_M2 = 0.55
"""Row of 0.8 m, seat of 0.5 m, and the aisles' share."""
_PITCH_M = (105.0, 68.0)
_SURROUND_M = 6.0
_CORNER_M = 14.0
_CONCOURSE_M = 8.0
_WALL_M = 0.3
_STOREY_M = 4.5
_STEP_M = 2.5
_GATE_SPAN = 0.74
"""Share of the ring along which gates stand, its middle in the south."""


class StadiumParams(Struct, frozen=True, kw_only=True):
    """Seats, sectors round the pitch, gates and their clear width; a fifth of the gates are twice as wide."""

    lon: Annotated[float, Meta(ge=-180, le=180)] = 13.3811
    lat: Annotated[float, Meta(ge=-89, le=89)] = 49.7472
    seats: Annotated[int, Meta(ge=1_000, le=60_000)] = 11_700
    sectors: Annotated[int, Meta(ge=8, le=40)] = 24
    gates: Annotated[int, Meta(ge=2, le=16)] = 8
    gate_width_m: Annotated[float, Meta(ge=1.0, le=8.0)] = 3.0


class _Ring:
    """Points on offsets of a rounded rectangle, by the share of its length from the south's middle, eastwards."""

    def __init__(self) -> None:
        a, b = _PITCH_M[0] / 2 + _SURROUND_M, _PITCH_M[1] / 2 + _SURROUND_M
        ax, by, r = a - _CORNER_M, b - _CORNER_M, _CORNER_M
        quarter = pi / 2 * r
        self.parts = [  # length, start, direction of the straight or centre and first angle of the arc
            (ax, (0.0, -b), 0.0, False), (quarter, (ax, -by), -pi / 2, True),
            (2 * by, (a, -by), pi / 2, False), (quarter, (ax, by), 0.0, True),
            (2 * ax, (ax, b), pi, False), (quarter, (-ax, by), pi / 2, True),
            (2 * by, (-a, by), -pi / 2, False), (quarter, (-ax, -by), pi, True),
            (ax, (-ax, -b), 0.0, False),
        ]  # fmt: skip
        self.length_m = sum(part[0] for part in self.parts)

    def at(self, share: float, offset_m: float) -> Place:
        """Give the point at a share 0..1 of the ring, moved outwards by the offset."""
        left, part = (share % 1.0) * self.length_m, 0
        while left > self.parts[part][0] and part < len(self.parts) - 1:
            left -= self.parts[part][0]
            part += 1
        _, (x, y), angle, arc = self.parts[part]
        if arc:
            turn = angle + left / _CORNER_M
            reach = _CORNER_M + offset_m
            return (x + reach * np.cos(turn), y + reach * np.sin(turn))
        normal = angle - pi / 2
        return (
            x + left * np.cos(angle) + offset_m * np.cos(normal),
            y + left * np.sin(angle) + offset_m * np.sin(normal),
        )

    def arc(self, start: float, end: float, offset_m: float) -> list[Place]:
        """Give points along an offset from share to share, a few metres apart and at the ring's corners."""
        steps = max(int(np.ceil((end - start) * self.length_m / _STEP_M)), 1)
        return [self.at(start + (end - start) * k / steps, offset_m) for k in range(steps + 1)]

    def sector(self, start: float, end: float, inner_m: float, outer_m: float) -> Polygon:
        return Polygon([*self.arc(start, end, inner_m), *reversed(self.arc(start, end, outer_m))])

    def depth_m(self, inner_m: float, area_m2: float) -> float:
        """How deep a ring from this offset must be to have that area (a ring's area is L d + pi d^2)."""
        length = self.length_m + 2 * pi * inner_m
        return (-length + sqrt(length * length + 4 * pi * area_m2)) / (2 * pi)


def draw_stadium(canvas: Canvas, params: StadiumParams) -> int:
    """Draw it, the pitch's middle at the anchor. Gives how many people it is for."""
    ring = _Ring()
    lower_seats = int(params.seats * 0.6) if params.seats > 4_000 else params.seats
    upper_seats = params.seats - lower_seats
    lower_m = ring.depth_m(0.0, lower_seats * _SEAT_M2)
    concourse_m = (lower_m + _WALL_M, lower_m + _WALL_M + _CONCOURSE_M)
    canvas.level(0, "Pitch and concourse")
    if upper_seats:
        canvas.level(1, "Upper tier")
    _pitch(canvas, ring, params)
    for k in range(params.sectors):
        _sector(
            canvas, ring, params, k, (0.0, lower_m), concourse_m, _share_of(lower_seats, params.sectors, k)
        )
    if upper_seats:
        _upper(canvas, ring, params, concourse_m, upper_seats)
    ring_m = concourse_m[1] + 10.0
    _gates(canvas, ring, params, concourse_m[1])
    _streets(canvas, ring, ring_m, params)
    return params.seats


def _share_of(total: int, parts: int, k: int) -> int:
    """Part k of a total that is cut into whole numbers."""
    return total * (k + 1) // parts - total * k // parts


def _pitch(canvas: Canvas, ring: _Ring, params: StadiumParams) -> None:
    area = Polygon(ring.arc(0.0, 1.0, -_WALL_M)[:-1])
    canvas.unit("pitch", "Pitch", area, 0, "outdoors", capacity=4 * params.sectors * 100)
    canvas.background("park", "grass", rectangle(-52.5, -34, 52.5, 34), "Pitch")
    canvas.watch("pitch", "Pitch", "counter", "camera", "sound")


def _sector(
    canvas: Canvas,
    ring: _Ring,
    params: StadiumParams,
    k: int,
    tier_m: tuple[float, float],
    concourse_m: tuple[float, float],
    seats: int,
) -> None:
    """A lower sector, the piece of concourse behind it, and the doors between them and to their neighbours."""
    start, end = k / params.sectors, (k + 1) / params.sectors
    middle, number = (start + end) / 2, k + 1
    stand, hall = f"sector-{number:02}", f"concourse-{number:02}"
    canvas.unit(stand, f"Sector {number}", ring.sector(start, end, *tier_m), 0, "auditorium", capacity=seats)
    canvas.unit(
        hall, f"Concourse {number}", ring.sector(start, end, *concourse_m), 0, "walkway", capacity=200
    )
    width_m = max(1.8, seats / 200)
    half = min(width_m, 0.6 * ring.length_m / params.sectors) / 2 / ring.length_m
    at_m = tier_m[1] + _WALL_M / 2
    canvas.opening(
        f"vomitory-{number:02}", (ring.at(middle - half, at_m), ring.at(middle + half, at_m)), (stand, hall)
    )
    beyond = f"concourse-{(k + 1) % params.sectors + 1:02}"
    ends = (ring.at(end, concourse_m[0] + 0.2), ring.at(end, concourse_m[1] - 0.2))
    canvas.opening(f"concourse-{number:02}-next", ends, (hall, beyond))
    if k % max(params.sectors // 4, 1) == 0:
        front = (ring.at(middle - 0.6 / ring.length_m, -0.15), ring.at(middle + 0.6 / ring.length_m, -0.15))
        canvas.opening(f"pitch-gate-{number:02}", front, (stand, "pitch"))
    canvas.watch(stand, f"Sector {number}", "counter", "camera")
    canvas.watch(hall, f"Concourse {number}", "smoke", "counter")


def _upper(
    canvas: Canvas, ring: _Ring, params: StadiumParams, concourse_m: tuple[float, float], seats: int
) -> None:
    """The upper tier above the concourse, each sector with stairs that run along the concourse."""
    inner_m = concourse_m[0] + 1.0
    depth_m = ring.depth_m(inner_m, seats * _SEAT_M2)
    flight_m = _STOREY_M / 0.17 * 0.29
    along_m = inner_m + min(depth_m, concourse_m[1] - inner_m) / 2
    for k in range(params.sectors):
        start, end, number = k / params.sectors, (k + 1) / params.sectors, k + 1
        stand, count = f"upper-{number:02}", _share_of(seats, params.sectors, k)
        area = ring.sector(start, end, inner_m, inner_m + depth_m)
        canvas.unit(stand, f"Upper sector {number}", area, 1, "auditorium", capacity=count)
        reach = flight_m / 2 / (ring.length_m + 2 * pi * along_m)
        reach = min(reach, 0.42 / params.sectors)
        middle = (start + end) / 2
        line = (ring.at(middle - reach, along_m), ring.at(middle + reach, along_m))
        canvas.link(
            f"stairs-{number:02}", f"Stairs of sector {number}", line, (f"concourse-{number:02}", stand),
            width_m=round(max(1.8, min(count / 150, 3.0)), 1), rise_m=_STOREY_M,
        )  # fmt: skip
        canvas.watch(stand, f"Upper sector {number}", "counter", "camera")


def _gates(canvas: Canvas, ring: _Ring, params: StadiumParams, edge_m: float) -> None:
    """Gates in the concourse's outer wall, each in the middle of a sector, the widest in the south."""
    wide = max(params.gates // 5, 1)
    shares = [
        _GATE_SPAN * ((g + 0.5) / params.gates - 0.5) for g in range(params.gates)
    ]  # -0.37 .. 0.37 round the south
    by_south = sorted(range(params.gates), key=lambda g: abs(shares[g]))
    sectors = _distinct([int((share % 1.0) * params.sectors) for share in shares], params.sectors)
    outer_m = ring.length_m + 2 * pi * edge_m
    for g, letter in enumerate(letters(params.gates)):
        middle = (sectors[g] + 0.5) / params.sectors
        width_m = params.gate_width_m * (2 if g in by_south[:wide] else 1)
        width_m = min(width_m, 0.8 * outer_m / params.sectors)
        half = width_m / 2 / outer_m
        hall, slug = f"concourse-{sectors[g] + 1:02}", f"gate-{letter.lower()}"
        inside = ring.at(middle, edge_m - 1.0)
        door = canvas.sensor("door", f"Gate {letter}: controller", inside, unit=hall, covers=[slug])
        canvas.sensor("counter", f"Gate {letter}: counter", inside, unit=hall, covers=[slug], at_exit=True)
        canvas.sensor("sign", f"Gate {letter}: sign", ring.at(middle, edge_m - 2.0), unit=hall, covers=[slug])
        canvas.opening(
            slug, (ring.at(middle - half, edge_m), ring.at(middle + half, edge_m)), (hall, "ring-walk"),
            letter=letter, name=f"Gate {letter}", width_m=width_m, controller=door,
        )  # fmt: skip


def _distinct(sectors: list[int], count: int) -> list[int]:
    """Move gates that share a sector to the next free one."""
    taken: set[int] = set()
    for place, sector in enumerate(sectors):
        while sector in taken:
            sector = (sector + 1) % count
        taken.add(sector)
        sectors[place] = sector
    return sectors


def _streets(canvas: Canvas, ring: _Ring, ring_m: float, params: StadiumParams) -> None:
    loop = ring.arc(0.0, 1.0, ring_m)
    loop[-1] = loop[0]
    quarter = ring.length_m / _STEP_M
    east = loop[round(quarter * 0.26)]
    west = loop[round(quarter * 0.74)]
    south = loop[0]
    y, far = south[1], 180.0
    canvas.street("ring-walk", "Stadium ring", [loop], 12.0)
    avenue = [south, (0.0, y - 60.0), (0.0, y - far)]
    canvas.street("south-avenue", "South avenue", [avenue], 16.0)
    canvas.street("east-road", "East road", [[east, (east[0] + far, east[1])]], 8.0)
    canvas.street("west-road", "West road", [[west, (west[0] - far, west[1])]], 8.0)
    canvas.street(
        "stadium-street", "Stadium street", [[(west[0] - far, y - 70.0), (east[0] + far, y - 70.0)]], 10.0,
        walkable=False, carriageway=True,
    )  # fmt: skip
    canvas.assembly("assembly-south", "South meadow", (0.0, y - far), int(params.seats * 0.6))
    canvas.assembly("assembly-east", "East car park", (east[0] + far, east[1]), int(params.seats * 0.4))
    canvas.assembly("assembly-west", "West embankment", (west[0] - far, west[1]), int(params.seats * 0.4))
    canvas.sensor("traffic", "Stadium street: loop", (20.0, y - 70.0), level=0, covers=["stadium-street"])
    canvas.sensor("weather", "Weather mast", (10.0, y - 20.0), level=0, covers=["pitch"])
