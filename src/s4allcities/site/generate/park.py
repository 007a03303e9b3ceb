"""A fenced park in the season of a fair: lawns with stalls, a river on one side, gates in the fence.

The lawns are a grid of zones joined along their sides; gates stand on the other three sides of the fence.
"""

from typing import Annotated

from msgspec import Meta, Struct

from .canvas import Canvas, Place, letters, rectangle

__all__ = ("ParkParams", "draw_park")

_GAP_M = 0.2


class ParkParams(Struct, frozen=True, kw_only=True):
    """People on the lawns, rows and columns of lawns and their side, gates in the fence and their clear width."""

    lon: Annotated[float, Meta(ge=-180, le=180)] = 21.7679
    lat: Annotated[float, Meta(ge=-89, le=89)] = 39.5556
    people: Annotated[int, Meta(ge=100, le=30_000)] = 6_000
    columns: Annotated[int, Meta(ge=2, le=6)] = 4
    rows: Annotated[int, Meta(ge=2, le=6)] = 3
    lawn_m: Annotated[float, Meta(ge=15.0, le=60.0)] = 36.0
    gates: Annotated[int, Meta(ge=2, le=16)] = 6
    gate_width_m: Annotated[float, Meta(ge=1.0, le=8.0)] = 3.0


def draw_park(canvas: Canvas, params: ParkParams) -> int:
    """Draw it, the anchor in the middle of the lawns. Gives how many people it is for."""
    canvas.level(0, "Park")
    west, south = -params.columns * params.lawn_m / 2, -params.rows * params.lawn_m / 2
    for j in range(params.rows):
        for i in range(params.columns):
            _lawn(canvas, params, i, j, west, south)
    _gates(canvas, params, west, south)
    _streets(canvas, params, west, south)
    return params.people


def _name(i: int, j: int) -> str:
    return f"lawn-{'abcdef'[j]}{i + 1}"


def _lawn(canvas: Canvas, params: ParkParams, i: int, j: int, west: float, south: float) -> None:
    side = params.lawn_m
    x, y, slug = west + i * side, south + j * side, _name(i, j)
    title = f"Lawn {'ABCDEF'[j]}{i + 1}"
    area = rectangle(x, y, x + side - _GAP_M, y + side - _GAP_M)
    stall = rectangle(x + side * 0.35, y + side * 0.45, x + side * 0.65, y + side * 0.55)
    lawns = params.columns * params.rows
    number = j * params.columns + i
    people = params.people * (number + 1) // lawns - params.people * number // lawns
    canvas.unit(slug, title, area.difference(stall), 0, "outdoors", capacity=people)
    canvas.background("building", f"stall-{slug}", stall)
    canvas.watch(slug, title, "counter", "camera")
    if i:
        ends = ((x - _GAP_M / 2, y + 1.0), (x - _GAP_M / 2, y + side - 1.2))
        canvas.opening(f"path-{slug}-west", ends, (_name(i - 1, j), slug))
    if j:
        ends = ((x + 1.0, y - _GAP_M / 2), (x + side - 1.2, y - _GAP_M / 2))
        canvas.opening(f"path-{slug}-south", ends, (_name(i, j - 1), slug))


def _gates(canvas: Canvas, params: ParkParams, west: float, south: float) -> None:
    """Half of the gates in the west, towards the town; the rest in turn in the south and the north."""
    side, half = params.lawn_m, params.gate_width_m / 2
    in_west = (params.gates + 1) // 2
    for g, letter in enumerate(letters(params.gates)):
        slug = f"gate-{letter.lower()}"
        if g < in_west:
            y = south + params.rows * side * (g + 0.5) / in_west
            j = min(int((y - south) / side), params.rows - 1)
            y = min(max(y, south + j * side + half + 1), south + (j + 1) * side - half - 1)
            ends: tuple[Place, Place] = ((west, y - half), (west, y + half))
            unit, street, inside = _name(0, j), "west-walk", (west + 1.5, y)
        else:
            rank, north = (g - in_west) // 2, (g - in_west) % 2 == 1
            i = min(rank * 2, params.columns - 1)
            x = west + (i + 0.3) * side
            y = south + params.rows * side - _GAP_M if north else south
            ends = ((x - half, y), (x + half, y))
            unit = _name(i, params.rows - 1 if north else 0)
            street, inside = ("north-walk", (x, y - 1.5)) if north else ("south-walk", (x, y + 1.5))
        door = canvas.sensor("door", f"Gate {letter}: controller", inside, unit=unit, covers=[slug])
        canvas.sensor("counter", f"Gate {letter}: counter", inside, unit=unit, covers=[slug], at_exit=True)
        canvas.sensor("sign", f"Gate {letter}: sign", inside, unit=unit, covers=[slug])
        canvas.opening(
            slug, ends, (unit, street), letter=letter, name=f"Gate {letter}",
            width_m=params.gate_width_m, controller=door,
        )  # fmt: skip


def _streets(canvas: Canvas, params: ParkParams, west: float, south: float) -> None:
    east, north = -west, -south
    w, s, n = west - 8.0, south - 8.0, north + 8.0
    canvas.street("west-walk", "West walk", [[(w, s), (w, 0.0), (w, n)]], 8.0)
    canvas.street("south-walk", "South walk", [[(w, s), (east, s)]], 5.0)
    canvas.street("north-walk", "North walk", [[(w, n), (east, n)]], 5.0)
    canvas.street("town-street", "Town street", [[(w, 0.0), (w - 90, 0.0)]], 10.0)
    canvas.street("bridge-street", "Bridge street", [[(w, n), (w, n + 80)]], 6.0)
    canvas.street("mill-street", "Mill street", [[(w, s), (w, s - 80)]], 6.0)
    canvas.street(
        "ring-road",
        "Ring road",
        [[(w - 40, s - 60), (w - 40, n + 60)]],
        9.0,
        walkable=False,
        carriageway=True,
    )
    canvas.background("water", "river", rectangle(east + 6, s - 60, east + 30, n + 60), "River")
    canvas.assembly("assembly-town", "Town square", (w - 90, 0.0), int(params.people * 0.7))
    canvas.assembly("assembly-bridge", "Bridge head", (w, n + 80), int(params.people * 0.5))
    canvas.assembly("assembly-mill", "Mill yard", (w, s - 80), int(params.people * 0.5))
    canvas.sensor("traffic", "Ring road: loop", (w - 40, s - 20), level=0, covers=["ring-road"])
    canvas.sensor("weather", "Weather mast", (west + 3, 3.0), level=0, covers=[_name(0, params.rows // 2)])
