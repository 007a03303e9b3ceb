"""Runs every numeric kernel once on a small case, which compiles it and keeps the result for later starts."""

from pathlib import Path

from s4allcities.awareness.response import EvacuatePlaybook, Situation
from s4allcities.domain import Incident, Place
from s4allcities.site import build_graph, load_site

from .stages import build_stages

__all__ = ("warm_up",)


def warm_up(site_folder: Path) -> None:
    """Compile the kernels of planning, simulation, detection and fusion.

    :raises SiteError: the site cannot be used.
    """
    site = load_site(site_folder)
    for stage in build_stages(site, site_folder, seed=0):
        stage.start()
    playbook = EvacuatePlaybook(build_graph(site))
    people = {zone.slug: 10.0 for zone in site.zones}
    playbook.propose(_incident(), Situation(people=people), 0)


def _incident() -> Incident:
    return Incident(
        id="0" * 26,
        t_us=0,
        version=1,
        status="confirmed",
        hypothesis="fire",
        probability=1.0,
        hypotheses={"fire": 1.0},
        zones=(),
        place=Place(),
        t_first_evidence_us=0,
    )
