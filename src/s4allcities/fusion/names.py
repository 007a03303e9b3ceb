"""Names as small numbers, so that compiled code can compare them; what nobody uses any longer is forgotten."""

from collections.abc import Iterable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ._layout import KEYS, NONE

__all__ = ("Names", "Places")

K = TypeVar("K", bound="str | tuple[tuple[int, ...], tuple[int, ...]]")
I4 = NDArray[np.int32]
Members = tuple[tuple[int, ...], tuple[int, ...]]
"""The zones and the entities of a place."""
Frozen = tuple[list[str | None], list[str | None], list[Members | None], int]


class Names(Generic[K]):
    """Gives each name a number and keeps it while it is used; numbers of names that were swept are given again.

    >>> names = Names()
    >>> names.number("smoke-21"), names.number("smoke-22"), names.number("smoke-21")
    (0, 1, 0)
    >>> names.sweep({1})
    >>> names.number("camera-12")
    0
    """

    def __init__(self, known: Iterable[K | None] = ()) -> None:
        self.names: list[K | None] = list(known)
        self.index: dict[K, int] = {name: at for at, name in enumerate(self.names) if name is not None}
        self.free: list[int] = [at for at in range(len(self.names) - 1, -1, -1) if self.names[at] is None]

    def __len__(self) -> int:
        return len(self.names)

    def number(self, name: K) -> int:
        """Give a name's number, a new one if it has none."""
        found = self.index.get(name)
        if found is not None:
            return found
        if self.free:
            at = self.free.pop()
            self.names[at] = name
        else:
            at = len(self.names)
            self.names.append(name)
        self.index[name] = at
        return at

    def name(self, number: int) -> K:
        """Give the name of a number in use."""
        found = self.names[number]
        if found is None:
            raise KeyError(number)
        return found

    def sweep(self, used: set[int]) -> None:
        """Forget all names whose numbers are not among those used."""
        for at, name in enumerate(self.names):
            if name is not None and at not in used:
                del self.index[name]
                self.names[at] = None
        self.free = [at for at in range(len(self.names) - 1, -1, -1) if self.names[at] is None]


class Places:
    """Places as sets of zones and entities, each a number, with their members as arrays for compiled code.

    ``zones`` and ``entities`` (n, 4) hold the numbers of a place's members, -1 where it has fewer. A place that names
    more than four of either is cut; ``cut`` counts those.
    """

    def __init__(self, zones: I4, entities: I4, fixed_zones: Iterable[str] = ()) -> None:
        self.zone_names: Names[str] = Names(fixed_zones)
        self.entity_names: Names[str] = Names()
        self.sets: Names[tuple[tuple[int, ...], tuple[int, ...]]] = Names()
        self.fixed = len(self.zone_names)
        self.cut = 0
        self.memo: dict[tuple[str | None, tuple[str, ...], str | None], int] = {}
        self.zones = zones
        self.entities = entities

    def number(self, zones: tuple[str, ...], entities: tuple[str, ...]) -> int:
        """Give the number of a place."""
        if len(zones) > KEYS or len(entities) > KEYS:
            self.cut += 1
        key = (
            tuple([self.zone_names.number(each) for each in zones[:KEYS]]),
            tuple([self.entity_names.number(each) for each in entities[:KEYS]]),
        )
        found = self.sets.index.get(key)
        return found if found is not None else self._new(key)

    def _new(self, key: tuple[tuple[int, ...], tuple[int, ...]]) -> int:
        if len(self.sets) - len(self.sets.free) >= len(self.zones) - 1:
            self.cut += 1  # more places than anybody has; this one is nowhere
            key = ((), ())
        at = self.sets.number(key)
        self._write(at, key)
        return at

    def _write(self, at: int, key: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
        self.zones[at], self.entities[at] = NONE, NONE
        self.zones[at, : len(key[0])] = key[0]
        self.entities[at, : len(key[1])] = key[1]

    def zones_of(self, place: int) -> tuple[str, ...]:
        """Names of the zones of a place."""
        return tuple([self.zone_names.name(each) for each in self.sets.name(place)[0]])

    def entities_of(self, place: int) -> tuple[str, ...]:
        """Names of the entities of a place."""
        return tuple([self.entity_names.name(each) for each in self.sets.name(place)[1]])

    def sweep(self, used: set[int], zones: Iterable[str]) -> None:
        """Forget places, zones and entities that are not used; zones of the site and those named stay."""
        self.memo.clear()
        self.sets.sweep(used)
        kept = [key for key in self.sets.names if key is not None]
        named = {self.zone_names.index[each] for each in zones if each in self.zone_names.index}
        self.zone_names.sweep({*range(self.fixed), *named, *(zone for key in kept for zone in key[0])})
        self.entity_names.sweep({entity for key in kept for entity in key[1]})

    def freeze(
        self,
    ) -> tuple[list[str | None], list[str | None], list[tuple[tuple[int, ...], tuple[int, ...]] | None], int]:
        """Give what `thaw` needs."""
        return self.zone_names.names, self.entity_names.names, self.sets.names, self.cut

    def thaw(
        self,
        zones: list[str | None],
        entities: list[str | None],
        sets: list[tuple[tuple[int, ...], tuple[int, ...]] | None],
        cut: int,
    ) -> None:
        """Take over what `freeze` gave."""
        self.memo.clear()
        self.zone_names, self.entity_names, self.sets, self.cut = (
            Names(zones),
            Names(entities),
            Names(sets),
            cut,
        )
        for at, key in enumerate(sets):
            if key is not None:
                self._write(at, key)
