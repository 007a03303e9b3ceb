"""The state of the detector: one row a series, and how it is frozen."""

from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from . import _layout as at
from .quick import N_QUICK

__all__ = ("SeriesKey", "UnusualState")

SeriesKey = tuple[str, str, str, str]
"""Sensor, quantity, family, zone: what a series is."""


class _Frozen(Struct, frozen=True, array_like=True):
    version: int
    keys: list[SeriesKey]
    quick_keys: list[SeriesKey]
    floats: bytes
    ints: bytes
    patterns: bytes
    quick: bytes
    counters: tuple[int, int, int, int, int, int, int]
    events: dict[str, tuple[int, int]] = {}


class UnusualState:
    """All series; the first ones watched in full, those beyond by the quick look.

    ``left_out`` counts readings and ``refused`` series that were not used, ``held_back`` what was unusual but too
    likely false among so many. ``events`` says by zone (or ``site``) from when until when the last event was on.
    ``window``, ``tests`` and ``said`` count what was tested and said at about this time.
    """

    VERSION = 2

    def __init__(self, capacity: int = 64) -> None:
        self.keys: list[SeriesKey] = []
        self.quick_keys: list[SeriesKey] = []
        self.slot: dict[tuple[str, str], int] = {}
        self.quick_slot: dict[tuple[str, str], int] = {}
        self.floats: NDArray[np.float32] = np.zeros((capacity, at.N_FLOATS), np.float32)
        self.ints: NDArray[np.int64] = np.zeros((capacity, at.N_INTS), np.int64)
        self.patterns: NDArray[np.uint8] = np.zeros((capacity, at.N_PATTERN_BYTES), np.uint8)
        self.quick: NDArray[np.float32] = np.zeros((N_QUICK, 64), np.float32)
        self.left_out = self.refused = self.held_back = 0
        self.events: dict[str, tuple[int, int]] = {}
        self.window = self.tests = self.tests_before = self.said = 0

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, key: SeriesKey) -> int:
        """Give a new series its row."""
        slot = len(self.keys)
        if slot == len(self.floats):
            self.floats, self.ints = _longer(self.floats), _longer(self.ints)
            self.patterns = _longer(self.patterns)
        self.keys.append(key)
        self.slot[key[:2]] = slot
        return slot

    def add_quick(self, key: SeriesKey) -> int:
        """Give a new series its column in the quick block."""
        slot = len(self.quick_keys)
        if slot == self.quick.shape[1]:
            self.quick = np.concatenate([self.quick, np.zeros_like(self.quick)], axis=1)
        self.quick_keys.append(key)
        self.quick_slot[key[:2]] = slot
        return slot

    def freeze(self) -> bytes:
        """Give the state as bytes; the same state gives the same bytes."""
        n = len(self.keys)
        counters = (self.left_out, self.refused, self.held_back, self.window, self.tests, self.tests_before)
        return msgspec.msgpack.encode(
            _Frozen(
                version=self.VERSION,
                keys=self.keys,
                quick_keys=self.quick_keys,
                floats=self.floats[:n].astype("<f4").tobytes(),
                ints=self.ints[:n].astype("<i8").tobytes(),
                patterns=self.patterns[:n].tobytes(),
                quick=self.quick[:, : len(self.quick_keys)].astype("<f4").tobytes(),
                counters=(*counters, self.said),
                events=self.events,
            )
        )

    @classmethod
    def thaw(cls, data: bytes) -> "UnusualState":
        """Read what `freeze` gave. :raises ValueError: of another version or not whole."""
        frozen = msgspec.msgpack.decode(data, type=_Frozen)
        if frozen.version != cls.VERSION:
            raise ValueError(f"snapshot of version {frozen.version}; this detector reads {cls.VERSION}")
        n, quick = len(frozen.keys), len(frozen.quick_keys)
        state = cls(max(64, n))
        for key in frozen.keys:
            state.add(key)
        for key in frozen.quick_keys:
            state.add_quick(key)
        state.floats[:n] = np.frombuffer(frozen.floats, "<f4").reshape(n, at.N_FLOATS)
        state.ints[:n] = np.frombuffer(frozen.ints, "<i8").reshape(n, at.N_INTS)
        state.patterns[:n] = np.frombuffer(frozen.patterns, np.uint8).reshape(n, at.N_PATTERN_BYTES)
        state.quick[:, :quick] = np.frombuffer(frozen.quick, "<f4").reshape(N_QUICK, quick)
        (state.left_out, state.refused, state.held_back, state.window, state.tests, state.tests_before,
         state.said) = frozen.counters  # fmt: skip
        state.events = frozen.events
        return state


def _longer(block: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([block, np.zeros_like(block)])
