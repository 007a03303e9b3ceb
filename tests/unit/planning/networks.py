"""Random small networks with windows, caps and full sinks, for the planner's tests, and two outside oracles."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

from s4allcities.planning.timed import UNLIMITED, TimedNetwork

I4 = NDArray[np.int32]
I8 = NDArray[np.int64]


def random_network(seed: int, *, full_sinks: bool = False) -> tuple[TimedNetwork, I8, I4]:
    """Give a network, its supply and when each source is ready."""
    rng = np.random.default_rng(seed)
    n, steps = int(rng.integers(2, 9)), int(rng.integers(1, 14))
    tail, head = rng.integers(0, n, (2, int(rng.integers(1, 24)))).astype(np.int32)
    keep = tail != head
    tail, head = tail[keep], head[keep]
    m, k = len(tail), int(rng.integers(1, min(3, n) + 1))
    places = rng.integers(0, 5, (m, steps)).astype(np.int32)
    for arc in np.flatnonzero(rng.random(m) < 0.4):
        opens, closes = sorted(rng.integers(0, steps + 1, 2))
        places[arc, :opens] = places[arc, closes:] = 0
    sink_capacity = np.full(k, UNLIMITED, np.int64)
    if full_sinks:
        sink_capacity = np.where(rng.random(k) < 0.6, rng.integers(0, 12, k), UNLIMITED)
    network = TimedNetwork(
        tail=tail,
        head=head,
        transit=rng.integers(0, 4, m).astype(np.int32),
        places=places,
        storage=np.where(rng.random(n) < 0.5, UNLIMITED, rng.integers(0, 6, n)).astype(np.int64),
        sinks=rng.choice(n, k, replace=False).astype(np.int32),
        sink_capacity=sink_capacity.astype(np.int64),
        step_s=5.0,
        offset_s=np.zeros(n),
        loss_s=np.zeros(m),
    )
    supply = np.where(rng.random(n) < 0.6, rng.integers(0, 15, n), 0).astype(np.int64)
    return network, supply, rng.integers(0, max(1, steps // 3), n).astype(np.int32)


def least_total_steps(network: TimedNetwork, supply: I8, ready: I4, served: int) -> int:
    """Solve for the least sum of arrival steps with ``served`` people safe, as a linear program by HiGHS."""
    n, steps = network.n_nodes, network.steps
    rows: list[int] = []
    columns: list[int] = []
    signs: list[float] = []
    cost: list[float] = []
    upper: list[float | None] = []

    def variable(out: int | None, into: int | None, cap: float | None, price: float = 0.0) -> None:
        for row, sign in ((out, -1.0), (into, 1.0)):
            if row is not None:
                rows.append(row)
                columns.append(len(cost))
                signs.append(sign)
        cost.append(price)
        upper.append(cap)

    gate = n * steps + n
    for v in range(n):
        for t in range(steps - 1):
            cap = None if network.storage[v] < 0 else float(network.storage[v])
            variable(v * steps + t, v * steps + t + 1, cap)
        for t in range(int(ready[v]), steps):
            variable(n * steps + v, v * steps + t, None)
        variable(None, n * steps + v, float(supply[v]))
    for a in range(len(network.tail)):
        u, v, late = int(network.tail[a]), int(network.head[a]), int(network.transit[a])
        for t in range(steps - late):
            variable(u * steps + t, v * steps + t + late, float(network.places[a, t]))
    for k, sink in enumerate(network.sinks.tolist()):
        for t in range(steps):
            variable(sink * steps + t, gate + k, None, float(t))
        most = network.sink_capacity[k]
        variable(gate + k, gate + len(network.sinks), None if most < 0 else float(most))
    variable(gate + len(network.sinks), None, float(served))
    size = gate + len(network.sinks) + 1
    balance = coo_array((signs, (rows, columns)), (size, len(cost)))
    lower = [0.0] * (len(cost) - 1) + [float(served)]
    solved = linprog(cost, A_eq=balance, b_eq=np.zeros(size), bounds=list(zip(lower, upper, strict=True)))
    assert solved.status == 0, solved.message
    return round(float(solved.fun))
