"""A simulated photonic token: light of a given pattern goes through disorder, and the speckle gives bits.

The disorder is a random complex transmission matrix, as fully developed speckle has (J. W. Goodman, "Speckle Phenomena
in Optics", 2007): each output field is the sum of the inputs times complex Gaussian factors, and a bit says which of
two neighbouring intensities is larger. Reading noise flips bits near the threshold.

Limits of validity: a model to try protocols and detectors with, not a model of a certain device. Its real counterpart's
noise, correlations and number of independent challenges have to be measured.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ("PhotonicToken",)

CHALLENGE_BITS = 64
RESPONSE_BITS = 128


class PhotonicToken:
    """A token made from ``rng``; no two are alike. ``noise`` is the standard deviation of intensity, relative to the
    mean difference; 0.28 flips about one bit in ten.

    >>> token = PhotonicToken(np.random.default_rng(1), noise=0.0)
    >>> token.response(bytes(8), np.random.default_rng(2)) == token.response(bytes(8), np.random.default_rng(3))
    True
    """

    def __init__(self, rng: np.random.Generator, *, noise: float = 0.28) -> None:
        shape = (2 * RESPONSE_BITS, CHALLENGE_BITS)
        self._matrix = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
        self._noise = noise

    def response(self, challenge: bytes, rng: np.random.Generator) -> bytes:
        """Read the token once: ``challenge`` (8 bytes) in, 16 bytes out; ``rng`` is the reading's noise.

        :raises ValueError: a challenge of another length.
        """
        if len(challenge) * 8 != CHALLENGE_BITS:
            raise ValueError(
                f"a challenge of {len(challenge)} bytes; this token takes {CHALLENGE_BITS // 8} bytes"
            )
        light = 2.0 * np.unpackbits(np.frombuffer(challenge, np.uint8)) - 1.0
        intensity = np.abs(self._matrix @ light) ** 2
        difference = intensity[0::2] - intensity[1::2]
        noise = self._noise * np.abs(difference).mean() * rng.standard_normal(RESPONSE_BITS)
        return np.packbits(difference + noise > 0).tobytes()

    def enrol(self, pairs: int, rng: np.random.Generator, *, looks: int = 9) -> list[tuple[bytes, bytes]]:
        """Record pairs, each response the majority of ``looks`` readings."""
        found = []
        for _ in range(pairs):
            challenge = rng.bytes(CHALLENGE_BITS // 8)
            found.append((challenge, self._majority(challenge, looks, rng)))
        return found

    def _majority(self, challenge: bytes, looks: int, rng: np.random.Generator) -> bytes:
        read: NDArray[np.uint8] = np.array(
            [
                np.unpackbits(np.frombuffer(self.response(challenge, rng), np.uint8))
                for _ in range(max(1, looks))
            ]
        )
        return np.packbits(read.mean(axis=0) > 0.5).tobytes()
