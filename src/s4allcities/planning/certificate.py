"""Proof that no plan is quicker: a cut that everybody must cross, and that lets too few people through in time.

A cut is a set of states (nodes at steps) that holds every safe state up to a step. Whoever is to be safe by then
crosses into it, and no more can cross than its arcs have places. If that is fewer than there are people, no plan
whatever has all of them safe by that step (max-flow min-cut, Ford and Fulkerson 1956). The check below knows nothing
of how the plan was found: it adds up places, and it adds up whether the plan keeps to them.
"""

from dataclasses import dataclass

import numpy as np

from .arrays import B1, I4, I8
from .arrival import ArrivalFlow, check_supply, earliest_steps
from .timed import UNLIMITED, TimedNetwork

__all__ = ("Certificate", "certify", "cut_capacity", "flow_faults")


@dataclass(frozen=True, slots=True)
class Certificate:
    """``inside`` (n, T) are the states of the cut for the first ``step + 1`` steps, ``pools`` (n,) the sources whose
    people count as inside from the start, ``gates`` (k,) the sinks whose whole capacity counts.

    At most ``most`` people can be safe by the end of ``step``, of ``people`` who can be served at all. ``proven`` says
    that the plan needs the step after it and the cut shows why. Where assembly points are full and people are left,
    ``step`` is the last of all: no plan serves more. ``arcs`` are those that cross the cut, with the people
    they let through: the bottleneck.
    """

    step: int
    most: int
    people: int
    proven: bool
    inside: B1
    pools: B1
    gates: B1
    arcs: tuple[tuple[int, int], ...]


def cut_capacity(
    network: TimedNetwork, supply: I8, ready: I4, step: int, inside: B1, pools: B1, gates: B1
) -> tuple[int, I8]:
    """Add up how many people can be safe by the end of ``step`` at most, and what each arc (m,) lets into the cut.

    :raises ValueError: the set is no cut: a safe state, or a way that lets through as many as come, is not covered.
    """
    horizon = step + 1
    into = np.zeros(len(network.tail), np.int64)
    total = int(supply[pools].sum())
    for k, sink in enumerate(network.sinks.tolist()):
        if gates[k]:
            if not inside[sink, :horizon].all():
                raise ValueError(f"no cut: sink {sink} is not inside at every step up to {step}")
        elif network.sink_capacity[k] == UNLIMITED:
            raise ValueError(f"no cut: sink {sink} takes as many as come and is not inside")
        else:
            total += int(network.sink_capacity[k])
    for v in np.flatnonzero((supply > 0) & ~pools).tolist():
        if inside[v, int(ready[v]) : horizon].any():
            raise ValueError(f"no cut: people of node {v} start inside it")
    for a, (u, v, late) in enumerate(
        zip(network.tail.tolist(), network.head.tolist(), network.transit.tolist(), strict=True)
    ):
        if late < horizon:
            crossing = ~inside[u, : horizon - late] & inside[v, late:horizon]
            into[a] = int(network.places[a, : horizon - late][crossing].sum())
    waits = ~inside[:, : horizon - 1] & inside[:, 1:horizon]
    per_node = waits.sum(1)
    if (per_node[network.storage == UNLIMITED] > 0).any():
        raise ValueError("no cut: people can wait their way into it")
    total += int((per_node * np.maximum(network.storage, 0)).sum())
    return total + int(into.sum()), into


def certify(
    network: TimedNetwork, supply: I8, found: ArrivalFlow, *, ready: I4 | None = None
) -> Certificate | None:
    """Read the cut of the step before the last arrival off a flow and check it; None where nobody moves.

    Holds for people who go first (no ``taken``): what others use up is no limit of the place.
    """
    if found.last < 0:
        return None
    ready_at = check_supply(network, supply, ready)
    n, k, steps = network.n_nodes, len(network.sinks), network.steps
    people = int(found.arrived[-1])
    step = found.last - 1
    if found.rerouted_from >= 0 and found.left.any():
        step, people = steps - 1, int(supply.sum())
    if step < 0:
        empty = np.zeros((n, steps), bool)
        return Certificate(step, 0, people, True, empty, np.zeros(n, bool), np.zeros(k, bool), ())
    rerouting = 0 <= found.rerouted_from <= step
    marked = found.cut == step + 1 if rerouting else (found.cut > 0) & (found.cut <= step + 1)
    reached = np.arange(steps)[None, :] >= earliest_steps(network, supply, ready_at)[:, None]
    inside = marked[: n * steps].reshape(n, steps) | ~reached
    pools = marked[n * steps : n * steps + n].copy()
    gates = marked[n * steps + n :].copy()
    if not rerouting:
        gates[:] = network.sink_capacity != 0
    most, into = cut_capacity(network, supply, ready_at, step, inside, pools, gates)
    order = np.lexsort((np.arange(len(into)), -into))
    narrow = tuple((int(a), int(into[a])) for a in order if into[a] > 0)
    return Certificate(step, most, people, most < people, inside, pools, gates, narrow)


def flow_faults(
    network: TimedNetwork, supply: I8, found: ArrivalFlow, *, ready: I4 | None = None
) -> list[str]:
    """List everything that is wrong with a flow: places, storage or sinks overfilled, people lost or made."""
    ready_at = check_supply(network, supply, ready)
    faults: list[str] = []
    for name, values in (("flow", found.flow), ("hold", found.hold), ("inject", found.inject)):
        if values.size and values.min() < 0:
            faults.append(f"{name} is negative")
    if (found.flow > network.places).any():
        faults.append("an arc takes more people than it has places")
    limited = network.storage != UNLIMITED
    if (found.hold[limited] > network.storage[limited, None]).any():
        faults.append("more people wait at a node than it may hold")
    full = network.sink_capacity
    if (found.arrive.sum(1)[full != UNLIMITED] > full[full != UNLIMITED]).any():
        faults.append("more people arrive at an assembly point than it holds")
    early = np.arange(network.steps)[None, :] < ready_at[:, None]
    if (found.inject[early] > 0).any():
        faults.append("somebody starts before being ready")
    if (found.inject.sum(1) + found.left != supply).any():
        faults.append("people who start and people who are left are not those who were there")
    return faults + _conservation(network, found)


def _conservation(network: TimedNetwork, found: ArrivalFlow) -> list[str]:
    steps = network.steps
    balance = found.inject.astype(np.int64) - found.hold
    balance[:, 1:] += found.hold[:, :-1]
    np.subtract.at(balance, network.tail, found.flow)
    for a in np.flatnonzero(found.flow.any(1)).tolist():
        late = int(network.transit[a])
        if found.flow[a, steps - late :].any() and late:
            return ["people are still on their way when the steps end"]
        balance[network.head[a], late:] += found.flow[a, : steps - late]
    balance[network.sinks] -= found.arrive
    return ["people are lost or made at a node"] if balance.any() else []
