"""Random streams: one for each name, all from one seed."""

from zlib import crc32

import numpy as np

__all__ = ("stream",)


def stream(seed: int, name: str) -> np.random.Generator:
    """Give the stream of one sensor or one part of the world.

    Streams are told apart by name and not by order: a sensor that is added to a site changes no other one's story.

    >>> bool(stream(1, "smoke-21").random() == stream(1, "smoke-21").random())
    True
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(name.encode()),)))
