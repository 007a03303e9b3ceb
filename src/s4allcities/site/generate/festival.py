"""A festival quarter: a fenced field with a stage, old streets beside it, a riverside, and a metro station below.

The field is cut into blocks of the crowd, joined along their whole sides. People stand close before the stage in the
west, and further apart the further away. Gates stand on two sides, most of them towards the old town.
"""

from math import exp, hypot
from typing import Annotated

from msgspec import Meta, Struct

from .canvas import Canvas, Place, letters, rectangle

__all__ = ("FestivalParams", "draw_festival")

_PEOPLE_PER_M2 = 1.6
_COLUMNS, _ROWS = 6, 3
_FALLS_M = 45.0
"""Within this distance from the stage the crowd's density falls to a third (a guess; the mean is as above)."""
_GAP_M = 0.2
_STOREY_M = 5.5
_METRO_HALL_PEOPLE, _METRO_PLATFORM_PEOPLE = 600, 900


class FestivalParams(Struct, frozen=True, kw_only=True):
    """People on the field, gates in its fence and their clear width, old streets beside it, metro exits."""

    lon: Annotated[float, Meta(ge=-180, le=180)] = -2.9219
    lat: Annotated[float, Meta(ge=-89, le=89)] = 43.2602
    people: Annotated[int, Meta(ge=500, le=40_000)] = 9_000
    gates: Annotated[int, Meta(ge=3, le=16)] = 8
    gate_width_m: Annotated[float, Meta(ge=1.0, le=10.0)] = 3.5
    streets: Annotated[int, Meta(ge=2, le=9)] = 7
    metro_exits: Annotated[int, Meta(ge=1, le=4)] = 3


def draw_festival(canvas: Canvas, params: FestivalParams) -> int:
    """Draw it; the anchor is the middle of the field's side towards the old town. Gives how many people it is for."""
    canvas.level(0, "Street level")
    canvas.level(-1, "Metro hall")
    canvas.level(-2, "Metro platform")
    side_m = (params.people / _PEOPLE_PER_M2 / 2) ** 0.5  # the field is twice as long as it is deep
    half_x, depth = side_m, side_m
    _field(canvas, half_x, depth, params)
    _old_town(canvas, half_x, depth, params)
    _metro(canvas, half_x, params)
    return params.people + _METRO_HALL_PEOPLE + _METRO_PLATFORM_PEOPLE


def _field(canvas: Canvas, half_x: float, depth: float, params: FestivalParams) -> None:
    """Blocks south of y = 0, the river side; the stage stands in the west."""
    width, height = 2 * half_x / _COLUMNS, depth / _ROWS
    capacity = _standing(half_x, depth, params.people)
    for i in range(_COLUMNS):
        for j in range(_ROWS):
            west, south = -half_x + i * width, -depth + j * height
            slug, name = _block(i, j), f"Field {'SMN'[j]}{i + 1}"
            area = rectangle(west, south, west + width - _GAP_M, south + height - _GAP_M)
            canvas.unit(slug, name, area, 0, "outdoors", capacity=capacity[i, j])
            canvas.watch(slug, name, "counter", "camera", "sound")
            if i:
                x = west - _GAP_M / 2
                ends = ((x, south + 0.5), (x, south + height - 0.7))
                canvas.opening(f"aisle-{'smn'[j]}{i}", ends, (_block(i - 1, j), slug))
            if j:
                y = south - _GAP_M / 2
                ends = ((west + 0.5, y), (west + width - 0.7, y))
                canvas.opening(f"aisle-{i + 1}-{'sm'[j - 1]}", ends, (_block(i, j - 1), slug))
    _gates(canvas, half_x, depth, params)
    stage = rectangle(-half_x - 14, -depth / 2 - 9, -half_x - 2, -depth / 2 + 9)
    canvas.background("building", "stage", stage, "Stage")


def _block(i: int, j: int) -> str:
    """Column from the stage, row from the river."""
    return f"field-{'smn'[j]}{i + 1}"


def _standing(half_x: float, depth: float, people: int) -> dict[tuple[int, int], int]:
    """How many people stand in each block."""
    at = {
        (i, j): hypot((i + 0.5) * 2 * half_x / _COLUMNS, (j + 0.5) * depth / _ROWS - depth / 2)
        for i in range(_COLUMNS)
        for j in range(_ROWS)
    }
    weight = {block: exp(-away / _FALLS_M) for block, away in at.items()}
    scale, left, found = people / sum(weight.values()), people, {}
    for block, share in weight.items():
        found[block] = min(round(scale * share), left)
        left -= found[block]
    found[0, _ROWS // 2] += left
    return found


def _gates(canvas: Canvas, half_x: float, depth: float, params: FestivalParams) -> None:
    """Three of four gates open to the promenade in the north, the others to the quay in the east."""
    marks = letters(params.gates + params.metro_exits)
    north = max(params.gates * 3 // 4, 1)
    for g in range(params.gates):
        slug, half = f"gate-{marks[g].lower()}", params.gate_width_m / 2
        if g < north:
            x = -half_x + 2 * half_x * (0.5 + g) / north * 0.8
            i = min(int((x + half_x) / (2 * half_x / _COLUMNS)), _COLUMNS - 1)
            ends: tuple[Place, Place] = ((x - half, 0.0), (x + half, 0.0))
            unit, street, inside = _block(i, _ROWS - 1), "promenade", (x, -1.5)
        else:
            y = -depth * (0.2 + 0.6 * (g - north) / max(params.gates - north - 1, 1))
            ends = ((half_x, y - half), (half_x, y + half))
            j = min(int((y + depth) / (depth / _ROWS)), _ROWS - 1)
            unit, street = _block(_COLUMNS - 1, j), "east-quay"
            inside = (half_x - 1.5, y)
        door = canvas.sensor("door", f"Gate {marks[g]}: controller", inside, unit=unit, covers=[slug])
        canvas.sensor("counter", f"Gate {marks[g]}: counter", inside, unit=unit, covers=[slug], at_exit=True)
        canvas.sensor("sign", f"Gate {marks[g]}: sign", inside, unit=unit, covers=[slug])
        canvas.opening(
            slug, ends, (unit, street), letter=marks[g], name=f"Gate {marks[g]}",
            width_m=params.gate_width_m, controller=door,
        )  # fmt: skip


def _old_town(canvas: Canvas, half_x: float, depth: float, params: FestivalParams) -> None:
    """Parallel streets run north from the promenade; each is narrower than the promenade."""
    length = 110.0
    count = params.streets
    xs = [-half_x + 2 * half_x * k / (count - 1) for k in range(count)]
    canvas.street(
        "promenade", "Promenade", [[(-half_x - 60, 9.0), *[(x, 9.0) for x in xs], (half_x + 12, 9.0)]], 12.0
    )
    canvas.street("cross-street", "Cross street", [[(x, 9.0 + length) for x in xs]], 6.0)
    for k, x in enumerate(xs):
        width = 4.0 if 0 < k < count - 1 else 6.0
        line = [(x, 9.0), (x, 9.0 + length), (x, 9.0 + length + 40)]
        canvas.street(f"old-street-{k + 1}", f"Old street {k + 1}", [line], width)
        if k:
            block = rectangle(xs[k - 1] + 4, 17, x - 4, 5 + length)
            canvas.background("building", f"block-{k}", block)
    canvas.street("east-quay", "East quay", [[(half_x + 12, 9.0), (half_x + 12, -depth - 60)]], 8.0)
    canvas.street(
        "river-road", "River road", [[(-half_x - 80, 18.0 + length + 50), (half_x + 80, 18.0 + length + 50)]], 9.0,
        walkable=False, carriageway=True,
    )  # fmt: skip
    water = rectangle(-half_x - 90, -depth - 62, half_x + 4, -depth - 6)
    canvas.background("water", "river", water, "River")
    north = 9.0 + length + 40
    canvas.assembly("assembly-market", "Market square", (xs[count // 3], north), int(params.people * 0.5))
    canvas.assembly("assembly-theatre", "Theatre square", (xs[-1], north), int(params.people * 0.5))
    canvas.assembly("assembly-west", "West bridge", (-half_x - 60, 9.0), int(params.people * 0.4))
    canvas.assembly("assembly-quay", "East quay", (half_x + 12, -depth - 60), int(params.people * 0.3))
    canvas.sensor("weather", "Weather mast", (0.0, 4.0), level=0, covers=["field-n3", "field-n4"])
    canvas.sensor("traffic", "River road: loop", (0.0, 18.0 + length + 50), level=0, covers=["river-road"])


def _metro(canvas: Canvas, half_x: float, params: FestivalParams) -> None:
    """A hall below the promenade and a platform below the hall; stairs lead from the hall to the street.

    Three flights clear the platform within the four minutes that NFPA 130 asks for.
    """
    hall_x = min(half_x * 0.6, 40.0)
    hall = rectangle(-hall_x, 12.0, hall_x, 26.0)
    canvas.unit("metro-hall", "Metro hall", hall, -1, "lobby", capacity=_METRO_HALL_PEOPLE)
    platform = rectangle(-55.0, 14.0, 55.0, 24.0)
    canvas.unit("metro-platform", "Metro platform", platform, -2, "platform", capacity=_METRO_PLATFORM_PEOPLE)
    flight = _STOREY_M / 0.17 * 0.29
    for slug, name, x, width_m in (
        ("stairs-west", "West stairs", -hall_x + 3, 2.4),
        ("stairs-east", "East stairs", -flight / 2, 2.4),
        ("escalator", "Escalator", hall_x - 3 - flight, 2.0),
    ):
        canvas.link(
            f"{slug}-platform", f"{name} to the platform", ((x, 19.0), (x + flight, 19.0)),
            ("metro-platform", "metro-hall"), width_m=width_m, rise_m=_STOREY_M, kind=slug.partition("-")[0],
        )  # fmt: skip
    marks = letters(params.gates + params.metro_exits)
    for k in range(params.metro_exits):
        letter = marks[params.gates + k]
        x = -hall_x + 2 * hall_x * (k + 0.5) / params.metro_exits
        slug = f"exit-{letter.lower()}"
        door = canvas.sensor("door", f"Exit {letter}: shutter", (x, 13.0), unit="metro-hall", covers=[slug])
        canvas.sensor(
            "counter", f"Exit {letter}: counter", (x, 13.5), unit="metro-hall", covers=[slug], at_exit=True
        )
        canvas.opening(
            slug, ((x - 1.5, 12.0), (x + 1.5, 12.0)), ("metro-hall", "promenade"), level=-1, letter=letter,
            name=f"Metro exit {letter}", rise_m=4.5, controller=door,
        )  # fmt: skip
    canvas.watch("metro-hall", "Metro hall", "smoke", "smoke", "co", "heat", "counter", "camera")
    canvas.watch("metro-platform", "Metro platform", "smoke", "smoke", "co", "counter", "camera")
