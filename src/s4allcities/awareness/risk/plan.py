"""Planning without live data: where a site is weak, what each measure would buy, where nothing looks.

The figures are those of the live risk, with the people that the calendar expects (or a share of the capacity) and no
incident. They rank; they are no forecast of what will happen.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from functools import cache
from importlib.resources import files

import msgspec
import numpy as np
from msgspec import Struct

from s4allcities.domain import Band

from ..context.entries import Entry, Measure
from ..context.graph import statement
from .field import risk_field
from .model import Threat, band_of, load_threats
from .stage import RiskStage
from .state import learn
from .zones import ZoneFacts

__all__ = (
    "Candidate",
    "Gap",
    "MeasureWorth",
    "RiskPlan",
    "WeakSpot",
    "load_measures",
    "make_plan",
)

MOST_WEAK = 25
MOST_WORTH = 40
NEEDED = {
    "camera": ("left-bag", "armed-attacker", "crowd-crush"),
    "smoke": ("fire",),
    "co": ("fire", "toxic-release"),
    "counter": ("crowd-crush",),
}
"""Families of sensors, and the threats that go unseen in a zone without any."""


INDOOR = ("smoke", "co")
"""Under the sky these families see nothing."""


class Candidate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measure to consider; the data file says what the fields mean."""

    name: str
    cost: int
    effect: dict[str, float]
    outdoor: bool = False
    indoor: bool = False
    whole_site: bool = False


class WeakSpot(Struct, frozen=True, kw_only=True):
    """One zone and threat: the risk without any incident, what it is made of, the people it was worked out for."""

    zone: str
    threat: str
    risk: float
    low: float
    high: float
    vulnerability: float
    impact: float
    people: float
    band: Band


class MeasureWorth(Struct, frozen=True, kw_only=True):
    """What a measure in one zone ("" = the whole site) would buy: the summed risk of the site before
    and after, and for which threat most.
    """

    measure: str
    name: str
    zone: str
    cost: int
    before: float
    after: float
    bought: float
    mostly: str


class Gap(Struct, frozen=True, kw_only=True):
    """A zone that no sensor of a family sees, and the threats that this leaves unseen."""

    zone: str
    family: str
    threats: tuple[str, ...]


class RiskPlan(Struct, frozen=True, kw_only=True):
    """Everything that the planning mode says; ``t_us`` is the moment it was worked out for."""

    site: str
    t_us: int
    surveyed: bool
    total: float
    weak: tuple[WeakSpot, ...]
    measures: tuple[MeasureWorth, ...]
    gaps: tuple[Gap, ...]


@cache
def load_measures() -> dict[str, Candidate]:
    """Read the catalogue that comes with the package."""
    text = (files(__package__) / "measures.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Candidate])


class _Desk:
    """The risk of a site at one moment, with some measures more or less."""

    def __init__(
        self,
        zones: Mapping[str, ZoneFacts],
        entries: Sequence[Entry],
        people: Mapping[str, float],
        t_us: int,
        zone: tzinfo | None,
        threats: Mapping[str, Threat],
    ) -> None:
        self.stage = RiskStage(zones, threats, zone=zone)
        self.entries, self.people_given, self.t_us = tuple(entries), dict(people), t_us
        self.state = self.stage.start()
        self.state.kept.now_us = t_us
        for entry in entries:
            learn(self.state, statement(entry, entry.id, t_us), zones, (), ())
        self.state.kept.people = dict(people)
        self.inputs = self.stage.exposures.inputs(self.state)
        self.field = risk_field(self.inputs)
        self.people, _ = self.stage.exposures.people(self.state, self.stage.exposures.slow(self.state))

    def bought(self, measure: Measure) -> np.ndarray:
        """How far a measure would lower the summed risk of each threat in its zones, (K,)."""
        exposures = self.stage.exposures
        otherwise = measure.effect.get("*", 0.0)
        effect = np.array([measure.effect.get(kind, otherwise) for kind in exposures.kinds])
        rows = [exposures.slugs.index(slug) for slug in measure.zones]
        found: np.ndarray = self.field.value[rows].sum(axis=0) * effect
        return found


def make_plan(
    site: str,
    zones: Mapping[str, ZoneFacts],
    entries: Iterable[Entry],
    sensors: Mapping[str, Iterable[str]],
    *,
    t_us: int,
    occupancy: float | None = None,
    outdoor: Iterable[str] = (),
    zone: tzinfo | None = None,
    threats: Mapping[str, Threat] | None = None,
) -> RiskPlan:
    """Work out a plan.

    ``sensors`` gives by family the zones that it sees; ``occupancy`` is the share of every zone's capacity that is
    taken to be there (None: whom the calendar expects); ``outdoor`` are the zones under the sky.

    :raises ValueError: the occupancy is not in 0..1.
    """
    if occupancy is not None and not 0 <= occupancy <= 1:
        raise ValueError(f"occupancy is {occupancy}; allowed are 0 to 1")
    stated, under_the_sky = tuple(entries), frozenset(outdoor)
    people = (
        {} if occupancy is None else {slug: occupancy * each.capacity_people for slug, each in zones.items()}
    )
    desk = _Desk(zones, stated, people, t_us, zone, threats or load_threats())
    return RiskPlan(
        site=site,
        t_us=t_us,
        surveyed=any(type(entry).__name__ == "Survey" for entry in stated),
        total=float(desk.field.value.sum()),
        weak=_weak(desk),
        measures=_worth(desk, under_the_sky, stated),
        gaps=_gaps(zones, sensors, under_the_sky),
    )


def _weak(desk: _Desk) -> tuple[WeakSpot, ...]:
    field, exposures = desk.field, desk.stage.exposures
    order = np.argsort(-field.value, axis=None, kind="stable")[:MOST_WEAK]
    rows = [divmod(int(cell), len(exposures.kinds)) for cell in order]
    return tuple(
        WeakSpot(
            zone=exposures.slugs[row],
            threat=exposures.kinds[column],
            risk=float(field.value[row, column]),
            low=float(field.low[row, column]),
            high=float(field.high[row, column]),
            vulnerability=float(field.vulnerability[row, column]),
            impact=float(field.impact[row, column]),
            people=float(desk.people[row]),
            band=band_of(float(field.value[row, column])),
        )
        for row, column in rows
    )


def _worth(desk: _Desk, outdoor: frozenset[str], stated: Sequence[Entry]) -> tuple[MeasureWorth, ...]:
    """Each candidate in each zone where it makes sense and is not in force, by what it buys for its cost."""
    total = float(desk.field.value.sum())
    there = {(entry.id, zone) for entry in stated if isinstance(entry, Measure) for zone in entry.zones}
    found = []
    for key, candidate in load_measures().items():
        slugs = desk.stage.exposures.slugs
        for zones in [slugs] if candidate.whole_site else [(slug,) for slug in slugs]:
            slug = "" if candidate.whole_site else zones[0]
            fits = (slug in outdoor or not candidate.outdoor) and not (slug in outdoor and candidate.indoor)
            if not fits or (key, slug) in there:
                continue
            bought = desk.bought(Measure(id=key, zones=zones, effect=candidate.effect))
            found.append(
                MeasureWorth(
                    measure=key,
                    name=candidate.name,
                    zone=slug,
                    cost=candidate.cost,
                    before=total,
                    after=total - float(bought.sum()),
                    bought=float(bought.sum()),
                    mostly=desk.stage.exposures.kinds[int(bought.argmax())],
                )
            )
    found.sort(key=lambda each: (-each.bought / each.cost, each.measure, each.zone))
    return tuple(found[:MOST_WORTH])


def _gaps(
    zones: Mapping[str, ZoneFacts], sensors: Mapping[str, Iterable[str]], outdoor: frozenset[str]
) -> tuple[Gap, ...]:
    return tuple(
        Gap(zone=slug, family=family, threats=threats)
        for family, threats in NEEDED.items()
        for slug in zones
        if slug not in set(sensors.get(family, ())) and not (slug in outdoor and family in INDOOR)
    )
