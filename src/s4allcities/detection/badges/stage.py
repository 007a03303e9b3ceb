"""The stage: access events, doors and counters in; badges and doors that behave as no ordinary visit does out."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from math import inf, isfinite
from typing import Annotated, Any

from msgspec import Meta, Struct

from ...domain import US_PER_S, Detection, ObservationBatch
from ...domain.events import Event
from ...domain.snapshots import StructSnapshots
from ..config import load_config
from ..rows import Reading, readings_of
from ..sensors import Sensors, name_of, place_of

__all__ = (
    "BadgeConfig",
    "BadgeStage",
    "BadgeState",
    "Portal",
    "Sight",
    "Visit",
    "Wait",
    "badge_config",
    "portals_of",
)

HOURS = 24
_COUNTERS = ("people", "counter")
_FLOWS = ("in_per_min", "out_per_min")
_NEVER_US = -(2**62)
_GAP_S = 10.0
_LAST_US = 2**52  # the year 2112: later times have no hour of the day
_Positive = Annotated[float, Meta(gt=0)]
_Share = Annotated[float, Meta(gt=0, lt=1)]


class BadgeConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings; times in seconds.

    A badge at two readers is impossible when less than ``hurry`` of the walking time lies between. A door may open
    within ``grant_s`` of a grant and stand open for ``held_s``. More than ``tail_surplus`` people above the grants of
    a visit slipped in. Where sight covers a door, somebody is to be seen within ``sight_s`` of a grant. An hour is rare
    for a role when its share of the role's earlier grants, at least ``hour_least``, is below ``hour_share``.
    """

    hurry: _Share = 0.4
    grant_s: _Positive = 10.0
    held_s: _Positive = 45.0
    held_repeat_s: _Positive = 60.0
    tail_surplus: _Positive = 1.5
    sight_s: _Positive = 15.0
    sight_fresh_s: _Positive = 30.0
    hour_least: Annotated[int, Meta(ge=1)] = 200
    hour_share: _Share = 0.004
    denied_most: Annotated[int, Meta(ge=2)] = 4
    denied_within_s: _Positive = 300.0
    badges_most: Annotated[int, Meta(ge=1)] = 20_000


def badge_config(changes: Mapping[str, Any] | None = None) -> BadgeConfig:
    """Give the shipped settings with an installation's changes. :raises ConfigError: not allowed."""
    return load_config(__package__ or "", BadgeConfig, changes)


class Portal(Struct, frozen=True):
    """A reader with the door it guards, the counters behind it and what sees who stands there (each may be none)."""

    reader: str
    door: str = ""
    counters: tuple[str, ...] = ()
    sights: tuple[str, ...] = ()


class Visit(Struct):
    """What happens at one portal: since when its door is open, for how many grants, and how many went through."""

    t_open_us: int = _NEVER_US
    open: bool = False
    forced: bool = False
    grants: list[int] = []
    granted: int = 0
    passed: float = 0.0
    said_tail: bool = False
    t_held_said_us: int = _NEVER_US


class Sight(Struct):
    """The last that a counter or camera said, and when it last saw anybody."""

    t_us: int = _NEVER_US
    t_anybody_us: int = _NEVER_US


class Wait(Struct):
    """A grant whose bearer is yet to be seen."""

    t_due_us: int
    t_us: int
    reader: str
    badge: str


class BadgeState(Struct):
    """All badges, doors, counters and habits. Badges are pseudonyms that change every hour."""

    badges: dict[str, tuple[int, str]] = {}
    visits: dict[str, Visit] = {}
    sights: dict[str, Sight] = {}
    waits: list[Wait] = []
    hours: dict[str, list[int]] = {}
    denied: dict[str, list[int]] = {}


def portals_of(sensors: Sensors) -> tuple[Portal, ...]:
    """Put readers (family ``access`` or ``lock``) together with doors, counters and cameras that cover the same."""
    zones = {spec.zone for spec in sensors.values()}
    own = {slug: set(spec.covers) - zones for slug, spec in sensors.items()}

    def beside(reader: str, families: Iterable[str]) -> tuple[str, ...]:
        return tuple(
            sorted(s for s, spec in sensors.items() if spec.family in families and own[s] & own[reader])
        )

    readers = [slug for slug, spec in sensors.items() if spec.family in ("access", "lock")]
    return tuple(
        Portal(
            reader,
            next(iter(beside(reader, ("door",))), ""),
            beside(reader, _COUNTERS),
            beside(reader, (*_COUNTERS, "camera")),
        )
        for reader in sorted(readers)
    )


class BadgeStage(StructSnapshots[BadgeState]):
    """Says ``badge-cloned``, ``tailgating``, ``door-forced``, ``door-held``, ``badge-anomaly`` and ``lock-attack``.

    Parameters: ``portals`` of the site; ``walk_s`` the walking time between two readers, seconds; ``zone`` the site's
    time zone, in which hours are counted. Limits: see ``docs/reference/detectors/badges.md``.
    """

    name = "badges"
    inputs: tuple[str, ...] = ("obs.access.>", "obs.door.>", "obs.people.>", "obs.camera.>")
    heavy = False
    state_type = BadgeState

    def __init__(
        self,
        config: BadgeConfig | None = None,
        sensors: Sensors | None = None,
        *,
        walk_s: Mapping[tuple[str, str], float] | None = None,
        zone: tzinfo = UTC,
    ) -> None:
        self.config = config or badge_config()
        self.sensors: Sensors = sensors or {}
        self.portals = {each.reader: each for each in portals_of(self.sensors)}
        self._by_door = {each.door: each for each in self.portals.values() if each.door}
        self._by_counter: dict[str, list[Portal]] = {}
        for each in self.portals.values():
            for counter in each.counters:
                self._by_counter.setdefault(counter, []).append(each)
        self._walk_s = walk_s or {}
        self._zone = zone

    def step(self, state: BadgeState, batch: ObservationBatch, now_us: int) -> list[Event]:
        """Take one batch in."""
        found: list[Event] = []
        for reading in readings_of(batch, now_us):
            found += self._unseen(state, reading.t_us)
            if reading.schema == "access/1" and isinstance(reading.data, Mapping):
                found += self._access(state, reading, reading.data)
            elif reading.quantity == "open" and reading.sensor in self._by_door and isfinite(reading.value):
                found += self._door(state, self._by_door[reading.sensor], reading)
            elif reading.quantity in (*_FLOWS, "people"):
                found += self._count(state, reading)
        return found

    # --- badges -------------------------------------------------------------------------------------------

    def _access(self, state: BadgeState, reading: Reading, said: Mapping[str, Any]) -> list[Event]:
        badge, role = str(said.get("badge", "")), str(said.get("role", ""))
        found = [self._attack(reading, said, text) for text in _attacks(said)]
        if said.get("result") != "granted":
            return [*found, *self._denied(state, reading)]
        state.denied.pop(reading.sensor, None)
        portal = self.portals.get(reading.sensor)
        visit = state.visits.setdefault(reading.sensor, Visit())
        visit.grants.append(reading.t_us)
        if visit.open:
            visit.granted += 1
        if portal is not None and portal.sights:
            due_us = reading.t_us + round(self.config.sight_s * US_PER_S)
            state.waits.append(Wait(due_us, reading.t_us, reading.sensor, badge))
        if badge:
            found += self._travel(state, badge, reading)
        if role and 0 <= reading.t_us < _LAST_US:
            found += self._hour(state, role, reading)
        return found

    def _travel(self, state: BadgeState, badge: str, reading: Reading) -> list[Event]:
        before = state.badges.pop(badge, None)
        if before is not None and before[0] > reading.t_us:
            state.badges[badge] = before  # a late event says nothing about the way since
            return []
        state.badges[badge] = (reading.t_us, reading.sensor)
        while len(state.badges) > self.config.badges_most:
            del state.badges[next(iter(state.badges))]
        if before is None or before[1] == reading.sensor:
            return []
        walk_s = self._walk_s.get((before[1], reading.sensor), 0.0)
        took_s = (reading.t_us - before[0]) / US_PER_S
        if took_s >= self.config.hurry * walk_s:
            return []
        text = (
            f"One badge at {self._name(before[1])} and {took_s:.0f} s later at {self._name(reading.sensor)}, "
            f"{_duration(walk_s)} away on foot"
        )
        sure = 0.6 + 0.35 * (1 - took_s / (self.config.hurry * walk_s)) if walk_s < inf else 0.95
        return [self._said("badge-cloned", reading, sure, text, value=took_s, usual=walk_s, other=before[1])]

    def _hour(self, state: BadgeState, role: str, reading: Reading) -> list[Event]:
        """A Dirichlet estimate with one grant of doubt an hour; an hour borrows from the two beside it."""
        hours = state.hours.setdefault(role, [0] * HOURS)
        hour = datetime.fromtimestamp(reading.t_us / US_PER_S, self._zone).hour
        total = sum(hours)
        near = 0.25 * hours[hour - 1] + 0.5 * hours[hour] + 0.25 * hours[(hour + 1) % HOURS]
        share = (near + 1 / HOURS) / (total + 1)
        hours[hour] += 1
        if total < self.config.hour_least or share >= self.config.hour_share:
            return []
        text = (
            f"{self._name(reading.sensor)} opened for role {role} at an hour at which that role never comes"
        )
        sure = 0.4 + 0.3 * (1 - share / self.config.hour_share)
        return [self._said("badge-anomaly", reading, sure, text, value=float(hour))]

    def _denied(self, state: BadgeState, reading: Reading) -> list[Event]:
        since_us = reading.t_us - round(self.config.denied_within_s * US_PER_S)
        times = state.denied.setdefault(reading.sensor, [])
        times.append(reading.t_us)
        times[:] = [each for each in times if each >= since_us]
        if len(times) < self.config.denied_most:
            return []
        count = len(times)
        times.clear()
        text = (
            f"{self._name(reading.sensor)} refused {count} tries within {self.config.denied_within_s:.0f} s"
        )
        return [self._said("lock-attack", reading, 0.6, text, value=float(count))]

    def _attack(self, reading: Reading, said: Mapping[str, Any], text: str) -> Event:
        distance = said.get("distance_bits")
        value = float(distance) if isinstance(distance, int | float) else None
        return self._said("lock-attack", reading, 0.85, f"{self._name(reading.sensor)}: {text}", value=value)

    # --- doors --------------------------------------------------------------------------------------------

    def _door(self, state: BadgeState, portal: Portal, reading: Reading) -> list[Event]:
        visit = state.visits.setdefault(portal.reader, Visit())
        opens = reading.value >= 0.5
        since_us = reading.t_us - round(self.config.grant_s * US_PER_S)
        visit.grants = [each for each in visit.grants if each >= since_us]
        if not opens:
            visit.open = visit.forced = False
            return []
        if not visit.open:
            visit.open, visit.t_open_us, visit.passed, visit.said_tail = True, reading.t_us, 0.0, False
            visit.granted, visit.t_held_said_us = len(visit.grants), _NEVER_US
            visit.forced = not visit.grants
            return self._forced(portal, reading) if visit.forced else []
        return self._held(portal, visit, reading)

    def _forced(self, portal: Portal, reading: Reading) -> list[Event]:
        text = (
            f"{self._name(portal.door)} opened without a badge at {self._name(portal.reader)} within "
            f"{self.config.grant_s:.0f} s"
        )
        return [self._said("door-forced", reading, 0.75, text, other=portal.reader)]

    def _held(self, portal: Portal, visit: Visit, reading: Reading) -> list[Event]:
        open_s = (reading.t_us - visit.t_open_us) / US_PER_S
        quiet_us = round(self.config.held_repeat_s * US_PER_S)
        if open_s < self.config.held_s or reading.t_us - visit.t_held_said_us < quiet_us:
            return []
        visit.t_held_said_us = reading.t_us
        text = f"{self._name(portal.door)} has stood open for {open_s:.0f} s"
        sure = min(0.8, 0.4 + 0.2 * open_s / self.config.held_s)
        return [self._said("door-held", reading, sure, text, value=open_s, usual=self.config.held_s)]

    def _count(self, state: BadgeState, reading: Reading) -> list[Event]:
        sight = state.sights.setdefault(reading.sensor, Sight())
        if reading.t_us < sight.t_us or not 0 <= reading.value < 1e6:
            return []
        between_s = min(_GAP_S, (reading.t_us - sight.t_us) / US_PER_S) if sight.t_us > _NEVER_US else 0.0
        found: list[Event] = []
        if reading.quantity in _FLOWS:
            people = reading.value / 60.0 * between_s
            for portal in self._by_counter.get(reading.sensor, ()):
                found += self._passed(state, portal, people, reading)
        sight.t_us = reading.t_us
        if reading.value > 0:
            sight.t_anybody_us = reading.t_us
        return found

    def _passed(self, state: BadgeState, portal: Portal, people: float, reading: Reading) -> list[Event]:
        visit = state.visits.get(portal.reader)
        if visit is None or not visit.open or visit.forced:
            return []
        visit.passed += people
        surplus = visit.passed - visit.granted
        if visit.said_tail or surplus < self.config.tail_surplus:
            return []
        visit.said_tail = True
        text = (
            f"{visit.passed:.0f} people went through {self._name(portal.door)} on {visit.granted} "
            f"{'badge' if visit.granted == 1 else 'badges'}"
        )
        sure = min(0.9, 0.5 + 0.1 * surplus)
        return [
            self._said(
                "tailgating",
                reading,
                sure,
                text,
                value=visit.passed,
                usual=float(visit.granted),
                other=portal.reader,
            )
        ]

    def _unseen(self, state: BadgeState, t_us: int) -> list[Event]:
        if not state.waits or t_us < state.waits[0].t_due_us:
            return []
        due = [wait for wait in state.waits if wait.t_due_us <= t_us]
        state.waits = [wait for wait in state.waits if wait.t_due_us > t_us]
        return [event for wait in due for event in self._judged(state, wait)]

    def _judged(self, state: BadgeState, wait: Wait) -> list[Event]:
        fresh_us = wait.t_due_us - round(self.config.sight_fresh_s * US_PER_S)
        portal = self.portals[wait.reader]
        watching = [state.sights[s] for s in portal.sights if s in state.sights]
        watching = [sight for sight in watching if sight.t_us >= max(fresh_us, wait.t_us)]
        since_us = wait.t_us - round(self.config.sight_s * US_PER_S)
        if not watching or any(sight.t_anybody_us >= since_us for sight in watching):
            return []
        text = f"A badge opened {self._name(wait.reader)}, but nobody was seen there"
        reading = Reading(wait.reader, "access", "", "", wait.t_due_us, float("nan"))
        return [self._said("badge-anomaly", reading, 0.6, text)]

    # --- words --------------------------------------------------------------------------------------------

    def _name(self, sensor: str) -> str:
        return name_of(self.sensors, sensor)

    def _said(
        self,
        kind: str,
        reading: Reading,
        confidence: float,
        text: str,
        *,
        value: float | None = None,
        usual: float | None = None,
        other: str = "",
    ) -> Detection:
        entities = tuple(dict.fromkeys(each for each in (reading.sensor, other) if each))
        return Detection(
            id="",
            t_us=reading.t_us,
            kind=kind,
            detector=self.name,
            sensor=reading.sensor,
            group=reading.sensor,
            place=place_of(self.sensors, reading.sensor, reading.zone, entities),
            confidence=round(min(0.95, max(0.0, confidence)), 3),
            value=value,
            usual=None if usual is None or usual == inf else usual,
            text=text,
            provenance=entities,
        )


def _attacks(said: Mapping[str, Any]) -> list[str]:
    """The verifier's warnings that speak of an attack; worn tokens and used-up pairs are its owner's matter."""
    warnings = said.get("warnings", ())
    if not isinstance(warnings, list | tuple):
        return []
    return [str(each) for each in warnings if "suspected" in str(each) or "locked out" in str(each)]


def _duration(seconds: float) -> str:
    return "no way" if seconds == inf else f"{seconds:.0f} s"
