"""Capacity-constrained evacuation routing: who leaves by which way, when arcs are narrow and some close in time.

Method: the capacity-constrained route planner of Lu, George and Shekhar (SSTD 2005). Groups are sent one after
another on the earliest-arriving path that still has room; each group books its place on every narrow arc it uses, so
that later groups see the queue. Times are continuous; bookings are kept in bins of a few seconds.

Those who share a bin are taken to pass at its start, so times are early by up to one bin; an arc that closes takes
nobody in a bin whose end it does not see.

Limits of validity: greedy, so clearance is an upper bound of the optimum (no certificate); people are told once and
obey; no counterflow, no overtaking. Arcs close at a given time and do not open again.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ("GroupPath", "Network", "RoutePlan", "plan_routes", "plan_routes_python")

B1 = NDArray[np.bool_]
F8 = NDArray[np.float64]
I4 = NDArray[np.int32]
I8 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Network:
    """A directed network of m arcs over n nodes.

    ``tail``, ``head`` (m,) node indices; ``transit_s`` (m,) seconds to walk the arc; ``capacity_ps`` (m,) people per
    second, infinite where nothing is narrow; ``closes_s`` (m,) when the arc stops being usable, seconds from now (0 =
    closed already, infinite = never): an arc must be left before it closes. ``is_sink`` (n,) bool.

    :raises ValueError: arrays of different length, negative transit or capacity.
    """

    tail: I4
    head: I4
    transit_s: F8
    capacity_ps: F8
    closes_s: F8
    is_sink: B1

    def __post_init__(self) -> None:
        m = len(self.tail)
        for name in ("head", "transit_s", "capacity_ps", "closes_s"):
            if len(getattr(self, name)) != m:
                raise ValueError(f"Network.{name} has {len(getattr(self, name))} entries; tail has {m}")
        if m and (self.transit_s.min() < 0 or self.capacity_ps.min() < 0):
            raise ValueError("Network has a negative transit time or capacity; allowed are 0 and above")


@dataclass(frozen=True, slots=True)
class GroupPath:
    """People who walk together: ``arcs`` in order from ``source`` to a sink, leaving it at ``arrival_s``."""

    source: int
    people: int
    arcs: tuple[int, ...]
    departs_s: float
    arrival_s: float


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """The groups in the order in which they were sent, and the people (by node) whom no open way serves."""

    groups: tuple[GroupPath, ...]
    stranded: dict[int, int]

    @property
    def clearance_s(self) -> float:
        """When the last served person is at a sink; 0 for nobody."""
        return max((group.arrival_s for group in self.groups), default=0.0)


def _order_arcs(network: Network) -> tuple[I8, I8]:
    """Give arcs sorted by tail and the first arc of each node, (n + 1,)."""
    n = len(network.is_sink)
    order = np.argsort(network.tail, kind="stable").astype(np.int64)
    first = np.searchsorted(network.tail[order], np.arange(n + 1)).astype(np.int64)
    return order, first


def _slots(capacity_ps: F8, bin_s: float, bins: int) -> I8:
    """Give whole places per arc and bin, (m, bins), so that the sum over bins never exceeds capacity x time."""
    finite = np.where(np.isfinite(capacity_ps), capacity_ps, 0.0)
    edges = np.floor(finite[:, None] * bin_s * np.arange(bins + 1)[None, :] + 1e-9).astype(np.int64)
    return np.diff(edges, axis=1)


@njit(cache=True, nogil=True)
def _first_free(room: I8, row: int, start_s: float, bin_s: float, closes_s: float) -> float:
    """First moment from ``start_s`` on at which the arc has a place, or infinity."""
    bins = room.shape[1]
    k = int(start_s / bin_s)
    while k < bins:
        if room[row, k] > 0:
            moment = start_s if start_s > k * bin_s else k * bin_s
            return moment if (k + 1) * bin_s <= closes_s else np.inf
        k += 1
        if k * bin_s > closes_s:
            break
    return np.inf


@njit(cache=True, nogil=True)
def _earliest(
    order: I8,
    first: I8,
    tail: I8,
    head: I8,
    transit: F8,
    closes: F8,
    row: I8,
    room: I8,
    bin_s: float,
    supply: I8,
    ready: F8,
    sink: B1,
) -> tuple[int, I8, F8]:
    """One earliest-arrival search from all nodes with people left: (sink, departure times by arc, arc into node)."""
    n = len(first) - 1
    time = np.full(n, np.inf)
    into = np.full(n, -1, np.int64)
    leave = np.zeros(n)
    done = np.zeros(n, np.bool_)
    heap = [(0.0, 0)]
    heap.pop()
    for v in range(n):
        if supply[v] > 0:
            time[v] = ready[v]
            heapq.heappush(heap, (ready[v], v))
    while len(heap) > 0:
        now, u = heapq.heappop(heap)
        if done[u] or now > time[u]:
            continue
        done[u] = True
        if sink[u]:
            return u, into, leave
        for k in range(first[u], first[u + 1]):
            a = order[k]
            v = head[a]
            if done[v]:
                continue
            start = now
            if row[a] >= 0:
                start = _first_free(room, row[a], now, bin_s, closes[a])
            reach = start + transit[a]
            if reach <= closes[a] and reach < time[v]:
                time[v] = reach
                into[v] = a
                leave[v] = start
                heapq.heappush(heap, (reach, v))
    return -1, into, leave


@njit(cache=True, nogil=True)
def _kernel(
    order: I8,
    first: I8,
    tail: I8,
    head: I8,
    transit: F8,
    closes: F8,
    row: I8,
    room: I8,
    bin_s: float,
    supply: I8,
    ready: F8,
    sink: B1,
    arcs_out: I4,
    groups_out: I8,
) -> tuple[int, int]:
    """Send groups until nobody is left or no way is open. Returns (groups, arcs used in ``arcs_out``)."""
    groups = 0
    used = 0
    while groups < groups_out.shape[0]:
        end, into, leave = _earliest(
            order, first, tail, head, transit, closes, row, room, bin_s, supply, ready, sink
        )
        if end < 0:
            break
        length = 0
        v = end
        people = np.int64(1 << 30)
        while into[v] >= 0:
            a = into[v]
            if row[a] >= 0:
                people = min(people, room[row[a], int(leave[v] / bin_s)])
            v = tail[a]
            length += 1
        people = min(people, supply[v])
        if used + length > len(arcs_out):
            break
        groups_out[groups, 0] = v
        groups_out[groups, 1] = people
        groups_out[groups, 2] = used
        groups_out[groups, 3] = length
        supply[v] -= people
        u = end
        for k in range(length):
            a = into[u]
            arcs_out[used + length - 1 - k] = a
            if row[a] >= 0:
                room[row[a], int(leave[u] / bin_s)] -= people
            if k == 0:
                groups_out[groups, 4] = np.int64((leave[u] + transit[a]) * 1000)
            groups_out[groups, 5] = np.int64(leave[u] * 1000)
            u = tail[a]
        used += length
        groups += 1
    return groups, used


def plan_routes(
    network: Network,
    supply: I8,
    *,
    ready_s: F8 | None = None,
    horizon_s: float = 3600.0,
    bin_s: float = 5.0,
) -> RoutePlan:
    """Route ``supply`` (n,) people from their nodes to sinks.

    ``ready_s`` (n,) is when the people of a node start to move. Groups that cannot arrive within ``horizon_s`` or
    before the arcs close are stranded. Deterministic.

    :raises ValueError: ``supply`` of another length than the nodes, or negative.
    """
    return _plan(network, supply, ready_s, horizon_s, bin_s, _kernel)


def plan_routes_python(
    network: Network,
    supply: I8,
    *,
    ready_s: F8 | None = None,
    horizon_s: float = 3600.0,
    bin_s: float = 5.0,
) -> RoutePlan:
    """Do the same as `plan_routes` without compiled code: the oracle of its tests, and the way out without Numba."""
    return _plan(network, supply, ready_s, horizon_s, bin_s, _kernel.py_func)


def _plan(
    network: Network,
    supply: I8,
    ready_s: F8 | None,
    horizon_s: float,
    bin_s: float,
    kernel: Callable[..., tuple[int, int]],
) -> RoutePlan:
    n = len(network.is_sink)
    if len(supply) != n or (n and supply.min() < 0):
        raise ValueError(
            f"supply has {len(supply)} entries, least {min(supply, default=0)}; allowed: {n}, 0 or more"
        )
    order, first = _order_arcs(network)
    narrow = np.isfinite(network.capacity_ps)
    row = np.where(narrow, np.cumsum(narrow) - 1, -1).astype(np.int64)
    room = _slots(network.capacity_ps[narrow], bin_s, int(horizon_s / bin_s))
    closes = np.minimum(network.closes_s, horizon_s).astype(np.float64)
    closes = np.where(network.closes_s <= 0, -1.0, closes)
    left = supply.astype(np.int64).copy()
    ready = np.zeros(n) if ready_s is None else ready_s.astype(np.float64)
    total = int(left.sum())
    arcs_out = np.empty(max(1024, 512 * max(total, 1)), np.int32)
    groups_out = np.zeros((total + 1, 6), np.int64)
    groups, _ = kernel(
        order, first, network.tail.astype(np.int64), network.head.astype(np.int64), network.transit_s, closes, row,
        room, bin_s, left, ready, network.is_sink, arcs_out, groups_out,
    )  # fmt: skip
    paths = tuple(
        GroupPath(
            source=int(source),
            people=int(people),
            arcs=tuple(arcs_out[start : start + length].tolist()),
            departs_s=departs / 1000,
            arrival_s=arrival / 1000,
        )
        for source, people, start, length, arrival, departs in groups_out[:groups].tolist()
    )
    return RoutePlan(groups=paths, stranded={int(v): int(left[v]) for v in np.flatnonzero(left)})
