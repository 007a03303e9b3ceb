"""Evacuating a site in the crowd engine: who stands where, which exit they were told, how long it takes and where
it jams.
"""

from collections.abc import Callable, Mapping

import numpy as np
from msgspec import Struct

from .arrays import B1, F4, F8, I4
from .behaviour import POPULATIONS, Behaviour
from .choice import ExitChoice
from .crowd import Crowd, People
from .population import draw_groups, draw_speeds, premovement
from .site_ground import SiteGround
from .smoke_effect import SmokeLaw, speed_factor

__all__ = (
    "CrowdOptions",
    "CrowdResult",
    "DensityWatch",
    "ExitOutcome",
    "evacuate",
    "place_people",
    "spread_people",
)

Shares = Mapping[str, Mapping[str, float]]
_CURVE_S = 10.0
_LEAST_CELL_M2 = 1.0
_STUCK_S = 120.0


class CrowdOptions(Struct, frozen=True, kw_only=True):
    """How to run: ``compliance`` share of people who follow ``shares``; the others choose for themselves, as all do
    without a plan. ``until`` "exit" ends when all are out of the building, "assembly" when all are at an assembly
    point. ``smoke`` gives extinction in 1/m by zone. ``exits_flow_ps`` is what people expect of an exit a metre when
    they judge its queue.
    """

    compliance: float = 1.0
    closed: tuple[str, ...] = ()
    close_later: tuple[tuple[float, str], ...] = ()
    premovement_s: float = 30.0
    groups: float = 0.0
    population: str = "public"
    ages: bool = True
    look_round: bool = True
    until: str = "exit"
    smoke: dict[str, float] = {}
    smoke_law: SmokeLaw = "fridolf-reflecting"
    dt_s: float = 0.05
    limit_s: float = 3600.0
    seed: int = 0
    workers: int = 1


class ExitOutcome(Struct, frozen=True, kw_only=True):
    """One exit: people, seconds until the first and the last, greatest flow over a minute in people a second."""

    exit: str
    people: int
    first_s: float | None
    last_s: float | None
    peak_flow_ps: float


class CrowdResult(Struct, frozen=True, kw_only=True):
    """What came out. ``clearance_s`` is when the last left the building, ``safe_s`` when the last reached an assembly
    point; None where people were left at the end (``left``). ``curve`` is (seconds, people out) every 10 s;
    ``densest_pm2`` the greatest density on 2 square metres and ``densest_zone`` where. ``nudged`` counts people moved
    on by hand, caught at a corner.
    """

    site: str
    simulated: bool
    people: int
    left: int
    stranded: dict[str, int]
    clearance_s: float | None
    p95_s: float | None
    mean_s: float | None
    safe_s: float | None
    exits: tuple[ExitOutcome, ...]
    curve: tuple[tuple[float, int], ...]
    densest_pm2: float
    densest_zone: str
    seed: int
    steps: int
    nudged: int
    options: CrowdOptions


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


def evacuate(
    ground: SiteGround,
    occupancy: Mapping[str, float],
    *,
    shares: Shares | None = None,
    options: CrowdOptions | None = None,
    watch: Callable[[Crowd], None] | None = None,
) -> CrowdResult:
    """Run an evacuation. ``shares`` tells each zone's people their exits, as shares that add up to 1 (a plan's advice).

    ``watch`` is called once a simulated second. Limits of validity: see the explanation of the crowd twin.

    :raises ValueError: a zone, exit or population does not exist, or a figure is out of range.
    """
    o = options or CrowdOptions()
    _check(ground, o, shares or {})
    rng = np.random.default_rng(o.seed)
    behaviour = POPULATIONS[o.population]
    crowd, choice, zones = _set_up(ground, occupancy, shares or {}, o, behaviour, rng)
    density = DensityWatch(ground)
    closures = sorted(o.close_later)
    second = 0
    moved_s = 0.0
    while crowd.now_s < o.limit_s - 1e-9 and len(crowd.here) and not _all_out(crowd, o):
        crowd.run(second + 1.0)
        second += 1
        while closures and closures[0][0] <= crowd.now_s:
            _close(crowd, ground, choice, closures.pop(0)[1])
        density.look(crowd)
        if o.look_round:
            choice.look_round(crowd, rng, 1.0)
        if watch is not None:
            watch(crowd)
        here = crowd.here
        moved_s = (
            crowd.now_s
            if (crowd.speed[here] > 0.05).any() or (crowd.start_s[here] > crowd.now_s).any()
            else moved_s
        )
        if crowd.now_s - moved_s > _STUCK_S:
            break
    return _outcome(ground, crowd, zones, density, o)


def _check(ground: SiteGround, o: CrowdOptions, shares: Shares) -> None:
    if o.population not in POPULATIONS:
        raise ValueError(f"there is no population {o.population!r}; allowed are {', '.join(POPULATIONS)}")
    if not 0 <= o.compliance <= 1:
        raise ValueError(f"compliance is {o.compliance}; allowed are 0 to 1")
    if o.until not in ("exit", "assembly"):
        raise ValueError(f"until is {o.until!r}; allowed are exit and assembly")
    for slug in (*o.closed, *(slug for _, slug in o.close_later)):
        if slug not in ground.door_cells:
            raise ValueError(
                f"there is no exit or opening {slug!r}; allowed are {', '.join(list(ground.door_cells)[:40])}"
            )
    for zone, by_exit in shares.items():
        if zone not in ground.zone_cells:
            raise ValueError(f"the plan names zone {zone!r}, which does not exist")
        for slug, share in by_exit.items():
            ground.exit_goal(slug)
            if not (np.isfinite(share) and share >= 0):
                raise ValueError(
                    f"the plan's share of {zone!r} by {slug!r} is {share}; allowed are 0 and above"
                )


def _set_up(
    ground: SiteGround,
    occupancy: Mapping[str, float],
    shares: Shares,
    o: CrowdOptions,
    behaviour: Behaviour,
    rng: np.random.Generator,
) -> tuple[Crowd, ExitChoice, list[str]]:
    xy, sheets, zones = place_people(ground, occupancy, rng)
    n, exits = len(xy), len(ground.exits)
    mean = behaviour.free_mps
    free = (
        draw_speeds(n, rng)
        if o.ages
        else np.clip(rng.normal(mean, behaviour.free_sd_mps, n), 0.5 * mean, 1.6 * mean)
    )
    group = draw_groups(n, rng, o.groups)
    start = premovement(n, rng, o.premovement_s)
    if (group >= 0).any():
        latest = np.zeros(group.max() + 1)
        np.maximum.at(latest, group[group >= 0], start[group >= 0])
        start = np.where(group >= 0, latest[group], start)
    people = People(
        xy[:, 0].copy(),
        xy[:, 1].copy(),
        sheets,
        free,
        start,
        np.zeros(n, np.int32),
        np.full(n, -1, np.int32),
        group,
    )
    crowd = Crowd(
        ground.ground,
        people,
        ground.goals,
        behaviour=behaviour,
        dt_s=o.dt_s,
        seed=o.seed,
        workers=o.workers,
        blocked=ground.blocked,
    )
    for slug in o.closed:
        _shut(crowd, ground, slug)
    if o.closed:
        crowd.refresh()
    _smoke(crowd, ground, o)
    free_choice, told = _told(ground, crowd, zones, shares, o, rng)
    after = _next_assembly(ground, crowd) if o.until == "assembly" else np.full(exits, -1, np.int32)
    width = {opening.slug: opening.width_m for opening in ground.site.exits}
    flow = np.array([1.3 * width[slug] for slug in ground.exits])
    choice = ExitChoice(np.arange(exits, dtype=np.int32), flow, free_choice, after=after)
    crowd.goal[told >= 0] = told[told >= 0]
    crowd.after[told >= 0] = after[told[told >= 0]] if exits else -1
    if exits:
        choice.nearest(crowd)
    _outdoors(ground, crowd, zones, choice)
    return crowd, choice, zones


def _outdoors(ground: SiteGround, crowd: Crowd, zones: list[str], choice: ExitChoice) -> None:
    """People on a square are outside: they go straight to the nearest assembly point."""
    outdoor = {zone.slug for zone in ground.site.zones if zone.outdoor}
    out = np.array([zone in outdoor for zone in zones], bool)
    if not out.any() or not ground.assembly:
        return
    first = len(ground.exits)
    who = np.flatnonzero(out)
    away = crowd.distance[first:][:, crowd.cell[who]]
    crowd.goal[who] = first + np.argmin(away, axis=0)
    crowd.after[who] = -1
    choice.free[who] = False


def _told(
    ground: SiteGround,
    crowd: Crowd,
    zones: list[str],
    shares: Shares,
    o: CrowdOptions,
    rng: np.random.Generator,
) -> tuple[B1, I4]:
    """Who chooses for themselves, and the exit told to each of the others, nearer people to nearer exits."""
    n = len(zones)
    told: I4 = np.full(n, -1, np.int32)
    names = np.array(zones) if n else np.empty(0, "<U1")
    for zone, by_exit in shares.items():
        who = np.flatnonzero(names == zone)
        open_exits = [(ground.exit_goal(slug), share) for slug, share in by_exit.items() if share > 0]
        if not len(who) or not open_exits:
            continue
        total = sum(share for _, share in open_exits)
        quota = np.floor(np.cumsum([share / total for _, share in open_exits]) * len(who) + 0.5).astype(int)
        left = list(who)
        before = 0
        for (goal, _), upto in zip(open_exits, quota, strict=True):
            away = crowd.distance[goal][crowd.cell[left]]
            chosen = [left[k] for k in np.argsort(away, kind="stable")[: upto - before]]
            told[chosen] = goal
            left = [person for person in left if told[person] < 0]
            before = upto
    deaf = rng.random(n) >= o.compliance
    told[deaf] = -1
    return told < 0, told


def _next_assembly(ground: SiteGround, crowd: Crowd) -> I4:
    """The assembly point nearest to each exit."""
    first = len(ground.exits)
    if not ground.assembly:
        return np.full(first, -1, np.int32)
    return np.array(
        [first + int(np.argmin(crowd.distance[first:, ground.goals[k]].min(axis=1))) for k in range(first)],
        np.int32,
    )


def _smoke(crowd: Crowd, ground: SiteGround, o: CrowdOptions) -> None:
    for slug, extinction in o.smoke.items():
        if slug not in ground.zone_cells:
            raise ValueError(f"smoke is in zone {slug!r}, which does not exist")
        crowd.pace[ground.zone_cells[slug]] = np.float32(speed_factor(extinction, o.smoke_law))


def _shut(crowd: Crowd, ground: SiteGround, slug: str) -> None:
    crowd.shut[ground.door_cells[slug]] = 1


def _close(crowd: Crowd, ground: SiteGround, choice: ExitChoice, slug: str) -> None:
    """Close a door during the run: its people, told or not, look for another exit."""
    crowd.close(ground.door_cells[slug])
    if slug in ground.exits:
        goal = ground.exit_goal(slug)
        here = crowd.here
        lost = here[crowd.goal[here] == goal]
        choice.free[lost] = True
        everybody, choice.free = choice.free, np.zeros_like(choice.free)
        choice.free[lost] = True
        choice.nearest(crowd)
        choice.free = everybody


def _all_out(crowd: Crowd, o: CrowdOptions) -> bool:
    return o.until == "exit" and not len(crowd.here)


class DensityWatch:
    """The greatest density on cells of about 2 square metres, once a second."""

    def __init__(self, ground: SiteGround) -> None:
        self.ground, raster = ground, ground.ground.raster
        self.step_m = 1.5
        self.columns = int(raster.index.shape[1] * raster.cell_m / self.step_m) + 2
        self.key = self._keys(raster.x, raster.y)
        count = np.bincount(self.key)
        self.area_m2: F8 = np.maximum(count * raster.cell_m**2, _LEAST_CELL_M2)
        self.peak: F4 = np.zeros(len(self.area_m2), np.float32)
        self.best, self.where = 0.0, (0.0, 0.0, 0)

    def _keys(self, x: F8, y: F8) -> I4:
        r = self.ground.ground.raster
        keys: I4 = ((y - r.south) / self.step_m).astype(np.int64) * self.columns + (
            (x - r.west) / self.step_m
        ).astype(np.int64)
        return keys

    def look(self, crowd: Crowd) -> None:
        here = crowd.here
        if not len(here):
            return
        count = np.bincount(self._keys(crowd.x[here], crowd.y[here]), minlength=len(self.area_m2))
        density = count[: len(self.area_m2)] / self.area_m2
        self.peak = np.maximum(self.peak, density).astype(np.float32)
        top = int(np.argmax(density))
        if density[top] > self.best:
            inside = here[self._keys(crowd.x[here], crowd.y[here]) == top]
            sheet = int(self.ground.ground.raster.sheet[crowd.cell[inside[0]]])
            self.best, self.where = (
                float(density[top]),
                (float(crowd.x[inside[0]]), float(crowd.y[inside[0]]), sheet),
            )

    def zone(self) -> str:
        if not self.best:
            return ""
        x, y, sheet = self.where
        own = self.ground.ground.to_sheet(sheet, x, y)
        found = self.ground.ground.sheets[sheet]
        zone = None if found.flight else self.ground.site.zone_at(*own, found.level)
        return zone.slug if zone else (found.name if found.flight else "outside")


def _outcome(
    ground: SiteGround, crowd: Crowd, zones: list[str], density: DensityWatch, o: CrowdOptions
) -> CrowdResult:
    n = len(zones)
    passed, out = crowd.passed_s, crowd.out_s
    left = int((passed < 0).sum())
    gone = np.sort(passed[passed >= 0])
    stranded: dict[str, int] = {}
    for person in np.flatnonzero(passed < 0):
        stranded[zones[person]] = stranded.get(zones[person], 0) + 1
    times = np.arange(0.0, (float(gone[-1]) if len(gone) else 0.0) + _CURVE_S, _CURVE_S)
    curve = tuple((float(t), int(np.searchsorted(gone, t, "right"))) for t in times)
    clear = left == 0 and n > 0
    return CrowdResult(
        site=ground.site.slug,
        simulated=True,
        people=n,
        left=left,
        stranded=stranded,
        clearance_s=round(float(gone[-1]), 1) if clear else (0.0 if n == 0 else None),
        p95_s=round(float(np.quantile(gone, 0.95)), 1) if clear else None,
        mean_s=round(float(gone.mean()), 1) if len(gone) else None,
        safe_s=round(float(out.max()), 1) if clear and o.until == "assembly" and (out >= 0).all() else None,
        exits=tuple(_by_exit(ground, crowd)),
        curve=curve,
        densest_pm2=round(density.best, 2),
        densest_zone=density.zone(),
        seed=o.seed,
        steps=crowd.step,
        nudged=crowd.nudged,
        options=o,
    )


def _by_exit(ground: SiteGround, crowd: Crowd) -> list[ExitOutcome]:
    found = []
    for k, slug in enumerate(ground.exits):
        times = np.sort(crowd.passed_s[(crowd.passed_by == k) & (crowd.passed_s >= 0)])
        flow = 0.0
        if len(times):
            ends = np.searchsorted(times, times + 60.0, "right")
            flow = float((ends - np.arange(len(times))).max()) / 60.0
        found.append(
            ExitOutcome(
                exit=slug,
                people=len(times),
                first_s=round(float(times[0]), 1) if len(times) else None,
                last_s=round(float(times[-1]), 1) if len(times) else None,
                peak_flow_ps=round(flow, 2),
            )
        )
    return found
