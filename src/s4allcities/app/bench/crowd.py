"""How fast the crowd engine walks: 12,000 people in a hall, fewer beside JuPedSim, 20,000 in real streets."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import shapely
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.simulation.crowd import PUBLIC, Crowd, Ground, GroundBuilder, People
from s4allcities.simulation.crowd.placing import spread_people
from s4allcities.simulation.ensemble import run_ensemble
from s4allcities.site import load_site
from s4allcities.site.generate import generate_site

from .peers import PeerAbsent, run_peer
from .results import Result, Say, at_least, at_most, measured, unmeasured

__all__ = ("measure",)

STEP_S = 0.05
BIG, SMALL = 12_000, 2_000
SMALL_STEPS = 200
STREET_PEOPLE, STREET_STEPS = 20_000, 100
ENSEMBLE = 1000
STREETS = "large_street_network.wkt"


class _Hall(Struct, frozen=True):
    """A hall 1.5 times as long as deep, 0.9 people a square metre, four doors in one wall."""

    width: float
    depth: float
    doors: tuple[float, ...]
    door_m: float

    @classmethod
    def of(cls, people: int) -> "_Hall":
        depth = (people / 0.9 / 1.5) ** 0.5
        width = 1.5 * depth
        return cls(width, depth, tuple(width * share for share in (0.2, 0.4, 0.6, 0.8)), 0.04 * width)

    def slot(self, x: float, near: float, far: float) -> tuple[float, float, float, float]:
        return (x - self.door_m / 2, self.depth + near, x + self.door_m / 2, self.depth + far)

    @property
    def parts(self) -> list[tuple[float, float, float, float]]:
        return [(0.0, 0.0, self.width, self.depth), *(self.slot(x, -0.01, 1.5) for x in self.doors)]


def _places(hall: _Hall, people: int) -> NDArray[np.float64]:
    side = (hall.width * hall.depth / people) ** 0.5
    x, y = np.meshgrid(np.arange(0.5, hall.width - 0.5, side), np.arange(0.5, hall.depth - 0.5, side))
    places = np.column_stack([x.ravel(), y.ravel()])
    return places[np.random.default_rng(1).permutation(len(places))[:people]]


def _hall_crowd(hall: _Hall, places: NDArray[np.float64], speed: NDArray[np.float64], workers: int) -> Crowd:
    builder = GroundBuilder(0.25)
    floor = builder.floor("hall", shapely.union_all([shapely.box(*part) for part in hall.parts]))
    ground = builder.build()
    goals = [ground.cells_in(floor, shapely.box(*hall.slot(x, 0.5, 1.5))) for x in hall.doors]
    people = People.at(places, free_mps=speed, goal=_nearest(hall, places))
    return Crowd(ground, people, goals, dt_s=STEP_S, workers=workers)


def _nearest(hall: _Hall, places: NDArray[np.float64]) -> NDArray[np.int32]:
    away = np.abs(places[:, :1] - np.array(hall.doors))
    nearest: NDArray[np.int32] = np.argmin(away, axis=1).astype(np.int32)
    return nearest


def _speeds(count: int) -> NDArray[np.float64]:
    drawn = np.random.default_rng(2).normal(PUBLIC.free_mps, PUBLIC.free_sd_mps, count)
    return np.clip(drawn, 0.6, 1.9)


def _realtime(workers: int, simulated_s: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """Simulated seconds a second of the clock."""
    hall = _Hall.of(BIG)
    places = _places(hall, BIG)
    crowd = _hall_crowd(hall, places, _speeds(len(places)), workers)
    crowd.run(1.0)
    began, start_s = clock(), crowd.now_s
    crowd.run(start_s + simulated_s)
    return (crowd.now_s - start_s) / (clock() - began)


class _Peer(Struct, frozen=True):
    agent_steps: int
    cpu_s: float
    left: int
    version: str


def _ours_in_the_hall(hall: _Hall, places: NDArray[np.float64], speed: NDArray[np.float64]) -> float:
    crowd = _hall_crowd(hall, places, speed, 1)
    crowd.advance()
    steps, began = 0, time.process_time()
    for _ in range(SMALL_STEPS):
        steps += len(crowd.here)
        crowd.advance()
    return steps / (time.process_time() - began)


def _hall_ratio(root: Path, runs: int, say: Say) -> Result:
    """Our rate beside that of JuPedSim, both in agent-steps a CPU-second, in the same run."""
    hall = _Hall.of(SMALL)
    places = _places(hall, SMALL)
    speed = _speeds(len(places))
    asked = {
        "parts": hall.parts, "doors": [hall.slot(x, 0.5, 1.4) for x in hall.doors], "places": places.tolist(),
        "speeds": speed.tolist(), "goal": _nearest(hall, places).tolist(), "dt_s": STEP_S, "gap_s": 1.0,
        "radius_m": 0.2, "steps": SMALL_STEPS,
    }  # fmt: skip
    how = (
        f"agent-steps a CPU-second of ours over JuPedSim's: {len(places)} people, hall of {hall.width:.0f} x "
        f"{hall.depth:.0f} m, four doors, {SMALL_STEPS} steps of {STEP_S:g} s, one thread, collision-free speed "
        "model in both (JuPedSim with its own defaults T = 1 s, radius 0.2 m), without set-up"
    )
    ours, theirs = [], []
    try:
        for _ in range(runs):
            ours.append(_ours_in_the_hall(hall, places, speed))
            peer = run_peer(root, "crowd", "crowd_jupedsim", asked, _Peer, say=say)
            theirs.append(peer.agent_steps / peer.cpu_s)
    except PeerAbsent as absent:
        return unmeasured("crowd.hall_ratio_jupedsim", "ratio", reason=str(absent), how=how, goal=at_least(5))
    ratio = float(np.median(ours) / np.median(theirs))
    return Result(
        name="crowd.hall_ratio_jupedsim", value=round(ratio, 2), unit="ratio", peer=f"JuPedSim {peer.version}",
        peer_value=round(float(np.median(theirs))), ratio=round(ratio, 2), goal=">= 5", holds=ratio >= 5, runs=runs,
        how=f"{how}; ours {np.median(ours):,.0f}, JuPedSim {np.median(theirs):,.0f} agent-steps a CPU-second",
    )  # fmt: skip


def _street_ground(path: Path) -> tuple[Ground, shapely.Geometry]:
    parts = shapely.get_parts(shapely.from_wkt(path.read_text(encoding="utf-8")))
    area = max((shapely.make_valid(part) for part in parts), key=lambda part: part.area)
    builder = GroundBuilder(0.4)
    builder.floor("streets", area)
    return builder.build(), area


def _street_rate(path: Path, runs: int) -> tuple[list[float], float]:
    """Agent-steps a CPU-second in each run, and the walkable area."""
    ground, _ = _street_ground(path)
    raster = ground.raster
    order = np.argsort(raster.y)
    goal = order[: max(len(order) // 200, 1)].astype(np.int32)  # the southern end of the streets
    rates = []
    for run in range(runs):
        rng = np.random.default_rng(run)
        places = spread_people(raster.x, raster.y, raster.cell_m, STREET_PEOPLE, rng)
        crowd = Crowd(ground, People.at(places, free_mps=_speeds(len(places))), [goal], dt_s=STEP_S)
        crowd.run(1.0)
        steps, began = 0, time.process_time()
        for _ in range(STREET_STEPS):
            steps += len(crowd.here)
            crowd.advance()
        rates.append(steps / (time.process_time() - began))
    return rates, ground.area_m2


def _streets(root: Path, runs: int) -> Result:
    name, unit, goal = "crowd.street_agent_steps_per_s", "1/s", at_least(1_000_000)
    named = os.environ.get("S4_TEST_DATA")
    path = (Path(named) if named else root.parent / "shared" / "data") / "crowd" / STREETS
    if not path.is_file():
        reason = f"{STREETS} is not at hand; it is looked for in ../shared/data/crowd and S4_TEST_DATA"
        return unmeasured(name, unit, reason=reason, goal=goal)
    rates, area_m2 = _street_rate(path, runs)
    how = (
        f"agent-steps a CPU-second, one thread: {STREET_PEOPLE:,} people in {area_m2:,.0f} m2 of real streets, cells "
        f"of 0.4 m, {STREET_STEPS} steps of {STEP_S:g} s after 1 s, all to one end"
    )
    return measured(
        name, rates, unit, how=how, goal=goal, digits=0, peer_reason="Peers are measured in the hall"
    )


def _ensemble(runs: int) -> Result:
    """A thousand runs of the generated stadium."""
    with TemporaryDirectory() as folder:
        done = generate_site("stadium", Path(folder) / "site")
        site = load_site(done.folder)
    people = {zone.slug: zone.capacity_people for zone in site.zones if zone.category == "auditorium"}
    run_ensemble(site, people, rng=np.random.default_rng(0), runs=2)
    taken = []
    for run in range(runs):
        began = time.process_time()
        found = run_ensemble(site, people, rng=np.random.default_rng(run), runs=ENSEMBLE)
        taken.append(time.process_time() - began)
    how = (
        f"CPU time of {ENSEMBLE} runs of the generated stadium, {found.people:,} people, {len(site.zones)} zones, "
        f"{len(site.exits)} gates, cell transmission in steps of 2 s, network built in it; P50 {found.p50_s} s"
    )
    return measured(
        "ensemble.seconds_1000",
        taken,
        "s",
        how=how,
        goal=at_most(5),
        digits=2,
        peer_reason="No peer runs this",
    )


def measure(root: Path, runs: int, say: Say) -> list[Result]:
    """Measure the crowd engine in this process."""
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(workers, 8)
    _realtime(workers, 0.5)
    factors, of_cpu = [], []
    for run in range(runs):
        say(f"crowd: run {run + 1} of {runs}")
        factors.append(_realtime(workers, 10.0))
        of_cpu.append(_realtime(1, 10.0, time.process_time))
    smaller = "JuPedSim is measured in the smaller hall"
    how = (
        f"simulated seconds a second of wall time, {BIG:,} people in a hall at 0.9 people/m2, four doors, steps of "
        f"{STEP_S:g} s, 10 s from 1 s on"
    )
    return [
        measured(
            "crowd.realtime_factor_12k", factors, "x", how=f"{how}, {workers} threads; without set-up", digits=1,
            goal=at_least(10), peer_reason=smaller,
        ),
        measured(
            "crowd.realtime_factor_12k_cpu", of_cpu, "x", how=f"the same by CPU time, {how}, one thread", digits=1,
            peer_reason=smaller,
        ),
        _hall_ratio(root, runs, say),
        _streets(root, runs),
        _ensemble(runs),
    ]  # fmt: skip
