"""The lock's part of the detectors' benchmark: how often a guess gets in, and how often the right token does not."""

from pathlib import Path

import numpy as np

from s4allcities.scenario.photonic import PhotonicToken
from s4allcities.security.puf import PufConfig, distance_bits, false_accept, false_reject

from .results import Result, Say, at_most, measured

__all__ = ("NOISE", "access_results")

NOISE = 0.10
_PAIRS = 2_000


def access_results(_root: Path, runs: int, say: Say) -> list[Result]:
    """Give the tails of the binomial distribution, and what a simulated token and its guesser do beside them."""
    say("access: reading a simulated token")
    config = PufConfig()
    own, others = zip(*(_distances(seed) for seed in range(runs)), strict=True)
    bits = config.bits
    return [
        measured(
            "access.puf_far",
            [false_accept(bits, config.accept_bits)],
            "share",
            how=f"probability that {bits} guessed bits differ in at most {config.accept_bits}: exact binomial tail",
            goal=at_most(1e-8),
            digits=12,
        ),
        measured(
            "access.puf_frr",
            [false_reject(bits, config.accept_bits, NOISE)],
            "share",
            how=f"probability that more than {config.accept_bits} of {bits} bits flip at 10 % noise: exact tail",
            goal=at_most(1e-6),
            digits=12,
        ),
        measured(
            "access.simulated_noise",
            [float(np.mean(each)) / bits for each in own],
            "share",
            how=f"bits that differ between two readings of one simulated token, mean of {_PAIRS} pairs",
            digits=4,
        ),
        measured(
            "access.simulated_least_between_tokens_bits",
            [float(np.min(each)) for each in others],
            "bits",
            how=f"least distance of another simulated token's response, {_PAIRS} pairs; accepted up to "
            f"{config.accept_bits}",
            digits=0,
        ),
    ]


def _distances(seed: int) -> tuple[list[int], list[int]]:
    token, other = (PhotonicToken(np.random.default_rng([seed, n])) for n in range(2))
    rng = np.random.default_rng([seed, 2])
    own, others = [], []
    for challenge, response in token.enrol(_PAIRS, rng, looks=5):
        own.append(distance_bits(response, token.response(challenge, rng)))
        others.append(distance_bits(response, other.response(challenge, rng)))
    return own, others
