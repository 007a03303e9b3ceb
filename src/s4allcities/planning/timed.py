"""Networks in whole time steps: who may start along which arc in which step, rounded so that no plan is too quick.

Walking times become whole steps. Rounding each arc up by itself would add half a step an arc and make ways of many
short arcs look far too long. So each node has a clock of its own: its steps begin at ``(k + offset) * step_s``. With
the offsets that follow from the walking time to the nearest sink, an arc of a shortest way loses nothing at all, and
any other loses less than one step. Both ways of rounding are safe: no group arrives sooner than it could walk.
"""

from dataclasses import dataclass

import numpy as np

from .arrays import B1, F8, I4, I8
from .shortest import shortest

__all__ = ("UNLIMITED", "TimedNetwork", "arc_places", "node_offsets", "time_network", "transit_steps")

UNLIMITED = -1
"""Stands for "as many as come" in ``storage`` and ``sink_capacity``."""

_TIGHT = 1e-9


@dataclass(frozen=True, slots=True)
class TimedNetwork:
    """A directed network of m arcs over n nodes during T steps of ``step_s`` seconds.

    ``tail``, ``head`` (m,) node indices; ``transit`` (m,) whole steps, 0 or more; ``places`` (m, T) people who may
    start along an arc in a step, 0 where it is closed; ``storage`` (n,) people from elsewhere who may wait at a node,
    or ``UNLIMITED``; ``sinks`` (k,) nodes where people are safe; ``sink_capacity`` (k,) or ``UNLIMITED``; ``offset_s``
    (n,) when in real time step 0 of a node begins; ``loss_s`` (m,) seconds by which rounding lengthens each arc.

    :raises ValueError: arrays that do not fit together, negative figures, names of nodes that do not exist.
    """

    tail: I4
    head: I4
    transit: I4
    places: I4
    storage: I8
    sinks: I4
    sink_capacity: I8
    step_s: float
    offset_s: F8
    loss_s: F8

    def __post_init__(self) -> None:
        m, n = len(self.tail), len(self.storage)
        for name, length in (("head", m), ("transit", m), ("places", m), ("loss_s", m), ("offset_s", n)):
            if len(getattr(self, name)) != length:
                raise ValueError(
                    f"TimedNetwork.{name} has {len(getattr(self, name))} entries; allowed is {length}"
                )
        if len(self.sink_capacity) != len(self.sinks):
            raise ValueError("TimedNetwork.sink_capacity must have one entry for each sink")
        if not (np.isfinite(self.step_s) and self.step_s > 0):
            raise ValueError(f"step_s is {self.step_s}; allowed are finite values above 0")
        if self.places.ndim != 2 or self.places.shape[1] < 1:
            raise ValueError("TimedNetwork.places must be (arcs, steps) with at least one step")
        ends = np.concatenate([self.tail, self.head, self.sinks])
        if len(ends) and (ends.min() < 0 or ends.max() >= n):
            raise ValueError(f"TimedNetwork names node {ends.max()}; allowed are 0 to {n - 1}")
        if m and (self.transit.min() < 0 or self.places.min() < 0):
            raise ValueError("TimedNetwork has a negative transit or place; allowed are 0 and above")

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.storage)

    @property
    def steps(self) -> int:
        """Number of steps."""
        return int(self.places.shape[1])


def node_offsets(tail: I4, head: I4, transit_s: F8, sinks: I4, n: int, step_s: float) -> F8:
    """Give each node's offset as a share of a step (n,), 0 to below 1, so that shortest ways lose nothing."""
    start = np.full(n, np.inf)
    start[sinks] = 0.0
    to_go = shortest(head, tail, transit_s, start)[0] / step_s
    share = np.where(np.isfinite(to_go), -to_go, 0.0) % 1.0
    return np.where(share > 1.0 - _TIGHT, 0.0, share)


def transit_steps(transit_s: F8, offset_tail: F8, offset_head: F8, step_s: float) -> I4:
    """Whole steps (m,) from a tail's step to the first step of the head that begins at or after the arrival.

    >>> zero = np.zeros(2)
    >>> transit_steps(np.array([5.0, 5.1]), zero, zero, 5.0).tolist()
    [1, 2]
    """
    exact = transit_s / step_s + offset_tail - offset_head
    return np.maximum(np.ceil(exact - _TIGHT), 0).astype(np.int32)


def arc_places(capacity_ps: F8, opens_s: F8, closes_s: F8, transit_s: F8, step_s: float, steps: int) -> I4:
    """Whole people (m, T) who may start along each arc in each step; over any time never more than capacity allows.

    An arc takes people who start at or after ``opens_s`` and are off it by ``closes_s`` (both seconds from now). The
    part of a person that a step leaves over counts in the next one.

    >>> arc_places(np.array([0.5]), np.array([0.0]), np.array([20.0]), np.array([0.0]), 5.0, 5).tolist()
    [[2, 3, 2, 3, 0]]
    """
    per_step = np.minimum(capacity_ps * step_s, float(2**31 - 2) / max(steps, 1))
    edges = np.floor(per_step[:, None] * np.arange(steps + 1)[None, :] + _TIGHT)
    places = np.diff(edges, axis=1)
    begins = np.arange(steps)[None, :] * step_s
    open_now = (begins >= opens_s[:, None] - _TIGHT) & (
        begins + step_s + transit_s[:, None] <= closes_s[:, None] + _TIGHT
    )
    return np.where(open_now, places, 0).astype(np.int32)


def time_network(
    *,
    tail: I4,
    head: I4,
    transit_s: F8,
    capacity_ps: F8,
    sinks: I4,
    storage: I8,
    sink_capacity: I8 | None = None,
    opens_s: F8 | None = None,
    closes_s: F8 | None = None,
    step_s: float = 5.0,
    steps: int = 360,
    allowed: B1 | None = None,
) -> TimedNetwork:
    """Make a network in steps of one in seconds; see `TimedNetwork` for shapes and `arc_places` for windows.

    ``allowed`` (m,) leaves arcs out (closed for good). :raises ValueError: NaN or negative times or capacities.
    """
    m, n = len(tail), len(storage)
    for name, values in (("transit_s", transit_s), ("capacity_ps", capacity_ps)):
        if m and not (np.isfinite(values) | (name == "capacity_ps") & (values == np.inf)).all():
            raise ValueError(f"{name} holds NaN or infinite values; allowed are finite ones of 0 and above")
        if m and values.min() < 0:
            raise ValueError(f"{name} holds {values.min():g}; allowed are 0 and above")
    share = node_offsets(tail, head, transit_s, sinks, n, step_s)
    transit = transit_steps(transit_s, share[tail], share[head], step_s)
    # A node's clock starts late by its offset: windows are judged by the tail's own clock.
    shift = share[tail] * step_s
    opens = (np.zeros(m) if opens_s is None else opens_s) - shift
    closes = (np.full(m, np.inf) if closes_s is None else closes_s) - shift
    places = arc_places(capacity_ps, opens, closes, transit_s, step_s, steps)
    if allowed is not None:
        places[~allowed] = 0
    return TimedNetwork(
        tail=tail.astype(np.int32),
        head=head.astype(np.int32),
        transit=transit,
        places=places,
        storage=storage.astype(np.int64),
        sinks=sinks.astype(np.int32),
        sink_capacity=np.full(len(sinks), UNLIMITED, np.int64) if sink_capacity is None else sink_capacity,
        step_s=step_s,
        offset_s=share * step_s,
        loss_s=np.maximum((transit + share[head] - share[tail]) * step_s - transit_s, 0.0),
    )
