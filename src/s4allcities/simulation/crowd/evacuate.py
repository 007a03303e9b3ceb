"""Evacuating a site in the crowd engine: who stands where, which exit they were told, how long it takes and where
it jams.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .arrays import B1, I4
from .behaviour import POPULATIONS, Behaviour
from .choice import ExitChoice
from .crowd import Crowd, People
from .outcome import CrowdOptions, CrowdResult, DensityWatch, outcome
from .placing import place_people
from .population import draw_groups, draw_speeds, premovement
from .site_ground import SiteGround
from .smoke_effect import speed_factor

__all__ = ("evacuate",)

Shares = Mapping[str, Mapping[str, float]]
_STUCK_S = 120.0


def evacuate(
    ground: SiteGround,
    occupancy: Mapping[str, float],
    *,
    shares: Shares | None = None,
    named: Mapping[str, Sequence[str]] | None = None,
    options: CrowdOptions | None = None,
    watch: Callable[[Crowd], None] | None = None,
) -> CrowdResult:
    """Run an evacuation. ``shares`` tells each zone's people their exits, as shares that add up to 1 (a plan's advice);
    ``named`` tells them to leave by the nearest of these exits, as a sentence does.

    ``watch`` is called once a simulated second. Limits of validity: see the explanation of the crowd twin.

    :raises ValueError: a zone, exit or population does not exist, or a figure is out of range.
    """
    o = options or CrowdOptions()
    _check(ground, o, _as_shares(shares, named))
    rng = np.random.default_rng(o.seed)
    behaviour = POPULATIONS[o.population]
    crowd, choice, zones = _set_up(ground, occupancy, shares or {}, named or {}, o, behaviour, rng)
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
    return outcome(ground, crowd, zones, density, o)


def _as_shares(shares: Shares | None, named: Mapping[str, Sequence[str]] | None) -> Shares:
    """Everything that names a zone and exits, to be checked alike."""
    return dict(shares or {}) | {zone: dict.fromkeys(exits, 1.0) for zone, exits in (named or {}).items()}


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
    named: Mapping[str, Sequence[str]],
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
    free_choice, told = _told(ground, crowd, zones, shares, named, o, rng)
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
    named: Mapping[str, Sequence[str]],
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
    for zone, exits in named.items():
        who, goals = np.flatnonzero(names == zone), np.array([ground.exit_goal(slug) for slug in exits])
        if len(who) and len(goals):
            told[who] = goals[np.argmin(crowd.distance[goals][:, crowd.cell[who]], axis=0)]
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
