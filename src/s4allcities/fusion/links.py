"""Ties between incidents of one site: same zone, a tampered exit that serves the burning zone, minutes apart."""

from ..domain import Link
from .association import incident_zones, zone_hops
from .belief import leading
from .hypotheses import Hypotheses
from .state import IncidentState
from .topology import Topology

__all__ = ("relate", "update_links")


def update_links(incidents: list[IncidentState], data: Hypotheses, topology: Topology) -> set[str]:
    """Tie confirmed incidents to each other; gives the ids of those that gained or strengthened a link.

    A link once made stays, with the strongest reason found: that two things began together does not become untrue.
    """
    changed: set[str] = set()
    confirmed = [each for each in incidents if each.status == "confirmed" and each.rows]
    for position, one in enumerate(confirmed):
        for other in confirmed[position + 1 :]:
            found = relate(one, other, data, topology)
            if found is None:
                continue
            reason, nats = found
            for mine, theirs in ((one, other), (other, one)):
                old = mine.links.get(theirs.id)
                if old is None or nats > old.llr + 0.5:
                    mine.links[theirs.id] = Link(incident=theirs.id, reason=reason, llr=nats)
                    changed.add(mine.id)
    return changed


def relate(
    one: IncidentState, other: IncidentState, data: Hypotheses, topology: Topology
) -> tuple[str, float] | None:
    """The reason for a link and its strength in nats, or None when it is too weak."""
    rules = data.links
    apart_s = abs(one.t_began_us - other.t_began_us) / 1e6
    reason, nats = _relation(one, other, data, topology)
    domains = {data.hypotheses[data.slugs[leading(each.belief)]].domain for each in (one, other)}
    nats += (rules.both_domains if len(domains) == 2 else 0.0) - apart_s / rules.tau_s
    if nats < rules.least:
        return None
    return f"{reason}, {_apart(apart_s)}", round(nats, 3)


def _relation(
    one: IncidentState, other: IncidentState, data: Hypotheses, topology: Topology
) -> tuple[str, float]:
    rules = data.links
    shared = sorted(_entities(one) & _entities(other))
    if shared:
        name = (
            topology.exit_name(shared[0]) if shared[0] in topology.exits else topology.sensor_name(shared[0])
        )
        return f"Both involve {name}", rules.same_entity
    mine, theirs = incident_zones(one), incident_zones(other)
    for tampered, zones in ((one, theirs), (other, mine)):
        for entity in sorted(_entities(tampered)):
            served = [zone for zone in topology.exits.get(entity, ()) if zone in zones]
            if served:
                name = topology.exit_name(entity)
                return f"Tampered {name} serves {topology.zone_name(served[0])}", rules.exit_serves_zone
    common = [zone for zone in mine if zone in theirs]
    if common:
        return f"Same zone, {topology.zone_name(common[0])}", rules.same_zone
    if zone_hops(mine, theirs, topology) == 1:
        return "Neighbouring zones", rules.neighbour_zone
    return "Same site", rules.same_site


def _entities(incident: IncidentState) -> set[str]:
    return {entity for row in incident.rows.values() for entity in row.entities}


def _apart(seconds: float) -> str:
    return f"{seconds:.0f} s apart" if seconds < 90 else f"{seconds / 60:.0f} min apart"
