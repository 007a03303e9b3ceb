"""What the plan stage knows of the place right now, folded from context facts and detections."""

from collections.abc import Iterable

from msgspec import Struct, field

from s4allcities.domain import Context, Detection, Event

__all__ = ("DISTRUST_KINDS", "Doubt", "Situation", "distrust", "fold")

DISTRUST_KINDS = frozenset({"unauthorised-write", "door-contradiction"})
"""Detections that make an exit doubtful: what its controller says can no longer be believed."""


class Doubt(Struct, frozen=True):
    """Why an exit must not be counted on, since when, and whether it is known to be shut."""

    reason: str
    t_us: int
    unusable: bool = False


class Situation(Struct):
    """Live facts by slug. ``people`` by zone; ``smoke_pct_m`` by sensor; ``exits`` only those in doubt or unusable;
    ``jams`` by street with the speed in km/h; ``capacity_ps`` people a second by exit as counted where people queued.
    """

    people: dict[str, float] = field(default_factory=dict)
    smoke_pct_m: dict[str, float] = field(default_factory=dict)
    exits: dict[str, Doubt] = field(default_factory=dict)
    jams: dict[str, float] = field(default_factory=dict)
    capacity_ps: dict[str, float] = field(default_factory=dict)


def _fold_context(situation: Situation, fact: Context) -> None:
    match fact.attribute:
        case "people":
            situation.people[fact.subject] = float(fact.value)
        case "smoke_pct_m":
            situation.smoke_pct_m[fact.subject] = float(fact.value)
        case "traffic" if fact.value == "jam":
            situation.jams.setdefault(fact.subject, 0.0)
        case "traffic":
            situation.jams.pop(fact.subject, None)
        case "speed_kmh" if fact.subject in situation.jams:
            situation.jams[fact.subject] = float(fact.value)
        case "exit_state" if fact.value == "usable":
            situation.exits.pop(fact.subject, None)
        case "exit_state":
            unusable = fact.value == "unusable"
            situation.exits[fact.subject] = Doubt(fact.reason or "closed", fact.t_us, unusable)
        case _:
            pass


def _fold_detection(situation: Situation, detection: Detection, exits: frozenset[str]) -> None:
    if detection.kind not in DISTRUST_KINDS:
        return
    for entity in detection.place.entities:
        known = situation.exits.get(entity)
        if entity not in exits or (known is not None and known.unusable):
            continue
        if known is None or detection.kind == "door-contradiction":
            situation.exits[entity] = Doubt(distrust(detection), detection.t_us)


def distrust(detection: Detection) -> str:
    """Say why an exit that a detection of these kinds names cannot be counted on."""
    if detection.kind == "door-contradiction":
        return "doubtful: says open but nobody passes, controller tampered"
    return "doubtful: an unknown host wrote to its door controller"


def fold(situation: Situation, events: Iterable[Event], exits: frozenset[str]) -> None:
    """Take events in; ``exits`` are the slugs that count as exits."""
    for event in events:
        if isinstance(event, Context):
            _fold_context(situation, event)
        elif isinstance(event, Detection):
            _fold_detection(situation, event, exits)
