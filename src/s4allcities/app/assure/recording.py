"""A stretch of recorded history, given to stages as they would have had it: family by family, a slice at a time."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.domain import US_PER_S, ObservationBatch, Series

__all__ = ("SLICE_US", "Named", "Recorded", "Source", "batches")

SLICE_US = 300 * US_PER_S
"""The time that one step covers; within such a time false discoveries are weighed together."""


class Named(Struct, frozen=True):
    """A series and the device family that it comes with."""

    series: Series
    family: str


class Recorded(Struct, frozen=True, kw_only=True):
    """Rows in order of time: ``ix`` (n,) says which of the ``named`` series, ``t_us``, ``value``, ``quality`` (n,)."""

    named: tuple[Named, ...]
    ix: NDArray[np.int64]
    t_us: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def between(self, t_from_us: int, t_to_us: int) -> "Recorded":
        """Give the rows from a time on, up to but not at another."""
        first, last = np.searchsorted(self.t_us, [t_from_us, t_to_us])
        return self._rows(slice(int(first), int(last)))

    def only(self, members: NDArray[np.int64]) -> "Recorded":
        """Give the rows of some series, by their numbers."""
        wanted = np.zeros(len(self.named), np.bool_)
        wanted[members] = True
        return self._rows(np.flatnonzero(wanted[self.ix]))

    def with_values(self, value: NDArray[np.float64]) -> "Recorded":
        """Give the same rows with other values."""
        return Recorded(named=self.named, ix=self.ix, t_us=self.t_us, value=value, quality=self.quality)

    def _rows(self, rows: "slice | NDArray[np.int64]") -> "Recorded":
        return Recorded(
            named=self.named,
            ix=self.ix[rows],
            t_us=self.t_us[rows],
            value=self.value[rows],
            quality=self.quality[rows],
        )


class Source(Protocol):
    """Where a history comes from."""

    @property
    def named(self) -> tuple[Named, ...]:
        """The series that it holds."""

    @property
    def span_us(self) -> tuple[int, int]:
        """From when to when."""

    def rows(self, t_from_us: int, t_to_us: int) -> Recorded:
        """Give all rows of a time."""


def batches(
    recorded: Recorded, t_from_us: int, t_to_us: int, slice_us: int
) -> Iterator[tuple[int, list[ObservationBatch]]]:
    """Give slice by slice the time at its end and what came in it, a batch a family."""
    families = sorted({each.family for each in recorded.named})
    parts = [_Part(recorded, family) for family in families]
    for begin in range(t_from_us, t_to_us, slice_us):
        end = min(begin + slice_us, t_to_us)
        found = [part.batch(begin, end) for part in parts]
        yield end, [each for each in found if each is not None]


class _Part:
    """The rows of one family, with series numbered within it."""

    def __init__(self, recorded: Recorded, family: str) -> None:
        of_family = np.array([each.family == family for each in recorded.named], np.bool_)
        heard = np.unique(recorded.ix)
        members = heard[of_family[heard]]
        number = np.full(len(recorded.named), -1, np.int64)
        number[members] = np.arange(len(members))
        rows = np.flatnonzero(number[recorded.ix] >= 0)
        self.family = family
        self.series: Sequence[Series] = tuple(recorded.named[i].series for i in members.tolist())
        self.ix = number[recorded.ix[rows]].astype(np.uint32)
        self.t_us, self.value, self.quality = (
            recorded.t_us[rows],
            recorded.value[rows],
            recorded.quality[rows],
        )

    def batch(self, begin_us: int, end_us: int) -> ObservationBatch | None:
        first, last = np.searchsorted(self.t_us, [begin_us, end_us])
        if first == last:
            return None
        rows = slice(int(first), int(last))
        return ObservationBatch(
            family=self.family, partition=0, series=tuple(self.series), series_ix=self.ix[rows],
            t_us=self.t_us[rows], value=self.value[rows], quality=self.quality[rows],
        )  # fmt: skip
