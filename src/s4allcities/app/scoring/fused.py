"""A generated world run through fusion as it would arrive: what was published when, and which detection went where."""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.domain import Detection, Incident
from s4allcities.fusion import FusionStage
from s4allcities.fusion.state import FusionState
from s4allcities.scenario.generated.worlds import GeneratedWorld

__all__ = ("FusedWorld", "Version", "fuse_world")

F8 = NDArray[np.float64]

TICK_US = 10_000_000
QUIET_US = 1_800_000_000
"""After so long without a detection everything has faded; time is then no longer told tick by tick."""

LATE_US = 60_000_000
"""What is younger than this may still be taken in anew, when something comes late."""


class Version(Struct, frozen=True, kw_only=True, eq=False):
    """What fusion said of an incident from ``t_us`` (time of arrival) on; ``p`` (K,) in the order of its slugs."""

    t_us: int
    status: str
    p: F8

    @property
    def danger(self) -> float:
        """Probability that it is anything but benign."""
        return 1.0 - float(self.p[0])


class FusedWorld(Struct, frozen=True, kw_only=True, eq=False):
    """``versions`` of each incident by time; ``owner``: detection id -> id of the incident it is part of in the end.

    A detection that is part of none is not in ``owner``.
    """

    world: GeneratedWorld
    versions: dict[str, list[Version]]
    owner: dict[str, str]


def fuse_world(stage: FusionStage, world: GeneratedWorld) -> FusedWorld:
    """Run a world through fusion, each detection at its time of arrival, time passing in steps of 10 s between."""
    state = stage.start()
    versions: dict[str, list[Version]] = {}
    owners = _Owners()
    for now_us, batch in _arrivals(world):
        for event in stage.step(state, batch, now_us):
            if isinstance(event, Incident):
                versions.setdefault(event.id, []).append(_version(event, now_us, stage.data.slugs))
        owners.note(state, batch)
    return FusedWorld(world=world, versions=versions, owner=owners.in_the_end())


class _Owners:
    """Which incident each detection is in, by fusion's own log, which later evidence may still rewrite.

    The log is read for all detections that are still in a row, as arrays, so that a day costs no more than its length.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.serials = np.empty(0, np.int64)
        self.births = np.empty(0, np.int64)
        self.noted_us = np.empty(0, np.int64)
        self.names: dict[int, str] = {}
        self.of: dict[str, str] = {}
        self.notes = 0

    def note(self, state: FusionState, batch: list[Detection]) -> None:
        new = {each.id: state.engine.seen[each.id] for each in batch if each.id in state.engine.seen}
        self.ids += new
        self.serials = np.append(self.serials, np.fromiter(new.values(), np.int64, len(new)))
        self.births = np.append(self.births, np.full(len(new), -1))
        self.noted_us = np.append(self.noted_us, np.full(len(new), state.now_us))
        births = state.owners_of(self.serials)
        held = births >= 0
        for birth in set(births[held & (births != self.births)].tolist()):
            self.names[birth] = state.births.get(birth, "")
        self.births[held] = births[held]
        self.notes += 1
        if self.notes % 64 == 0:
            self._let_go(held | (state.now_us - self.noted_us < LATE_US))

    def _let_go(self, kept: NDArray[np.bool_]) -> None:
        """Nothing changes any longer for what has faded."""
        for at in np.flatnonzero(~kept).tolist():
            self.of[self.ids[at]] = self.names.get(int(self.births[at]), "")
        self.ids = [self.ids[at] for at in np.flatnonzero(kept).tolist()]
        self.serials, self.births, self.noted_us = self.serials[kept], self.births[kept], self.noted_us[kept]

    def in_the_end(self) -> dict[str, str]:
        self._let_go(np.zeros(len(self.ids), bool))
        return {detection: incident for detection, incident in self.of.items() if incident}


def _version(incident: Incident, now_us: int, slugs: tuple[str, ...]) -> Version:
    p = np.array([incident.hypotheses.get(slug, 0.0) for slug in slugs])
    return Version(t_us=now_us, status=incident.status, p=p / p.sum())


def _arrivals(world: GeneratedWorld) -> Iterator[tuple[int, list[Detection]]]:
    """Give each detection at its arrival, and ticks between."""
    now_us = world.start_us
    for each in world.detections:
        quiet = each.arrives_us - now_us > QUIET_US
        until_us = now_us + QUIET_US if quiet else each.arrives_us
        for tick_us in range(now_us + TICK_US, until_us, TICK_US):
            yield tick_us, []
        now_us = each.arrives_us
        yield now_us, [each.detection]
    for tick_us in range(now_us + TICK_US, now_us + 60 * TICK_US, TICK_US):
        yield tick_us, []
