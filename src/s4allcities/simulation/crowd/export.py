"""A site for JuPedSim: walkable areas as WKT, exits and distribution areas as JSON, so that others can run it again."""

from typing import Any

import shapely
from shapely import affinity

from .site_ground import SiteGround

__all__ = ("jupedsim_document",)


def jupedsim_document(ground: SiteGround) -> dict[str, Any]:
    """Give one entry a level: ``walkable_wkt`` (metres, local frame), ``exits`` and ``zones`` as WKT polygons.

    Only the largest connected piece of a level can be loaded into one JuPedSim simulation; ``pieces`` tells how many
    there are. Flights between levels are listed with their length and width, ``links`` with where they begin and end;
    JuPedSim knows single floors only.
    """
    built, site = ground.ground, ground.site
    levels = []
    for level, sheet in sorted(ground.sheet_of.items()):
        dx, dy = built.sheets[sheet].offset
        area = affinity.translate(built.areas[sheet], -dx, -dy)
        pieces = sorted(shapely.get_parts(area), key=lambda piece: -piece.area)
        levels.append(
            {
                "level": level,
                "walkable_wkt": shapely.to_wkt(area, rounding_precision=3),
                "pieces": len(pieces),
                "exits": {
                    slug: _cells_wkt(ground, ground.goals[k], dx, dy)
                    for k, slug in enumerate(ground.exits)
                    if int(built.raster.sheet[ground.goals[k][0]]) == sheet
                },
                "zones": {
                    zone.slug: {
                        "wkt": shapely.to_wkt(zone.polygon, rounding_precision=3),
                        "capacity_people": zone.capacity_people,
                    }
                    for zone in site.zones
                    if zone.level == level
                },
            }
        )
    flights = [
        {
            "name": sheet.name,
            "length_m": round(float(area.bounds[2] - area.bounds[0]), 2),
            "width_m": round(float(area.bounds[3] - area.bounds[1]), 2),
        }
        for sheet, area in zip(built.sheets, built.areas, strict=True)
        if sheet.flight
    ]
    return {
        "format": "s4allcities-jupedsim/1",
        "site": site.slug,
        "synthetic_note": site.synthetic_note,
        "anchor": [site.frame.lon, site.frame.lat],
        "levels": levels,
        "flights": flights,
        "links": [
            {
                "name": link.slug,
                "kind": link.kind,
                "lower": {
                    "level": site.zone(link.lower).level,
                    "point": [round(float(v), 3) for v in link.line_m[0]],
                },
                "upper": {
                    "level": site.zone(link.upper).level,
                    "point": [round(float(v), 3) for v in link.line_m[-1]],
                },
            }
            for link in site.links
        ],
    }


def _cells_wkt(ground: SiteGround, cells: Any, dx: float, dy: float) -> str:
    r, half = ground.ground.raster, ground.ground.raster.cell_m / 2
    squares = shapely.box(
        r.x[cells] - half - dx, r.y[cells] - half - dy, r.x[cells] + half - dx, r.y[cells] + half - dy
    )
    return str(shapely.to_wkt(shapely.union_all(squares).convex_hull, rounding_precision=3))
