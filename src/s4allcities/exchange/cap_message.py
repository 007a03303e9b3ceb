"""From an order and what led to it to a CAP message, in words that the public may read."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from ..domain import US_PER_S, Alert, CourseOfAction, Incident, Order
from ..formats.cap import CapAlert, CapArea, CapInfo, CapReference, certainty_of, severity_of, urgency_of
from ..formats.cap.model import Category, MsgType, ResponseType, Scope, Status
from ..site import Site

__all__ = ("CATEGORIES", "LANGUAGES", "Situation", "Words", "cap_of_order", "words")

LANGUAGES = ("en-GB", "fi-FI", "sv-FI")
_EXPIRES_US = 3600 * US_PER_S
_URGENT = ("critical", "high")
CATEGORIES: dict[str, tuple[Category, ...]] = {
    "fire": ("Fire", "Safety"),
    "toxic-release": ("CBRNE", "Safety"),
    "explosive-precursor": ("CBRNE", "Security"),
    "crowd-crush": ("Safety",),
    "cyber-intrusion": ("Security", "Infra"),
    "sabotage": ("Security", "Infra"),
}


class Words(Struct, frozen=True, kw_only=True):
    """The phrases of one language; ``events`` by hypothesis."""

    exercise: str
    headline: str
    leave: str
    avoid: str
    no_route: str
    events: dict[str, str]


class Situation(Struct, frozen=True, kw_only=True):
    """What is known of an order: each part is missing when it was never seen."""

    order: Order
    course: CourseOfAction | None = None
    incident: Incident | None = None
    alert: Alert | None = None

    @property
    def hypothesis(self) -> str:
        """The threat that the order answers, or ``""``."""
        return self.incident.hypothesis if self.incident is not None else ""

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones it is about: those of the incident, and those that people leave."""
        zones = list(self.incident.zones) if self.incident is not None else []
        zones += [route.from_zone for route in self.course.routes] if self.course is not None else []
        return tuple(dict.fromkeys(zones))


@cache
def words() -> Mapping[str, Words]:
    """Give the phrases of every language."""
    text = files(__package__ or "").joinpath("cap_words.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Words])


def cap_of_order(
    situation: Situation,
    site: Site,
    *,
    confirmed: bool,
    sender: str,
    addresses: Sequence[str],
    languages: Sequence[str],
) -> CapAlert:
    """Make the message of an order.

    Until a second person has ``confirmed``, it is an exercise to private ``addresses``. Then it is an update for the
    public, actual only if the order itself is live: what is simulated stays marked as an exercise.
    """
    order = situation.order
    status: Status = "Actual" if confirmed and order.mode == "live" else "Exercise"
    msg_type: MsgType = "Update" if confirmed else "Alert"
    scope: Scope = "Public" if confirmed else "Private"
    earlier = CapReference(sender=sender, identifier=order.id, sent_us=order.t_us)
    note = "" if order.mode == "live" else f"Made from data of mode {order.mode}; nothing of it is real."
    return CapAlert(
        identifier=f"{order.id}-public" if confirmed else order.id,
        sender=sender,
        sent_us=order.t_us,
        status=status,
        msg_type=msg_type,
        scope=scope,
        source="S4AllCities",
        addresses=() if confirmed else tuple(addresses),
        note=note,
        references=(earlier,) if confirmed else (),
        incidents=(order.incident_id,) if order.incident_id else (),
        infos=tuple(_info(situation, site, language, status, confirmed) for language in languages),
    )


def _info(situation: Situation, site: Site, language: str, status: Status, confirmed: bool) -> CapInfo:
    phrases, hypothesis = words()[language], situation.hypothesis
    event = phrases.events.get(hypothesis, phrases.events["other"])
    headline = phrases.headline.format(event=event, place=_place(situation, site))
    mark = "" if status == "Actual" else f"{phrases.exercise}: "
    incident, alert = situation.incident, situation.alert
    respond: tuple[ResponseType, ...] = (
        ("Evacuate",) if situation.course and situation.course.routes else ("Monitor",)
    )
    urgent = alert is None or alert.level in _URGENT
    return CapInfo(
        language=language,
        categories=CATEGORIES.get(hypothesis, ("Security",)),
        event=event,
        response_types=respond,
        urgency=urgency_of(0.0 if urgent else 1800.0),
        severity=severity_of(alert.level) if alert is not None else "Unknown",
        certainty=certainty_of(incident.probability, confirmed=confirmed)
        if incident is not None
        else "Unknown",
        event_codes=(("s4:hypothesis", hypothesis),) if hypothesis else (),
        effective_us=situation.order.t_us,
        onset_us=incident.t_first_evidence_us if incident is not None else 0,
        expires_us=situation.order.t_us + _EXPIRES_US,
        sender_name=site.name,
        headline=mark + headline,
        description=_description(situation) if language.startswith("en") else "",
        instruction=_instruction(situation, site, phrases),
        parameters=(("TLP", situation.order.handling), ("s4:mode", situation.order.mode)),
        areas=(_area(situation, site),),
    )


def _zone_names(situation: Situation, site: Site) -> list[str]:
    known = {zone.slug: zone.name for zone in site.zones}
    return [known[slug] for slug in situation.zones if slug in known]


def _place(situation: Situation, site: Site) -> str:
    first = [name for name in _zone_names(situation, site)[:1] if name != site.name]
    return ", ".join([*first, site.name])


def _description(situation: Situation) -> str:
    parts = [situation.incident.text if situation.incident is not None else ""]
    course = situation.course
    if course is not None:
        parts.append(f"Ordered: {course.name}.")
        if course.clearance_s.p50 is not None:
            parts.append(f"Predicted time until all are out: {course.clearance_s.p50 / 60:.0f} min (median).")
    return " ".join(part for part in parts if part)


def _instruction(situation: Situation, site: Site, phrases: Words) -> str:
    course = situation.course
    if course is None or not course.routes:
        return phrases.no_route
    names = {opening.slug: opening.name for opening in site.openings}
    used = list(dict.fromkeys(names.get(route.exit, route.exit) for route in course.routes))
    unused = list(dict.fromkeys(names.get(each.exit, each.exit) for each in course.exits_not_used))
    text = phrases.leave.format(exits=", ".join(sorted(used)))
    return f"{text} {phrases.avoid.format(exits=', '.join(sorted(unused)))}" if unused else text


def _area(situation: Situation, site: Site) -> CapArea:
    """Give the outlines of the zones, or of the whole site where none is known."""
    zones = [zone for zone in site.zones if zone.slug in situation.zones]
    polygons = [zone.polygon for zone in zones] or [site.outline]
    rings = []
    for polygon in polygons:
        lonlat = site.frame.ring_to_lonlat(list(polygon.exterior.coords))
        rings.append(tuple((round(float(lat), 6), round(float(lon), 6)) for lon, lat in lonlat))
    return CapArea(
        description=", ".join(_zone_names(situation, site)) or site.name,
        polygons=tuple(rings),
        geocodes=tuple(("s4:zone", zone.slug) for zone in zones),
    )
