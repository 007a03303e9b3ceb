"""Which seeds one may tune on, and which are kept for the score.

Seeds below `FIRST_TEST` are for training. Those from it on are test seeds: a world is made from one only for
somebody who says what for, and that is logged. So tuning code, which never says it, cannot see them by mistake.
"""

from collections.abc import Sequence
from typing import Literal

import structlog

from ..errors import ScenarioError

__all__ = ("FIRST_TEST", "SealedSeed", "Split", "check_seed", "seeds_of", "split_of")

log = structlog.get_logger(__name__)

Split = Literal["train", "test"]

FIRST_TEST = 10_000
LAST = 2**31 - 1


class SealedSeed(ScenarioError):
    """A test seed was asked for without saying what for."""


def split_of(seed: int) -> Split:
    """Tell whether a seed is for training or for the score.

    >>> split_of(7), split_of(10_007)
    ('train', 'test')
    """
    return "test" if seed >= FIRST_TEST else "train"


def seeds_of(split: Split, count: int, *, purpose: str = "") -> Sequence[int]:
    """Give the first ``count`` seeds of a split. :raises SealedSeed: test seeds without a ``purpose``.

    >>> list(seeds_of("train", 3))
    [1, 2, 3]
    """
    first = FIRST_TEST if split == "test" else 1
    most = LAST - FIRST_TEST if split == "test" else FIRST_TEST - 1
    if not 1 <= count <= most:
        raise ScenarioError(f"{count} {split} seeds were asked for; allowed are 1 to {most}")
    seeds = range(first, first + count)
    check_seed(seeds[0], purpose=purpose)
    return seeds


def check_seed(seed: int, *, purpose: str = "") -> None:
    """Let a seed pass, and log who takes a test seed what for.

    :raises SealedSeed: it is a test seed and no ``purpose`` is given.
    :raises ScenarioError: it is out of range.
    """
    if not 0 <= seed <= LAST:
        raise ScenarioError(f"seed is {seed}; allowed are 0 to {LAST}")
    if split_of(seed) == "train":
        return
    if not purpose:
        raise SealedSeed(
            f"seed {seed} is a test seed; allowed for tuning are 0 to {FIRST_TEST - 1}. Scoring says its purpose."
        )
    log.info("test seeds unsealed", first=seed, purpose=purpose)
