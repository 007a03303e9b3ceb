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
    """All series; ``refused`` counts batches' series beyond the limit. Neighbours follow from the keys."""

    VERSION = 1

    def __init__(self, capacity: int = 16) -> None:
        self.keys: list[SeriesKey] = []
        self.slot: dict[tuple[str, str], int] = {}
        self.past: NDArray[np.float32] = np.zeros((capacity, PAST), np.float32)
        self.last: NDArray[np.float64] = np.zeros(capacity)
        self.floats: NDArray[np.float64] = np.zeros((capacity, N_FLOATS))
        self.ints: NDArray[np.int64] = np.zeros((capacity, N_INTS), np.int64)
        self.group: dict[tuple[str, str], int] = {}
        self.alone: list[bool] = []
        self.group_of: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self.members: NDArray[np.int64] = np.full((1, 1), -1, np.int64)
        self.refused = 0

    def add(self, key: SeriesKey, *, alone: bool = False) -> int:
        """Give a new series its row, among the neighbours of its quantity and zone unless it stands ``alone``."""
        slot = len(self.keys)
        if slot == len(self.last):
            self.past, self.last = _longer(self.past), _longer(self.last)
            self.floats, self.ints = _longer(self.floats), _longer(self.ints)
            self.group_of = _longer(self.group_of)
        self.keys.append(key)
        self.slot[key[:2]] = slot
        group = self.group.setdefault((key[1], f"\x1f{key[0]}" if alone else key[3]), len(self.group))
        self.alone.append(alone)
        self.group_of[slot] = group
        free = np.flatnonzero(self.members[group] < 0) if group < len(self.members) else np.empty(0, int)
        if not free.size:
            wider = np.full((len(self.group), self.members.shape[1] + 1), -1, np.int64)
            wider[: len(self.members), : self.members.shape[1]] = self.members
            self.members, free = wider, np.flatnonzero(wider[group] < 0)
        self.members[group, free[0]] = slot
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
