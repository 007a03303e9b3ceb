"""How long given routes take: people walk, queue at narrow places and share them by who waits.

A deterministic fluid in steps of a few seconds (the hydraulic model of the SFPE handbook, chapter 59). Unlike the
planner it chooses nothing: it tells what a plan that was chosen by other means leads to, in many drawn situations.

Limits of validity: queues have no length, so they never block a way behind; nobody changes the way.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from .arrays import F8, I4
from .trees import Routes

__all__ = ("Draws", "clearance_s", "draw", "passages", "route_times", "route_times_python")

SLACK = 0.5
"""People; a route is clear when less than this is left."""


@dataclass(frozen=True, slots=True)
class Draws:
    """K drawn situations: factors on counts (K, R) and capacities (K, m), and when routes set out (K, R), seconds."""

    count: F8
    capacity: F8
    ready_s: F8


@njit(cache=True, nogil=True)
def _run(
    people: F8, first: I4, arcs: I4, transit: F8, capacity: F8, ready: F8, step: float, steps: int, passed: F8,
    trace: F8,
) -> F8:  # fmt: skip
    """Seconds until each route (R,) is clear, infinite if it is not in time; ``passed`` (m,) gets the people by arc,
    ``trace`` (m, steps or 0) those who set out along it in each step.
    """
    n_routes = len(people)
    total = len(arcs)
    queue = np.zeros(total)
    lag = np.empty(total, np.int32)
    longest = 1
    for i in range(total):
        lag[i] = np.int32(np.ceil(transit[arcs[i]] / step - 1e-9))
        longest = max(longest, lag[i] + 1)
    coming = np.zeros((total, longest))
    waiting = np.zeros(len(capacity))
    left = people.copy()
    done = np.full(n_routes, np.inf)
    for r in range(n_routes):
        if left[r] < SLACK:
            done[r] = 0.0
    for t in range(steps):
        slot = t % longest
        for r in range(n_routes):
            begin, end = first[r], first[r + 1]
            if begin == end:
                continue
            if t == int(np.ceil(ready[r] / step - 1e-9)):
                queue[begin] += people[r]
            for i in range(begin, end):
                # What walked along arc i - 1 has come to the foot of arc i.
                if i > begin:
                    queue[i] += coming[i - 1, slot]
                waiting[arcs[i]] += queue[i]
            out = coming[end - 1, slot]
            left[r] -= out
        busy = False
        for r in range(n_routes):
            for i in range(first[r], first[r + 1]):
                coming[i, slot] = 0.0
        for r in range(n_routes):
            for i in range(first[r], first[r + 1]):
                if queue[i] <= 0.0:
                    continue
                a = arcs[i]
                share = 1.0
                if capacity[a] * step < waiting[a]:
                    share = capacity[a] * step / waiting[a]
                go = queue[i] * share
                queue[i] -= go
                passed[a] += go
                if t < trace.shape[1]:
                    trace[a, t] += go
                if lag[i] > 0:
                    coming[i, (t + lag[i]) % longest] += go
                elif i + 1 < first[r + 1]:
                    coming[i, (t + 1) % longest] += go
                else:
                    left[r] -= go
        for r in range(n_routes):
            for i in range(first[r], first[r + 1]):
                waiting[arcs[i]] = 0.0
            if done[r] == np.inf:
                if left[r] < SLACK:
                    done[r] = (t + 1) * step
                else:
                    busy = True
        if not busy:
            break
    return done


def route_times(
    routes: Routes, transit_s: F8, capacity_ps: F8, *, ready_s: F8 | None = None, step_s: float = 5.0,
    horizon_s: float = 4 * 3600.0,
) -> tuple[F8, F8]:  # fmt: skip
    """Give the seconds until each route (R,) is clear and the people who passed each arc (m,)."""
    return _times(_run, routes, transit_s, capacity_ps, ready_s, step_s, horizon_s)


def route_times_python(
    routes: Routes, transit_s: F8, capacity_ps: F8, *, ready_s: F8 | None = None, step_s: float = 5.0,
    horizon_s: float = 4 * 3600.0,
) -> tuple[F8, F8]:  # fmt: skip
    """Do the same without compiled code."""
    return _times(_run.py_func, routes, transit_s, capacity_ps, ready_s, step_s, horizon_s)


def _times(
    kernel: object, routes: Routes, transit_s: F8, capacity_ps: F8, ready_s: F8 | None, step_s: float,
    horizon_s: float,
) -> tuple[F8, F8]:  # fmt: skip
    passed = np.zeros(len(capacity_ps))
    if not len(routes.people):
        return np.zeros(0), passed
    ready = np.zeros(len(routes.people)) if ready_s is None else ready_s
    done: F8 = kernel(  # type: ignore[operator]
        routes.people,
        routes.first,
        routes.arcs,
        transit_s,
        capacity_ps,
        ready,
        step_s,
        int(horizon_s / step_s),
        passed,
        np.zeros((0, 0)),
    )
    return done, passed


def passages(
    routes: Routes, transit_s: F8, capacity_ps: F8, *, ready_s: F8 | None = None, step_s: float = 5.0,
    horizon_s: float = 3600.0,
) -> F8:  # fmt: skip
    """Give the people who set out along each arc in each step (m, T), T the steps until all are through."""
    steps = int(horizon_s / step_s)
    passed, trace = np.zeros(len(capacity_ps)), np.zeros((len(capacity_ps), steps))
    if not len(routes.people):
        return trace[:, :0]
    ready = np.zeros(len(routes.people)) if ready_s is None else ready_s
    _run(
        routes.people, routes.first, routes.arcs, transit_s, capacity_ps, ready, step_s, steps, passed, trace
    )  # fmt: skip
    used = np.flatnonzero(trace.any(0))
    return trace[:, : int(used[-1]) + 1] if len(used) else trace[:, :0]


def draw(
    routes: int, arcs: int, runs: int, rng: np.random.Generator, *, count: float = 0.15, capacity: float = 0.2,
    ready_median_s: float = 30.0, ready_log_sigma: float = 0.5,
) -> Draws:  # fmt: skip
    """Draw situations: log-normal errors of counts and capacities (one sigma, relative), and when each zone starts."""
    return Draws(
        count=np.exp(rng.normal(0.0, count, (runs, routes))),
        capacity=np.exp(rng.normal(0.0, capacity, (runs, arcs))),
        ready_s=np.exp(rng.normal(np.log(ready_median_s), ready_log_sigma, (runs, routes))),
    )


def clearance_s(routes: Routes, transit_s: F8, capacity_ps: F8, draws: Draws, *, step_s: float = 5.0) -> F8:
    """Give the seconds until everybody is safe in each drawn situation (K,)."""
    runs = len(draws.count)
    times = np.zeros(runs)
    for k in range(runs):
        there = Routes(routes.people * draws.count[k], routes.first, routes.arcs, routes.start)
        done, _ = route_times(
            there, transit_s, capacity_ps * draws.capacity[k], ready_s=draws.ready_s[k], step_s=step_s
        )
        times[k] = done.max(initial=0.0)
    return times
