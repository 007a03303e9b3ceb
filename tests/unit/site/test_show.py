"""What `s4 site show` says, as text and as data."""

from pathlib import Path

from s4allcities.site import load_site
from s4allcities.site.show import show_site, summarise


def test_the_summary(tiny_site: Path) -> None:
    site = load_site(tiny_site)
    found = summarise(site)
    assert (found.slug, found.levels, found.sensors) == ("tiny", (0, -1), {"door": 1})
    assert [(zone.slug, zone.doors_out) for zone in found.zones] == [("hall", 3), ("store", 1), ("cellar", 1)]
    assert [(each.letter, each.to, each.capacity_per_min) for each in found.exits] == [("A", "front", 289)]
    text = show_site(site)
    assert "Tiny (tiny), anchor 10.0, 50.0" in text
    assert "assembly points: assembly-east (500)" in text
