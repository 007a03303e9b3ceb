"""How long a plan takes when counts, capacities, speeds and reaction times are not what was assumed.

Each route is a chain of narrow places joined by walks; people queue at each as a fluid and share it in proportion to
who waits. Many runs with drawn uncertainties give the band. Method: deterministic point queues in steps of a second
(hydraulic model of the SFPE handbook) inside a Monte-Carlo loop.

Limits of validity: no counterflow, no density effect on speed, everybody follows the plan. Not validated against
measured evacuations: a band for comparing plans, not a promise.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ("ClearanceBand", "RouteChain", "Uncertainty", "clearance_band")

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RouteChain:
    """One route: ``people`` walk between ``walk_s`` (shortest, longest) to the first narrow place, then pass
    ``narrows`` (indices of shared capacities) with ``gaps_s`` of walking after each but the last.
    """

    people: int
    walk_s: tuple[float, float]
    narrows: tuple[int, ...]
    gaps_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Relative one-sigma errors, and the median and log-sigma of the time until a person starts to move."""

    count: float = 0.15
    capacity: float = 0.20
    speed: float = 0.10
    reaction_median_s: float = 30.0
    reaction_log_sigma: float = 0.5


@dataclass(frozen=True, slots=True)
class ClearanceBand:
    """Seconds until the last person is out: median and 95th percentile over ``runs``; None where it never ends.

    ``busiest`` is the capacity with the longest wait (-1 for none) and ``longest_queue`` its mean greatest queue in
    people; ``route_p50_s`` is each route's own median.
    """

    p50_s: float | None
    p95_s: float | None
    runs: int
    busiest: int = -1
    longest_queue: float = 0.0
    route_p50_s: tuple[float, ...] = ()


@njit(cache=True, nogil=True)
def _one_run(
    people: F8, walk_lo: F8, walk_hi: F8, narrow: I8, gap: F8, capacity: F8, horizon: int, flow_in: F8
) -> tuple[F8, F8]:
    """One run of all routes; (seconds until clear by route or -1, longest queue by capacity).

    ``flow_in`` (routes, stages, horizon + 1) is all zeros before and after.
    """
    routes, stages = narrow.shape
    furthest = 0
    queue = np.zeros((routes, stages))
    longest = np.zeros(len(capacity))
    waiting = np.zeros(len(capacity))
    left = np.zeros(routes)
    done_s = np.full(routes, -1.0)
    for r in range(routes):
        left[r] = people[r]
        span = max(1, int(np.ceil(walk_hi[r] - walk_lo[r])))
        for k in range(span):
            t = int(walk_lo[r]) + k
            if t <= horizon:
                flow_in[r, 0, t] += people[r] / span
                furthest = max(furthest, t)
    for t in range(horizon):
        waiting[:] = 0.0
        for r in range(routes):
            for s in range(stages):
                if narrow[r, s] < 0:
                    if s == 0:
                        left[r] -= flow_in[r, s, t]
                    break
                queue[r, s] += flow_in[r, s, t]
                waiting[narrow[r, s]] += queue[r, s]
        for b in range(len(capacity)):
            longest[b] = max(longest[b], waiting[b])
        for r in range(routes):
            for s in range(stages):
                b = narrow[r, s]
                if b < 0 or queue[r, s] <= 0.0:
                    continue
                out = queue[r, s] * min(1.0, capacity[b] / waiting[b])
                queue[r, s] -= out
                if s + 1 == stages or narrow[r, s + 1] < 0:
                    left[r] -= out
                else:
                    later = t + 1 + int(gap[r, s])
                    if later <= horizon:
                        flow_in[r, s + 1, later] += out
                        furthest = max(furthest, later)
        for r in range(routes):
            if done_s[r] < 0.0 and left[r] < 0.5:
                done_s[r] = t + 1.0
        if done_s.min() >= 0.0:
            break
    flow_in[:, :, : furthest + 1] = 0.0
    return done_s, longest


@njit(cache=True, nogil=True)
def _all_runs(
    people: F8,
    walk_lo: F8,
    walk_hi: F8,
    reaction_hi: F8,
    narrow: I8,
    gap: F8,
    capacity: F8,
    pace: F8,
    horizon: int,
    clear_s: F8,
    longest: F8,
) -> None:
    flow_in = np.zeros((narrow.shape[0], narrow.shape[1], horizon + 1))
    for k in range(people.shape[0]):
        seconds, queues = _one_run(
            people[k],
            walk_lo * pace[k],
            walk_hi * pace[k] + reaction_hi[k],
            narrow,
            gap * pace[k],
            capacity[k],
            horizon,
            flow_in,
        )
        clear_s[k] = seconds
        longest += queues / people.shape[0]


def _columns(chains: tuple[RouteChain, ...]) -> tuple[I8, F8]:
    stages = max(1, *(len(chain.narrows) for chain in chains))
    narrow = np.full((len(chains), stages), -1, np.int64)
    gap = np.zeros((len(chains), stages))
    for r, chain in enumerate(chains):
        narrow[r, : len(chain.narrows)] = chain.narrows
        gap[r, : len(chain.gaps_s)] = chain.gaps_s
    return narrow, gap


def clearance_band(
    chains: tuple[RouteChain, ...],
    capacity_ps: F8,
    *,
    rng: np.random.Generator,
    runs: int = 200,
    uncertainty: Uncertainty | None = None,
    horizon_s: int = 3600,
) -> ClearanceBand:
    """Simulate ``runs`` uncertain runs of the routes over shared capacities (people per second, (k,)).

    A run that is not over at the horizon counts as endless; the percentile is then None.

    :raises ValueError: a route names a capacity that does not exist.
    """
    if not chains:
        return ClearanceBand(0.0, 0.0, runs)
    if any(not 0 <= b < len(capacity_ps) for chain in chains for b in chain.narrows):
        raise ValueError(f"a route names a narrow place outside 0..{len(capacity_ps) - 1}")
    u = uncertainty or Uncertainty()
    narrow, gap = _columns(chains)
    base = np.array([chain.people for chain in chains], np.float64)
    people = np.maximum(0.0, base * (1 + u.count * rng.standard_normal((runs, len(chains)))))
    capacity = capacity_ps * np.exp(u.capacity * rng.standard_normal((runs, len(capacity_ps))))
    pace = 1 / np.clip(1 + u.speed * rng.standard_normal(runs), 0.5, 1.5)
    # The last to react sets the end: the 98th percentile of a person's reaction, its median drawn anew in each run.
    median_s = u.reaction_median_s * np.exp(0.25 * rng.standard_normal(runs))
    reaction_hi = median_s * np.exp(2.05 * u.reaction_log_sigma)
    walk_lo = np.array([chain.walk_s[0] for chain in chains])
    walk_hi = np.array([chain.walk_s[1] for chain in chains])
    clear_s = np.zeros((runs, len(chains)))
    longest = np.zeros(len(capacity_ps))
    _all_runs(people, walk_lo, walk_hi, reaction_hi, narrow, gap, capacity, pace, horizon_s, clear_s, longest)
    clear_s[clear_s < 0] = np.inf
    p50, p95 = (float(q) for q in np.quantile(clear_s.max(axis=1), (0.5, 0.95), method="higher"))
    busiest = int(np.argmax(longest / np.maximum(capacity_ps, 1e-9))) if len(longest) else -1
    return ClearanceBand(
        p50 if np.isfinite(p50) else None,
        p95 if np.isfinite(p95) else None,
        runs,
        busiest,
        float(longest[busiest]) if busiest >= 0 else 0.0,
        tuple(float(s) for s in np.quantile(clear_s, 0.5, axis=0, method="higher")),
    )
