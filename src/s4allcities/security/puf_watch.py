"""What the distances of a token's responses tell over time: a model learnt by somebody, copies, ageing."""

from collections import deque

from msgspec import Struct, field

from .puf import PufConfig

__all__ = ("AGED", "COPIED", "MODELLED", "PufWatch")

MODELLED = "modelling attack suspected"
COPIED = "copied responses suspected"
AGED = "token aged: enrol it anew"
_SHARE = 0.1


class PufWatch(Struct):
    """One token's recent distances and the slow mean of those that were accepted.

    A genuine response differs by noise (about 13 of 128 bits at 10 % noise), a guess by about 64. What lies between is
    neither: with the shipped settings fewer than 1 in 10,000 genuine responses, or guesses, do. A model that somebody
    learnt from seen pairs gets there first. Distances near 0 are no better: no real reading is so good, but a copy of
    the enrolled response is.
    """

    distances: deque[int] = field(default_factory=deque)
    mean_bits: float = 0.0
    seen: int = 0

    def note(self, distance_bits: int, accepted: bool, config: PufConfig) -> tuple[str, ...]:
        """Take one distance in; give what is suspected now."""
        self.distances.append(distance_bits)
        while len(self.distances) > config.watch_last:
            self.distances.popleft()
        if accepted:
            self.seen += 1
            self.mean_bits += max(_SHARE, 1 / self.seen) * (distance_bits - self.mean_bits)
        return self._suspected(config)

    def _suspected(self, config: PufConfig) -> tuple[str, ...]:
        grey = sum(config.grey_from_bits <= each <= config.grey_to_bits for each in self.distances)
        copies = sum(each <= config.too_good_bits for each in self.distances)
        aged = self.seen >= config.watch_last and self.mean_bits > config.aged_bits
        found = ((MODELLED, grey > config.grey_most), (COPIED, copies > config.too_good_most), (AGED, aged))
        return tuple(text for text, holds in found if holds)
