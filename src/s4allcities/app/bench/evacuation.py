"""The planner: how long plans take, beside OR-tools on the same networks; what they gain against the nearest exit."""

import time
from pathlib import Path

import numpy as np
from msgspec import Struct

from s4allcities.planning.arrival import earliest_arrival
from s4allcities.planning.certificate import flow_faults
from s4allcities.planning.evacuation import EvacuationPlan, plan_evacuation, timed_graph
from s4allcities.planning.queues import route_times
from s4allcities.planning.speakable import nearest_exit_s
from s4allcities.planning.timed import TimedNetwork
from s4allcities.planning.trees import Routes, TreeMaker, join_routes

from . import evacuation_confirmed, evacuation_live, evacuation_maps
from .peers import PeerAbsent, run_peer
from .places import I4, I8, Place, district, pilot, random_case
from .results import Result, Say, at_least, at_most, measured, unmeasured

__all__ = ("measure",)

PEOPLE = 12_000
SECTORS = 16
"""Gives the 185 nodes that the goal speaks of; the pilot site has 24 sectors and is measured too."""
STEPS = 240
STEP_S = 5.0
ROUNDS = 12
CASES = 1000
PILOTS = ("stadium", "festival", "park")
COMPLIANCE = 0.7
PEER = "OR-tools 9.15"
SCRIPT = "evacuation_ortools"


class _Answer(Struct):
    total: int
    left: int
    build_s: float
    solve_s: float
    last: int = -1
    max_flow_s: float = 0.0


def _plan(place: Place, steps: int = STEPS) -> EvacuationPlan:
    return plan_evacuation(place.graph, place.people, step_s=STEP_S, horizon_s=steps * STEP_S)


def _wall_ms(place: Place, steps: int = STEPS) -> float:
    began = time.perf_counter()
    _plan(place, steps)
    return 1000 * (time.perf_counter() - began)


def _lost(place: Place, round_: int) -> Place:
    """Two gates are lost: what a replan has to cope with."""
    exits = place.graph.exits
    gone = {exits[round_ % len(exits)], exits[(round_ + 3) % len(exits)]}
    return Place(place.name, place.graph.without(gone), place.people)


def _case(network: TimedNetwork, supply: I8, ready: I4) -> dict[str, object]:
    return {
        "tail": network.tail.tolist(), "head": network.head.tolist(), "transit": network.transit.tolist(),
        "places": network.places.tolist(), "storage": network.storage.tolist(), "sinks": network.sinks.tolist(),
        "supply": supply.tolist(), "ready": ready.tolist(),
    }  # fmt: skip


def _network(place: Place) -> tuple[TimedNetwork, I8, I4]:
    """The place in steps."""
    network = timed_graph(place.graph, step_s=STEP_S, steps=STEPS)
    share = place.graph.spread(place.people)
    supply = np.array([share.get(node.name, 0) for node in place.graph.nodes], np.int64)
    return network, supply, np.zeros(network.n_nodes, np.int32)


def measure(root: Path, runs: int, say: Say) -> list[Result]:
    """Measure on one thread of this process; the peer on one thread of its own."""
    stadium = pilot("stadium", PEOPLE, sectors=SECTORS)
    large = pilot("stadium", PEOPLE)
    town = district()
    _plan(stadium)
    results = []
    plans, again, larger, towns = [], [], [], []
    for run in range(runs):
        say(f"evacuation: plans, run {run + 1} of {runs}")
        plans.append(float(np.quantile([_wall_ms(stadium) for _ in range(ROUNDS)], 0.95)))
        again.append(float(np.quantile([_wall_ms(_lost(stadium, k)) for k in range(ROUNDS)], 0.95)))
        larger.append(float(np.quantile([_wall_ms(large) for _ in range(ROUNDS)], 0.95)))
        towns.append(_wall_ms(town, 360) / 1000)
    what = f"generated stadium (synthetic), {PEOPLE} people, {len(stadium.graph.nodes)} nodes, {STEPS} steps of 5 s"
    results += [
        measured(
            "evacuation.plan_p95_ms", plans, "ms", goal=at_most(250), digits=1,
            how=f"wall time from counts to decomposed plan with certificate, 95th percentile of {ROUNDS}; {what}",
        ),
        measured(
            "evacuation.replan_p95_ms", again, "ms", goal=at_most(200), digits=1,
            how=f"the same after two gates are lost, planned from scratch, 95th percentile of {ROUNDS}; {what}",
        ),
        measured(
            "evacuation.pilot_plan_p95_ms", larger, "ms", digits=1,
            how=f"as plan_p95_ms, on the pilot stadium of 24 sectors, {len(large.graph.nodes)} nodes, without a goal",
        ),
        measured(
            "evacuation.district_1100_s", towns, "s", goal=at_most(1.0), digits=3,
            how=f"wall time of one plan of a district of {len(town.graph.nodes)} nodes, {len(town.graph.arcs)} arcs, "
            f"{sum(town.people.values())} people, 360 steps of 5 s, drawn at random",
        ),
    ]  # fmt: skip
    results += _peers(root, stadium, say)
    results += _gains(say)
    results += evacuation_maps.measure(root, say)
    results += evacuation_confirmed.measure(say)
    return results + evacuation_live.measure(root, runs, say)


def _peers(root: Path, stadium: Place, say: Say) -> list[Result]:
    names = (
        "evacuation.ratio_ortools_min_cost",
        "evacuation.ratio_ortools_max_flow",
        "evacuation.ortools_mismatches",
    )
    try:
        return _beside_peers(root, stadium, say)
    except PeerAbsent as absent:
        return [unmeasured(name, "ratio", reason=str(absent)) for name in names]


def _beside_peers(root: Path, stadium: Place, say: Say) -> list[Result]:
    network, supply, ready = _network(stadium)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        found = earliest_arrival(network, supply, ready=ready)
        times.append(time.perf_counter() - began)
    say("evacuation: the same stadium by OR-tools")
    (peer,) = run_peer(
        root,
        "evacuation",
        SCRIPT,
        {"cases": [_case(network, supply, ready)], "max_flow": True},
        list[_Answer],
        say=say,
    )
    if found.total_steps != peer.total or found.last != peer.last or flow_faults(network, supply, found):
        raise AssertionError(
            f"the optimum differs: {found.total_steps} and {peer.total} steps, last {found.last} and {peer.last}"
        )
    ours = float(np.median(times))
    say(f"evacuation: {CASES} random networks by OR-tools")
    cases = [random_case(seed) for seed in range(CASES)]
    answers = run_peer(
        root, "evacuation", SCRIPT, {"cases": [_case(*case) for case in cases]}, list[_Answer], say=say
    )
    wrong = 0
    for (net, there, when), answer in zip(cases, answers, strict=True):
        own = earliest_arrival(net, there, ready=when)
        wrong += own.total_steps != answer.total or int(own.left.sum()) != answer.left
    base = (
        f"our flow {1000 * ours:.1f} ms (median of 5; no network is built), the same network, same optimum "
        f"({found.total_steps} person-steps, last step {found.last}); generated stadium (synthetic)"
    )
    return [
        Result(
            name="evacuation.ratio_ortools_min_cost", value=round((peer.solve_s + peer.build_s) / ours, 1),
            unit="ratio", peer=f"{PEER} SimpleMinCostFlow", peer_value=round(peer.solve_s + peer.build_s, 3),
            ratio=round((peer.solve_s + peer.build_s) / ours, 1), goal=">= 20",
            holds=(peer.solve_s + peer.build_s) / ours >= 20, runs=1,
            how=f"peer's seconds over ours: {peer.solve_s:.2f} s to solve and {peer.build_s:.2f} s to build; {base}",
        ),
        Result(
            name="evacuation.ratio_ortools_max_flow", value=round(peer.max_flow_s / ours, 2), unit="ratio",
            peer=f"{PEER} SimpleMaxFlow with bisection", peer_value=round(peer.max_flow_s, 3),
            ratio=round(peer.max_flow_s / ours, 2), runs=1,
            how=f"peer's seconds over ours; the peer finds the clearance time only, no plan; {base}",
        ),
        Result(
            name="evacuation.ortools_mismatches", value=wrong, unit="networks", peer=PEER, peer_value=0.0, goal="<= 0",
            holds=wrong == 0, runs=1,
            how=f"of {CASES} random networks with windows and storage limits, those whose least sum of arrival "
            "steps or people left differ",
        ),
    ]  # fmt: skip


def _gains(say: Say) -> list[Result]:
    """The least gain of the three pilot sites, and all of them in words."""
    full, partly, words = [], [], []
    for kind in PILOTS:
        say(f"evacuation: gain on the generated {kind}")
        place = pilot(kind)
        plan = _plan(place, 360)
        nearest_s = nearest_exit_s(place.graph, place.people)
        mixed_s = _followed_s(place, plan, COMPLIANCE)
        full.append(1 - plan.clearance_s / nearest_s)
        partly.append(1 - mixed_s / nearest_s)
        words.append(f"{kind} {plan.clearance_s:.0f} s against {nearest_s:.0f} s, {mixed_s:.0f} s at 70 %")
    said = (
        "; ".join(words)
        + "; generated sites (synthetic), full; nearest exit and 70 % by the fluid of queues.py"
    )
    return [
        measured(
            "evacuation.gain_nearest_exit", [min(full)], "share", goal=at_least(0.30), digits=3,
            how=f"1 - planned / nearest-exit clearance, the least of the pilot sites: {said}",
        ),
        measured(
            "evacuation.gain_at_70_compliance", [min(partly)], "share", goal=at_least(0.15), digits=3,
            how=f"the same while 30 % of each group go to the nearest exit: {said}",
        ),
    ]  # fmt: skip


def _followed_s(place: Place, plan: EvacuationPlan, share: float) -> float:
    """Clearance if that share of each group follows the plan when told to, and the rest go to the nearest exit."""
    maker = TreeMaker(place.graph)
    told, ready = [], []
    for group in plan.groups:
        for departs, _, people in group.slots:
            told.append((share * people, group.arcs))
            ready.append(departs)
    planned = Routes(
        people=np.array([people for people, _ in told]),
        first=np.concatenate([[0], np.cumsum([len(arcs) for _, arcs in told])]).astype(np.int32),
        arcs=np.array([arc for _, arcs in told for arc in arcs], np.int32),
        start=np.zeros(len(told), np.int32),
    )
    rest = maker.tree_routes(
        {name: (1 - share) * count for name, count in place.graph.spread(place.people).items()},
        maker.tree({}),
    )
    both = join_routes([planned, rest])
    when = np.concatenate([np.array(ready), np.zeros(len(rest.people))])
    done, _ = route_times(both, maker.transit_s, maker.capacity_ps, ready_s=when)
    return float(done[np.isfinite(done)].max(initial=0.0))
