"""Flow and fundamental diagram: an endless corridor, doors, and measured walking where the data are at hand."""

import csv
import gzip
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import shapely

from ..arrays import F8
from ..behaviour import LABORATORY, PUBLIC, Behaviour
from ..crowd import Crowd, People
from ..ground import GroundBuilder
from .rig import Case, Check, crossings, grid, room, speeds, weidmann_mps

__all__ = ("endless_corridor_mps", "flow_cases", "measured_cases", "opening_flow_ps")

_DENSITIES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
_WITHIN_MPS = 0.15
_TENTH = 0.10


def endless_corridor_mps(
    density_pm2: float, behaviour: Behaviour, width_m: float = 4.0, seed: int = 0
) -> float:
    """Mean speed in a corridor whose end leads to its beginning, after 30 s, over 15 s."""
    length = 20.0
    builder = GroundBuilder(0.2)
    floor = builder.floor("first half", shapely.box(0, 0, length, width_m))
    middle = width_m / 2
    builder.flight(
        "second half", (floor, (length, middle), (1, 0)), (floor, (0, middle), (-1, 0)), length_m=length,
        width_m=width_m, up=1.0, down=1.0,
    )  # fmt: skip
    ground = builder.build()
    half = max(round(density_pm2 * length * width_m), 1)
    here = grid((0.1, 0.2, length - 0.1, width_m - 0.2), half, seed)
    there = grid((0.1, 0.2 - middle, length - 0.1, middle - 0.2), half, seed + 1)
    free = speeds(2 * half, behaviour, seed)
    people = People.together(
        [People.at(here, free_mps=free[:half]), People.at(there, sheet=1, free_mps=free[half:])]
    )
    crowd = Crowd(ground, people, [np.array([0], np.int32)], behaviour=behaviour, seed=seed)
    crowd.angle[:], crowd.distance[:] = 0, 1.0  # everybody walks east for ever
    crowd.run(30.0)
    means = []
    while crowd.now_s < 45.0:
        crowd.advance()
        means.append(float(crowd.speed.mean()))
    return float(np.mean(means))


def opening_flow_ps(
    width_m: float,
    behaviour: Behaviour,
    people: int,
    *,
    corridor_m: float = 5.6,
    depth_m: float = 1.1,
    seed: int = 0,
) -> float:
    """People a second through an opening at the end of a corridor, from the first to the last but a tenth to pass."""
    half = corridor_m / 2
    long = max(7.0, people * 0.36 / corridor_m + 1)
    parts = [
        shapely.box(-half, 0, half, long),
        shapely.box(-width_m / 2, -depth_m, width_m / 2, 0.01),
        shapely.box(-half, -depth_m - 4, half, 0.01 - depth_m),
    ]
    ground, goals = room(parts, [shapely.box(-half, -depth_m - 4, half, -depth_m - 2.5)], cell_m=0.1)
    places = grid((-half + 0.3, 0.5, half - 0.3, long - 0.4), people, seed)
    crowd = Crowd(
        ground, People.at(places, free_mps=speeds(people, behaviour, seed)), goals, behaviour=behaviour
    )
    (moments,) = crossings(crowd, "y", [0.0], 400.0, upward=False)
    last = max(int(len(moments) * 0.9), 2)
    return float((last - 1) / (moments[last - 1] - moments[0])) if len(moments) > 2 else 0.0


def _diagram(behaviour: Behaviour) -> tuple[list[float], float, float]:
    found = [endless_corridor_mps(density, behaviour) for density in _DENSITIES]
    away = [v - weidmann_mps(density) for v, density in zip(found, _DENSITIES, strict=True)]
    flow = max(v * density for v, density in zip(found, _DENSITIES, strict=True))
    return found, float(np.sqrt(np.mean(np.square(away)))), flow


def _rimea_4() -> Case:
    found, rms, flow = _diagram(PUBLIC)
    shown = ", ".join(f"{density:g}: {v:.2f}" for density, v in zip(_DENSITIES, found, strict=True))
    return Case(
        case="RiMEA 4, Weidmann's curve",
        what="speed by density, 0.5 to 5 people/m2, in a corridor 4 m wide without end",
        criterion=f"root mean square distance to Weidmann's curve at most {_WITHIN_MPS} m/s (ours; RiMEA: compared)",
        found=f"{rms:.3f} m/s; people/m2: m/s {shown}; greatest specific flow {flow:.2f} /(m s)",
        holds=rms <= _WITHIN_MPS,
    )


def _largest_flow() -> Case:
    flow = max(density * endless_corridor_mps(density, PUBLIC) for density in (1.25, 1.5, 1.75, 2.0))
    return Case(
        case="maximum specific flow",
        what="greatest flow a metre in the endless corridor",
        criterion="1.0 to 1.4 /(m s): Weidmann 1.22, SFPE 1.3 (NIST TN 1822, flow constraints)",
        found=f"{flow:.2f} /(m s)",
        holds=1.0 <= flow <= 1.4,
    )


def _imo_run(seed: int) -> float:
    """People a second over the whole time that 100 people take to leave 8 x 5 m by a door of 1 m, and walk on."""
    parts = [shapely.box(0, 0, 8, 5), shapely.box(7.9, 2, 8.4, 3), shapely.box(8.3, 0, 13, 5)]
    ground, goals = room(parts, [shapely.box(12, 0, 13, 5)], cell_m=0.1)
    places = grid((0.3, 0.3, 7.7, 4.7), 100, seed)
    crowd = Crowd(ground, People.at(places, free_mps=speeds(100, PUBLIC, seed)), goals, seed=seed)
    (moments,) = crossings(crowd, "x", [8.0], 400.0)
    return 100 / float(moments[-1]) if len(moments) >= 100 else 0.0


def _imo_door() -> Case:
    flow = float(np.median([_imo_run(seed) for seed in range(3)]))
    return Case(
        case="IMO door flow",
        what="100 people leave a room of 8 x 5 m by a door of 1 m and walk on; flow over the whole time",
        criterion="at most 1.33 people a second (MSC.1/Circ.1533, as remembered in the criteria)",
        found=f"{flow:.2f} people a second",
        holds=0 < flow <= 1.33,
    )


def flow_cases() -> Iterator[tuple[str, Check]]:
    """Cases that need no data."""
    yield "RiMEA 4, Weidmann's curve", _rimea_4
    yield "maximum specific flow", _largest_flow
    yield "IMO door flow", _imo_door


def measured_cases(folder: Path) -> Iterator[tuple[str, Check]]:
    """Cases against measured walking; not run where the data are absent."""
    yield "Juelich bottleneck 0.5 m", partial(_juelich_bottleneck, folder)
    yield "Juelich bottleneck 3 m (AO 300)", partial(_juelich_wide, folder)
    yield "Juelich corridor", partial(_juelich_corridor, folder)


def _absent(case: str, what: str, criterion: str, path: Path) -> Case:
    return Case(
        case=case, what=what, criterion=criterion, found=f"not run: {path.name} is not at hand", holds=None,
        population="laboratory",
    )  # fmt: skip


def _references(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "reference_results.tsv").open(encoding="utf-8") as file:
        return {row["run"]: row for row in csv.DictReader(file, delimiter="\t")}


def _juelich_bottleneck(folder: Path) -> Case:
    case, what = (
        "Juelich bottleneck 0.5 m",
        "75 people through 0.5 m, corridor 5.6 m (Wuppertal 2018, run 030)",
    )
    criterion = "flow within 10 % of the measured one"
    if not (folder / "reference_results.tsv").is_file():
        return _absent(case, what, criterion, folder / "reference_results.tsv")
    measured = float(_references(folder)["030_c_56_h0"]["flow_per_s"])
    found = float(np.median([opening_flow_ps(0.5, LABORATORY, 75, seed=seed) for seed in range(5)]))
    return _flow_case(case, what, criterion, measured, found)


def _flow_case(case: str, what: str, criterion: str, measured: float, found: float) -> Case:
    away = found / measured - 1
    return Case(
        case=case, what=what, criterion=criterion, population="laboratory",
        found=f"{found:.2f} people a second, measured {measured:.2f}: {away:+.1%} (median of the seeds)",
        holds=abs(away) <= _TENTH,
    )  # fmt: skip


def _juelich_wide(folder: Path) -> Case:
    case, what = (
        "Juelich bottleneck 3 m (AO 300)",
        "348 people through 3 m, 1.06 m deep, corridor 6.25 m (2009)",
    )
    criterion = "flow within 10 % of the measured one, between the 20th and the 80th percentile to pass"
    path = folder / "jpsreport_reference" / "bottleneck_AO_300" / "traj.txt.gz"
    if not path.is_file():
        return _absent(case, what, criterion, path)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = np.loadtxt((line for line in file if not line.startswith("#")), usecols=(0, 1, 2, 3))
    measured = _middle_flow(_passages(rows) / 16.0)
    flows = [_wide_run(rows, seed) for seed in range(3)]
    return _flow_case(case, what, criterion, measured, float(np.median(flows)))


def _passages(rows: F8) -> F8:
    """Frames at which each person first crosses y = 0 downwards or upwards, whichever they do."""
    moments = []
    for person in np.unique(rows[:, 0]):
        path = rows[rows[:, 0] == person]
        flips = np.flatnonzero(np.diff(np.sign(path[:, 3])) != 0)
        if len(flips):
            moments.append(path[flips[0] + 1, 1])
    return np.sort(np.array(moments))


def _middle_flow(moments_s: F8) -> float:
    low, high = int(len(moments_s) * 0.2), int(len(moments_s) * 0.8)
    return float((high - low) / (moments_s[high] - moments_s[low]))


def _wide_run(rows: F8, seed: int) -> float:
    """The same corridor and opening; people stand before it as densely as a waiting crowd."""
    count = len(np.unique(rows[:, 0]))
    long = count / (6.25 * 3.0) + 1.5
    parts = [
        shapely.box(-2.25, 0.53, 4.0, 0.53 + long), shapely.box(-0.6, -0.54, 2.4, 0.54), shapely.box(-2.25, -8.5, 4.0,
        -0.53)
    ]  # fmt: skip
    ground, goals = room(parts, [shapely.box(-2.25, -8.5, 4.0, -7.5)], cell_m=0.2)
    places = grid((-2.0, 1.0, 3.75, 0.33 + long), count, seed)
    crowd = Crowd(
        ground, People.at(places, free_mps=speeds(count, LABORATORY, seed)), goals, behaviour=LABORATORY
    )
    (moments,) = crossings(crowd, "y", [0.0], 300.0, upward=False)
    return _middle_flow(moments)


def _juelich_corridor(folder: Path) -> Case:
    case, what = "Juelich corridor", "speed by density in a corridor 1.8 m wide, six runs (uni-directional)"
    criterion = f"root mean square distance at most {_WITHIN_MPS} m/s"
    if not (folder / "reference_results.tsv").is_file():
        return _absent(case, what, criterion, folder / "reference_results.tsv")
    rows = [row for name, row in _references(folder).items() if name.startswith("uo-")]
    pairs = [
        (
            float(row["mean_speed_m_per_s"]),
            endless_corridor_mps(float(row["mean_classic_density_per_m2"]), LABORATORY, 1.8),
        )
        for row in rows
    ]
    rms = float(np.sqrt(np.mean([(ours - theirs) ** 2 for theirs, ours in pairs])))
    shown = ", ".join(f"{ours:.2f} ({theirs:.2f})" for theirs, ours in pairs)
    return Case(
        case=case, what=what, criterion=criterion, population="laboratory",
        found=f"{rms:.3f} m/s; ours (measured): {shown}", holds=rms <= _WITHIN_MPS,
    )  # fmt: skip
