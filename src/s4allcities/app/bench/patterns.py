"""The matrix profile of `s4 detect patterns` beside stumpy's on one series: how fast, and whether it is the same."""

import time
from pathlib import Path

import numpy as np
from msgspec import Struct

from s4allcities.detection.patterns import matrix_profile

from .peers import PeerAbsent, run_peer
from .results import Result, Say, at_most, measured, unmeasured

__all__ = ("pattern_results",)

ROWS, LENGTH = 20_000, 48
ALIKE = 1e-3
"""Distances run up to 2 sqrt(48), nearly 14; both take roots of small differences of large sums."""


class _Peer(Struct):
    cpu_s: float
    distance: list[float]
    version: str


def pattern_results(root: Path, say: Say) -> list[Result]:
    """Give the CPU time of one profile, ours through the peer's, and how far the two differ."""
    random = np.random.default_rng(11)
    value = np.sin(np.arange(ROWS) / 9.0) + 0.1 * np.cumsum(random.normal(size=ROWS))
    matrix_profile(value[: 4 * LENGTH], LENGTH)
    start = time.process_time()
    ours = matrix_profile(value, LENGTH)
    cpu_s = time.process_time() - start
    how = f"{ROWS} readings, stretches of {LENGTH}, a wave on a random walk"
    name, unit = "patterns.cpu_s", "s"
    try:
        peer = run_peer(
            root,
            "detectors",
            "detectors_patterns",
            {"values": value.tolist(), "length": LENGTH},
            _Peer,
            say=say,
        )
    except PeerAbsent as fault:
        return [
            unmeasured(name, unit, reason=str(fault)),
            unmeasured("patterns.differs", "distance", reason=str(fault)),
        ]
    beside = f"stumpy.stump {peer.version}"
    return [
        Result(
            name=name, value=round(cpu_s, 2), unit=unit, runs=1,
            how=f"CPU-seconds of one matrix profile, {how}", peer=beside, peer_value=round(peer.cpu_s, 2),
            ratio=round(peer.cpu_s / cpu_s, 2),
        ),
        measured(
            "patterns.differs", [float(np.max(np.abs(ours.distance - np.array(peer.distance))))], "distance", digits=6,
            goal=at_most(ALIKE), how=f"largest difference of a stretch's distance from that of {beside}; {how}",
        ),
    ]  # fmt: skip
