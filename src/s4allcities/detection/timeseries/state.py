"""The state of the time-series detector: columns that grow, and how they are frozen."""

from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from . import _layout as layout

__all__ = ("Frozen", "SeriesKey", "TimeseriesState")

SeriesKey = tuple[str, str, str, str]
"""Sensor, quantity, family, zone: what a series is."""


class Frozen(Struct, frozen=True, array_like=True):
    """A snapshot: keys in column order, the used part of each block as little-endian bytes, and the counters."""

    version: int
    keys: list[SeriesKey]
    floats: bytes
    ints: bytes
    left_out: int
    refused: int


class TimeseriesState:
    """Columns of all series; ``left_out`` and ``refused`` count readings that were not used.

    ``params`` and ``partners`` follow from the settings and are made again at every start.
    """

    VERSION = 1

    def __init__(self, capacity: int = 64) -> None:
        self.keys: list[SeriesKey] = []
        self.column: dict[tuple[str, str], int] = {}
        self.floats: NDArray[np.float64] = np.zeros((layout.N_FLOATS, capacity))
        self.ints: NDArray[np.int64] = np.zeros((layout.N_INTS, capacity), np.int64)
        self.params: NDArray[np.float64] = np.zeros((layout.N_PARAMETERS, capacity))
        self.partners: NDArray[np.int64] = np.full(capacity, -1, np.int64)
        self.left_out = 0
        self.refused = 0

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, key: SeriesKey) -> int:
        """Give a new series its column."""
        column = len(self.keys)
        if column == self.partners.size:
            self._grow(2 * column)
        self.keys.append(key)
        self.column[key[:2]] = column
        return column

    def _grow(self, capacity: int) -> None:
        def wider(block: NDArray[Any], fill: int = 0) -> NDArray[Any]:
            grown = np.full((*block.shape[:-1], capacity), fill, block.dtype)
            grown[..., : block.shape[-1]] = block
            return grown

        self.floats, self.ints, self.params = wider(self.floats), wider(self.ints), wider(self.params)
        self.partners = wider(self.partners, -1)

    def freeze(self) -> bytes:
        """Give the state as bytes; the same state gives the same bytes."""
        used = len(self.keys)
        frozen = Frozen(
            version=self.VERSION,
            keys=self.keys,
            floats=self.floats[:, :used].astype("<f8").tobytes(),
            ints=self.ints[:, :used].astype("<i8").tobytes(),
            left_out=self.left_out,
            refused=self.refused,
        )
        return msgspec.msgpack.encode(frozen)

    @classmethod
    def thaw(cls, data: bytes) -> "TimeseriesState":
        """Read what `freeze` gave; ``params`` and ``partners`` are still to be made.

        :raises ValueError: of another version or not whole.
        """
        frozen = msgspec.msgpack.decode(data, type=Frozen)
        if frozen.version != cls.VERSION:
            raise ValueError(f"snapshot of version {frozen.version}; this detector reads {cls.VERSION}")
        used = len(frozen.keys)
        state = cls(max(64, used))
        for key in frozen.keys:
            state.add(key)
        state.floats[:, :used] = np.frombuffer(frozen.floats, "<f8").reshape(layout.N_FLOATS, used)
        state.ints[:, :used] = np.frombuffer(frozen.ints, "<i8").reshape(layout.N_INTS, used)
        state.left_out, state.refused = frozen.left_out, frozen.refused
        return state
