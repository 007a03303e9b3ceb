"""Peers of the detector of the unusual: one reading at a time of one series, as each library documents it.

Reads {"values": [...], "readings": n} as JSON on stdin; writes readings a CPU-second of each peer, and its version.
"""

import json
import sys
import time
from importlib import metadata

import numpy as np


def half_space_trees(values: list[float]) -> None:
    """river: trees over (value, difference), both brought to 0..1 as it goes."""
    from river import anomaly, compose, preprocessing

    model = compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=1))
    before = values[0]
    for value in values:
        x = {"value": value, "step": value - before}
        model.score_one(x)
        model.learn_one(x)
        before = value


def matrix_profile(values: list[float]) -> None:
    """stumpy: the incremental matrix profile of the last thousand readings, patterns of 12."""
    import stumpy

    stream = stumpy.stumpi(np.array(values[:1000]), m=12, egress=True)
    for value in values[1000:]:
        stream.update(value)


def main() -> None:
    request = json.load(sys.stdin)
    values = request["values"][: request["readings"]]
    matrix_profile(values[:1100])  # compile what is compiled
    answer = {}
    for name, run, package in (
        ("river HalfSpaceTrees", half_space_trees, "river"),
        ("stumpy stumpi", matrix_profile, "stumpy"),
    ):
        counted = len(values) if package == "river" else len(values) - 1000
        start = time.process_time()
        run(values)
        answer[name] = {
            "points_per_s": counted / (time.process_time() - start),
            "version": metadata.version(package),
        }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
