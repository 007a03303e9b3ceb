"""Where people stand at the start: in their zones, not closer than bodies are where there is room for that."""

from collections.abc import Mapping

import numpy as np

from .arrays import F8, I4
from .site_ground import SiteGround

__all__ = ("place_people", "spread_people")


def spread_people(
    cells_x: F8, cells_y: F8, cell_m: float, count: int, rng: np.random.Generator, apart_m: float = 0.42
) -> F8:
    """Draw places (count, 2) on cells, no two closer than ``apart_m`` where there is room for that; closer where
    there is not.

    :raises ValueError: there is no cell.
    """
    if count and not len(cells_x):
        raise ValueError("there is no room for anybody: the area has no cell")
    taken: dict[tuple[int, int], list[tuple[float, float]]] = {}
    places: list[tuple[float, float]] = []
    gap, order = apart_m, rng.permutation(len(cells_x))
    while len(places) < count:
        for c in order:
            if len(places) >= count:
                break
            x = float(cells_x[c] + (rng.random() - 0.5) * 0.8 * cell_m)
            y = float(cells_y[c] + (rng.random() - 0.5) * 0.8 * cell_m)
            key = (int(x // apart_m), int(y // apart_m))
            around = [
                p for dx in (-1, 0, 1) for dy in (-1, 0, 1) for p in taken.get((key[0] + dx, key[1] + dy), ())
            ]
            if all((x - px) ** 2 + (y - py) ** 2 >= gap * gap for px, py in around):
                taken.setdefault(key, []).append((x, y))
                places.append((x, y))
        gap *= 0.85
    return np.array(places, np.float64).reshape(-1, 2)


def place_people(
    ground: SiteGround, occupancy: Mapping[str, float], rng: np.random.Generator
) -> tuple[F8, I4, list[str]]:
    """Places (n, 2) in each sheet's metres, sheets (n,) and zones of people in these zones.

    :raises ValueError: a zone does not exist, or a number of people is negative or not a number.
    """
    places, sheets, zones = [np.empty((0, 2))], [np.empty(0, np.int32)], []
    raster = ground.ground.raster
    for slug, count in occupancy.items():
        if slug not in ground.zone_cells:
            raise ValueError(
                f"there is no zone {slug!r}; allowed are {', '.join(list(ground.zone_cells)[:40])}"
            )
        if not (np.isfinite(count) and 0 <= count <= 500_000):
            raise ValueError(f"zone {slug!r} has {count} people; allowed are 0 to 500,000")
        cells, number = ground.zone_cells[slug], round(count)
        if not number:
            continue
        roomy = cells[raster.clearance_m[cells] > 0.3]
        cells = roomy if len(roomy) else cells
        sheet = ground.sheet_of[ground.site.zone(slug).level]
        dx, dy = ground.ground.sheets[sheet].offset
        places.append(spread_people(raster.x[cells] - dx, raster.y[cells] - dy, raster.cell_m, number, rng))
        sheets.append(np.full(number, sheet, np.int32))
        zones += [slug] * number
    return np.vstack(places), np.concatenate(sheets), zones
