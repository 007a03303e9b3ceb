"""Shortest ways against the plain search."""

import numpy as np

from s4allcities.planning.shortest import shortest, shortest_python


def test_both_searches_agree() -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n, m = int(rng.integers(1, 12)), int(rng.integers(0, 40))
        tail, head = rng.integers(0, n, (2, m)).astype(np.int32)
        start = np.where(rng.random(n) < 0.3, rng.integers(0, 9, n), np.inf).astype(float)
        usable = rng.random(m) < 0.8
        cost = rng.integers(0, 30, m).astype(float)
        away, came = shortest(tail, head, cost, start, usable=usable)
        assert np.array_equal(away, shortest_python(tail, head, cost, start, usable=usable)[0])
        for v in np.flatnonzero(came >= 0):
            assert away[tail[came[v]]] + cost[came[v]] == away[v]
            assert usable[came[v]]
