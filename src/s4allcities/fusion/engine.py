"""The compiled core with its memory: events in order, going back when something comes late, growing, snapshots."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
from msgspec import Struct
from numba import typeof, types
from numpy.typing import NDArray

from . import _layout as at
from ._amend import write
from ._chains import rebuild
from ._layout import World
from ._process import process, survey, undo
from .hypotheses import Limits, Reorder

__all__ = ("Engine", "Frozen", "Ordered", "Survey")

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

Ordered = tuple[int, str, int]
"""What orders events: the time they count as (microseconds), their id, and the slot they are in."""

UNDO_KEPT = 8192
"""So many saved records are kept before those that are settled are thrown away."""


class Survey(Struct, frozen=True, eq=False):
    """A read-out of many incidents: (n,) probabilities of the leading hypothesis.

    ``said`` (n, 3): which it is, how many groups speak for it, and a bit for each rule of context that applies.
    """

    probability: F8
    said: I8


class Frozen(Struct, array_like=True):
    """An engine as bytes: the used parts of its tables, and its order of events."""

    serial: int
    g: bytes
    tables: dict[str, bytes]
    ids: list[str]
    order: list[Ordered]
    pen: list[Ordered]
    last_back_us: int
    floor_us: int


def _entry(function: Any, types_: tuple[Any, ...]) -> Any:
    """The compiled function itself: to look at the types of two large records at every call costs more than it."""
    function.compile(types_)
    return function.get_overload(types_)


class Engine:
    """Takes events in as they come and keeps incidents as if all had come in order, within the horizon.

    What comes late makes it go back to its place and on from there (optimistic order with undoing: Jefferson, "Virtual
    time", ACM TOPLAS 7, 1985). So an incident shows at once, without waiting for what may still come.

    ``world`` is replaced by its owner whenever trust, facts or names change.
    """

    def __init__(self, limits: Limits, reorder: Reorder, world: World, world_record: Any) -> None:
        self.limits = limits
        self.reorder = reorder
        self.world = world
        self.world_record = world_record
        self.serial = 0
        self.order: list[Ordered] = []
        self.pen: list[Ordered] = []
        self.last_back_us = 0
        self.floor_us = 0
        self.seen: dict[str, int] = {}
        self.shortened = 0
        self.gone_back = 0
        self.t, self.record = at.new_tables(world.prior.shape[0])
        self.t.g[at.EVENTS] = self.size = min(limits.events, at.MOST_EVENTS)
        self.ids: list[str] = [""] * self.size
        some = typeof(self.record), typeof(world_record)  # type: ignore[no-untyped-call]
        ints, cells = types.Array(types.int64, 1, "C"), types.Array(types.int64, 2, "C")
        floats, places = types.Array(types.float64, 1, "C"), types.Array(types.float64, 2, "C")
        self._process = _entry(process, (*some, ints))
        self._survey = _entry(survey, (*some, ints, types.int64, floats, cells))
        self._write = _entry(write, (*some, types.int64, types.int64, cells, places))

    # --- events ---------------------------------------------------------------------------------------

    def slot(self, id_: str) -> int:
        """Give the next event its slot; what was there is settled for good. `write` fills it in."""
        at_slot = self.serial % self.size
        if self.serial >= self.size:
            self._make_settled(at_slot)
            self.seen.pop(self.ids[at_slot], None)
        self.ids[at_slot] = id_
        if id_:
            self.seen[id_] = self.serial
        self.serial += 1
        return at_slot

    def make_room(self, count: int) -> None:
        """Settle at once what the next so many events will be written over; `slot` does it for one."""
        while count and self.serial + count > self.size and self.order:
            start = max(self.serial, self.size)
            at_slot, n = start % self.size, self.serial + count - start
            orders = self.t.ev_i[:, at.ORD]
            newest_us = int(orders[at_slot : at_slot + n].max())
            if at_slot + n > self.size:
                newest_us = max(newest_us, int(orders[: at_slot + n - self.size].max()))
            if newest_us < self.order[0][0]:
                return
            self.shortened += 1
            self._settle(bisect_left(self.order, (newest_us + 1, "", -1)))

    def write(self, ints: list[tuple[int, ...]], floats: list[tuple[float, ...]]) -> None:
        """Fill in the slots given out last: OP, T, ORD, E_KIND to TARGET, and weight, x, y, sigma of each."""
        first = self.serial - len(ints)
        whole = np.fromiter(chain.from_iterable(ints), np.int64).reshape(
            len(ints), -1
        )  # twice as fast as np.array
        parts = np.fromiter(chain.from_iterable(floats), np.float64).reshape(len(ints), -1)
        self._write(self.record, self.world_record, first, self.size, whole, parts)

    def _make_settled(self, slot: int) -> None:
        """An event that must make room cannot be gone back over any longer: the horizon is shorter for once."""
        ord_us = int(self.t.ev_i[slot, at.ORD])
        if self.order and ord_us >= self.order[0][0]:
            self.shortened += 1
            self._settle(bisect_left(self.order, (ord_us + 1, "", -1)))

    def key(self, slot: int) -> Ordered:
        """What orders the event in a slot."""
        return int(self.t.ev_i[slot, at.ORD]), self.ids[slot] or f"~{self.t.ev_i[slot, at.SERIAL]}", slot

    def pending(self, key: Ordered) -> bool:
        """Whether an event can still be gone back over."""
        place = bisect_left(self.order, key)
        return (place < len(self.order) and self.order[place] == key) or key in self.pen

    def id_of(self, serial: int) -> str:
        """Give the id of an event that is still remembered, or nothing."""
        slot = serial % len(self.ids)
        return self.ids[slot] if serial >= 0 and self.t.ev_i[slot, at.SERIAL] == serial else ""

    def remembered(self, serial: int) -> bool:
        """Whether an event still has its slot."""
        return serial >= 0 and bool(self.t.ev_i[serial % len(self.ids), at.SERIAL] == serial)

    def feed(
        self, fresh: list[Ordered], now_us: int, void: Iterable[Ordered] = (), redo: Iterable[Ordered] = ()
    ) -> None:
        """Take events in where they belong, and out again those that are ``void``; go back to those to ``redo``.

        What is older than the horizon is settled afterwards.
        """
        gone, redo = set(void), list(redo)
        if self.pen and self._may_go_back(now_us):
            fresh, self.pen = [*fresh, *self.pen], []
        fresh.sort()
        if fresh and self.order and fresh[0] <= self.order[-1] and not self._may_go_back(now_us):
            fresh = self._hold(fresh)
        self.pen = [key for key in self.pen if key not in gone]
        if fresh or gone or redo:
            self._take(fresh, gone, redo, now_us)
        floor = (now_us - round(self.reorder.horizon_s * 1e6), "", -1)
        self._settle(bisect_left(self.order, floor))

    def _may_go_back(self, now_us: int) -> bool:
        return now_us - self.last_back_us >= self.reorder.every_s * 1e6

    def _hold(self, fresh: list[Ordered]) -> list[Ordered]:
        """Let what would make us go far back wait a little, so that many late ones cost one way back."""
        if len(self.order) - bisect_left(self.order, fresh[0]) <= self.reorder.cheap:
            return fresh
        split = bisect_left(fresh, self.order[-1])
        self.pen += fresh[:split]
        return fresh[split:]

    def _take(self, fresh: list[Ordered], gone: set[Ordered], redo: list[Ordered], now_us: int) -> None:
        start = len(self.order)
        if fresh:
            start = min(start, bisect_left(self.order, fresh[0]))
        for key in (*gone, *redo):
            start = min(start, bisect_left(self.order, key))
        again = self.order[start:]
        if again:
            self.gone_back += 1
            if len(again) > self.reorder.cheap:
                self.last_back_us = now_us
            undo(self.record, self.world_record, again[0][2])
            del self.order[start:]
            fresh = sorted([*again, *fresh])
        self._run([key for key in fresh if key not in gone] if gone else fresh)
        for _, _, slot in gone:
            self.t.ev_i[slot, at.ROW] = at.NONE

    def _run(self, events: list[Ordered]) -> None:
        slots = np.array([slot for _, _, slot in events], np.int64)
        done = 0
        while done < len(slots):
            step = self._process(self.record, self.world_record, slots[done:])
            self.order += events[done : done + step]
            done += step
            if done < len(slots):
                self._more_undo()

    def _more_undo(self) -> None:
        """Drop what is settled from the undo log; if that is not enough, settle the older half of what is not."""
        self.compact()
        t = self.t
        incs, rows = 4 * int(t.g[at.LIVE]) + 4096, 2 * int(t.g[at.ROWS_USED]) + 8192
        while self.order and (
            at.MOST_UNDO - t.g[at.UNDO_INC] < incs or at.MOST_UNDO - t.g[at.UNDO_ROW] < rows
        ):
            self.shortened += 1
            self._settle((len(self.order) + 1) // 2)
            self.compact()

    def _settle(self, count: int) -> None:
        if count:
            self.floor_us = max(self.floor_us, self.order[count - 1][0])
            del self.order[:count]
        used = max(self.t.g[at.UNDO_INC], self.t.g[at.UNDO_ROW])
        if used > UNDO_KEPT and used > 3 * len(self.order):
            self.compact()

    def compact(self) -> None:
        """Throw away the part of the undo log that lies before the oldest event that can be undone."""
        t = self.t
        if self.order:
            first = self.order[0][2]
            from_inc, from_row = int(t.ev_i[first, at.M_INC]), int(t.ev_i[first, at.M_ROW])
        else:
            from_inc, from_row = int(t.g[at.UNDO_INC]), int(t.g[at.UNDO_ROW])
        slots = np.fromiter((slot for _, _, slot in self.order), np.int64, len(self.order))
        for names, start, column, mark in (
            (("undo_inc_ix", "undo_inc_i", "undo_inc_f", "undo_belief"), from_inc, at.UNDO_INC, at.M_INC),
            (("undo_row_ix", "undo_row_i", "undo_row_f"), from_row, at.UNDO_ROW, at.M_ROW),
        ):
            end = int(t.g[column])
            for name in names:
                array = getattr(t, name)
                array[: end - start] = array[start:end]  # NumPy copies first only what overlaps
            t.g[column] = end - start
            t.ev_i[slots, mark] -= start

    # --- reading --------------------------------------------------------------------------------------

    def take_touched(self) -> I8:
        """Give the incidents changed since the last call, and forget that they were."""
        count = int(self.t.g[at.TOUCHED])
        touched = self.t.touched[:count].astype(np.int64)
        self.t.mark[touched] = 0
        self.t.g[at.TOUCHED] = 0
        return np.sort(touched)

    def used(self) -> I8:
        """All incidents that are not free."""
        return np.flatnonzero(self.t.inc_i[: int(self.t.g[at.HIGH_INC]), at.STATUS] != at.FREE)

    def survey(self, which: I8, now_us: int) -> Survey:
        """Read many incidents out at one time."""
        probability, said = np.empty(len(which)), np.empty((len(which), 3), np.int64)
        self._survey(self.record, self.world_record, which, now_us, probability, said)
        return Survey(probability, said)

    # --- snapshots ------------------------------------------------------------------------------------

    def freeze(self) -> Frozen:
        """Give everything that `thaw` needs; scratch and chains are made anew."""
        t = self.t
        self.compact()
        parts = {name: getattr(t, name)[:size] for name, size in self._used().items()}
        parts["ev_i"] = self._events_to_keep(len(parts["ev_i"]))
        return Frozen(
            serial=self.serial,
            g=t.g.tobytes(),
            tables={name: np.ascontiguousarray(array).tobytes() for name, array in parts.items()},
            ids=self.ids[: min(self.serial, self.size)],
            order=self.order,
            pen=self.pen,
            last_back_us=self.last_back_us,
            floor_us=self.floor_us,
        )

    def _used(self) -> dict[str, int]:
        """How much of each table that a snapshot keeps is in use."""
        g = self.t.g
        incidents, rows, events = int(g[at.HIGH_INC]), int(g[at.HIGH_ROW]), min(self.serial, self.size)
        return {
            **dict.fromkeys(("inc_i", "inc_f", "belief"), incidents),
            **dict.fromkeys(("row_i", "row_f"), rows),
            **dict.fromkeys(("ev_i", "ev_f"), events),
            **dict.fromkeys(("undo_inc_ix", "undo_inc_i", "undo_inc_f", "undo_belief"), int(g[at.UNDO_INC])),
            **dict.fromkeys(("undo_row_ix", "undo_row_i", "undo_row_f"), int(g[at.UNDO_ROW])),
        }

    def _events_to_keep(self, events: int) -> I8:
        """Events without the marks of those that are settled, which say nothing any longer."""
        out = self.t.ev_i[:events].copy()
        settled = np.ones(events, bool)
        settled[[slot for _, _, slot in self.order]] = False
        out[settled, at.M_INC : at.M_HIGH_ROW + 1] = 0
        return out

    def thaw(self, frozen: Frozen) -> None:
        """Take over what `freeze` gave; the world must be in place."""
        self.serial, self.last_back_us, self.floor_us = frozen.serial, frozen.last_back_us, frozen.floor_us
        self.t.g[:] = np.frombuffer(frozen.g, np.int64)
        for name, size in self._used().items():
            array = getattr(self.t, name)
            array[:size] = np.frombuffer(frozen.tables[name], array.dtype).reshape((size, *array.shape[1:]))
        self.ids[: len(frozen.ids)] = frozen.ids
        serials = self.t.ev_i[: len(frozen.ids), at.SERIAL].tolist()
        self.seen = {id_: serial for id_, serial in zip(frozen.ids, serials, strict=True) if id_}
        self.order = [(ord_us, id_, slot) for ord_us, id_, slot in frozen.order]
        self.pen = [(ord_us, id_, slot) for ord_us, id_, slot in frozen.pen]
        rebuild(self.record, self.world_record)
