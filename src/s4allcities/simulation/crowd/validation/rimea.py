"""The RiMEA tests but 4 and 8: geometries from the public guideline as known from two simulators, criteria from both.

Test 8 (variation of parameters in a building) asks to show an effect and has no bound; the ensemble's sensitivity
shows it.
"""

from collections.abc import Iterator

import numpy as np
import shapely

from ..arrays import F8
from ..behaviour import PUBLIC
from ..choice import ExitChoice
from ..crowd import Crowd, People
from ..ground import STAIR_DOWN, STAIR_UP, GroundBuilder
from ..population import speed_of_age
from .rig import Case, Check, crossings, grid, room, run_out, speeds

__all__ = ("rimea_cases",)

box = shapely.box


def rimea_cases() -> Iterator[tuple[str, Check]]:
    """All of them, in order."""
    for check in (_1, _2, _3, _5, _6, _7, _9, _10, _11, _12, _13, _14, _15):
        yield f"RiMEA {check.__name__.strip('_')}", check


def _case(number: int, what: str, criterion: str, found: str, holds: object) -> Case:
    return Case(case=f"RiMEA {number}", what=what, criterion=criterion, found=found, holds=bool(holds))


def _1() -> Case:
    ground, goals = room([box(0, 0, 41.5, 2)], [box(41, 0, 41.5, 2)])
    out = run_out(ground, goals, np.array([[1.0, 1.0]]), 1.33).out_s[0]
    return _case(1, "one person at 1.33 m/s along 40 m", "26 to 34 s", f"{out:.1f} s", 26 <= out <= 34)


def _stairs(up: bool) -> float:
    """Seconds on a flight of 10 m."""
    builder = GroundBuilder(0.2)
    low = builder.floor("low", box(0, 0, 5, 2))
    high = builder.floor("high", box(0, 0, 5, 2), 1)
    builder.flight("flight", (low, (5, 1), (1, 0)), (high, (0, 1), (-1, 0)), length_m=10.0, width_m=2.0)
    ground = builder.build()
    start, end = (low, high) if up else (high, low)
    goal = ground.cells_in(end, box(4, 0, 5, 2) if up else box(0, 0, 1, 2))
    place = np.array([[1.0, 1.0]]) if up else np.array([[4.0, 1.0]])
    crowd = Crowd(ground, People.at(place, sheet=start, free_mps=1.34), [goal])
    on_flight = 0.0
    while len(crowd.here) and crowd.now_s < 100:
        crowd.advance()
        on_flight += crowd.dt_s * bool(ground.sheets[ground.raster.sheet[crowd.cell[0]]].flight)
    return on_flight


def _stair_case(number: int, up: bool, share: float) -> Case:
    found, wanted = _stairs(up), 10 / (1.34 * share)
    way = "up" if up else "down"
    return _case(
        number,
        f"one person {way} 10 m of stairs, speed there {1.34 * share:.2f} m/s",
        "length / speed within 5 %",
        f"{found:.2f} s, wanted {wanted:.2f} s",
        abs(found / wanted - 1) <= 0.05,
    )


def _2() -> Case:
    return _stair_case(2, True, STAIR_UP)


def _3() -> Case:
    return _stair_case(3, False, STAIR_DOWN)


def _5() -> Case:
    ground, goals = room([box(0, 0, 8, 5)], [box(7.5, 0, 8, 5)])
    starts = np.arange(10.0, 101.0, 10.0)
    crowd = Crowd(ground, People.at(grid((0.5, 0.5, 5, 4.5), 10), start_s=starts), goals)
    moved = np.full(10, np.nan)
    while crowd.now_s < 120 and np.isnan(moved).any():
        crowd.advance()
        new = np.isnan(moved) & (crowd.speed > 0)
        moved[new] = crowd.now_s - crowd.dt_s
    worst = float(np.abs(moved - starts).max())
    what = "10 people set off after 10, 20 ... 100 s"
    return _case(5, what, "each at their own time (0.1 s)", f"at most {worst:.2f} s off", worst <= 0.1)


def _6() -> Case:
    corner = [box(0, 0, 12, 2), box(10, 0, 12, 12)]
    ground, goals = room(corner, [box(10, 11.5, 12, 12)])
    crowd = Crowd(ground, People.at(grid((0.3, 0.3, 6, 1.7), 20), free_mps=speeds(20, PUBLIC)), goals)
    area, outside = shapely.union_all(corner), 0
    while len(crowd.here) and crowd.now_s < 120:
        crowd.advance()
        outside += int((~shapely.intersects_xy(area, crowd.x, crowd.y)).sum())
    left = len(crowd.here)
    return _case(
        6,
        "20 people round a corner of a corridor 2 m wide",
        "nobody through a wall, all arrive",
        f"{outside} places outside, {left} not arrived",
        outside == 0 and left == 0,
    )


def _7() -> Case:
    bands = {
        "under 30": (5, 30, 0.58, 1.61),
        "30 to 50": (30, 50, 1.41, 1.54),
        "over 50": (50, 80, 0.68, 1.41),
    }
    ground, goals = room([box(0, 0, 102, 60)], [box(101, 0, 102, 60)], cell_m=0.5)
    rng, found, holds = np.random.default_rng(7), [], True
    for name, (young, old, low, high) in bands.items():
        free = speed_of_age(rng.uniform(young, old, 50))
        places = np.column_stack([np.full(50, 1.0), np.linspace(2, 58, 50)])
        took = run_out(ground, goals, places, free).out_s
        mean = float((100 / took).mean())
        holds &= bool(low <= mean <= high and took.min() >= 50 and took.max() <= 220)
        found.append(f"{name}: {mean:.2f} m/s, {took.min():.0f} to {took.max():.0f} s")
    criterion = "mean speeds inside Weidmann's band by age; 50 to 220 s"
    return _case(7, "50 people of each age group along 100 m", criterion, "; ".join(found), holds)


def _slot(x: float, top: bool, deep: tuple[float, float]) -> shapely.Polygon:
    """A doorway of 1 m in the top or bottom wall of the room 30 x 20 m."""
    near, far = deep
    return box(x - 0.5, 20 + near, x + 0.5, 20 + far) if top else box(x - 0.5, -far, x + 0.5, -near)


def _room_9(doors: list[tuple[float, bool]]) -> float:
    slots = [_slot(x, top, (-0.01, 0.8)) for x, top in doors]
    beyond = [_slot(x, top, (0.3, 0.8)) for x, top in doors]
    ground, goals = room([box(0, 0, 30, 20), *slots], [shapely.union_all(beyond)])
    crowd = run_out(ground, goals, grid((0.3, 0.3, 29.7, 19.7), 1000), speeds(1000, PUBLIC))
    return crowd.now_s if not len(crowd.here) else float("inf")


def _9() -> Case:
    four = _room_9([(7.5, True), (22.5, True), (7.5, False), (22.5, False)])
    two = _room_9([(7.5, True), (22.5, True)])
    return _case(
        9,
        "1,000 people leave 30 x 20 m by four or two exits of 1 m",
        "ratio 1.6 to 2.4 (J); 108 to 132 s and 180 to 220 s (V)",
        f"{four:.0f} s, {two:.0f} s, ratio {two / four:.2f}",
        1.6 <= two / four <= 2.4 and 108 <= four <= 132 and 180 <= two <= 220,
    )


def _10() -> Case:
    upper, lower = [1.5, 4.5, 8.1, 10.5, 13.5, 16.5], [1.5, 4.5, 7.5, 10.5, 13.5, 16.5]
    rooms = [box(x - 1.4, 6, x + 1.4, 11) for x in upper if x != 8.1] + [box(7.25, 6, 8.9, 11)]
    rooms += [box(x - 1.4, 0, x + 1.4, 5) for x in lower]
    corridor = [box(0, 5.05, 19, 5.95), box(6.05, 5.5, 7.15, 12)]
    doors = [box(x - 0.45, 5.5, x + 0.45, 6.5) for x in upper]
    doors += [box(x - 0.45, 4.5, x + 0.45, 5.5) for x in lower]
    goals = [box(6.05, 11.3, 7.15, 12), box(18.3, 5.05, 19, 5.95)]
    ground, cells = room([*rooms, *corridor, *doors], goals, cell_m=0.1)
    spots, wanted = [], []
    for number, (x, y) in enumerate([*((x, 9.0) for x in upper), *((x, 2.0) for x in lower)]):
        for k in range(2 if number else 1):
            spots.append((x - 0.4 + 0.8 * k, y))
            wanted.append(1 if number in (4, 5, 10, 11) else 0)
    crowd = Crowd(ground, People.at(np.array(spots), goal=np.array(wanted, np.int32)), cells)
    crowd.run(120.0)
    right = int((crowd.passed_by == np.array(wanted)).sum())
    return _case(
        10,
        "23 people in 12 rooms with assigned exits",
        "everybody uses the assigned exit",
        f"{right} of {len(spots)} by theirs",
        right == len(spots) == 23,
    )


def _11() -> Case:
    doors = (21.5, 27.5)
    slots = [_slot(x, True, (-0.01, 0.8)) for x in doors]
    ground, goals = room([box(0, 0, 30, 20), *slots], [_slot(x, True, (0.3, 0.8)) for x in doors])
    people = People.at(grid((0.3, 0.3, 20, 19.7), 1000), free_mps=speeds(1000, PUBLIC))
    crowd = Crowd(ground, people, goals)
    choice = ExitChoice(np.array([0, 1], np.int32), np.array([1.3, 1.3]), np.ones(1000, bool))
    choice.nearest(crowd)
    first = int((crowd.goal == 0).sum())
    rng, second = np.random.default_rng(11), 0
    while len(crowd.here) and crowd.now_s < 900:
        second += 1
        crowd.run(float(second))
        choice.look_round(crowd, rng, 1.0)
    near, far = (int((crowd.passed_by == k).sum()) for k in (0, 1))
    return _case(
        11,
        "1,000 people, two exits of 1 m, one nearer",
        "the nearer one is preferred, some take the second when it jams",
        f"{first} choose the nearer at first; {near} leave by it, {far} by the second",
        first > 900 and near >= far > 50 and near + far == 1000,
    )


def _12() -> Case:
    parts = [box(0, -5, 10, 5), box(9.9, -0.5, 15.1, 0.5), box(15, -5, 25, 5), box(24.9, -0.5, 26, 0.5)]
    ground, goals = room(parts, [box(25.3, -0.5, 26, 0.5)], cell_m=0.1)
    crowd = Crowd(ground, People.at(grid((0.4, -4.6, 8, 4.6), 150), free_mps=speeds(150, PUBLIC)), goals)
    neck, last = (_steady_flow(each) for each in crossings(crowd, "x", [10.0, 25.0], 600.0))
    return _case(
        12,
        "150 people, two rooms of 10 x 10 m joined by a corridor of 5 x 1 m, exit of 1 m",
        "flow at the bottleneck >= flow at the last exit (within 2 %)",
        f"{neck:.2f} and {last:.2f} people a second",
        0 < last <= neck * 1.02,
    )


def _steady_flow(moments: F8) -> float:
    """From the 20th to the 120th of 150 people."""
    return float(100 / (moments[119] - moments[19])) if len(moments) >= 150 else 0.0


def _13() -> Case:
    builder = GroundBuilder(0.2)
    low = builder.floor("corridor", shapely.union_all([box(-5, -3, 0, 5), box(-0.1, 0, 12, 2)]))
    high = builder.floor("above", box(0, 0, 3, 2), 1)
    flight_m = 18**0.5
    builder.flight("stairs", (low, (12, 1), (1, 0)), (high, (0, 1), (-1, 0)), length_m=flight_m, width_m=2.0)
    ground = builder.build()
    goal = ground.cells_in(high, box(2, 0, 3, 2))
    crowd = Crowd(ground, People.at(grid((-4.7, -2.7, -0.3, 4.7), 100), free_mps=speeds(100, PUBLIC)), [goal])
    corridor: list[float] = []
    onto: list[float] = []
    foot = on_stairs = 0.0
    x, sheet = crowd.x.copy(), ground.raster.sheet[crowd.cell].copy()
    while len(crowd.here) and crowd.now_s < 300:
        crowd.advance()
        new = ground.raster.sheet[crowd.cell]
        corridor += [crowd.now_s] * int(((x < 6) & (crowd.x >= 6) & (new == 0) & (sheet == 0)).sum())
        onto += [crowd.now_s] * int(((new == 2) & (sheet == 0)).sum())
        here = crowd.here
        before_stairs = (new[here] == 0) & (crowd.x[here] > 10) & (crowd.x[here] < 12)
        foot = max(foot, float(before_stairs.sum()) / 4)
        on_stairs = max(on_stairs, float((new[here] == 2).sum()) / (2 * flight_m))
        x, sheet = crowd.x.copy(), new.copy()
    flows = [_peak_flow(np.array(each)) for each in (corridor, onto)]
    return _case(
        13,
        "100 people from a room through a corridor 2 m wide up stairs 2 m wide",
        "flow on the stairs below flow in the corridor, jam at the foot (denser than on the stairs)",
        f"greatest flow over 10 s {flows[0]:.2f} and {flows[1]:.2f} people a second; "
        f"{foot:.1f} people/m2 at the foot, {on_stairs:.1f} on the stairs",
        flows[1] < flows[0] and foot > on_stairs,
    )


def _peak_flow(moments: F8) -> float:
    ends = np.searchsorted(moments, moments + 10.0, "right")
    return float((ends - np.arange(len(moments))).max()) / 10.0 if len(moments) else 0.0


def _14() -> Case:
    builder = GroundBuilder(0.2)
    halls = [box(0, 0, 5, 20), box(4.9, 15, 25.1, 20), box(25, 0, 30, 20), box(27, -1, 29, 0.1)]
    upper = builder.floor("ground floor", shapely.union_all(halls))
    lower = builder.floor("basement", box(10, 3, 20, 7), -1)
    long = 50**0.5
    builder.flight("west", (lower, (10, 5), (-1, 0)), (upper, (5, 5), (1, 0)), length_m=long, width_m=2.0)
    builder.flight("east", (lower, (20, 5), (1, 0)), (upper, (25, 5), (-1, 0)), length_m=long, width_m=2.0)
    ground = builder.build()
    goal = ground.cells_in(upper, box(27, -1, 29, -0.4))
    crowd = Crowd(ground, People.at(grid((0.5, 2, 4.5, 8), 20), free_mps=speeds(20, PUBLIC)), [goal])
    below = np.zeros(20, bool)
    while len(crowd.here) and crowd.now_s < 300:
        crowd.advance()
        below |= ground.raster.sheet[crowd.cell] == lower
    return _case(
        14,
        "a short way through a basement (stairs) or a long level way",
        "the route choice is shown",
        f"{int(below.sum())} of 20 take the stairs: the shortest way by length, a flight along its slope",
        not len(crowd.here),
    )


def _15() -> Case:
    start = {"long": (0.5, 61, 19.5, 80.5), "short": (21.5, 30, 40.5, 49.5), "corner": (42.5, 40, 61.5, 59.5)}
    bent = [(73, 0), (52, 0), (42, 10), (42, 60), (62, 60), (62, 20), (73, 20)]
    areas = {"long": box(0, -1, 20, 81), "short": box(21, -1, 41, 50), "corner": shapely.Polygon(bent)}
    ends = {"long": box(0, -1, 20, 0), "short": box(21, -1, 41, 0), "corner": box(72, 0, 73, 20)}
    took = {}
    for name, area in areas.items():
        ground, goals = room([area], [ends[name]])
        took[name] = run_out(ground, goals, grid(start[name], 300), 1.34, detour=2.0).now_s
    return _case(
        15,
        "300 people along a long, a short and a cornered way 20 m wide",
        "time round the corner lies between the other two (people walk round slow ones)",
        ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items()),
        took["short"] < took["corner"] < took["long"],
    )
