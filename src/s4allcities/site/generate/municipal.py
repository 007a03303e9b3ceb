"""A municipal building: storeys of offices along a corridor, lobby, council chamber, stairs at both ends, a lift."""

from typing import Annotated

import shapely
from msgspec import Meta, Struct
from shapely.geometry import Polygon

from .canvas import Canvas, rectangle

__all__ = ("MunicipalParams", "draw_municipal")

_OFFICE_M = (5.0, 6.0)
_CORRIDOR_M = 2.4
_STAIRWELL_M = 12.0
_STOREY_M = 3.6
_WALL_M = 0.2


class MunicipalParams(Struct, frozen=True, kw_only=True):
    """Storeys above the street, offices on each side of a corridor, people in an office, seats in the chamber."""

    lon: Annotated[float, Meta(ge=-180, le=180)] = 21.7679
    lat: Annotated[float, Meta(ge=-89, le=89)] = 39.5556
    storeys: Annotated[int, Meta(ge=2, le=12)] = 4
    offices_per_side: Annotated[int, Meta(ge=2, le=16)] = 8
    people_per_office: Annotated[int, Meta(ge=1, le=12)] = 3
    chamber_seats: Annotated[int, Meta(ge=20, le=400)] = 120


def draw_municipal(canvas: Canvas, params: MunicipalParams) -> int:
    """Draw it, the anchor in the middle of the front. Gives how many people it is for."""
    half_x = params.offices_per_side * _OFFICE_M[0] / 2
    for level in range(params.storeys):
        canvas.level(level, "Ground floor" if level == 0 else f"Floor {level}")
    for level in range(params.storeys):
        _storey(canvas, params, level, half_x)
    _stairs(canvas, params, half_x)
    _ground(canvas, half_x)
    return canvas.capacity_people


def _storey(canvas: Canvas, params: MunicipalParams, level: int, half_x: float) -> None:
    south, north = _OFFICE_M[1] + _WALL_M, _OFFICE_M[1] + _WALL_M + _CORRIDOR_M
    hall = f"corridor-{level}"
    corridor = rectangle(-half_x - 0.1, south, half_x + 0.1, north)
    ends = [
        rectangle(sign * half_x, south - 2.0, sign * (half_x + _STAIRWELL_M), north + 2.0) for sign in (-1, 1)
    ]
    corridor = shapely.union_all([corridor, *ends])
    canvas.unit(hall, f"Corridor {level}", corridor, level, "walkway", capacity=40)
    canvas.watch(hall, f"Corridor {level}", "smoke", "smoke", "smoke", "camera", "counter")
    _front(canvas, params, level, half_x)
    for k in range(params.offices_per_side):
        x = -half_x + k * _OFFICE_M[0]
        area = rectangle(x, north + _WALL_M, x + _OFFICE_M[0] - _WALL_M, north + _WALL_M + _OFFICE_M[1])
        _office(canvas, params, f"office-{level}{k + 1:02}", area, level, (x + 2.4, north + _WALL_M / 2))


def _front(canvas: Canvas, params: MunicipalParams, level: int, half_x: float) -> None:
    """Offices, but the lobby on the ground floor and the council chamber on the one above."""
    big = {0: ("lobby", "Lobby", 100), 1: ("council-chamber", "Council chamber", params.chamber_seats)}
    door_y = _OFFICE_M[1] + _WALL_M / 2
    reach = min(half_x, 10.0)
    for k in range(params.offices_per_side):
        x = -half_x + k * _OFFICE_M[0]
        if level in big and x + _OFFICE_M[0] > -reach and x < reach:
            continue
        area = rectangle(x, 0.0, x + _OFFICE_M[0] - _WALL_M, _OFFICE_M[1])
        _office(canvas, params, f"office-{level}{k + 51:02}", area, level, (x + 2.4, door_y))
    if level not in big:
        return
    slug, name, people = big[level]
    edge = _OFFICE_M[0] * int(reach / _OFFICE_M[0])
    area = rectangle(-edge, 0.0, edge - _WALL_M, _OFFICE_M[1])
    canvas.unit(slug, name, area, level, "lobby" if level == 0 else "auditorium", capacity=people)
    for side, x in (("west", -edge + 2.0), ("east", edge - 2.2)):
        canvas.opening(
            f"{slug}-{side}", ((x - 0.9, door_y), (x + 0.9, door_y)), (slug, f"corridor-{level}"), level=level
        )
    canvas.watch(slug, name, "smoke", "smoke", "co", "heat", "counter", "camera")


def _office(
    canvas: Canvas, params: MunicipalParams, slug: str, area: Polygon, level: int, door: tuple[float, float]
) -> None:
    people = params.people_per_office
    canvas.unit(slug, f"Office {slug.removeprefix('office-')}", area, level, "office", capacity=people)
    x, y = door
    canvas.opening(f"door-{slug}", ((x - 0.45, y), (x + 0.45, y)), (slug, f"corridor-{level}"), level=level)
    canvas.watch(slug, f"Office {slug.removeprefix('office-')}", "smoke")


def _stairs(canvas: Canvas, params: MunicipalParams, half_x: float) -> None:
    """Flights run along the corridor's ends, one storey each; the lift carries nobody in an emergency."""
    flight = _STOREY_M / 0.17 * 0.29
    y = _OFFICE_M[1] + _WALL_M + _CORRIDOR_M / 2
    for level in range(params.storeys - 1):
        pair = (f"corridor-{level}", f"corridor-{level + 1}")
        for side, sign in (("west", -1), ("east", 1)):
            inner, outer = sign * (half_x + 2.8), sign * (half_x + 2.8 + flight)
            row = y - 1.1 if level % 2 == 0 else y + 1.1
            line = ((inner, row), (outer, row)) if level % 2 == 0 else ((outer, row), (inner, row))
            canvas.link(
                f"stairs-{side}-{level}", f"Stairs {side}, {level} to {level + 1}", line, pair, width_m=1.4,
                rise_m=_STOREY_M,
            )  # fmt: skip
        canvas.link(
            f"lift-{level}", f"Lift, {level} to {level + 1}", ((0.0, y), (0.5, y)), pair, width_m=1.1,
            rise_m=_STOREY_M, kind="elevator",
        )  # fmt: skip


def _ground(canvas: Canvas, half_x: float) -> None:
    south = _OFFICE_M[1] + _WALL_M
    north = south + _CORRIDOR_M
    end_x = half_x + _STAIRWELL_M
    doors = (
        ("A", "main-entrance", "lobby", ((-1.6, 0.0), (1.6, 0.0)), "front-walk", (0.0, 1.5)),
        ("B", "west-entrance", "corridor-0", ((-end_x, south + 0.5), (-end_x, north - 0.5)), "west-lane",
         (-end_x + 1, south + 1)),
        ("C", "east-entrance", "corridor-0", ((end_x, south + 0.5), (end_x, north - 0.5)), "east-lane",
         (end_x - 1, south + 1)),
    )  # fmt: skip
    for letter, slug, unit, ends, street, inside in doors:
        door = canvas.sensor("door", f"Exit {letter}: controller", inside, unit=unit, covers=[slug])
        canvas.sensor("counter", f"Exit {letter}: counter", inside, unit=unit, covers=[slug], at_exit=True)
        canvas.sensor("sign", f"Exit {letter}: sign", inside, unit=unit, covers=[slug])
        canvas.opening(
            slug,
            ends,
            (unit, street),
            letter=letter,
            name=slug.replace("-", " ").capitalize(),
            controller=door,
        )
    west, east = (-end_x - 5, -6.0), (end_x + 5, -6.0)
    canvas.street("front-walk", "Front walk", [[west, (0.0, -6.0), east]], 5.0)
    canvas.street("west-lane", "West lane", [[west, (-end_x - 5, south + 1.2), (-end_x - 5, 60.0)]], 3.0)
    canvas.street("east-lane", "East lane", [[east, (end_x + 5, south + 1.2), (end_x + 5, 60.0)]], 3.0)
    canvas.street("square-walk", "Square walk", [[(0.0, -6.0), (0.0, -50.0)]], 12.0)
    canvas.street(
        "town-hall-street", "Town hall street", [[(-end_x - 80, -15.0), (end_x + 80, -15.0)]], 8.0,
        walkable=False, carriageway=True,
    )  # fmt: skip
    canvas.assembly("assembly-square", "Town hall square", (0.0, -50.0), 1500)
    canvas.assembly("assembly-yard", "East yard", (end_x + 5, 60.0), 500)
    canvas.sensor("traffic", "Town hall street: loop", (0.0, -15.0), level=0, covers=["town-hall-street"])
