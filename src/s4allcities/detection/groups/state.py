"""What is known of every group: rows that teach, the model made of them, and how it is frozen."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from .model import GroupModel, GroupTrail

__all__ = ("GroupState", "GroupsState")

_F8 = NDArray[np.float64]


class GroupState(Struct):
    """One group of c series. ``row`` (c,) is being filled for the time ``slot``, NaN where nothing was read in it.

    ``taught`` (rows, c) are usual rows that will teach next, ``n_taught`` of them; ``heard`` (c,) says which members
    the model knows. ``unusual_rows`` counts those without a break. ``slot`` is -1 before the first reading.
    """

    row: _F8
    taught: NDArray[np.float32]
    heard: NDArray[np.bool_]
    n_taught: int = 0
    slot: int = -1
    unusual_rows: int = 0
    t_said_us: int = -(1 << 62)
    model: GroupModel | None = None
    trail: GroupTrail | None = None


class _Frozen(Struct, frozen=True, array_like=True):
    version: int
    late: int
    groups: dict[str, tuple[Any, ...]]


class GroupsState:
    """All groups by name; ``late`` counts readings that came after their row was judged."""

    VERSION = 1

    def __init__(self, members: Mapping[str, tuple[str, ...]], rows: int) -> None:
        self.late = 0
        self.groups = {
            name: GroupState(
                row=np.full(len(each), np.nan), taught=np.zeros((rows, len(each)), np.float32),
                heard=np.zeros(len(each), np.bool_),
            )
            for name, each in members.items()
        }  # fmt: skip

    def freeze(self) -> bytes:
        """Give the state as bytes; the same state gives the same bytes."""
        groups = {name: _packed(each) for name, each in self.groups.items()}
        return msgspec.msgpack.encode(_Frozen(version=self.VERSION, late=self.late, groups=groups))

    def thaw(self, data: bytes) -> None:
        """Take over what `freeze` gave; a group whose members changed begins anew.

        :raises ValueError: of another version or not whole.
        """
        frozen = msgspec.msgpack.decode(data, type=_Frozen)
        if frozen.version != self.VERSION:
            raise ValueError(f"snapshot of version {frozen.version}; this detector reads {self.VERSION}")
        self.late = frozen.late
        for name, packed in frozen.groups.items():
            group = self.groups.get(name)
            if group is not None and len(packed[0]) == 8 * group.row.size:
                _unpack(group, packed)


_MODEL = ("mean", "scale", "rebuild", "error", "inside")
_TRAIL = ("last", "lags", "shares", "within")


def _packed(group: GroupState) -> tuple[Any, ...]:
    model, trail = group.model, group.trail
    return (
        group.row.tobytes(),
        group.taught[: group.n_taught].tobytes(),
        group.heard.tobytes(),
        (group.n_taught, group.slot, group.unusual_rows, group.t_said_us),
        None if model is None else [getattr(model, name).tobytes() for name in _MODEL],
        None if model is None else (model.bar, model.inside_bar),
        None if trail is None else [getattr(trail, name).tobytes() for name in _TRAIL],
    )


def _unpack(group: GroupState, packed: tuple[Any, ...]) -> None:
    row, taught, heard, counts, model, bars, trail = packed
    c = group.row.size
    group.row = _floats(row)
    group.n_taught, group.slot, group.unusual_rows, group.t_said_us = counts
    if group.n_taught > len(group.taught):
        raise ValueError("snapshot holds more rows than teach; begin anew")
    group.taught[: group.n_taught] = np.frombuffer(taught, "<f4").reshape(group.n_taught, c)
    group.heard = np.frombuffer(heard, np.bool_).copy()
    known = int(group.heard.sum())
    if model is not None:
        mean, scale, rebuild, error, inside = map(_floats, model)
        group.model = GroupModel(
            mean,
            scale,
            rebuild.reshape(known, -1),
            error,
            bars[0],
            inside.reshape(rebuild.size // known, -1),
            bars[1],
        )
    if trail is not None:
        last, lags, shares, within = map(_floats, trail)
        group.trail = GroupTrail(last, lags.reshape(-1, known), shares, within)


def _floats(data: bytes) -> _F8:
    return np.frombuffer(data, "<f8").copy()
