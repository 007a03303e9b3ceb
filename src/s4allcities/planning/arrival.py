"""Earliest-arrival flow: the plan that has as many people safe as possible at every moment at once.

Method: lexicographic maximum flow (Minieka 1973; Megiddo 1974) on the time-expanded network of Ford and Fulkerson
(1962), the sink's copies taken in the order of time. That such a flow exists for many sources and one place of safety:
Baumann and Skutella, "Earliest arrival flows with multiple sources", Mathematics of Operations Research 34 (2009). The
network is never built: the search walks it implicitly, and what a failed search has seen is dead for ever.

Where assembly points hold only so many people, a flow that is best at every moment need not exist (Fleischer 2001).
Then the answer is a quickest plan, and ``most`` minus ``arrived`` tells how many more could have been safe at each
step by some other plan.

Limits of validity: people obey at once; speeds do not fall with density, a queue waits instead; nobody overtakes.
"""

from dataclasses import dataclass

import numpy as np

from ._arrival_kernel import run_stages, work_arrays
from .arrays import B1, I4, I8
from .shortest import shortest
from .timed import UNLIMITED, TimedNetwork

__all__ = ("ArrivalFlow", "check_supply", "earliest_arrival", "earliest_steps")

_NEVER = np.int32(2**30)


@dataclass(frozen=True, slots=True)
class ArrivalFlow:
    """How many people start along each arc in each step, ``flow`` (m, T), wait at each node until the next step,
    ``hold`` (n, T), leave their source, ``inject`` (n, T), and reach each sink, ``arrive`` (k, T).

    ``left`` (n,) people by source whom no open way serves within the T steps. ``most`` (T,) is the greatest number who
    can be safe by the end of each step; ``last`` the step in which the last one arrives (-1: nobody moves). ``cut``
    holds the states of the certificate, see `certificate`. ``rerouted_from`` is the step from which full assembly
    points forced people elsewhere, -1 for never; ``paths`` how many augmenting paths it took.
    """

    flow: I4
    hold: I4
    inject: I4
    arrive: I4
    left: I8
    most: I8
    last: int
    cut: I4
    rerouted_from: int
    paths: int

    @property
    def arrived(self) -> I8:
        """People safe by the end of each step (T,)."""
        total: I8 = np.cumsum(self.arrive.sum(0, dtype=np.int64))
        return total

    @property
    def is_earliest(self) -> bool:
        """Whether at every step as many are safe as is possible by then."""
        return bool((self.arrived == self.most).all())

    @property
    def total_steps(self) -> int:
        """Sum over people of the step in which they arrive: what a minimum-cost flow makes least."""
        people = self.arrive.sum(0, dtype=np.int64)
        return int((people * np.arange(len(people))).sum())


def check_supply(network: TimedNetwork, supply: I8, ready: I4 | None) -> I4:
    """Give the steps from which people may start. :raises ValueError: wrong lengths, negative numbers."""
    n = network.n_nodes
    if len(supply) != n or (n and supply.min() < 0):
        raise ValueError(
            f"supply has {len(supply)} entries, least {min(supply, default=0)}; allowed: {n}, 0 or more"
        )
    if ready is None:
        return np.zeros(n, np.int32)
    if len(ready) != n or (n and ready.min() < 0):
        raise ValueError(
            f"ready has {len(ready)} entries, least {min(ready, default=0)}; allowed: {n}, 0 or more"
        )
    return ready.astype(np.int32)


def earliest_steps(network: TimedNetwork, supply: I8, ready: I4) -> I4:
    """First step in which anybody can be at each node (n,), by walking alone; a large number for never."""
    usable = network.places.max(1, initial=0) > 0 if len(network.tail) else np.zeros(0, bool)
    start = np.where(supply > 0, ready.astype(np.float64), np.inf)
    first, _ = shortest(network.tail, network.head, network.transit.astype(np.float64), start, usable=usable)
    return np.minimum(first, _NEVER).astype(np.int32)


def _ordered(ends: I4, rank: I4, n: int) -> tuple[I4, I4]:
    """Arcs sorted by node and, within it, by rank; and the place of each node's first arc (n + 1,)."""
    order = np.lexsort((np.arange(len(ends)), rank, ends)).astype(np.int32)
    first = np.searchsorted(ends[order], np.arange(n + 1)).astype(np.int32)
    return first, order


def earliest_arrival(
    network: TimedNetwork,
    supply: I8,
    *,
    ready: I4 | None = None,
    taken: tuple[I4, I4] | None = None,
    allowed: B1 | None = None,
) -> ArrivalFlow:
    """Send ``supply`` (n,) people to the sinks, each from step ``ready`` (n,) on.

    ``taken`` are the (flow, hold) of people who go first: what they use is not there. ``allowed`` (m,) are the arcs
    these people can use (wheelchairs: without steps). Deterministic.

    :raises ValueError: ``supply`` or ``ready`` of another length than the nodes, or negative.
    """
    ready_at = check_supply(network, supply, ready)
    n, m, steps, k = network.n_nodes, len(network.tail), network.steps, len(network.sinks)
    room = np.ascontiguousarray(network.places).copy()
    storage = network.storage.clip(UNLIMITED, _NEVER).astype(np.int32).reshape(n, 1)
    if taken is not None:
        room -= taken[0]
        storage = np.where(storage < 0, storage, np.maximum(storage - taken[1], 0))
    if allowed is not None:
        room[~allowed] = 0
    earliest = earliest_steps(network, supply, ready_at)
    usable = (room.max(1, initial=0) > 0).astype(np.int32)
    first_in, in_arc = _ordered(network.head, earliest[network.tail] + network.transit, n)
    first_out, out_arc = _ordered(network.tail, network.transit, n)
    sink_of = np.full(n, -1, np.int32)
    sink_of[network.sinks] = np.arange(k, dtype=np.int32)
    left = supply.astype(np.int64).copy()
    flow, hold, inject, arrive = (np.zeros((size, steps), np.int32) for size in (m, n, n, k))
    shift = max(steps - 1, 1).bit_length()
    cut = np.zeros((n << shift) + n + k, np.int32)
    most = np.zeros(steps, np.int64)
    _, rerouted, paths = run_stages(
        n, steps, shift, first_in, in_arc, first_out, out_arc, network.tail, network.head, network.transit,
        network.sinks, sink_of, storage, network.sink_capacity.copy(), (supply > 0).astype(np.int32), ready_at,
        earliest, usable, left, room, flow, hold, inject, arrive, cut, most,
        *work_arrays(n, k, shift),
    )  # fmt: skip
    whole = n << shift  # the kernel's rows are as long as the next power of two
    cut = np.concatenate([cut[:whole].reshape(n, 1 << shift)[:, :steps].ravel(), cut[whole:]])
    busy = np.flatnonzero(arrive.sum(0))
    return ArrivalFlow(
        flow=flow, hold=hold, inject=inject, arrive=arrive, left=left, most=most,
        last=int(busy[-1]) if len(busy) else -1, cut=cut, rerouted_from=rerouted, paths=paths,
    )  # fmt: skip
