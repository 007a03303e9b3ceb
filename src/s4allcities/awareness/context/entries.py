"""The nodes of the context graph: what a city knows about a place beside what its sensors say.

Each node is a small typed statement with an id, its source and the time in which it holds. A new node with the same id
replaces the old one; a withdrawn one is gone.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = (
    "ENTRY_TYPES",
    "Asset",
    "Coverage",
    "Entry",
    "Event",
    "ExpectedCrowd",
    "Measure",
    "Node",
    "OpeningHours",
    "Responders",
    "Responsible",
    "Service",
    "Survey",
    "ThreatLevel",
    "VulnerableGroup",
    "Weather",
    "WeekSlot",
    "Works",
)

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[float, Meta(ge=0, le=10_000_000)]
Text = Annotated[str, Meta(max_length=500)]
Slug = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9.-]*$")]
ClockTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Factor = Annotated[float, Meta(ge=0.01, le=100)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class WeekSlot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A span of the clock on some days of the week, in the site's time zone; one that ends before it starts runs over
    midnight. ``people`` is used by `ExpectedCrowd` only.
    """

    days: tuple[Day, ...]
    start: ClockTime
    end: ClockTime
    people: Count = 0.0


class Node(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"
):
    """What every node says: its id, what people call it, where it comes from and when it holds.

    ``t_from_us`` and ``t_until_us`` bound it in time; 0 means without bound. ``zones`` are slugs of the site file;
    empty means the whole site where that makes sense.
    """

    id: Slug
    name: Text = ""
    source: Text = ""
    reason: Text = ""
    t_from_us: int = 0
    t_until_us: int = 0
    zones: tuple[str, ...] = ()

    def holds(self, t_us: int) -> bool:
        """Whether a moment lies in its time."""
        return self.t_from_us <= t_us and (not self.t_until_us or t_us < self.t_until_us)


class Event(Node, frozen=True, kw_only=True, tag="event"):
    """A festival, a match, a market. ``people`` are expected in its zones together where nobody counts; ``odds``
    multiplies the odds of threats ("*" = all), because an event attracts; ``delay_s`` is what the crowd adds to the
    way of responders.
    """

    people: Count = 0.0
    odds: dict[str, Factor] = {}
    delay_s: Count = 0.0


class OpeningHours(Node, frozen=True, kw_only=True, tag="opening-hours"):
    """When zones are open; outside of these slots 5 % of the usual people are expected."""

    slots: tuple[WeekSlot, ...]


class ExpectedCrowd(Node, frozen=True, kw_only=True, tag="expected-crowd"):
    """How many people are usual in each of the zones, by slot of the week."""

    slots: tuple[WeekSlot, ...]


class Weather(Node, frozen=True, kw_only=True, tag="weather"):
    """The weather, said by a person or a service. ``warning`` 0 none to 3 red; storms and frost slow responders."""

    condition: Literal["clear", "rain", "snow", "ice", "fog", "storm", "heat"] = "clear"
    temperature_c: float | None = None
    wind_mps: Count = 0.0
    wind_to_deg: Annotated[float, Meta(ge=0, lt=360)] = 0.0
    warning: Annotated[int, Meta(ge=0, le=3)] = 0


class Works(Node, frozen=True, kw_only=True, tag="works"):
    """Announced works. Alerts of ``hypotheses`` in its zones, or about its ``entities``, are suppressed while it holds;
    ``facts`` are handed to fusion for each zone or entity (``hot_work``, ``planned_scan``).
    """

    hypotheses: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    facts: tuple[Literal["hot_work", "planned_scan", "kitchen_hours"], ...] = ()
    permit: Text = ""


class ThreatLevel(Node, frozen=True, kw_only=True, tag="threat-level"):
    """The authorities' level, 1 low to 5 critical; 2 is usual. Each step doubles or halves the odds of ``threats``,
    all if none are named.
    """

    level: Annotated[int, Meta(ge=1, le=5)]
    threats: tuple[str, ...] = ()


class VulnerableGroup(Node, frozen=True, kw_only=True, tag="vulnerable-group"):
    """People who need longer or are hurt more easily: ``share`` of those in the zones."""

    group: Literal["children", "elderly", "reduced-mobility", "patients", "visitors"]
    share: Share


class Asset(Node, frozen=True, kw_only=True, tag="asset"):
    """A thing of worth in a zone: ``criticality`` 0..1; ``service`` is what it carries; ``entities`` its devices."""

    criticality: Share
    service: str = ""
    entities: tuple[str, ...] = ()


class Service(Node, frozen=True, kw_only=True, tag="service"):
    """What a city runs on: power, network, metro. ``depends_on`` gives by service how likely its loss takes this one
    along; ``people_served`` depend on it; ``recovery_h`` is the time until 90 % of it are back.
    """

    depends_on: dict[str, Share] = {}
    people_served: Count = 0.0
    recovery_h: Annotated[float, Meta(gt=0, le=10_000)] = 8.0


class Responsible(Node, frozen=True, kw_only=True, tag="responsible"):
    """Who answers for zones (all if none): a role or a position, never a person's name, in which shifts, how reached.

    ``step`` orders an escalation: 1 is asked first.
    """

    role: Text
    organisation: Text = ""
    contact: Text = ""
    shifts: tuple[WeekSlot, ...] = ()
    step: Annotated[int, Meta(ge=1, le=9)] = 1


class Coverage(Node, frozen=True, kw_only=True, tag="coverage"):
    """Which zones a sensor sees, beside what the site file says."""

    sensor: str


class Measure(Node, frozen=True, kw_only=True, tag="measure"):
    """What protects zones: guards, bollards, cameras, searches. ``effect`` gives by threat ("*" = all) the share of the
    vulnerability it takes away in full force; ``available`` the share in force now, in its ``shifts``. ``needs`` names
    devices and services: a measure is worth no more than the weakest of them.
    """

    effect: dict[str, Share]
    available: Share = 1.0
    shifts: tuple[WeekSlot, ...] = ()
    needs: tuple[str, ...] = ()


class Responders(Node, frozen=True, kw_only=True, tag="responders"):
    """How long police, fire or medics need to the zones, seconds."""

    organisation: Text
    delay_s: Annotated[float, Meta(ge=0, le=86_400)]


class Survey(Node, frozen=True, kw_only=True, tag="survey"):
    """Answers to the vulnerability checklist for zones: by question, 0 nothing in place to 4 fully in place."""

    answers: dict[str, Annotated[int, Meta(ge=0, le=4)]]
    by: Text = ""


Entry = (
    Event
    | OpeningHours
    | ExpectedCrowd
    | Weather
    | Works
    | ThreatLevel
    | VulnerableGroup
    | Asset
    | Service
    | Responsible
    | Coverage
    | Measure
    | Responders
    | Survey
)
ENTRY_TYPES: tuple[str, ...] = (
    "event",
    "opening-hours",
    "expected-crowd",
    "weather",
    "works",
    "threat-level",
    "vulnerable-group",
    "asset",
    "service",
    "responsible",
    "coverage",
    "measure",
    "responders",
    "survey",
)
