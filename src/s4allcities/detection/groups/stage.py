"""The stage: readings in; which group of sensors does not fit together, and whose readings are to blame, out."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...domain import US_PER_S, Detection, ObservationBatch
from ...domain.events import Event
from ..sensors import Sensors, group_of, name_of, place_of
from .config import GroupsConfig, groups_config
from .model import BLAMED, GroupRow, begin_trail, fit_group, judge_row
from .state import GroupsState, GroupState

__all__ = ("GroupsStage",)

_PAST_US = -(2**61)
_FUTURE_US = 60 * US_PER_S
SETTLE_ROWS = 60
HEARD_SHARE = 0.5
"""A member belongs to the model when it spoke in so many of the rows that teach."""


class GroupsStage:
    """Says which group of sensors does not fit together (Q), or fits but is far out (T2), and whom to blame.

    In plain words: once a minute all members of a group make a row. A day of rows teaches which few movements the
    members share. A row that they do not explain is unusual, and the members that they explain least are blamed; so is
    one that they explain, but further out than any before it.

    Limits: nothing is said before ``train_rows`` rows; a group with fewer than ``members_least`` members that speak is
    not watched; a reading that comes after its row was judged is left out. See ``docs/reference/detectors/groups.md``.

    Parameters: ``config`` the settings, ``sensors`` those of the site by slug.
    """

    name = "groups"
    inputs: tuple[str, ...] = ("obs.>",)
    heavy = False

    def __init__(self, config: GroupsConfig | None = None, sensors: Sensors | None = None) -> None:
        self.config = config or groups_config()
        self.sensors: Sensors = sensors or {}
        self.members = dict(self._members())
        self._places: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for name, members in self.members.items():
            for place, member in enumerate(members):
                sensor, _, quantity = member.rpartition("/")
                self._places.setdefault((sensor, quantity), []).append((name, place))
        self._row_us = round(self.config.row_s * US_PER_S)

    def _members(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        least, most = self.config.members_least, self.config.members_most
        for quantity in sorted(self.config.quantities):
            found = sorted(
                slug
                for slug, spec in self.sensors.items()
                if any(each.name == quantity for each in getattr(spec, "quantities", ()))
                and f"{slug}/{quantity}" not in self.config.left_out
            )
            if len(found) >= least:
                yield quantity, tuple(f"{slug}/{quantity}" for slug in found[:most])
        yield from ((name, members[:most]) for name, members in self.config.groups.items())

    def start(self) -> GroupsState:
        """Give the state before any input."""
        return GroupsState(self.members, self.config.train_rows)

    def snapshot(self, state: GroupsState) -> bytes:
        """Freeze the state."""
        return state.freeze()

    def restore(self, data: bytes) -> GroupsState:
        """Thaw what `snapshot` gave. :raises ValueError: of another version or not whole."""
        state = self.start()
        state.thaw(data)
        return state

    def step(self, state: GroupsState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in."""
        if not len(batch):
            return []
        usable = (batch.quality < 2) & (np.abs(batch.value) < 1e30)
        usable &= (batch.t_us > _PAST_US) & (batch.t_us <= now_us + _FUTURE_US)
        found: list[tuple[int, Event]] = []
        for name, places in self._in_batch(batch).items():
            place = places[batch.series_ix]
            rows = np.flatnonzero(usable & (place >= 0))
            if len(rows):
                found += self._fill(state, name, place[rows], batch.t_us[rows], batch.value[rows], rows)
        return [event for _, event in sorted(found, key=lambda each: each[0])]

    def _in_batch(self, batch: ObservationBatch) -> dict[str, NDArray[np.int64]]:
        """Give by group which member each series of a batch is; -1 where none."""
        out: dict[str, NDArray[np.int64]] = {}
        for index, series in enumerate(batch.series):
            for name, place in self._places.get((series.sensor, series.quantity), ()):
                out.setdefault(name, np.full(len(batch.series), -1, np.int64))[index] = place
        return out

    def _fill(
        self,
        state: GroupsState,
        name: str,
        place: NDArray[np.int64],
        t_us: NDArray[np.int64],
        value: NDArray[np.float64],
        rows: NDArray[np.int64],
    ) -> Iterator[tuple[int, Event]]:
        """Put readings into the group's row; a reading of a later time closes it."""
        group = state.groups[name]
        slot = t_us // self._row_us
        reached = np.maximum(np.maximum.accumulate(slot), group.slot)
        late = slot < reached
        state.late += int(late.sum())
        edges = np.flatnonzero(np.diff(reached, prepend=group.slot))
        for first, last in zip([0, *edges], [*edges, len(slot)], strict=True):
            if last <= first:
                continue
            if first in edges and group.slot >= 0:
                said = self._close(group, name)
                if said is not None:
                    yield int(rows[first]), said
            group.slot = int(reached[first])
            part = np.arange(first, last)[~late[first:last]]
            group.row[place[part]] = value[part]  # the last one of a member stays

    def _close(self, group: GroupState, name: str) -> Detection | None:
        """Judge the row that is full, let it teach if it is usual, and begin the next."""
        values, group.row = group.row, np.full(group.row.size, np.nan)
        if group.model is None or group.trail is None:
            self._teach(group, values)
            return None
        judged = judge_row(group.model, group.trail, values[group.heard])
        if max(judged.q, judged.t2) < self.config.bar_times:
            group.unusual_rows = 0
            self._teach(group, values)
            return None
        group.unusual_rows += 1
        if group.unusual_rows >= self.config.hold_rows:
            group.model, group.trail, group.n_taught, group.unusual_rows = None, None, 0, 0
            return None
        t_us = (group.slot + 1) * self._row_us
        if t_us - group.t_said_us < self.config.repeat_s * US_PER_S:
            return None
        group.t_said_us = t_us
        return self._say(group, name, judged, t_us)

    def _teach(self, group: GroupState, values: NDArray[np.float64]) -> None:
        group.taught[group.n_taught] = values
        group.n_taught += 1
        if group.n_taught < self.config.train_rows:
            return
        group.n_taught = 0
        group.heard = np.isfinite(group.taught).mean(axis=0) >= HEARD_SHARE
        if int(group.heard.sum()) < self.config.members_least:
            group.model = group.trail = None
            return
        rows = group.taught[:, group.heard].astype(np.float64)
        group.model = fit_group(rows)
        group.trail = begin_trail(group.model)
        for row in rows[-SETTLE_ROWS:]:  # so that the first row judged is not a jump out of nothing
            judge_row(group.model, group.trail, row)

    def _say(self, group: GroupState, name: str, judged: GroupRow, t_us: int) -> Detection:
        members = [each for each, heard in zip(self.members[name], group.heard, strict=True) if heard]
        apart = judged.q >= judged.t2
        order = np.argsort(-(judged.shares if apart else judged.far), kind="stable")[:BLAMED].tolist()
        first, others = members[order[0]], [members[i].rpartition("/")[0] for i in order[1:]]
        sensor, _, quantity = first.rpartition("/")
        times = max(judged.q, judged.t2)
        rest = ", ".join(name_of(self.sensors, each) for each in others)
        who = name_of(self.sensors, sensor)
        text = (
            f"{who}: {quantity.replace('_', ' ')} does not fit the other {len(members) - 1} of {name};"
            f" after it {rest} fit least"
            if apart
            else f"all {len(members)} of {name} together are further out than before; {who} most"
        )
        return Detection(
            id="",
            t_us=t_us,
            kind="sensor-anomaly",
            detector=self.name,
            sensor=sensor,
            group=group_of(self.sensors, quantity, sensor),
            place=place_of(self.sensors, sensor),
            confidence=round(0.8 - 0.6 * float(np.exp(-(times / self.config.bar_times - 1.0) / 3.0)), 3),
            value=round(times, 3),
            usual=1.0,
            unit="times the usual",
            text=text,
            provenance=tuple(members[i].rpartition("/")[0] for i in order),
        )
