"""To which incident does a detection belong: place, time and story, as one log-likelihood each."""

import numpy as np
from numpy.typing import NDArray

from . import kernel
from .evidence import Sighting
from .hypotheses import Hypotheses
from .state import IncidentState
from .topology import Topology

__all__ = ("candidates", "incident_position", "incident_zones", "new_incident_score", "zone_hops")

F8 = NDArray[np.float64]

FLOOR = 1e-12
"""Belief never falls below this, so that logarithms stay finite."""


def candidates(
    sighting: Sighting, incidents: list[IncidentState], data: Hypotheses, topology: Topology
) -> list[tuple[float, IncidentState]]:
    """Score the incidents a detection can belong to, best first; empty when it is near none of them.

    Score = nats of place + nats of time + log sum_h P(h | incident, something is going on) LR(kind, h).
    """
    near = [(each, _nearness(sighting, each, data, topology)) for each in incidents]
    kept = [(each, nats) for each, nats in near if nats > kernel.NO_RELATION]
    if not kept:
        return []
    stories = kernel.story_scores(
        np.array([_about(each.belief, data) for each, _ in kept]), _nats(sighting, data)
    )
    scored = [(nats + float(story), each) for (each, nats), story in zip(kept, stories, strict=True)]
    return sorted(scored, key=lambda pair: (-pair[0], pair[1].created_us, pair[1].id))


def new_incident_score(sighting: Sighting, data: Hypotheses) -> float:
    """The score a detection must beat to belong to something known."""
    story = kernel.story_scores(data.share[None, :], _nats(sighting, data))
    return data.association.new_incident + float(story[0])


def _nats(sighting: Sighting, data: Hypotheses) -> F8:
    row: F8 = sighting.weight * data.llr[data.kind_index[sighting.kind]]
    return row


def _about(belief: list[float], data: Hypotheses) -> F8:
    """What an incident is about: its belief given that something is going on."""
    p = np.array(belief) if belief else data.share.copy()
    p[0] = 0.0
    p = np.maximum(p, 0.0) + FLOOR * data.share
    out: F8 = p / p.sum()
    return out


def _nearness(sighting: Sighting, incident: IncidentState, data: Hypotheses, topology: Topology) -> float:
    """Nats of place and time together, or `NO_RELATION`."""
    rules = data.association
    slowest = max((data.kinds[row.kind].tau_s for row in incident.rows.values()), default=0.0)
    limit_s = rules.quiet_taus * max(slowest, data.kinds[sighting.kind].tau_s)
    age_s = abs(sighting.t_us - incident.t_last_us) / 1e6
    if age_s > limit_s and not incident.alert_open:
        return kernel.NO_RELATION
    place = _place(sighting, incident, age_s, data, topology)
    return place - min(age_s / limit_s, 1.0) if place > kernel.NO_RELATION else place


def _place(
    sighting: Sighting, incident: IncidentState, age_s: float, data: Hypotheses, topology: Topology
) -> float:
    rules, kind = data.association, data.kinds[sighting.kind]
    if sighting.entities:
        known = {entity for row in incident.rows.values() for entity in row.entities}
        if known & set(sighting.entities):
            return rules.same_entity
    position = incident_position(incident)
    zones = incident_zones(incident)
    by_point = position is not None and sighting.x_m is not None and sighting.y_m is not None
    if by_point and (kind.place == "point" or not (zones and sighting.zones)):
        return _distance(sighting, position, age_s, kind.speed_mps or rules.walking_mps, rules.gate)
    hops = zone_hops(sighting.zones, zones, topology)
    return {0: 0.0, 1: rules.neighbour_zone}.get(hops, kernel.NO_RELATION)


def _distance(
    sighting: Sighting, position: tuple[float, float, float] | None, age_s: float, mps: float, gate: float
) -> float:
    if position is None or sighting.x_m is None or sighting.y_m is None:
        return kernel.NO_RELATION
    x_m, y_m, sigma_m = (np.array([value]) for value in position)
    score = kernel.place_scores(
        x_m, y_m, sigma_m, np.array([age_s]), sighting.x_m, sighting.y_m, sighting.sigma_m, mps, gate
    )
    return float(score[0])


def zone_hops(some: tuple[str, ...], others: tuple[str, ...], topology: Topology) -> int:
    """The fewest hops between any of some zones and any of others; large when there is no way."""
    return min((topology.hops(one, other) for one in some for other in others), default=99)


def incident_zones(incident: IncidentState) -> tuple[str, ...]:
    """All zones that an incident's evidence speaks about, the earliest first."""
    rows = sorted(incident.rows.values(), key=lambda row: (row.t_first_us, row.key))
    return tuple(dict.fromkeys(zone for row in rows for zone in row.zones))


def incident_position(incident: IncidentState) -> tuple[float, float, float] | None:
    """Best position x_m, y_m and its sigma_m from the latest points of its rows, or None when none has a point."""
    rows = [row for row in incident.rows.values() if row.x_m is not None and row.y_m is not None]
    if not rows:
        return None
    rows.sort(key=lambda row: row.key)
    weight = np.array([1 / row.sigma_m**2 for row in rows])
    xy = np.array([[row.x_m, row.y_m] for row in rows], np.float64)
    centre = (weight[:, None] * xy).sum(0) / weight.sum()
    spread = (weight * ((xy - centre) ** 2).sum(1)).sum() / weight.sum() / 2
    return float(centre[0]), float(centre[1]), float(np.sqrt(spread + 1 / weight.sum()))
