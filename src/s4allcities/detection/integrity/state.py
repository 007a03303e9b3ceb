"""The state of the integrity checks: each series' own past, its distance from its neighbours, how it is frozen."""

from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from .kernel import N_FLOATS, N_INTS, PAST

__all__ = ("IntegrityState", "SeriesKey")

SeriesKey = tuple[str, str, str, str]
"""Sensor, quantity, family, zone: what a series is."""


class _Frozen(Struct, frozen=True, array_like=True):
    version: int
    keys: list[SeriesKey]
    alone: list[bool]
    past: bytes
    last: bytes
    floats: bytes
    ints: bytes
    refused: int


class IntegrityState:
    """All series; ``refused`` counts batches' series beyond the limit.

    ``next_of`` (series,) leads from each series to the next of its neighbours and from the last to the first again;
    it follows from the keys.
    """

    VERSION = 1

    def __init__(self, capacity: int = 16) -> None:
        self.keys: list[SeriesKey] = []
        self.slot: dict[tuple[str, str], int] = {}
        self.past: NDArray[np.float32] = np.zeros((capacity, PAST), np.float32)
        self.last: NDArray[np.float64] = np.zeros(capacity)
        self.floats: NDArray[np.float64] = np.zeros((capacity, N_FLOATS))
        self.ints: NDArray[np.int64] = np.zeros((capacity, N_INTS), np.int64)
        self.first: dict[tuple[str, str], int] = {}
        self.alone: list[bool] = []
        self.next_of: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self.refused = 0

    def add(self, key: SeriesKey, *, alone: bool = False) -> int:
        """Give a new series its row, among the neighbours of its quantity and zone unless it stands ``alone``."""
        slot = len(self.keys)
        if slot == len(self.last):
            self.past, self.last = _longer(self.past), _longer(self.last)
            self.floats, self.ints = _longer(self.floats), _longer(self.ints)
            self.next_of = _longer(self.next_of)
        self.keys.append(key)
        self.slot[key[:2]] = slot
        self.alone.append(alone)
        first = self.first.setdefault((key[1], f"\x1f{key[0]}" if alone else key[3]), slot)
        self.next_of[slot] = self.next_of[first] if first != slot else slot
        self.next_of[first] = slot
        return slot

    def freeze(self) -> bytes:
        """Give the state as bytes; the same state gives the same bytes."""
        n = len(self.keys)
        return msgspec.msgpack.encode(
            _Frozen(
                version=self.VERSION,
                keys=self.keys,
                alone=self.alone,
                past=self.past[:n].astype("<f4").tobytes(),
                last=self.last[:n].astype("<f8").tobytes(),
                floats=self.floats[:n].astype("<f8").tobytes(),
                ints=self.ints[:n].astype("<i8").tobytes(),
                refused=self.refused,
            )
        )

    @classmethod
    def thaw(cls, data: bytes) -> "IntegrityState":
        """Read what `freeze` gave. :raises ValueError: of another version or not whole."""
        frozen = msgspec.msgpack.decode(data, type=_Frozen)
        if frozen.version != cls.VERSION:
            raise ValueError(f"snapshot of version {frozen.version}; this detector reads {cls.VERSION}")
        n = len(frozen.keys)
        state = cls(max(16, n))
        for key, alone in zip(frozen.keys, frozen.alone, strict=True):
            state.add(key, alone=alone)
        state.past[:n] = np.frombuffer(frozen.past, "<f4").reshape(n, PAST)
        state.last[:n] = np.frombuffer(frozen.last, "<f8")
        state.floats[:n] = np.frombuffer(frozen.floats, "<f8").reshape(n, N_FLOATS)
        state.ints[:n] = np.frombuffer(frozen.ints, "<i8").reshape(n, N_INTS)
        state.refused = frozen.refused
        return state


def _longer(block: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([block, np.zeros_like(block)])
