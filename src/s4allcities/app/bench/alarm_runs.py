"""Generated worlds through fusion, risk and alarms, with a scripted operator; what was called, and what was missed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from s4allcities.awareness.alarms import AlarmStage, names_of
from s4allcities.awareness.context import CalendarStage, Entry
from s4allcities.awareness.risk import RiskStage, zones_of
from s4allcities.domain import US_PER_S, Alert, AlertAction, AlertVerb, Event, Incident, Stage
from s4allcities.evaluation.alarm_kpis import AlarmMonitor
from s4allcities.fusion import FusionStage, topology_of
from s4allcities.scenario.generated.events import Event as TrueEvent
from s4allcities.scenario.generated.worlds import GeneratedWorld
from s4allcities.site import Site

from ..offline import Offline, ticks

__all__ = ("Called", "Run", "judging_stages", "run_world", "unseen")

LOOKS_AFTER_US = 20 * US_PER_S
CLOSES_AFTER_US = 300 * US_PER_S
LATE_US = 300 * US_PER_S
"""An act that was called within this time after it ended still counts as seen."""


def judging_stages(site: Site, entries: Iterable[Entry] = ()) -> tuple[Stage[Any], ...]:
    """Make context, fusion, risk and alarms for a site, as the platform has them."""
    zone = ZoneInfo(site.timezone)
    return (
        CalendarStage(entries, zone=zone, capacity_people=float(sum(z.capacity_people for z in site.zones))),
        FusionStage(topology_of(site)),
        RiskStage(zones_of(site), zone=zone),
        AlarmStage(names_of(site), zone=zone),
    )


class Called(Struct, frozen=True, kw_only=True):
    """One call for attention: when, which alert, and the zones and hypothesis of its incident then."""

    t_us: int
    alert_id: str
    level: str
    hypothesis: str
    zones: tuple[str, ...]
    group: str = ""


class Run(Struct, kw_only=True):
    """What came of a world: ``listed`` are all alerts, called or not; ``confirmed`` all incidents with an alert."""

    detections: int
    calls: list[Called]
    listed: dict[str, Alert]
    zones: dict[str, set[str]]
    hypotheses: dict[str, set[str]]
    confirmed: set[str]
    monitor: AlarmMonitor
    end_us: int

    def called_in(self, from_us: int, to_us: int) -> list[Called]:
        """Give the calls of a span."""
        return [call for call in self.calls if from_us <= call.t_us < to_us]


class _Operator:
    """Acknowledges what called after 20 s and closes it 5 min later, so that incidents end as they do in life."""

    def __init__(self) -> None:
        self._due: dict[tuple[str, AlertVerb], int] = {}
        self._seen: dict[str, Alert] = {}
        self._number = 0

    def see(self, event: Event, now_us: int) -> Iterator[Event]:
        """Look at an event; nothing is done at once."""
        if isinstance(event, Alert):
            self._seen[event.id] = event
            if event.state in ("new", "reopened", "escalated") and not event.held:
                self._due.setdefault((event.id, "acknowledge"), now_us + LOOKS_AFTER_US)
            elif event.state in ("acknowledged", "resolved"):
                self._due.setdefault((event.id, "close"), now_us + CLOSES_AFTER_US)
        yield from ()

    def act(self, now_us: int) -> list[Event]:
        """Give what is due now."""
        out: list[Event] = []
        for key in [key for key, t_us in self._due.items() if t_us <= now_us]:
            del self._due[key]
            alert = self._seen[key[0]]
            self._number += 1
            out.append(
                AlertAction(
                    id=f"bench-{self._number}",
                    t_us=now_us,
                    alert_id=alert.id,
                    verb=key[1],
                    actor="operator",
                    role="operator",
                    expected_version=alert.version,
                    reason="seen to",
                )
            )
        return out


def run_world(
    site: Site,
    world: GeneratedWorld,
    entries: Iterable[Entry] = (),
    facts: Sequence[Event] = (),
    every_s: float = 1.0,
) -> Run:
    """Run a world through the stages; ``facts`` are given first."""
    operator = _Operator()
    offline = Offline(judging_stages(site, entries), operator.see)
    end_us = world.start_us + round(world.duration_s * US_PER_S)
    run = Run(
        detections=len(world.detections), calls=[], listed={}, zones={}, hypotheses={}, confirmed=set(),
        monitor=AlarmMonitor(), end_us=end_us,
    )  # fmt: skip
    feed = ((each.arrives_us, each.detection) for each in world.detections)
    _note(run, offline.give(list(facts), world.start_us))
    for batch, now_us in ticks(feed, world.start_us, end_us, every_s):
        _note(run, offline.give([*batch, *operator.act(now_us)], now_us))
    return run


def _note(run: Run, said: Iterable[Event]) -> None:
    for event in said:
        match event:
            case Incident():
                run.zones.setdefault(event.id, set()).update(event.zones)
                run.hypotheses.setdefault(event.id, set()).add(event.hypothesis)
                if event.status == "confirmed":
                    run.confirmed.add(event.id)
            case Alert():
                _note_alert(run, event)


def _note_alert(run: Run, alert: Alert) -> None:
    known = run.listed.get(alert.id)
    newer = known is None or alert.t_annunciated_us > known.t_annunciated_us
    if not alert.held and newer:
        zones = tuple(sorted(run.zones.get(alert.incident_id, ())))
        run.calls.append(
            Called(
                t_us=alert.t_annunciated_us,
                alert_id=alert.id,
                level=alert.level,
                hypothesis=alert.hypothesis,
                zones=zones,
            )
        )
    run.listed[alert.id] = alert
    run.monitor.take(alert)


def unseen(run: Run, world: GeneratedWorld, *, by_name: bool = False) -> list[str]:
    """Give the true acts that nobody was called for: no alert that called, or is listed in one that did, about a zone
    of the act, between its beginning and five minutes after its end. ``by_name`` also asks for its hypothesis.
    """
    return [
        event.id
        for event in world.events
        if event.dangerous and not _seen(run, world.start_us, event, by_name)
    ]


def _seen(run: Run, start_us: int, event: TrueEvent, by_name: bool) -> bool:
    from_us = start_us + round(event.from_s * US_PER_S)
    to_us = start_us + round(event.to_s * US_PER_S) + LATE_US
    places = {spot.zone for _, spot in event.path}
    called: Mapping[str, list[int]] = {}
    for call in run.calls:
        called.setdefault(call.alert_id, []).append(call.t_us)  # type: ignore[attr-defined]
    for alert in run.listed.values():
        times = called.get(alert.id) or called.get(alert.group, [])
        incident = alert.incident_id
        here = bool(places & run.zones.get(incident, set()))
        named = event.hypothesis in run.hypotheses.get(incident, set())
        if here and (named or not by_name) and any(from_us <= t_us <= to_us for t_us in times):
            return True
    return False
