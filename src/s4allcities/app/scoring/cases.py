"""What fusion is asked about: every event that any sensor noticed, and every incident, each with its true answer."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.domain import BENIGN
from s4allcities.scenario.generated.worlds import DetectedAs

from .fused import FusedWorld

__all__ = ("LOOKS_S", "Case", "Evidence", "Held", "Look", "cases_of", "evidence_of", "held_of")

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

LOOKS_S = (15.0, 60.0, 180.0, 420.0)
"""A forecast is taken so many seconds after the first detection of an event arrived, while the event lasts."""


class Evidence(Struct, frozen=True, kw_only=True, eq=False):
    """What an incident was made from, in order of arrival: ``t_s`` (N,) of arrival, ``kind`` (N,) index, confidence."""

    t_s: F8
    kind: I8
    confidence: F8


class Held(Struct, frozen=True, kw_only=True, eq=False):
    """An incident with its truth: the ``event`` that most of its detections come from, or "" if none does."""

    incident: str
    event: str
    hypothesis: str
    evidence: Evidence


class Look(Struct, frozen=True, kw_only=True):
    """A moment at which a forecast of a case is taken: from ``incident``, "" if nothing knows of the event yet."""

    t_us: int
    incident: str


class Case(Struct, frozen=True, kw_only=True):
    """An event that some sensor noticed. ``truth`` is its hypothesis."""

    event: str
    truth: str
    dangerous: bool
    start_us: int
    looks: tuple[Look, ...]


def evidence_of(detections: list[DetectedAs], start_us: int, kinds: dict[str, int]) -> Evidence:
    """Turn detections into arrays. :raises KeyError: a kind has no index."""
    return Evidence(
        t_s=np.array([(each.arrives_us - start_us) / 1e6 for each in detections]),
        kind=np.array([kinds[each.detection.kind] for each in detections], np.int64),
        confidence=np.array([each.detection.confidence for each in detections]),
    )


def held_of(fused: FusedWorld, kinds: dict[str, int]) -> dict[str, Held]:
    """Give every incident that holds a detection, with the event that it is about."""
    groups: dict[str, list[DetectedAs]] = {}
    for each in fused.world.detections:
        incident = fused.owner.get(each.detection.id)
        if incident is not None:
            groups.setdefault(incident, []).append(each)
    truths = {event.id: event.hypothesis for event in fused.world.events}
    found = {}
    for incident, detections in groups.items():
        event = _mostly(detections)
        found[incident] = Held(
            incident=incident,
            event=event,
            hypothesis=truths.get(event, BENIGN),
            evidence=evidence_of(detections, fused.world.start_us, kinds),
        )
    return found


def _mostly(detections: list[DetectedAs]) -> str:
    """The cause of most of them; its first if several have as many. A false alarm is no event."""
    (cause, _), *_ = Counter(each.cause for each in detections).most_common(1)
    return next(each.event for each in detections if each.cause == cause)


def cases_of(fused: FusedWorld) -> Iterator[Case]:
    """Give the events that at least one detection came from, with the looks at them."""
    world = fused.world
    for event in world.events:
        own = [each for each in world.detections if each.event == event.id]
        if not own:
            continue
        end_us = world.start_us + round(min(event.to_s, world.duration_s) * 1e6)
        moments = [own[0].arrives_us + round(after_s * 1e6) for after_s in LOOKS_S]
        yield Case(
            event=event.id,
            truth=event.hypothesis,
            dangerous=event.dangerous,
            start_us=world.start_us + round(event.from_s * 1e6),
            looks=tuple(
                Look(t_us=t_us, incident=_holding(own, t_us, fused.owner))
                for number, t_us in enumerate(moments)
                if t_us <= end_us or not number
            ),
        )


def _holding(own: list[DetectedAs], t_us: int, owner: dict[str, str]) -> str:
    """The incident that holds most of an event's detections so far."""
    known = (owner.get(each.detection.id, "") for each in own if each.arrives_us <= t_us)
    counted = Counter(incident for incident in known if incident)
    return counted.most_common(1)[0][0] if counted else ""
