"""Ties between incidents of one site: same zone, a tampered exit that serves the burning zone, minutes apart."""

from math import exp

from ..domain import Campaign, Link, Term
from .belief import leading
from .evidence import zones_of
from .hypotheses import Hypotheses
from .state import IncidentState
from .topology import Topology

__all__ = ("campaigns", "relate", "update_links")


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
    mine, theirs = zones_of(one), zones_of(other)
    for tampered, zones in ((one, theirs), (other, mine)):
        for entity in sorted(_entities(tampered)):
            served = [zone for zone in topology.exits.get(entity, ()) if zone in zones]
            if served:
                name = topology.exit_name(entity)
                return f"Tampered {name} serves {topology.zone_name(served[0])}", rules.exit_serves_zone
    common = [zone for zone in mine if zone in theirs]
    if common:
        return f"Same zone, {topology.zone_name(common[0])}", rules.same_zone
    if topology.hops_between(mine, theirs) == 1:
        return "Neighbouring zones", rules.neighbour_zone
    return "Same site", rules.same_site


def campaigns(incidents: list[IncidentState], data: Hypotheses, topology: Topology) -> dict[str, Campaign]:
    """Group linked confirmed incidents; give each member its campaign.

    The log-odds that one plan is behind them are the usual rate, plus each link's nats weighted by how probable both
    its ends are: a tie between two doubtful incidents says little.
    """
    confirmed = {each.id: each for each in incidents if each.status == "confirmed"}
    out: dict[str, Campaign] = {}
    for id_ in sorted(confirmed):
        if id_ not in out:
            members = _reach(id_, confirmed)
            if len(members) > 1:
                found = _campaign([confirmed[each] for each in members], data, topology)
                out.update(dict.fromkeys(members, found))
    return out


def _reach(start: str, confirmed: dict[str, IncidentState]) -> list[str]:
    members, waiting = {start}, [start]
    while waiting:
        for other in confirmed[waiting.pop()].links:
            if other in confirmed and other not in members:
                members.add(other)
                waiting.append(other)
    return sorted(members)


def _campaign(members: list[IncidentState], data: Hypotheses, topology: Topology) -> Campaign:
    terms = [Term(name="Usual rate of coordinated acts", llr=data.links.campaign_prior)]
    danger = {each.id: 1 - each.belief[0] for each in members}
    for one in members:
        for other, link in sorted(one.links.items()):
            if one.id < other and other in danger:
                terms.append(Term(name=link.reason, llr=link.llr * danger[one.id] * danger[other]))
    odds = sum(term.llr for term in terms)
    labels = [data.hypotheses[data.slugs[leading(each.belief)]].label for each in members]
    share = min(max(round(100 / (1 + exp(-odds))), 1), 99)
    zones = len({zone for each in members for zone in zones_of(each)})
    text = f"{' and '.join(dict.fromkeys(labels))}: {share} % that one plan is behind them, in {zones} zones."
    return Campaign(
        id=members[0].id,
        incidents=tuple(each.id for each in members),
        probability=1 / (1 + exp(-odds)),
        terms=tuple(terms),
        text=text,
    )


def _entities(incident: IncidentState) -> set[str]:
    return {entity for row in incident.rows.values() for entity in row.entities}


def _apart(seconds: float) -> str:
    return f"{seconds:.0f} s apart" if seconds < 90 else f"{seconds / 60:.0f} min apart"
