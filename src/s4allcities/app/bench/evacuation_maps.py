"""Plans on maps of real places, as their importers make them: no hand has touched them."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from msgspec import Struct

from s4allcities.planning.evacuation import plan_evacuation
from s4allcities.planning.speakable import nearest_exit_s, speakable_plan
from s4allcities.site import Site, load_site
from s4allcities.site.importers.draft import import_osm
from s4allcities.site.importers.sumo import import_sumo

from .places import Place, site_place
from .results import Result, Say, measured, unmeasured

__all__ = ("MAPS", "measure")

HELSINKI = "sites/helsinki-station"


class _Map(Struct, frozen=True):
    """A map by name: ``path`` below the folder of maps, what it shows, and who reads it into a folder."""

    name: str
    path: str
    shows: str
    read: Callable[[Path, Path], object]


def _osm(extract: Path, folder: Path) -> object:
    return import_osm(extract, folder, folder.name)


def _sumo(network: Path, folder: Path) -> object:
    return import_sumo(network, folder, folder.name)


MAPS = (
    _Map(
        "munich",
        "munich_muenchner_freiheit/mf_underground.osm",
        "Munich, Muenchner Freiheit: square and underground station, levels -1 and -2 (OpenStreetMap)",
        _osm,
    ),
    _Map(
        "bologna",
        "bologna_joined/joined_buslanes.net.xml",
        "Bologna, streets round the stadium (SUMO)",
        _sumo,
    ),
)


def _full(site: Site) -> Place:
    """Everybody whom the site has room for."""
    return site_place(site, {zone.slug: zone.capacity_people for zone in site.zones if zone.capacity_people})


def measure(root: Path, say: Say) -> list[Result]:
    """Plan each map at full capacity, beside everybody at the nearest exit."""
    found = [_gain("helsinki", "Helsinki central station (its site file)", load_site(root / HELSINKI), say)]
    named = os.environ.get("S4_TEST_DATA")
    folder = (Path(named) if named else root.parent / "shared" / "data") / "maps"
    for each in MAPS:
        if not (folder / each.path).is_file():
            reason = f"{each.path} is not at hand; it is looked for in ../shared/data/maps and S4_TEST_DATA"
            found.append(unmeasured(f"evacuation.map_gain_{each.name}", "share", reason=reason))
            continue
        with tempfile.TemporaryDirectory() as scratch:
            each.read(folder / each.path, Path(scratch) / each.name)
            found.append(_gain(each.name, each.shows, load_site(Path(scratch) / each.name), say))
    return found


def _gain(name: str, shows: str, site: Site, say: Say) -> Result:
    say(f"evacuation: gain on the map of {name}")
    place = _full(site)
    best = plan_evacuation(place.graph, place.people)
    spoken = speakable_plan(
        place.graph, place.people, optimum_s=best.clearance_s, rng=np.random.default_rng(0)
    )
    nearest_s = nearest_exit_s(place.graph, place.people)
    return measured(
        f"evacuation.map_gain_{name}", [1 - best.clearance_s / nearest_s], "share", digits=3,
        how=f"1 - planned / nearest-exit clearance; {shows}, {sum(place.people.values())} people, "
        f"{sum(best.stranded.values())} without a way, {len(place.graph.nodes)} nodes: planned "
        f"{best.clearance_s:.0f} s, the plan to give out {spoken.expected_s:.0f} s, nearest exit {nearest_s:.0f} s",
    )  # fmt: skip
