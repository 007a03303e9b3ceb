"""How long the live playbook takes on the demonstration site: a fire in each zone, a used exit that falls, clearance
runs.
"""

import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from msgspec import Struct

from s4allcities.awareness.response import EvacuatePlaybook, Situation
from s4allcities.awareness.response.closures import Strictness, find_closures
from s4allcities.awareness.response.routes import route_chains, route_people
from s4allcities.awareness.response.situation import Doubt
from s4allcities.domain import CourseOfAction, Incident, Place
from s4allcities.planning.contract import SiteNetwork
from s4allcities.simulation.clearance import clearance_band
from s4allcities.site import Site, WalkGraph, build_graph, load_site

from .checkout import SITE
from .results import Result, Say, at_most, measured

__all__ = ("measure",)

PEOPLE = 120.0
SMOKE_PCT_M = 8.0
CALM_PCT_M = 0.1
BURNING = 3
ROUNDS = 2
"""Each zone burns this often in one run."""
ENSEMBLE = 1000
T = TypeVar("T")
GOAL_NOTE = "The goal is set for a larger site, a stadium of 12,000 seats"
NO_PEER = "Nothing else plans from live readings: the planner alone is compared"


def _incident(zone: str) -> Incident:
    return Incident(
        id="01BENCH", t_us=0, version=1, status="confirmed", hypothesis="fire", probability=0.97,
        hypotheses={"fire": 0.97, "benign": 0.03}, zones=(zone,), place=Place(zone=zone), t_first_evidence_us=0,
    )  # fmt: skip


def _situation(site: Site, zone: str) -> Situation:
    """Three smoke detectors of a zone are in smoke, all others are not; the same people in every indoor zone."""
    detectors = [spec for spec in site.sensors if spec.family == "smoke"]
    burning = {spec.slug for spec in [each for each in detectors if each.zone == zone][:BURNING]}
    smoke = {spec.slug: SMOKE_PCT_M if spec.slug in burning else CALM_PCT_M for spec in detectors}
    people = {each.slug: PEOPLE for each in site.zones if not each.outdoor}
    return Situation(people=people, smoke_pct_m=smoke)


class _Spent(Struct, frozen=True):
    wall_ms: float
    cpu_ms: float


def _timed(work: Callable[[], T]) -> tuple[T, _Spent]:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    done = work()
    return done, _Spent(1000 * (time.perf_counter() - wall_s), 1000 * (time.process_time() - cpu_s))


def _p95(values: Iterable[float]) -> float:
    return float(np.quantile(list(values), 0.95))


def _busiest_exit(course: CourseOfAction) -> str:
    people: dict[str, int] = {}
    for route in course.routes:
        people[route.exit] = people.get(route.exit, 0) + route.people
    return max(sorted(people), key=people.__getitem__)


def _plan_again(
    playbook: EvacuatePlaybook, incident: Incident, course: CourseOfAction, now: Situation
) -> list[CourseOfAction]:
    """Do what the plan stage does when an exit falls: find the ordered course unsafe, and plan anew."""
    if not playbook.unsafe(course, now, playbook.smoke(now)):
        raise AssertionError("a course through a fallen exit was found safe: the benchmark is wrong")
    return playbook.propose(incident, now, 2_000_000)


def _plans(playbook: EvacuatePlaybook, site: Site, rounds: int) -> tuple[list[_Spent], list[_Spent]]:
    """Give what each first plan and each new one took."""
    first, again = [], []
    for zone in [each.slug for each in site.zones if not each.outdoor] * rounds:
        incident, now = _incident(zone), _situation(site, zone)
        (course,), spent = _timed(partial(playbook.propose, incident, now, 1_000_000))
        first.append(spent)
        now.exits[_busiest_exit(course)] = Doubt("closed", 0, unusable=True)
        _, spent = _timed(partial(_plan_again, playbook, incident, course, now))
        again.append(spent)
    return first, again


def _ensemble_s(graph: WalkGraph, site: Site, seed: int) -> float:
    """Give the seconds that 1000 clearance runs take for the routes of a fire in the first zone."""
    zone = next(each.slug for each in site.zones if not each.outdoor)
    playbook, now = EvacuatePlaybook(graph, seed=seed), _situation(site, zone)
    closures = find_closures(graph, playbook.smoke(now), now, Strictness())
    routes = route_people(SiteNetwork(graph), now.people, closures).routes
    chains, capacity_ps, _ = route_chains(graph, routes)
    rng = np.random.default_rng(seed)
    _, spent = _timed(partial(clearance_band, chains, capacity_ps, rng=rng, runs=ENSEMBLE))
    return spent.wall_ms / 1000


def measure(root: Path, runs: int, say: Say) -> list[Result]:
    """Measure on one thread of this process."""
    site = load_site(root / SITE)
    graph = build_graph(site)
    playbook = EvacuatePlaybook(graph, seed=1)
    playbook.warm_up()
    _plans(playbook, site, 1)
    plans, again, ensemble_s = [], [], []
    for run in range(runs):
        say(f"evacuation: run {run + 1} of {runs}")
        first, second = _plans(playbook, site, ROUNDS)
        plans.append(first)
        again.append(second)
        ensemble_s.append(_ensemble_s(graph, site, seed=run))
    zones = sum(not each.outdoor for each in site.zones)
    return _results(
        plans, again, ensemble_s,
        f"{zones} zones of {PEOPLE:g} people, {len(site.exits)} exits, {graph.n_nodes} nodes, simulated readings",
    )  # fmt: skip


def _results(
    plans: list[list[_Spent]], again: list[list[_Spent]], ensemble_s: list[float], what: str
) -> list[Result]:
    how = (
        "of the playbook from situation to course with 200 clearance runs, 95th percentile; "
        f"fire in each zone in turn, {ROUNDS} times; {what}"
    )
    how_again = (
        "of finding the plan unsafe and planning anew after the plan's busiest exit has fallen, "
        f"95th percentile; {what}"
    )
    return [
        measured(
            "evacuation.live_plan_p95_ms", [_p95(each.wall_ms for each in run) for run in plans], "ms",
            how=f"wall time {how}. {GOAL_NOTE}", goal=at_most(250), digits=1, peer_reason=NO_PEER,
        ),
        measured(
            "evacuation.live_plan_cpu_p95_ms", [_p95(each.cpu_ms for each in run) for run in plans], "ms",
            how=f"CPU time {how}", digits=1, peer_reason=NO_PEER,
        ),
        measured(
            "evacuation.live_replan_p95_ms", [_p95(each.wall_ms for each in run) for run in again], "ms",
            how=f"wall time {how_again}", goal=at_most(200), digits=1, peer_reason=NO_PEER,
        ),
        measured(
            "evacuation.live_replan_cpu_p95_ms", [_p95(each.cpu_ms for each in run) for run in again], "ms",
            how=f"CPU time {how_again}", digits=1, peer_reason=NO_PEER,
        ),
        measured(
            "ensemble.seconds_1000", ensemble_s, "s",
            how=f"wall time of {ENSEMBLE} clearance runs for the routes of a fire in one zone: queues at narrow "
            f"places in steps of a second, not a crowd simulation. {GOAL_NOTE}",
            goal=at_most(5), digits=3, peer_reason=NO_PEER,
        ),
    ]  # fmt: skip
