"""What an incident means: its consequence, its level with the grounds for it, and its people."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from s4allcities.domain import ALERT_ENDED, AlertLevel, AlertRisk, Grounds, Incident

from .level import Stakes, level_of, rank
from .profiles import Profile, profile_of
from .state import AlarmState

__all__ = ("Judgement", "judge", "people_of")

UNKNOWN = {"life": 0.5, "watch": 0.2, "control": 0.08}
"""Vulnerability x impact where no risk is known of any zone of an incident: never less than would call somebody."""


class Judgement(Struct, frozen=True, kw_only=True):
    """The level of an incident now, its people (None where nobody counts) and what both follow from."""

    level: AlertLevel
    people: float | None
    grounds: Grounds


def judge(state: AlarmState, incident: Incident, profiles: Mapping[str, Profile]) -> Judgement:
    """Judge an incident by itself; a link to a danger can only raise it."""
    profile = profile_of(profiles, incident.hypothesis)
    people = people_of(state, incident)
    consequence = incident.probability * _exposed(state, incident, profile)
    stakes = Stakes(
        consequence=consequence,
        act_within_s=profile.act_within_s,
        stake=profile.stake,
        people=people,
        danger=_danger(state, incident, profiles) if profile.stake != "life" else "",
    )
    level, floor = level_of(stakes)
    return Judgement(
        level=level,
        people=people,
        grounds=Grounds(
            consequence=consequence,
            act_within_s=profile.act_within_s,
            stake=profile.stake,
            counted=people,
            danger=stakes.danger,
            floor=floor,
            hypotheses=incident.hypotheses,
            terms=incident.terms,
            risk=_risk(state, incident),
        ),
    )


def people_of(state: AlarmState, incident: Incident) -> float | None:
    """People in the incident's zones as the risk stage counts or expects them; None where it says nothing."""
    found = [
        cell.people
        for zone in incident.zones
        if (cell := state.cells.get(f"{zone}/{incident.hypothesis}")) is not None
    ]
    return sum(found) if found else None


def _exposed(state: AlarmState, incident: Incident, profile: Profile) -> float:
    """Vulnerability x impact of the incident's worst zone."""
    found = [
        cell.vulnerability * cell.impact
        for zone in incident.zones
        if (cell := state.cells.get(f"{zone}/{incident.hypothesis}")) is not None
    ]
    return max(found, default=UNKNOWN[profile.stake])


def _danger(
    state: AlarmState, incident: Incident, profiles: Mapping[str, Profile]
) -> AlertLevel | Literal[""]:
    """The level of the gravest open incident that threatens life and is linked to this one."""
    levels: list[AlertLevel] = []
    for link in incident.links:
        other, entry = state.incidents.get(link.incident), state.entry_of(link.incident)
        if other is None or entry is None or entry.alert.state in ALERT_ENDED:
            continue
        if profile_of(profiles, other.hypothesis).stake == "life":
            levels.append(entry.alert.level)
    gravest: AlertLevel | Literal[""] = ""
    for level in levels:
        gravest = level if not gravest or rank(level) > rank(gravest) else gravest
    return gravest


def _risk(state: AlarmState, incident: Incident) -> AlertRisk | None:
    """The risk of the incident's first zone whose risk is known in full, as it was published last."""
    for zone in incident.zones:
        risk = state.risks.get(f"{zone}/{incident.hypothesis}")
        if risk is not None:
            return AlertRisk(
                zone=risk.zone,
                value=risk.value,
                low=risk.low,
                high=risk.high,
                threat=risk.threat,
                vulnerability=risk.vulnerability,
                impact=risk.impact,
                band=risk.band,
                before=risk.before,
                people=risk.people,
                basis=risk.basis,
            )
    return None
