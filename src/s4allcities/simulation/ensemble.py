"""How long a site takes to clear, and how dense its zones become, over many uncertain runs: a cell-transmission model.

Each indoor zone is a cell, each door or flight a link; people are counted by the exit they go to. A cell sends at the
pace of its density (SFPE: 1 - 0.266 D), a link passes no more than its capacity, a full cell takes nobody (C. Daganzo,
Transportation Research B 28, 1994, with zones as cells). A thousand runs draw counts, capacities, speed, premovement
and compliance anew.

Limits of validity: zones are mixed at once, so that distances inside a large zone count only by its mean; no
counterflow; the way outside the exits is left out. A band for comparing, not a promise.
"""

import heapq
from collections.abc import Callable, Mapping
from math import erf, hypot, log, sqrt

import numpy as np
from msgspec import Struct
from numba import njit
from numpy.typing import NDArray

from s4allcities.site.model import Site
from s4allcities.site.walking import (
    DEFAULT_STAIR,
    SPEED_LEVEL_MPS,
    SPEED_STAIR_MPS,
    opening_capacity_ps,
    stair_capacity_ps,
)

__all__ = (
    "EnsembleResult",
    "Spread",
    "ZoneBand",
    "ZoneNetwork",
    "build_network",
    "run_ensemble",
    "transmit_python",
)

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Run = Callable[..., float]

STEP_S = 2.0
FULL_PM2 = 4.0
"""A zone with this many people a square metre takes nobody more."""
LEFT = 0.5


class ZoneNetwork(Struct, frozen=True, kw_only=True, eq=False):
    """Zones (z,) with ``area_m2``; links (d,) with ``capacity_ps``; ``link`` (z, e) the way from a zone towards an
    exit, or -1, ``walk_s`` (z, e) to it, ``head`` (z, e) the zone behind it or -1 for outside; ``nearest`` (z,) the
    exit with the least walk.
    """

    zones: tuple[str, ...]
    exits: tuple[str, ...]
    area_m2: F8
    capacity_ps: F8
    link: I8
    walk_s: F8
    head: I8
    nearest: I8


class Spread(Struct, frozen=True, kw_only=True):
    """What is uncertain: relative deviations of counts and capacities, of free speed, median and log-deviation of
    premovement with the log-deviation of that median from run to run, bounds of the share that follows the plan.
    """

    count: float = 0.15
    capacity: float = 0.20
    speed: float = 0.10
    premovement_s: float = 30.0
    premovement_log_sigma: float = 0.5
    median_log_sigma: float = 0.25
    compliance: tuple[float, float] = (0.7, 1.0)


class ZoneBand(Struct, frozen=True, kw_only=True):
    """Greatest density of a zone in a run: median and 95th percentile over the runs."""

    zone: str
    p50_pm2: float
    p95_pm2: float


class EnsembleResult(Struct, frozen=True, kw_only=True):
    """Clearance in seconds (None where so many runs did not end), density bands, densest first, and ``sensitivity``:
    the share of the spread of clearance that goes with each input (squared rank correlations, scaled to 1).
    """

    site: str
    simulated: bool
    runs: int
    people: int
    unreachable: tuple[str, ...]
    p50_s: float | None
    p95_s: float | None
    zones: tuple[ZoneBand, ...]
    sensitivity: dict[str, float]


def build_network(site: Site, *, closed: tuple[str, ...] = ()) -> ZoneNetwork:
    """Build the zones, links and ways of a site.

    :raises ValueError: a closed opening does not exist.
    """
    unknown = sorted(set(closed) - {opening.slug for opening in site.openings})
    if unknown:
        raise ValueError(f"there is no exit or opening {unknown[0]!r}")
    zones = [zone for zone in site.zones if not zone.outdoor]
    number = {zone.slug: k for k, zone in enumerate(zones)}
    capacity: list[float] = []
    ways: list[list[tuple[int, int, float]]] = [[] for _ in zones]  # (link, zone behind or -1, seconds)
    out: dict[str, tuple[int, int, float]] = {}
    for opening in site.openings:
        first, second = (number.get(slug, -1) for slug in opening.connects)
        if opening.slug in closed or opening.state == "closed" or first < 0:
            continue
        stair_s = opening.stair.slope_length_m / SPEED_STAIR_MPS if opening.stair else 0.0
        capacity.append(opening_capacity_ps(opening))
        there = (
            hypot(zones[first].x_m - opening.x_m, zones[first].y_m - opening.y_m) / SPEED_LEVEL_MPS + stair_s
        )
        if second < 0:
            out[opening.slug] = (first, len(capacity) - 1, there)
            continue
        back = (
            hypot(zones[second].x_m - opening.x_m, zones[second].y_m - opening.y_m) / SPEED_LEVEL_MPS
            + stair_s
        )
        ways[first].append((len(capacity) - 1, second, there))
        ways[second].append((len(capacity) - 1, first, back))
    for link in site.links:
        low, high = number.get(link.lower, -1), number.get(link.upper, -1)
        if link.kind == "elevator" or low < 0 or high < 0:
            continue
        stair = link.stair or DEFAULT_STAIR
        capacity.append(stair_capacity_ps(link.width_m, stair))
        for here, there_zone, end in ((low, high, link.line_m[0]), (high, low, link.line_m[-1])):
            walk = hypot(zones[here].x_m - end[0], zones[here].y_m - end[1]) / SPEED_LEVEL_MPS
            ways[here].append((len(capacity) - 1, there_zone, walk + stair.slope_length_m / SPEED_STAIR_MPS))
    exits = tuple(out)
    shape = (len(zones), len(exits))
    best, head = np.full(shape, -1, np.int64), np.full(shape, -1, np.int64)
    walk_s, total = np.full(shape, 1.0), np.full(shape, np.inf)
    for e, slug in enumerate(exits):
        _towards(ways, out[slug], best[:, e], head[:, e], walk_s[:, e], total[:, e])
    nearest = np.argmin(total, axis=1) if exits else np.zeros(len(zones), np.int64)
    area = np.array([zone.area_m2 for zone in zones])
    return ZoneNetwork(
        zones=tuple(number), exits=exits, area_m2=area, capacity_ps=np.array(capacity), link=best, walk_s=walk_s,
        head=head, nearest=nearest.astype(np.int64),
    )  # fmt: skip


def _towards(
    ways: list[list[tuple[int, int, float]]],
    out: tuple[int, int, float],
    link: I8,
    head: I8,
    walk_s: F8,
    total: F8,
) -> None:
    """Shortest ways of all zones to one exit (Dijkstra backwards)."""
    zone, door, seconds = out
    heap = [(seconds, zone, door, -1, seconds)]
    into: list[list[tuple[int, int, float]]] = [[] for _ in ways]
    for tail, found in enumerate(ways):
        for way, to, walk in found:
            into[to].append((tail, way, walk))
    while heap:
        sofar, here, way, behind, walk = heapq.heappop(heap)
        if sofar >= total[here]:
            continue
        total[here], link[here], head[here], walk_s[here] = sofar, way, behind, max(walk, 1.0)
        for tail, through, cost in into[here]:
            heapq.heappush(heap, (sofar + cost, tail, through, here, cost))


def transmit_python(
    waiting: F8,
    release: F8,
    area: F8,
    capacity: F8,
    link: I8,
    walk_s: F8,
    head: I8,
    pace: float,
    step_s: float,
    peak: F8,
) -> float:
    """One run: ``waiting`` (z, e) people set off by ``release`` (t,) shares; gives the seconds until all are out, or
    infinity.

    ``peak`` (z,) gets the greatest density. Plain Python: compiled for use, and the oracle as it stands.
    """
    zones, exits = waiting.shape
    moving, most = np.zeros((zones, exits)), np.zeros((zones, exits))
    send, told = np.zeros((zones, exits)), waiting.copy()
    left = waiting.sum()
    for t in range(len(release)):
        demand, coming = np.zeros(len(capacity)), np.zeros(zones)
        for z in range(zones):
            people = 0.0
            for e in range(exits):
                started = told[z, e] * release[t]
                waiting[z, e] -= started
                moving[z, e] += started
                people += moving[z, e] + waiting[z, e]
            density = people / area[z]
            peak[z] = max(peak[z], density)
            slow = pace * max(1.0 - 0.266 * density, 0.15)
            for e in range(exits):
                most[z, e] = max(most[z, e], moving[z, e])
                send[z, e] = min(moving[z, e], most[z, e] * slow * step_s / walk_s[z, e])
                if link[z, e] >= 0:
                    demand[link[z, e]] += send[z, e]
        for z in range(zones):
            for e in range(exits):
                d = link[z, e]
                if d >= 0 and demand[d] > capacity[d] * step_s:
                    send[z, e] *= capacity[d] * step_s / demand[d]
                if d >= 0 and head[z, e] >= 0:
                    coming[head[z, e]] += send[z, e]
        room = np.zeros(zones)
        for z in range(zones):
            people = 0.0
            for e in range(exits):
                people += moving[z, e] + waiting[z, e]
            room[z] = max(FULL_PM2 * area[z] - people, 0.0)
        for z in range(zones):
            for e in range(exits):
                if link[z, e] < 0:
                    continue
                to = head[z, e]
                gone = send[z, e]
                if to >= 0 and coming[to] > room[to]:
                    gone *= room[to] / coming[to]
                moving[z, e] -= gone
                if to >= 0:
                    moving[to, e] += gone
                else:
                    left -= gone
        if left < LEFT:
            return (t + 1) * step_s
    return np.inf


_transmit = njit(cache=True, nogil=True)(transmit_python)


def run_ensemble(
    site: Site,
    people: Mapping[str, float],
    *,
    rng: np.random.Generator,
    runs: int = 1000,
    shares: Mapping[str, Mapping[str, float]] | None = None,
    spread: Spread | None = None,
    closed: tuple[str, ...] = (),
    limit_s: float = 3600.0,
    run: Run = _transmit,
) -> EnsembleResult:
    """Run it. ``people`` by zone; ``shares`` tells each zone's people their exits, those who do not comply take the
    nearest.

    :raises ValueError: a zone or exit does not exist, a count is negative or not a number, or ``runs`` is out of range.
    """
    if not 1 <= runs <= 100_000:
        raise ValueError(f"runs is {runs}; allowed are 1 to 100,000")
    net, s = build_network(site, closed=closed), spread or Spread()
    base = _counts(net, people)
    told = _told(net, shares or {})
    alone = np.zeros_like(told)
    reach = (
        net.link[np.arange(len(net.zones)), net.nearest] >= 0 if net.exits else np.zeros(len(net.zones), bool)
    )
    alone[np.flatnonzero(reach), net.nearest[reach]] = 1.0
    stuck = tuple(zone for k, zone in enumerate(net.zones) if base[k] > 0 and not reach[k])
    base = np.where(reach, base, 0.0)
    drawn = _draw(rng, runs, net, s)
    steps = int(limit_s / STEP_S)
    clear, peaks = np.empty(runs), np.zeros((runs, len(net.zones)))
    for k in range(runs):
        share = drawn["compliance"][k]
        mixed = np.where(told.sum(1, keepdims=True) > 0, share * told + (1 - share) * alone, alone)
        waiting = np.ascontiguousarray((base * drawn["counts"][k])[:, None] * mixed)
        release = _release(drawn["premovement"][k], s.premovement_log_sigma, steps)
        clear[k] = run(
            waiting, release, net.area_m2, net.capacity_ps * drawn["capacities"][k], net.link, net.walk_s, net.head,
            drawn["speed"][k], STEP_S, peaks[k],
        )  # fmt: skip
    return _result(site, net, base, stuck, clear, peaks, drawn)


def _counts(net: ZoneNetwork, people: Mapping[str, float]) -> F8:
    base = np.zeros(len(net.zones))
    for slug, count in people.items():
        if not (np.isfinite(count) and count >= 0):
            raise ValueError(f"zone {slug!r} has {count} people; allowed are 0 and above")
        if slug in net.zones:
            base[net.zones.index(slug)] = count
        elif count:
            raise ValueError(f"there is no indoor zone {slug!r}; allowed are {', '.join(net.zones[:40])}")
    return base


def _told(net: ZoneNetwork, shares: Mapping[str, Mapping[str, float]]) -> F8:
    told = np.zeros((len(net.zones), len(net.exits)))
    for zone, by_exit in shares.items():
        for slug, share in by_exit.items():
            if zone not in net.zones or slug not in net.exits:
                raise ValueError(
                    f"the plan sends zone {zone!r} to {slug!r}: one of them does not exist or is closed"
                )
            if not (np.isfinite(share) and share >= 0):
                raise ValueError(
                    f"the plan's share of {zone!r} by {slug!r} is {share}; allowed are 0 and above"
                )
            z, e = net.zones.index(zone), net.exits.index(slug)
            if net.link[z, e] >= 0:
                told[z, e] = share
    total = told.sum(1, keepdims=True)
    scaled: F8 = np.divide(told, total, out=np.zeros_like(told), where=total > 0)
    return scaled


def _draw(rng: np.random.Generator, runs: int, net: ZoneNetwork, s: Spread) -> dict[str, F8]:
    low, high = s.compliance
    return {
        "counts": np.maximum(1 + s.count * rng.standard_normal((runs, len(net.zones))), 0.0),
        "capacities": np.exp(s.capacity * rng.standard_normal((runs, len(net.capacity_ps)))),
        "speed": np.clip(1 + s.speed * rng.standard_normal(runs), 0.5, 1.5),
        "premovement": s.premovement_s * np.exp(s.median_log_sigma * rng.standard_normal(runs)),
        "compliance": rng.uniform(low, high, runs),
    }


def _release(median_s: float, log_sigma: float, steps: int) -> F8:
    """Share of people who set off in each step: lognormal."""
    release = np.zeros(steps)
    if median_s < STEP_S or log_sigma <= 0:
        release[min(int(median_s / STEP_S), steps - 1)] = 1.0
        return release
    last = min(int(median_s * np.exp(3.1 * log_sigma) / STEP_S) + 1, steps)
    done = [0.5 * (1 + erf(log((k + 1) * STEP_S / median_s) / log_sigma / sqrt(2))) for k in range(last)]
    release[:last] = np.diff([0.0, *done])
    release[last - 1] += 1 - release.sum()
    return release


def _result(
    site: Site, net: ZoneNetwork, base: F8, stuck: tuple[str, ...], clear: F8, peaks: F8, drawn: dict[str, F8]
) -> EnsembleResult:
    p50, p95 = (float(q) for q in np.quantile(clear, (0.5, 0.95), method="higher"))
    order = np.argsort(-np.quantile(peaks, 0.95, axis=0), kind="stable")
    bands = tuple(
        ZoneBand(
            zone=net.zones[z],
            p50_pm2=round(float(np.quantile(peaks[:, z], 0.5)), 2),
            p95_pm2=round(float(np.quantile(peaks[:, z], 0.95)), 2),
        )
        for z in order
        if peaks[:, z].any()
    )
    weight = base / base.sum() if base.sum() > 0 else base
    inputs = {
        "counts": drawn["counts"] @ weight, "capacities": np.log(drawn["capacities"]).mean(axis=1),
        "speed": drawn["speed"], "premovement": drawn["premovement"], "compliance": drawn["compliance"],
    }  # fmt: skip
    return EnsembleResult(
        site=site.slug, simulated=True, runs=len(clear), people=round(float(base.sum())), unreachable=stuck,
        p50_s=p50 if np.isfinite(p50) else None, p95_s=p95 if np.isfinite(p95) else None, zones=bands,
        sensitivity=_sensitivity(inputs, clear),
    )  # fmt: skip


def _sensitivity(inputs: dict[str, F8], clear: F8) -> dict[str, float]:
    good = np.isfinite(clear)
    if good.sum() < 10 or np.ptp(clear[good]) == 0:
        return {}
    rank = _ranks(clear[good])
    squared = {name: _correlation(_ranks(values[good]), rank) ** 2 for name, values in inputs.items()}
    total = sum(squared.values())
    return {name: round(value / total, 3) for name, value in squared.items()} if total else {}


def _ranks(values: F8) -> F8:
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks


def _correlation(a: F8, b: F8) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
