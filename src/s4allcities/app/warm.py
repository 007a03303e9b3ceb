"""Runs every numeric kernel once on a small case, which compiles it and keeps the result for later starts."""

from pathlib import Path

from s4allcities.fusion import FusionStage
from s4allcities.site import load_site

from .evacuation import make_plan
from .stages import build_stages

__all__ = ("warm_up",)


def warm_up(site_folder: Path) -> None:
    """Compile the kernels of planning, simulation, detection and fusion.

    :raises SiteError: the site cannot be used.
    """
    site = load_site(site_folder)
    for stage in build_stages(site, site_folder, seed=0):
        stage.start()
        if isinstance(stage, FusionStage):
            stage.warm_up()
    make_plan(site, {}, alternatives=False)
