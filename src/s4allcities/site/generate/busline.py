"""A bus line: a terminal building, stops along a road with pavements on both sides, crossings at the stops."""

from math import cos, radians, sin
from typing import Annotated

from msgspec import Meta, Struct
from shapely.geometry import Polygon

from .canvas import Canvas, Place, letters

__all__ = ("BuslineParams", "draw_busline")

_ROAD_M = 9.0
_PAVEMENT_M = 4.0
_STOP_M = (20.0, 3.5)
_AWAY_M = _ROAD_M / 2 + _PAVEMENT_M / 2 + 0.5


class BuslineParams(Struct, frozen=True, kw_only=True):
    """Stops, how far they are apart, people who wait at each; the line runs straight to ``bearing_deg``."""

    lon: Annotated[float, Meta(ge=-180, le=180)] = 13.3881
    lat: Annotated[float, Meta(ge=-89, le=89)] = 49.7433
    stops: Annotated[int, Meta(ge=2, le=12)] = 6
    spacing_m: Annotated[float, Meta(ge=80.0, le=800.0)] = 160.0
    people_per_stop: Annotated[int, Meta(ge=5, le=200)] = 60
    terminal_people: Annotated[int, Meta(ge=20, le=2_000)] = 400
    bearing_deg: Annotated[float, Meta(ge=0.0, lt=360.0)] = 312.0


class _Line:
    """Places along the line (``s`` metres from the terminal) and beside it (``d`` metres to its left)."""

    def __init__(self, bearing_deg: float) -> None:
        east, north = sin(radians(bearing_deg)), cos(radians(bearing_deg))
        self.along, self.left = (east, north), (-north, east)

    def at(self, s: float, d: float) -> Place:
        return (
            s * self.along[0] + d * self.left[0],
            s * self.along[1] + d * self.left[1],
        )

    def box(self, s: tuple[float, float], d: tuple[float, float]) -> Polygon:
        return Polygon([self.at(s[0], d[0]), self.at(s[1], d[0]), self.at(s[1], d[1]), self.at(s[0], d[1])])


def draw_busline(canvas: Canvas, params: BuslineParams) -> int:
    """Draw it, the terminal at the anchor. Gives how many people it is for."""
    canvas.level(0, "Street level")
    line = _Line(params.bearing_deg)
    end = params.spacing_m * (params.stops - 1) + 40.0
    marks = [params.spacing_m * k for k in range(params.stops)]
    _terminal(canvas, params, line)
    stops = [
        _stop(canvas, params, line, k + 1, s, side) for k, s in enumerate(marks) for side in ("left", "right")
    ]
    _streets(canvas, params, line, marks, end)
    canvas.sensor("weather", "Weather mast", line.at(5.0, 6.0), level=0, covers=[stops[0]])
    canvas.sensor(
        "traffic", "Bus road: loop", line.at(params.spacing_m / 2, 0.0), level=0, covers=["bus-road"]
    )
    return canvas.capacity_people


def _terminal(canvas: Canvas, params: BuslineParams, line: _Line) -> None:
    """A hall behind the first stop's left side, with doors to the pavement and at its back."""
    near, far = _AWAY_M + _PAVEMENT_M / 2 + 1.0, _AWAY_M + _PAVEMENT_M / 2 + 19.0
    canvas.unit(
        "terminal",
        "Terminal",
        line.box((-32.0, -8.0), (near, far)),
        0,
        "lobby",
        capacity=params.terminal_people,
    )
    canvas.watch("terminal", "Terminal", "smoke", "smoke", "co", "heat", "counter", "camera")
    doors = (
        ("front-west", (line.at(-28.0, near), line.at(-25.5, near)), "pavement-left", line.at(-26.7, near + 1.5)),
        ("front-east", (line.at(-15.0, near), line.at(-12.5, near)), "pavement-left", line.at(-13.7, near + 1.5)),
        ("back", (line.at(-21.0, far), line.at(-19.5, far)), "yard-walk", line.at(-20.2, far - 1.5)),
    )  # fmt: skip
    for letter, (name, ends, street, inside) in zip(letters(3), doors, strict=True):
        slug = f"exit-{name}"
        door = canvas.sensor("door", f"Exit {letter}: controller", inside, unit="terminal", covers=[slug])
        canvas.sensor(
            "counter", f"Exit {letter}: counter", inside, unit="terminal", covers=[slug], at_exit=True
        )
        canvas.sensor("sign", f"Exit {letter}: sign", inside, unit="terminal", covers=[slug])
        canvas.opening(
            slug, ends, ("terminal", street), letter=letter, name=f"Exit {letter}", controller=door
        )
    back = far + 4.0
    canvas.street(
        "yard-walk", "Yard walk", [[line.at(-20.2, back), line.at(-40.0, back), line.at(-40.0, _AWAY_M)]], 3.0
    )


def _stop(canvas: Canvas, params: BuslineParams, line: _Line, number: int, s: float, side: str) -> str:
    """A platform on the pavement's road side; people step onto it from the pavement."""
    sign = 1.0 if side == "left" else -1.0
    slug, name = f"stop-{number:02}-{side}", f"Stop {number}, {side} side"
    d = (sign * (_AWAY_M - _STOP_M[1] / 2), sign * (_AWAY_M + _STOP_M[1] / 2))
    area = line.box((s - _STOP_M[0] / 2, s + _STOP_M[0] / 2), (min(d), max(d)))
    canvas.unit(slug, name, area, 0, "platform", capacity=params.people_per_stop, outdoor=True)
    canvas.watch(slug, name, "counter", "camera")
    canvas.sensor("sign", f"{name}: display", line.at(s, sign * _AWAY_M), unit=slug)
    return slug


def _streets(canvas: Canvas, params: BuslineParams, line: _Line, marks: list[float], end: float) -> None:
    places = sorted({-40.0, *marks, end})
    for side, sign in (("left", 1.0), ("right", -1.0)):
        way = [line.at(s, sign * _AWAY_M) for s in places]
        canvas.street(f"pavement-{side}", f"Pavement, {side} side", [way], _PAVEMENT_M)
    canvas.street(
        "bus-road", "Bus road", [[line.at(-60.0, 0.0), line.at(end + 20, 0.0)]], _ROAD_M,
        walkable=False, carriageway=True,
    )  # fmt: skip
    for k, s in enumerate(marks):
        canvas.street(
            f"crossing-{k + 1}", f"Crossing at stop {k + 1}", [[line.at(s, _AWAY_M), line.at(s, -_AWAY_M)]], 4.0,
            along=["bus-road"],
        )  # fmt: skip
    people = params.terminal_people + 2 * params.stops * params.people_per_stop
    canvas.assembly("assembly-terminal", "Terminal square", line.at(-40.0, _AWAY_M), people)
    canvas.assembly("assembly-end", "End of the line", line.at(end, -_AWAY_M), people)
    if len(marks) > 3:
        middle = marks[len(marks) // 2]
        canvas.street(
            "middle-lane", "Middle lane", [[line.at(middle, -_AWAY_M), line.at(middle, -_AWAY_M - 60)]], 4.0
        )
        canvas.assembly("assembly-middle", "Playing field", line.at(middle, -_AWAY_M - 60), people // 2)
