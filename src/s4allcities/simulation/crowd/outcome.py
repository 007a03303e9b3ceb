"""How a crowd run is set, what came out of it, and where it was densest."""

import numpy as np
from msgspec import Struct

from .arrays import F4, F8, I4
from .crowd import Crowd
from .site_ground import SiteGround
from .smoke_effect import SmokeLaw

__all__ = ("CrowdOptions", "CrowdResult", "DensityWatch", "ExitOutcome", "outcome")

_CURVE_S = 10.0
_LEAST_CELL_M2 = 1.0


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


def outcome(
    ground: SiteGround, crowd: Crowd, zones: list[str], density: DensityWatch, o: CrowdOptions
) -> CrowdResult:
    """Read the result off a crowd at the end of a run; ``zones`` are those people started in."""
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
