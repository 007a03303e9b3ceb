"""What is known of every series, a row each, and how it is frozen."""

from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ...domain import Series
from . import _layout as layout

__all__ = ("SeriesName", "ValidityState")

SeriesName = tuple[str, str, str]
"""Sensor, quantity, zone."""

_MOST_TABLES = 256


class _Frozen(Struct, frozen=True, array_like=True):
    version: int
    names: list[SeriesName]
    ints: bytes
    floats: bytes
    decided: int
    refused: int


class ValidityState:
    """Rows of all series; ``decided`` counts device messages that have been through, ``refused`` readings of series
    beyond the limit. ``kinds`` (series, 2) numbers the quantity and the sensor of each row. ``params`` follows from
    settings and site and is made again at every start.
    """

    VERSION = 1

    def __init__(self, capacity: int = 64) -> None:
        self.names: list[SeriesName] = []
        self.row: dict[tuple[str, str], int] = {}
        self.kinds: NDArray[np.int64] = np.zeros((capacity, 2), np.int64)
        self.sensors: dict[str, int] = {}
        self.quantities: dict[str, int] = {}
        self.ints: NDArray[np.int64] = np.zeros((capacity, layout.N_INTS), np.int64)
        self.floats: NDArray[np.float64] = np.zeros((capacity, layout.N_FLOATS))
        self.params: NDArray[np.float64] = np.zeros((capacity, layout.N_PARAMETERS))
        self.decided = 0
        self.refused = 0
        self._tables: dict[int, tuple[tuple[Series, ...], NDArray[np.int64]]] = {}

    def __len__(self) -> int:
        return len(self.names)

    def add(self, sensor: str, quantity: str, zone: str) -> int:
        """Give a new series its row."""
        row = len(self.names)
        if row == len(self.ints):
            self._grow(2 * row)
        self.names.append((sensor, quantity, zone))
        self.row[sensor, quantity] = row
        self.kinds[row] = (
            self.quantities.setdefault(quantity, len(self.quantities)),
            self.sensors.setdefault(sensor, len(self.sensors)),
        )
        self.ints[row] = 0
        times = (layout.T_LAST, layout.T_CHANGED, layout.T_WINDOW, layout.SAID_RANGE, layout.SAID_STUCK)
        self.ints[row, [*times, layout.SAID_RATE, layout.SAID_GAP]] = layout.NEVER_US
        self.floats[row] = (np.nan, 0.0)
        return row

    def known_table(self, series: tuple[Series, ...]) -> NDArray[np.int64] | None:
        """Give the rows of a table of series that came before: the edge sends the same one with every batch."""
        known = self._tables.get(id(series))
        return known[1] if known is not None and known[0] is series else None

    def keep_table(self, series: tuple[Series, ...], rows: NDArray[np.int64]) -> None:
        """Remember the rows of a table."""
        if len(self._tables) >= _MOST_TABLES:
            self._tables.clear()
        self._tables[id(series)] = (series, rows)

    def _grow(self, capacity: int) -> None:
        def longer(block: NDArray[Any]) -> NDArray[Any]:
            grown = np.zeros((capacity, *block.shape[1:]), block.dtype)
            grown[: len(block)] = block
            return grown

        self.ints, self.floats, self.params = longer(self.ints), longer(self.floats), longer(self.params)
        self.kinds = longer(self.kinds)

    def freeze(self) -> bytes:
        """Give the state as bytes; the same state gives the same bytes."""
        used = len(self.names)
        return msgspec.msgpack.encode(
            _Frozen(
                version=self.VERSION,
                names=self.names,
                ints=self.ints[:used].astype("<i8").tobytes(),
                floats=self.floats[:used].astype("<f8").tobytes(),
                decided=self.decided,
                refused=self.refused,
            )
        )

    @classmethod
    def thaw(cls, data: bytes) -> "ValidityState":
        """Read what `freeze` gave; ``params`` is still to be made.

        :raises ValueError: of another version or not whole.
        """
        frozen = msgspec.msgpack.decode(data, type=_Frozen)
        if frozen.version != cls.VERSION:
            raise ValueError(f"snapshot of version {frozen.version}; this stage reads {cls.VERSION}")
        used = len(frozen.names)
        state = cls(max(64, used))
        for name in frozen.names:
            state.add(*name)
        state.ints[:used] = np.frombuffer(frozen.ints, "<i8").reshape(used, layout.N_INTS)
        state.floats[:used] = np.frombuffer(frozen.floats, "<f8").reshape(used, layout.N_FLOATS)
        state.decided, state.refused = frozen.decided, frozen.refused
        return state
