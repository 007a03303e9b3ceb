"""Places for the evacuation benchmark: the generated sites, a district of streets, and random networks."""

import tempfile
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from s4allcities.planning.cells import cells_of, no_hindrances
from s4allcities.planning.contract import SiteNetwork
from s4allcities.planning.graph import PlanArc, PlanGraph, PlanNode
from s4allcities.planning.timed import UNLIMITED, TimedNetwork
from s4allcities.site import Site, build_graph, load_site
from s4allcities.site.generate import generate_site

__all__ = ("Place", "district", "pilot", "random_case", "site_place")

I4 = NDArray[np.int32]
I8 = NDArray[np.int64]


class Place(Struct, frozen=True):
    """A plan graph in order, and its people by zone."""

    name: str
    graph: PlanGraph
    people: dict[str, int]


def site_place(site: Site, people: dict[str, int]) -> Place:
    """Make the plan graph of a site; people move on from its assembly points, so these never fill up."""
    graph = build_graph(site)
    made = SiteNetwork(graph).plan_graph(cells_of(graph), no_hindrances(graph)).in_order()
    nodes = tuple(replace(node, capacity=UNLIMITED) for node in made.nodes)
    return Place(site.slug, PlanGraph(nodes=nodes, arcs=made.arcs), people)


def pilot(kind: str, total: int | None = None, **parameters: int) -> Place:
    """Generate a pilot site; its people stand where it says that they do, scaled to ``total`` where that is given.

    A stadium's people sit in its sectors; nobody is on the pitch.
    """
    with tempfile.TemporaryDirectory() as folder:
        generate_site(kind, Path(folder) / "site", slug="", **parameters)
        site = load_site(Path(folder) / "site")
    full = {
        zone.slug: zone.capacity_people
        for zone in site.zones
        if zone.capacity_people and not zone.slug.startswith(("pitch", "concourse"))
    }
    there = sum(full.values())
    wanted = total or there
    edges = np.floor(np.cumsum([0, *full.values()]) * (wanted / there) + 1e-9).astype(int)
    return site_place(site, dict(zip(full, np.diff(edges).tolist(), strict=True)))


def district(*, blocks: int = 33, people: int = 33_600, seed: int = 7) -> Place:
    """Draw a district: a grid of ``blocks`` x ``blocks`` street corners, people at every third, safe places at the
    edge.

    Streets are 3 to 8 m wide and 60 to 110 m long; one in eight is missing.
    """
    rng = np.random.default_rng(seed)
    nodes: list[PlanNode] = []
    arcs: list[PlanArc] = []
    homes = [f"{i:02}-{j:02}" for i in range(blocks) for j in range(blocks) if (i + 2 * j) % 3 == 0]
    for i in range(blocks):
        for j in range(blocks):
            name = f"{i:02}-{j:02}"
            nodes.append(PlanNode(name=name, zone=name if name in set(homes) else ""))
            for other in (f"{i + 1:02}-{j:02}", f"{i:02}-{j + 1:02}"):
                inside = max(map(int, other.split("-"))) < blocks
                if inside and rng.random() > 0.125:
                    seconds, width_m = float(rng.uniform(60, 110)) / 1.34, float(rng.uniform(3, 8))
                    arcs += [
                        PlanArc(
                            tail=tail,
                            head=head,
                            transit_s=seconds,
                            capacity_ps=1.3 * width_m,
                            place=f"{name}/{other}",
                        )
                        for tail, head in ((name, other), (other, name))
                    ]
    for k in range(11):
        corner = f"{0 if k % 2 else blocks - 1:02}-{3 * k % blocks:02}"
        nodes.append(PlanNode(name=f"safe-{k:02}", safe=True))
        arcs.append(PlanArc(tail=corner, head=f"safe-{k:02}", transit_s=30.0, capacity_ps=6.5))
    share = np.diff(np.floor(np.arange(len(homes) + 1) * (people / len(homes)) + 1e-9)).astype(int)
    graph = PlanGraph(nodes=tuple(nodes), arcs=tuple(arcs)).without_dead_ends().in_order()
    return Place("district", graph, dict(zip(homes, share.tolist(), strict=True)))


def random_case(seed: int) -> tuple[TimedNetwork, I8, I4]:
    """Draw a small network with windows and storage limits, its supply, and when each source is ready."""
    rng = np.random.default_rng(seed)
    n, steps = int(rng.integers(4, 14)), int(rng.integers(6, 24))
    tail, head = rng.integers(0, n, (2, int(rng.integers(6, 40)))).astype(np.int32)
    keep = tail != head
    tail, head = tail[keep], head[keep]
    m, k = len(tail), int(rng.integers(1, 4))
    places = rng.integers(0, 6, (m, steps)).astype(np.int32)
    for arc in np.flatnonzero(rng.random(m) < 0.4):
        opens, closes = sorted(rng.integers(0, steps + 1, 2))
        places[arc, :opens] = places[arc, closes:] = 0
    network = TimedNetwork(
        tail=tail, head=head, transit=rng.integers(0, 4, m).astype(np.int32), places=places,
        storage=np.where(rng.random(n) < 0.5, UNLIMITED, rng.integers(0, 9, n)).astype(np.int64),
        sinks=rng.choice(n, k, replace=False).astype(np.int32), sink_capacity=np.full(k, UNLIMITED, np.int64),
        step_s=5.0, offset_s=np.zeros(n), loss_s=np.zeros(m),
    )  # fmt: skip
    supply = np.where(rng.random(n) < 0.6, rng.integers(0, 40, n), 0).astype(np.int64)
    return network, supply, rng.integers(0, max(1, steps // 3), n).astype(np.int32)
