"""The same networks solved by OR-tools: minimum-cost flow, and maximum flow with a search for the least time.

JSON in: {"cases": [{"tail", "head", "transit", "places", "storage", "sinks", "supply", "ready"}], "max_flow": bool}.
JSON out, by case: the least sum of arrival steps, the last step, seconds to build the network and to solve it, and, if
asked for, the seconds and the last step of the search by maximum flow. Windows are in ``places``.
"""

import json
import sys
import time

import numpy as np
from ortools.graph.python import max_flow, min_cost_flow

PLENTY = 10**7


def arcs_of(case, steps):
    """Tail, head, capacity and cost of every arc of the network over ``steps`` steps, but for the source's."""
    tail, head, late = (np.array(case[name], np.int64) for name in ("tail", "head", "transit"))
    places = np.array(case["places"], np.int64).reshape(len(tail), -1)[:, :steps]
    storage, supply = np.array(case["storage"], np.int64), np.array(case["supply"], np.int64)
    n = len(storage)
    parts = []
    arc, t = np.nonzero(places)
    keep = t + late[arc] < steps
    arc, t = arc[keep], t[keep]
    parts.append((tail[arc] * steps + t, head[arc] * steps + t + late[arc], places[arc, t], 0 * t))
    node, t = np.meshgrid(np.arange(n), np.arange(steps - 1), indexing="ij")
    node, t = node.ravel(), t.ravel()
    wait = np.where(storage[node] < 0, PLENTY, storage[node])
    parts.append((node * steps + t, node * steps + t + 1, wait, 0 * t))
    for v in np.flatnonzero(supply):
        t = np.arange(case["ready"][v], steps)
        parts.append((0 * t + n * steps + v, v * steps + t, 0 * t + supply[v], 0 * t))
    safe = n * steps + n
    for sink in case["sinks"]:
        t = np.arange(steps)
        parts.append((sink * steps + t, 0 * t + safe, 0 * t + PLENTY, t))
    columns = [np.concatenate([part[k] for part in parts]) for k in range(4)]
    sources = np.flatnonzero(supply)
    return columns, sources, supply[sources], n * steps + sources, safe


def served(case, steps):
    """Most people safe within ``steps`` steps."""
    (tail, head, room, _), _, supply, pools, safe = arcs_of(case, steps)
    solver = max_flow.SimpleMaxFlow()
    solver.add_arcs_with_capacity(tail, head, room)
    solver.add_arcs_with_capacity(np.full(len(pools), safe + 1), pools, supply)
    solver.solve(safe + 1, safe)
    return solver.optimal_flow()


def least_time(case):
    """The last step of a quickest plan, by bisection."""
    steps = np.array(case["places"]).shape[-1]
    people = served(case, steps)
    low, high = 0, steps
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if served(case, middle) >= people else (middle, high)
    return high - 1


def least_cost(case):
    """The least sum of arrival steps of as many people as can be served."""
    began = time.perf_counter()
    steps = np.array(case["places"]).shape[-1]
    (tail, head, room, cost), _, supply, pools, safe = arcs_of(case, steps)
    solver = min_cost_flow.SimpleMinCostFlow()
    solver.add_arcs_with_capacity_and_unit_cost(tail, head, room, cost)
    # Whoever cannot be served stays at home, dearer than any plan.
    stay = 4 * steps
    solver.add_arcs_with_capacity_and_unit_cost(
        pools, np.full(len(pools), safe), np.full(len(pools), PLENTY), np.full(len(pools), stay)
    )
    solver.set_nodes_supplies(pools, supply)
    solver.set_nodes_supplies(np.array([safe]), np.array([-supply.sum()]))
    built = time.perf_counter()
    status = solver.solve_max_flow_with_min_cost()
    solved = time.perf_counter()
    assert status == solver.OPTIMAL, status
    flows = solver.flows(np.arange(solver.num_arcs()))
    at_home = int(flows[len(tail) :].sum())
    return {
        "total": int(solver.optimal_cost()) - stay * at_home,
        "left": at_home,
        "build_s": built - began,
        "solve_s": solved - built,
    }


def main():
    request = json.load(sys.stdin)
    answers = []
    for case in request["cases"]:
        answer = (
            least_cost(case)
            if sum(case["supply"])
            else {"total": 0, "left": 0, "build_s": 0.0, "solve_s": 0.0}
        )
        if request.get("max_flow"):
            began = time.perf_counter()
            answer["last"] = least_time(case)
            answer["max_flow_s"] = time.perf_counter() - began
        answers.append(answer)
    json.dump(answers, sys.stdout)


main()
