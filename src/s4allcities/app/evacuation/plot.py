"""A plan as a picture: zones, hazards, routes as wide as they are busy, exits with their people.

SVG by hand, because it is text; PNG of the same lines by Pillow.
"""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from msgspec import Struct
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from s4allcities.planning.hazards import Hazard
from s4allcities.site import Site

from .answer import PlanAnswer
from .inputs import InputError

__all__ = ("draw_plan", "plot_format")

WIDTH = 1200
MARGIN = 24
FORMATS = (".svg", ".png")


def plot_format(path: Path) -> str:
    """Give the ending of a picture's name. :raises InputError: one that cannot be drawn, or no such folder."""
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise InputError(f"--plot {path}: allowed are files that end in {' or '.join(FORMATS)}")
    if not path.resolve().parent.is_dir():
        raise InputError(f"--plot {path}: there is no such folder")
    return ending


class _Shape(Struct):
    """A polygon, line or text in pixels."""

    kind: str
    points: list[tuple[float, float]]
    colour: str
    width: float = 1.0
    text: str = ""


class _View:
    """Local metres to pixels, north up."""

    def __init__(self, bounds: tuple[float, float, float, float]) -> None:
        west, south, east, north = bounds
        self.scale = (WIDTH - 2 * MARGIN) / max(east - west, 1.0)
        self.west, self.north = west, north
        self.height = int((north - south) * self.scale) + 2 * MARGIN + 40

    def __call__(self, x_m: float, y_m: float) -> tuple[float, float]:
        return (
            round(MARGIN + (x_m - self.west) * self.scale, 1),
            round(MARGIN + 40 + (self.north - y_m) * self.scale, 1),
        )


def _rings(area: BaseGeometry) -> list[list[tuple[float, float]]]:
    parts = getattr(area, "geoms", [area])
    return [list(part.exterior.coords) for part in parts if isinstance(part, Polygon) and not part.is_empty]


def _shapes(site: Site, answer: PlanAnswer, hazards: Sequence[Hazard]) -> tuple[list[_Shape], int]:
    ways = [site.frame.ring_to_local(route.path) for route in answer.routes if len(route.path) > 1]
    corners = [zone.polygon.bounds for zone in site.zones]
    corners += [(way[:, 0].min(), way[:, 1].min(), way[:, 0].max(), way[:, 1].max()) for way in ways]
    box = np.array(corners or [site.outline.bounds])
    view = _View((box[:, 0].min(), box[:, 1].min(), box[:, 2].max(), box[:, 3].max()))
    shapes = [
        _Shape("area", [view(*point[:2]) for point in ring], "#dfe5ea")
        for zone in site.zones
        for ring in _rings(zone.polygon)
    ]
    for hazard in hazards:
        colour = "#e4572e" if hazard.severity >= 0.5 else "#f2b134"
        shapes += [_Shape("area", [view(*p[:2]) for p in ring], colour) for ring in _rings(hazard.area)]
    busiest = max((route.people for route in answer.routes), default=1)
    for route in answer.routes:
        if len(route.path) > 1:
            line = [view(*point) for point in site.frame.ring_to_local(route.path)]
            shapes.append(_Shape("line", line, "#1b6ca8", 1.5 + 7 * route.people / busiest))
    for each in answer.exits:
        opening = site.opening(each.exit)
        colour = "#1d7a46" if each.state == "usable" else "#b3261e"
        shapes.append(
            _Shape("text", [view(opening.x_m, opening.y_m)], colour, 14, f"{each.letter} {each.people}")
        )
    for zone in site.zones:
        people = answer.occupancy.get(zone.slug, 0)
        shapes.append(_Shape("text", [view(zone.x_m, zone.y_m)], "#27313a", 12, f"{zone.name} {people}"))
    title = f"{site.name}: {answer.people} people, best plan {answer.optimum_s:.0f} s (planned, not observed)"
    shapes.append(_Shape("text", [(MARGIN, 24)], "#27313a", 16, title))
    return shapes, view.height


def draw_plan(path: Path, site: Site, answer: PlanAnswer, hazards: Sequence[Hazard]) -> None:
    """Draw a plan to an .svg or .png file. :raises InputError: another ending."""
    shapes, height = _shapes(site, answer, hazards)
    if plot_format(path) == ".svg":
        path.write_text(_svg(shapes, height), encoding="utf-8")
    else:
        _png(path, shapes, height)


def _svg(shapes: Sequence[_Shape], height: int) -> str:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif">'
    ]
    lines.append('<rect width="100%" height="100%" fill="#ffffff"/>')
    for each in shapes:
        points = " ".join(f"{x},{y}" for x, y in each.points)
        if each.kind == "area":
            lines.append(
                f'<polygon points="{points}" fill="{each.colour}" fill-opacity="0.6" stroke="#8795a1"/>'
            )
        elif each.kind == "line":
            lines.append(
                f'<polyline points="{points}" fill="none" stroke="{each.colour}" stroke-opacity="0.7" '
                f'stroke-width="{each.width:.1f}" stroke-linejoin="round"/>'
            )
        else:
            x, y = each.points[0]
            lines.append(
                f'<text x="{x}" y="{y}" fill="{each.colour}" font-size="{each.width:.0f}">{escape(each.text)}</text>'
            )
    return "\n".join([*lines, "</svg>", ""])


def _png(path: Path, shapes: Sequence[_Shape], height: int) -> None:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (WIDTH, height), "#ffffff")
    pen = ImageDraw.Draw(image, "RGBA")
    for each in shapes:
        if each.kind == "area":
            pen.polygon(each.points, fill=each.colour + "99", outline="#8795a1")
        elif each.kind == "line":
            pen.line(each.points, fill=each.colour + "b0", width=max(1, round(each.width)), joint="curve")
        else:
            pen.text(each.points[0], each.text, fill=each.colour, font=ImageFont.load_default(each.width))
    image.save(path)
