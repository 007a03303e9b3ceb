"""The stage that plans, made without the others: its process shall not hold the code of all detectors in memory."""

from s4allcities.awareness.response import EvacuatePlaybook, ExitPatrol, PlanStage
from s4allcities.site import Site, WalkGraph, build_graph

__all__ = ("plan_stage",)


def plan_stage(site: Site, *, seed: int, graph: WalkGraph | None = None) -> PlanStage:
    """Make it for a site; ``graph`` is the site's walking graph where it is at hand already."""
    playbook = EvacuatePlaybook(graph or build_graph(site), seed=seed)
    patrol = ExitPatrol(site, playbook.exit_cost)
    return PlanStage(playbook, frozenset(opening.slug for opening in site.exits), patrol)
