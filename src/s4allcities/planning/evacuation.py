"""The evacuation plan: counts and a graph in; who leaves by which way and when, how long it takes, and the proof, out.

Joins the parts of this room: rounding to steps, earliest-arrival flow, decomposition, certificate. Priority classes go
one after another: the first gets the flow it would get alone, each later one the best in what is left.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from .arrays import B1, F8, I4, I8
from .arrival import ArrivalFlow, earliest_arrival
from .certificate import Certificate, certify
from .decompose import FlowGroup, decompose
from .graph import PlanGraph
from .timed import TimedNetwork, time_network

__all__ = (
    "Bottleneck", "EvacuationPlan", "GroupPlan", "PriorityClass", "Proof", "coarsest_step_s", "plan_evacuation",
    "timed_graph",
)  # fmt: skip

MOST_STATES = 4_000_000
"""Nodes times steps of one plan; a larger place is planned in longer steps."""
STEPS_S = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
LONGEST_S = 4 * 3600.0
FULL_STEP_S = 30.0
"""Least step where a safe place of a larger graph may fill up."""


class PriorityClass(Struct, frozen=True, kw_only=True):
    """People who go before the classes after them: ``people`` by zone; ``step_free`` ones cannot use steps."""

    name: str
    people: Mapping[str, int]
    step_free: bool = False


class GroupPlan(Struct, frozen=True, kw_only=True):
    """People of one zone on one way: nodes by name, arcs by their place in the plan's graph; seconds from now.

    ``slots`` are (departure, arrival, people), in order of arrival.
    """

    zone: str
    exit: str
    safe: str
    people: int
    departs_s: float
    arrives_s: float
    nodes: tuple[str, ...]
    arcs: tuple[int, ...]
    priority: str = ""
    slots: tuple[tuple[float, float, int], ...] = ()


class Bottleneck(Struct, frozen=True, kw_only=True):
    """A place that the plan is waiting for: lets ``people`` through until ``by_s``."""

    place: str
    tail: str
    head: str
    people: int
    capacity_ps: float


class Proof(Struct, frozen=True, kw_only=True):
    """``at_most`` of ``people`` can be safe by ``by_s`` whatever the plan: the bottlenecks let no more through.

    ``proven`` is the verdict of the check, which adds places up and does not know how the plan was made.
    """

    by_s: float
    at_most: int
    people: int
    proven: bool
    bottlenecks: tuple[Bottleneck, ...]


class EvacuationPlan(Struct, frozen=True, kw_only=True):
    """``clearance_s`` is when the last person is safe at the latest; ``rounding_s`` how much of it whole steps may add.

    ``stranded`` are people by zone whom no open way serves. ``arrivals`` are (second, people safe by then).
    ``earliest`` says that no plan has more people safe at any moment; where assembly points fill up it may be false,
    then ``behind`` is the most people some other plan could have had safe earlier at one moment. ``price_s`` is what
    the order of classes costs against all going together.
    """

    clearance_s: float
    rounding_s: float
    step_s: float
    people: int
    groups: tuple[GroupPlan, ...]
    stranded: dict[str, int]
    arrivals: tuple[tuple[float, int], ...]
    earliest: bool
    behind: int
    proof: Proof | None
    mean_s: float
    classes: dict[str, float] = {}
    price_s: float = 0.0
    compute_ms: float = 0.0


def timed_graph(graph: PlanGraph, *, step_s: float, steps: int) -> TimedNetwork:
    """Put a graph into whole steps; ``graph`` should be in order."""
    at = graph.index()
    arcs, nodes = graph.arcs, graph.nodes
    safe = graph.safe
    return time_network(
        tail=np.array([at[arc.tail] for arc in arcs], np.int32),
        head=np.array([at[arc.head] for arc in arcs], np.int32),
        transit_s=np.array([arc.transit_s for arc in arcs], np.float64),
        capacity_ps=np.array([arc.capacity_ps for arc in arcs], np.float64),
        opens_s=np.array([arc.opens_s for arc in arcs], np.float64),
        closes_s=np.array([arc.closes_s for arc in arcs], np.float64),
        sinks=safe,
        storage=np.array([node.storage for node in nodes], np.int64),
        sink_capacity=np.array([nodes[place].capacity for place in safe], np.int64),
        step_s=step_s,
        steps=steps,
    )


def coarsest_step_s(graph: PlanGraph, horizon_s: float) -> float:
    """Give the finest step that keeps nodes times steps within `MOST_STATES`."""
    for step_s in STEPS_S:
        if max(len(graph.nodes), len(graph.arcs)) * horizon_s / step_s <= MOST_STATES:
            return step_s
    return STEPS_S[-1]


def plan_evacuation(
    graph: PlanGraph,
    people: Mapping[str, int],
    *,
    ready_s: Mapping[str, float] | None = None,
    classes: Sequence[PriorityClass] = (),
    step_s: float | None = None,
    horizon_s: float = 1800.0,
) -> EvacuationPlan:
    """Plan for ``people`` by zone (whole numbers; see `counts.clean_counts`).

    ``ready_s`` by zone is when its people may start (a sector that waits). ``classes`` go first, in order; ``people``
    are those who are in none of them. The horizon is doubled, up to four hours, while somebody who has a way is not
    safe within it. The same input in any order gives the same plan.

    :raises ValueError: negative people, times or capacities, or NaN.

    >>> from s4allcities.planning.graph import PlanArc, PlanNode
    >>> place = PlanGraph(nodes=(PlanNode(name="hall", zone="hall"), PlanNode(name="street", safe=True)),
    ...     arcs=(PlanArc(tail="hall", head="street", transit_s=10.0, capacity_ps=1.0, place="door", exit="a"),))
    >>> plan = plan_evacuation(place, {"hall": 60})
    >>> plan.clearance_s, plan.proof.proven, plan.proof.bottlenecks[0].place
    (70.0, True, 'door')
    """
    began = time.perf_counter()
    ordered = graph.in_order()
    everybody = [*classes, PriorityClass(name="", people=people)]
    _check(everybody, ready_s or {})
    finest = FULL_STEP_S if _may_fill(ordered, everybody) else 0.0
    while True:
        step = step_s if step_s is not None else max(coarsest_step_s(ordered, horizon_s), finest)
        network = timed_graph(ordered, step_s=step, steps=max(int(np.ceil(horizon_s / step)), 2))
        flows = _flows(ordered, network, everybody, ready_s or {})
        if finest and step_s is None and all(sent.flow.rerouted_from < 0 for sent in flows):
            finest = 0.0  # nothing fills up: plan again in fine steps
            continue
        if horizon_s >= LONGEST_S or not _late(ordered, network, flows):
            break
        horizon_s = min(2 * horizon_s, LONGEST_S)
    plan = _read(ordered, network, everybody, flows, ready_s or {})
    if classes:
        plan = replace(
            plan, price_s=plan.clearance_s - _together_s(ordered, network, everybody, ready_s or {})
        )
    return replace(plan, compute_ms=1000 * (time.perf_counter() - began))


def _may_fill(graph: PlanGraph, classes: Sequence[PriorityClass]) -> bool:
    """Whether a safe place can fill up: then paths are searched over and over, so steps are longer."""
    people = sum(int(count) for each in classes for count in each.people.values())
    return any(node.safe and 0 <= node.capacity < people for node in graph.nodes) and len(graph.nodes) > 50


def _check(classes: Sequence[PriorityClass], ready_s: Mapping[str, float]) -> None:
    for each in classes:
        for zone, count in each.people.items():
            if int(count) != count or count < 0:
                raise ValueError(
                    f"people of {zone!r} are {count!r}; allowed are whole numbers of 0 and above"
                )
    for zone, seconds in ready_s.items():
        if not 0 <= seconds <= LONGEST_S:
            raise ValueError(f"{zone!r} is ready after {seconds!r} s; allowed are 0 to {LONGEST_S:g}")


class _Sent(Struct, frozen=True):
    supply: I8
    flow: ArrivalFlow


def _supply(graph: PlanGraph, people: Mapping[str, int]) -> I8:
    share = graph.spread(people)
    return np.array([share.get(node.name, 0) for node in graph.nodes], np.int64)


def _ready(graph: PlanGraph, network: TimedNetwork, ready_s: Mapping[str, float]) -> I4:
    late = np.array([ready_s.get(node.zone, 0.0) for node in graph.nodes])
    return np.maximum(np.ceil((late - network.offset_s) / network.step_s - 1e-9), 0).astype(np.int32)


def _flows(
    graph: PlanGraph,
    network: TimedNetwork,
    classes: Sequence[PriorityClass],
    ready_s: Mapping[str, float],
) -> list[_Sent]:
    sent: list[_Sent] = []
    taken: tuple[I4, I4] | None = None
    ready = _ready(graph, network, ready_s)
    walkable: B1 = np.array([arc.step_free for arc in graph.arcs], bool)
    left_at_sinks = network.sink_capacity.copy()
    for each in classes:
        supply = _supply(graph, each.people)
        now = dataclasses.replace(network, sink_capacity=left_at_sinks.copy())
        flow = earliest_arrival(
            now, supply, ready=ready, taken=taken, allowed=walkable if each.step_free else None
        )
        sent.append(_Sent(supply, flow))
        left_at_sinks = np.where(
            left_at_sinks < 0, left_at_sinks, left_at_sinks - flow.arrive.sum(1, dtype=np.int64)
        )
        if len(classes) > 1:
            taken = (flow.flow, flow.hold) if taken is None else (taken[0] + flow.flow, taken[1] + flow.hold)
    return sent


def _late(graph: PlanGraph, network: TimedNetwork, flows: Sequence[_Sent]) -> bool:
    """Whether people are left who have a way that never closes, so that more time would serve them."""
    left = sum((sent.flow.left for sent in flows), np.zeros(network.n_nodes, np.int64))
    if not left.any():
        return False
    full = network.sink_capacity.sum() if (network.sink_capacity >= 0).all() else None
    if full is not None and sum(int(sent.flow.arrive.sum()) for sent in flows) >= full:
        return False
    lasting = np.array([arc.closes_s == np.inf and arc.capacity_ps > 0 for arc in graph.arcs], bool)
    safe = np.zeros(network.n_nodes, bool)
    safe[network.sinks] = True
    while True:
        new = network.tail[lasting & safe[network.head] & ~safe[network.tail]]
        if not len(new):
            return bool((left[safe] > 0).any())
        safe[new] = True


def _together_s(
    graph: PlanGraph, network: TimedNetwork, classes: Sequence[PriorityClass], ready_s: Mapping[str, float]
) -> float:
    """Clearance if nobody went first. People who need ways without steps are counted as all others here."""
    total: dict[str, int] = {}
    for each in classes:
        for zone, count in each.people.items():
            total[zone] = total.get(zone, 0) + int(count)
    flow = earliest_arrival(network, _supply(graph, total), ready=_ready(graph, network, ready_s))
    return (flow.last + 1) * network.step_s


def _read(
    graph: PlanGraph,
    network: TimedNetwork,
    classes: Sequence[PriorityClass],
    flows: Sequence[_Sent],
    ready_s: Mapping[str, float],
) -> EvacuationPlan:
    groups: list[GroupPlan] = []
    stranded: dict[str, int] = {}
    finish: dict[str, float] = {}
    arrived: F8 = np.zeros(network.steps)
    loss = 0.0
    for each, sent in zip(classes, flows, strict=True):
        found = decompose(network, sent.flow)
        groups += [_group(graph, network, group, each.name) for group in found]
        loss = max(
            (float(network.loss_s[list(group.arcs)].sum()) for group in found if group.arcs), default=loss
        )
        for place in np.flatnonzero(sent.flow.left).tolist():
            zone = graph.nodes[place].zone
            stranded[zone] = stranded.get(zone, 0) + int(sent.flow.left[place])
        arrived += sent.flow.arrive.sum(0)
        if each.name:
            finish[each.name] = (sent.flow.last + 1) * network.step_s
    last = max((sent.flow.last for sent in flows), default=-1)
    alone = len(flows) == 1
    certificate = (
        certify(network, flows[0].supply, flows[0].flow, ready=_ready(graph, network, ready_s))
        if alone
        else None
    )
    people = int(arrived.sum())
    ends = (np.arange(network.steps) + 1) * network.step_s
    curve = np.cumsum(arrived)
    return EvacuationPlan(
        clearance_s=(last + 1) * network.step_s,
        rounding_s=round(loss + network.step_s, 3) if last >= 0 else 0.0,
        step_s=network.step_s,
        people=people,
        groups=tuple(groups),
        stranded=dict(sorted(stranded.items())),
        arrivals=tuple((float(ends[t]), int(curve[t])) for t in np.flatnonzero(arrived)),
        earliest=all(sent.flow.is_earliest for sent in flows),
        behind=max((int((sent.flow.most - sent.flow.arrived).max(initial=0)) for sent in flows), default=0),
        proof=None if certificate is None else _proof(graph, network, certificate),
        mean_s=float((arrived * ends).sum() / people) if people else 0.0,
        classes=finish,
    )


def _group(graph: PlanGraph, network: TimedNetwork, group: FlowGroup, priority: str) -> GroupPlan:
    arcs = [graph.arcs[a] for a in group.arcs]
    step, offset = network.step_s, float(network.offset_s[group.source])
    exits = [arc.exit for arc in arcs if arc.exit]
    return GroupPlan(
        zone=graph.nodes[group.source].zone,
        exit=exits[-1] if exits else "",
        safe=graph.nodes[group.sink].name,
        people=group.people,
        departs_s=round(group.first * step + offset, 3),
        arrives_s=(group.last + 1) * step,
        nodes=(graph.nodes[group.source].name, *(arc.head for arc in arcs)),
        arcs=group.arcs,
        priority=priority,
        slots=tuple(
            (round(start * step + offset, 3), (end + 1) * step, count) for start, end, count in group.slots
        ),
    )


def _proof(graph: PlanGraph, network: TimedNetwork, found: Certificate) -> Proof:
    narrow = []
    for a, count in found.arcs[:12]:
        arc = graph.arcs[a]
        narrow.append(
            Bottleneck(
                place=arc.place, tail=arc.tail, head=arc.head, people=count, capacity_ps=arc.capacity_ps
            )
        )
    return Proof(
        by_s=(found.step + 1) * network.step_s,
        at_most=found.most,
        people=found.people,
        proven=found.proven,
        bottlenecks=tuple(narrow),
    )
