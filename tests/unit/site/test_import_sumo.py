"""A SUMO network becomes a site that validates and can be planned on; what is no network is refused."""

import gzip
from pathlib import Path

import pytest

from s4allcities.planning.cells import cells_of, no_hindrances
from s4allcities.planning.contract import SiteNetwork
from s4allcities.planning.evacuation import plan_evacuation
from s4allcities.site import SiteError, build_graph, load_site
from s4allcities.site.importers.sumo import import_sumo

HEAD = (
    '<net version="1.20"><location netOffset="-691000.00,-5335000.00" convBoundary="0,0,400,400" '
    'origBoundary="0,0,1,1" projParameter="+proj=utm +zone=32 +ellps=WGS84 +datum=WGS84 +units=m +no_defs"/>'
)


def grid(size: int = 4) -> str:
    """Draw a network of streets 100 m long, both directions apart, and a motorway that nobody walks on."""
    lines = [HEAD]
    for i in range(size):
        for j in range(size):
            x, y = 100.0 * i, 100.0 * j
            corner = " ".join(f"{x + dx},{y + dy}" for dx, dy in ((-5, -5), (5, -5), (5, 5), (-5, 5)))
            lines.append(f'<junction id="{i}/{j}" type="priority" x="{x}" y="{y}" shape="{corner}"/>')
            for k, m in ((i + 1, j), (i, j + 1)):
                if k < size and m < size:
                    for a, b in (((i, j), (k, m)), ((k, m), (i, j))):
                        name = f"{a[0]}{a[1]}to{b[0]}{b[1]}"
                        lines.append(
                            f'<edge id="{name}" from="{a[0]}/{a[1]}" to="{b[0]}/{b[1]}" priority="1">'
                            f'<lane id="{name}_0" index="0" speed="13.9" length="100" '
                            f'shape="{100 * a[0]},{100 * a[1]} {100 * b[0]},{100 * b[1]}"/></edge>'
                        )
    lines.append(
        '<edge id="fast" from="0/0" to="3/3"><lane id="f" disallow="all" shape="0,0 300,300"/></edge>'
    )
    return "".join([*lines, "</net>"])


def test_a_network_becomes_a_site_that_can_be_planned_on(tmp_path: Path) -> None:
    file = tmp_path / "grid.net.xml"
    file.write_text(grid())
    draft = import_sumo(file, tmp_path / "site", "grid")
    assert draft.problems == ()
    assert draft.counts["s4a:street"] == 24
    site = load_site(tmp_path / "site")
    assert len(site.zones) == 16
    assert "synthetic" not in site.name
    assert site.synthetic_note
    assert abs(site.frame.lon - 11.5) < 0.5
    graph = build_graph(site)
    people = {zone.slug: zone.capacity_people for zone in site.zones}
    plan = plan_evacuation(SiteNetwork(graph).plan_graph(cells_of(graph), no_hindrances(graph)), people)
    assert plan.stranded == {}
    assert plan.people == sum(people.values()) > 0


def test_a_compressed_network_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "grid.net.xml.gz"
    file.write_bytes(gzip.compress(grid(3).encode()))
    assert import_sumo(file, tmp_path / "site", "grid").counts["s4a:street"] == 12


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<net", "cannot be read as a SUMO network"),
        ("<net></net>", "allowed is a SUMO network with edges"),
        (HEAD + '<edge id="a" from="b"/></net>', "cannot be read as a SUMO network"),
    ],
)
def test_what_is_no_network_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.net.xml"
    file.write_text(text)
    with pytest.raises(SiteError, match=said):
        import_sumo(file, tmp_path / "site", "bad")
