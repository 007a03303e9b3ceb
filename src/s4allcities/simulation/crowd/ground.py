"""The ground a crowd walks on: floors and flights of stairs side by side in one plane, joined by portals.

Each storey and each flight is a *sheet*. Sheets lie apart in one plane (an atlas); where a flight meets a floor, a
pair of *portals* moves whoever crosses from one sheet to the other, and people near a portal are seen on both sides. So
stairs and levels cost nothing beyond their area, and one grid, one wall list and one cell list serve the whole site.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from ._raster import Raster, lay_raster
from .arrays import F8, I4, U1

__all__ = ("STAIR_DOWN", "STAIR_UP", "Ground", "GroundBuilder", "Place", "Sheet")

Place = tuple[float, float]

STAIR_UP = 0.525
"""Share of the free speed kept along the slope upwards: 0.61 m/s in plan at 30 degrees of slope over 1.34 m/s."""
STAIR_DOWN = 0.60
"""The same downwards: 0.694 m/s in plan (both Weidmann, Transporttechnik der Fussgaenger, ETH Zurich 1993)."""

_ALCOVE_M = 0.7
_PAD_M = 0.9
_GAP_M = 4.0
_WALL_SIMPLIFY_M = 0.02


@dataclass(frozen=True, slots=True)
class Sheet:
    """A storey or a flight: ``offset`` is where its own origin lies in the plane; a flight runs along its x axis,
    up.
    """

    name: str
    level: int
    offset: Place
    flight: bool = False
    up: float = 1.0
    down: float = 1.0


@dataclass(frozen=True, slots=True)
class _Flight:
    name: str
    lower: tuple[int, Place, Place]
    upper: tuple[int, Place, Place]
    length_m: float
    width_m: float
    up: float
    down: float


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The built ground. ``raster`` holds grid, walls and neighbour cells; ``portals`` (p, 10) one row a direction.

    A portal row: middle x, y; outward normal x, y; half width; middle x, y on the other side; cosine and sine of the
    turn; the sheet it leads to. Row ``p ^ 1`` is the way back.
    """

    sheets: tuple[Sheet, ...]
    areas: tuple[BaseGeometry, ...]
    raster: Raster
    portals: F8
    stair_up: F8 = field(repr=False)
    stair_down: F8 = field(repr=False)

    def cells_in(self, sheet: int, area: BaseGeometry) -> I4:
        """Cells of a sheet whose middle lies in an area given in the sheet's own metres."""
        moved = affinity.translate(area, *self.sheets[sheet].offset)
        r = self.raster
        west, south, east, north = moved.bounds
        near = np.flatnonzero((r.x >= west) & (r.x <= east) & (r.y >= south) & (r.y <= north))
        inside = shapely.intersects_xy(moved, r.x[near], r.y[near])
        found = near[inside]
        cells: I4 = found[r.sheet[found] == sheet].astype(np.int32)
        return cells

    def to_sheet(self, sheet: int, x: float, y: float) -> Place:
        """Give the sheet's own metres of a point of the plane."""
        dx, dy = self.sheets[sheet].offset
        return x - dx, y - dy

    @property
    def flights(self) -> U1:
        """By sheet, 1 for a flight."""
        return np.array([sheet.flight for sheet in self.sheets], np.uint8)

    @property
    def area_m2(self) -> float:
        """Walkable area of all sheets."""
        return float(sum(area.area for area in self.areas))


class GroundBuilder:
    """Takes floors and flights, gives a :class:`Ground`.

    >>> builder = GroundBuilder(cell_m=0.25)
    >>> hall = builder.floor("hall", shapely.box(0, 0, 10, 5))
    >>> ground = builder.build()
    >>> round(ground.area_m2)
    50
    """

    def __init__(self, cell_m: float = 0.25) -> None:
        if not 0.05 <= cell_m <= 1.0:
            raise ValueError(f"cell_m is {cell_m}; allowed are 0.05 to 1.0 metres")
        self.cell_m = cell_m
        self._floors: list[tuple[str, int, BaseGeometry]] = []
        self._flights: list[_Flight] = []

    def floor(self, name: str, area: BaseGeometry, level: int = 0) -> int:
        """Add a storey's walkable area; gives the number of its sheet."""
        if area.is_empty or not np.isfinite(area.bounds).all():
            raise ValueError(f"floor {name!r} has no area; allowed is a polygon in finite metres")
        self._floors.append((name, level, area))
        return len(self._floors) - 1

    def flight(
        self,
        name: str,
        lower: tuple[int, Place, Place],
        upper: tuple[int, Place, Place],
        *,
        length_m: float,
        width_m: float,
        up: float = STAIR_UP,
        down: float = STAIR_DOWN,
    ) -> None:
        """Add a flight. ``lower`` and ``upper``: sheet, middle of the step, direction from the floor onto the
        flight.
        """
        if length_m < 0.5 or width_m < 0.3:
            raise ValueError(
                f"flight {name!r} is {length_m} m by {width_m} m; allowed are 0.5 by 0.3 and above"
            )
        self._flights.append(_Flight(name, _unit(lower), _unit(upper), length_m, width_m, up, down))

    def build(self) -> Ground:
        """Lay out the sheets, rasterise, list the walls."""
        floors = [shapely.make_valid(area) for _, _, area in self._floors]
        for each in self._flights:
            for sheet, middle, outward in (each.lower, each.upper):
                floors[sheet] = _carve(floors[sheet], middle, outward, each.width_m)
        strips = [shapely.box(0, -f.width_m / 2, f.length_m, f.width_m / 2) for f in self._flights]
        own = [_areas_only(area) for area in [*floors, *strips]]
        offsets = _shelve([area.bounds for area in own])
        areas = tuple(affinity.translate(area, *offset) for area, offset in zip(own, offsets, strict=True))
        sheets = tuple(self._sheets(offsets))
        portals = self._portals(offsets)
        walls = _walls(areas, portals)
        raster = lay_raster(areas, walls, portals, self.cell_m)
        return Ground(
            sheets,
            areas,
            raster,
            portals,
            np.array([sheet.up for sheet in sheets]),
            np.array([sheet.down for sheet in sheets]),
        )

    def _sheets(self, offsets: Sequence[Place]) -> list[Sheet]:
        floors = [
            Sheet(name, level, offset)
            for (name, level, _), offset in zip(self._floors, offsets, strict=False)
        ]
        flights = [
            Sheet(f.name, self._floors[f.lower[0]][1], offset, True, f.up, f.down)
            for f, offset in zip(self._flights, offsets[len(floors) :], strict=True)
        ]
        return [*floors, *flights]

    def _portals(self, offsets: Sequence[Place]) -> F8:
        rows = []
        for k, f in enumerate(self._flights):
            strip = len(self._floors) + k
            ox, oy = offsets[strip]
            ends = ((f.lower, (ox, oy), (-1.0, 0.0)), (f.upper, (ox + f.length_m, oy), (1.0, 0.0)))
            for (sheet, middle, outward), there, back in ends:
                dx, dy = offsets[sheet]
                here = (middle[0] + dx, middle[1] + dy)
                rows.append(_portal_row(here, outward, f.width_m / 2, there, back, strip))
                rows.append(_portal_row(there, back, f.width_m / 2, here, outward, sheet))
        return np.array(rows, np.float64).reshape(-1, 10)


def _unit(end: tuple[int, Place, Place]) -> tuple[int, Place, Place]:
    sheet, middle, (dx, dy) = end
    length = float(np.hypot(dx, dy))
    if not length > 0:
        raise ValueError("a flight's direction has no length; allowed is any other")
    return sheet, middle, (dx / length, dy / length)


def _portal_row(
    here: Place, outward: Place, half_m: float, there: Place, back: Place, sheet: int
) -> list[float]:
    """The turn takes ``outward`` here to the inward direction there."""
    cos = -(outward[0] * back[0] + outward[1] * back[1])
    sin = -(outward[0] * back[1] - outward[1] * back[0])
    return [*here, *outward, half_m, *there, cos, sin, float(sheet)]


def _box_along(middle: Place, along: Place, start_m: float, end_m: float, half_m: float) -> Polygon:
    """A rectangle from ``start_m`` to ``end_m`` along a direction."""
    (x, y), (ux, uy) = middle, along
    corners = [(start_m, -half_m), (end_m, -half_m), (end_m, half_m), (start_m, half_m)]
    return Polygon([(x + a * ux - b * uy, y + a * uy + b * ux) for a, b in corners])


def _carve(area: BaseGeometry, middle: Place, outward: Place, width_m: float) -> BaseGeometry:
    """Make room before the first step, and take the floor away where the flight begins."""
    pad = _box_along(middle, outward, -_PAD_M, 0.0, width_m / 2)
    alcove = _box_along(middle, outward, 0.0, _ALCOVE_M, width_m / 2 + 0.02)
    return area.union(pad).difference(alcove)


def _areas_only(area: BaseGeometry) -> BaseGeometry:
    parts = [part for part in shapely.get_parts(area) if isinstance(part, Polygon) and part.area > 0.05]
    flat = [shapely.simplify(part, _WALL_SIMPLIFY_M) for part in parts]
    return flat[0] if len(flat) == 1 else MultiPolygon(flat)


def _shelve(bounds: Sequence[tuple[float, float, float, float]]) -> list[Place]:
    """Offsets that put boxes side by side in rows without touching; the first stays where it is."""
    west, _south, east, north = bounds[0]
    right = max(east - west, 60.0)
    offsets: list[Place] = [(0.0, 0.0)]
    x, y, row = west, north + _GAP_M, 0.0
    for w, s, e, n in bounds[1:]:
        if x > west and x + (e - w) > west + right:
            x, y, row = west, y + row + _GAP_M, 0.0
        offsets.append((x - w, y - s))
        x, row = x + (e - w) + _GAP_M, max(row, n - s)
    return offsets


def _walls(areas: Sequence[BaseGeometry], portals: F8) -> F8:
    """Wall segments (s, 4): the outlines of all sheets without the portals."""
    edges = shapely.union_all([shapely.boundary(area) for area in areas])
    if len(portals):
        gaps = [
            LineString(
                [
                    (x - half * ny, y + half * nx),
                    (x + half * ny, y - half * nx),
                ]
            ).buffer(0.03, cap_style="flat")
            for x, y, nx, ny, half in portals[:, :5]
        ]
        edges = edges.difference(shapely.union_all(gaps))
    rows = []
    for line in shapely.get_parts(edges):
        xy = shapely.get_coordinates(line)
        rows.append(np.hstack([xy[:-1], xy[1:]]))
    return np.vstack(rows) if rows else np.empty((0, 4))
