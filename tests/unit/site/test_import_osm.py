"""The OpenStreetMap importer, on a tiny map written here and on a real extract if one lies beside the checkout."""

import subprocess
import sys
from pathlib import Path

import pytest

from s4allcities.site import ImporterUnavailable, SiteError, load_site

from .conftest import HELSINKI, ROOT

EXTRACT = ROOT.parent / "shared" / "data" / "maps" / "Helsinki.osm.pbf"
MUNICH = ROOT.parent / "shared" / "data" / "maps" / "munich_muenchner_freiheit" / "mf_base.osm"

TINY = """<?xml version='1.0' encoding='{encoding}'?>
<osm version="0.6">
  <node id="1" lat="50.0000" lon="10.0000"/><node id="2" lat="50.0000" lon="10.0010"/>
  <node id="3" lat="50.0005" lon="10.0010"/><node id="4" lat="50.0005" lon="10.0000"/>
  <node id="5" lat="50.0000" lon="10.0020"/><node id="6" lat="49.9990" lon="10.0000"/>
  <node id="7" lat="50.0002" lon="10.0000"><tag k="railway" v="subway_entrance"/><tag k="ref" v="A"/>
    <tag k="wheelchair" v="yes"/></node>
  <node id="8" lat="50.0003" lon="10.0004"/><node id="9" lat="50.0003" lon="10.0006"/>
  <way id="10"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/>
    <tag k="highway" v="pedestrian"/><tag k="area" v="yes"/><tag k="name" v="Kornmärkt"/></way>
  <way id="11"><nd ref="1"/><nd ref="5"/><tag k="highway" v="footway"/><tag k="width" v="2,5"/></way>
  <way id="12"><nd ref="6"/><nd ref="1"/><nd ref="4"/><tag k="highway" v="primary"/><tag k="lanes" v="4"/>
    <tag k="name" v="Große Straße"/></way>
  <way id="13"><nd ref="8"/><nd ref="9"/><tag k="highway" v="steps"/><tag k="layer" v="-1"/></way>
  <way id="14"><nd ref="1"/><nd ref="999"/><tag k="highway" v="footway"/></way>
  <way id="15"><nd ref="8"/><nd ref="9"/><tag k="note" v="of no use"/></way>
  <relation id="20"><member type="way" ref="10" role="outer"/><member type="way" ref="404" role="outer"/>
    <tag k="type" v="multipolygon"/><tag k="building" v="yes"/></relation>
</osm>
"""


@pytest.fixture
def tiny_osm(tmp_path: Path) -> Path:
    pytest.importorskip("osmium", reason="reading OpenStreetMap files needs the extra geo")
    file = tmp_path / "tiny.osm"
    file.write_text(TINY.format(encoding="UTF-8"), encoding="utf-8")
    return file


def test_reading_keeps_what_is_good(tiny_osm: Path) -> None:
    from s4allcities.site.importers.osm import level_of, read_osm

    osm = read_osm(tiny_osm)
    (entrance,) = osm.points
    assert (entrance.kind, entrance.tags["ref"], entrance.tags["wheelchair"]) == (
        "subway_entrance",
        "A",
        "yes",
    )
    assert {way.id: way.kind for way in osm.ways} == {
        10: "square",
        11: "footway",
        12: "carriageway",
        13: "steps",
    }
    assert level_of(osm.way(13).tags) == -1
    assert {area.kind for area in osm.areas} == {"square", "building"}
    assert osm.dropped == 1  # way 14 has one node left


def test_reading_repairs_a_wrong_encoding_name(tiny_osm: Path) -> None:
    from s4allcities.site.importers.osm import read_osm

    tiny_osm.write_text(TINY.format(encoding="utf8"), encoding="utf-8")
    assert read_osm(tiny_osm).way(12).tags["name"] == "Große Straße"


def test_a_draft_site(tiny_osm: Path, tmp_path: Path) -> None:
    from s4allcities.site.importers.draft import import_osm

    draft = import_osm(tiny_osm, tmp_path / "town", "town")
    assert (draft.problems, draft.dropped) == ((), 2), (
        "a relation that does not close, steps that lead nowhere"
    )
    site = load_site(tmp_path / "town")
    assert [zone.slug for zone in site.zones] == ["square-kornmarkt"]
    assert [point.slug for point in site.assembly] == ["assembly-kornmarkt"]
    road = site.street("grosse-strasse")
    assert (road.carriageway, road.walkable, road.width_m) == (True, False, 13.0)
    path = site.street("walk-11")
    assert (path.walkable, path.width_m) == (True, 2.5)


def test_a_crossing_is_cut_at_the_kerbs(tiny_osm: Path) -> None:
    from s4allcities.site import Frame
    from s4allcities.site.importers.osm import read_osm
    from s4allcities.site.importers.streets import street_features

    tiny_osm.write_text(
        TINY.format(encoding="UTF-8").replace(
            "</osm>",
            """<node id="30" lat="49.9995" lon="9.9990"/><node id="31" lat="49.9995" lon="10.0010"/>
            <way id="30"><nd ref="30"/><nd ref="31"/><nd ref="1"/><tag k="highway" v="footway"/></way></osm>""",
        ),
        encoding="utf-8",
    )
    box = (9.99, 49.99, 10.01, 50.01)
    osm, frame = read_osm(tiny_osm, box), Frame(10.0, 50.0)
    streets = {each["properties"]["s4a:slug"]: each for each in street_features(osm, "tiny", box, frame)}
    crossing = [
        streets[slug]["properties"].get("s4a:along", []) for slug in ("walk-30", "walk-30-1", "walk-30-2")
    ]
    assert crossing == [[], ["grosse-strasse"], []]
    ends = [streets[slug]["geometry"]["coordinates"] for slug in ("walk-30", "walk-30-1", "walk-30-2")]
    assert (ends[0][-1], ends[1][-1]) == (ends[1][0], ends[2][0])
    assert list(streets.values()) == street_features(osm, "tiny", box, frame)


def test_a_draft_never_overwrites_a_site(tiny_osm: Path, tiny_site: Path) -> None:
    from s4allcities.site.importers.draft import import_osm

    with pytest.raises(SiteError, match="there is a site already"):
        import_osm(tiny_osm, tiny_site, "tiny")


@pytest.mark.parametrize("text", ["", "<osm", "not a map"])
def test_files_that_are_no_maps(tmp_path: Path, text: str) -> None:
    pytest.importorskip("osmium", reason="reading OpenStreetMap files needs the extra geo")
    from s4allcities.site.importers.osm import read_osm

    file = tmp_path / "bad.osm"
    file.write_text(text)
    with pytest.raises(SiteError, match="not readable as OpenStreetMap data"):
        read_osm(file)


def test_a_missing_file_says_what_is_allowed(tmp_path: Path) -> None:
    from s4allcities.site.importers.osm import read_osm

    with pytest.raises(SiteError, match=r"no such file; allowed are \.osm\.pbf"):
        read_osm(tmp_path / "none.osm.pbf")


def test_without_osmium_one_line_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from s4allcities.site.importers.osm import read_osm

    monkeypatch.setitem(sys.modules, "osmium", None)
    (tmp_path / "any.osm").write_text("<osm/>")
    with pytest.raises(ImporterUnavailable, match=r"pip install 's4allcities\[geo\]'"):
        read_osm(tmp_path / "any.osm")


@pytest.mark.skipif(not EXTRACT.is_file(), reason="no Helsinki extract beside the checkout")
def test_the_demo_site_is_what_its_command_makes(tmp_path: Path) -> None:
    pytest.importorskip("osmium", reason="deriving the demo site needs the extra geo")
    command = [sys.executable, str(HELSINKI / "derive.py"), str(EXTRACT), str(tmp_path)]
    subprocess.run(command, check=True, timeout=50)
    made = sorted(file.name for file in tmp_path.iterdir())
    assert made == sorted(file.name for file in HELSINKI.iterdir() if file.suffix in (".geojson", ".json"))
    for name in made:
        assert (tmp_path / name).read_bytes() == (HELSINKI / name).read_bytes(), name


@pytest.mark.skipif(not MUNICH.is_file(), reason="no Munich map beside the checkout")
def test_a_map_of_another_city(tmp_path: Path) -> None:
    pytest.importorskip("osmium", reason="reading OpenStreetMap files needs the extra geo")
    from s4allcities.site.importers.draft import import_osm

    draft = import_osm(MUNICH, tmp_path / "munich", "munich")
    assert draft.counts["s4a:street"] > 100
    assert draft.problems == ()
    site = load_site(tmp_path / "munich")
    assert sorted(level.ordinal for level in site.levels) == [-2, -1, 0]
    assert {zone.slug: zone.level for zone in site.zones} == {
        "square-wedekindplatz": 0,
        "hall-minus-1-1": -1,
        "platform-minus-2-1": -2,
        "platform-minus-2-2": -2,
    }
    assert len(site.exits) == 10
    assert {link.upper for link in site.links} == {"hall-minus-1-1"}
    assert {link.lower for link in site.links} == {"platform-minus-2-1", "platform-minus-2-2"}


STATION = """<?xml version='1.0' encoding='UTF-8'?>
<osm version="0.6">
  <node id="1" lat="50.0000" lon="10.0000"/><node id="2" lat="50.0000" lon="10.0020"/>
  <node id="3" lat="50.0001" lon="10.0005"/><node id="4" lat="50.0002" lon="10.0005"/>
  <node id="5" lat="50.0002" lon="10.0015"/><node id="6" lat="50.0003" lon="10.0015"/>
  <node id="7" lat="50.00025" lon="10.0015"/><node id="8" lat="50.00035" lon="10.0014"/>
  <node id="11" lat="50.0003" lon="10.0005"/><node id="12" lat="50.0004" lon="10.0005"/>
  <node id="13" lat="50.0004" lon="10.0015"/><node id="14" lat="50.0003" lon="10.0016"/>
  <node id="15" lat="50.0010" lon="10.0005"/><node id="16" lat="50.0010" lon="10.0015"/>
  <way id="20"><nd ref="1"/><nd ref="2"/><tag k="highway" v="footway"/></way>
  <way id="21"><nd ref="4"/><nd ref="5"/><tag k="highway" v="footway"/><tag k="indoor" v="yes"/>
    <tag k="level" v="-1"/><tag k="layer" v="-1"/></way>
  <way id="22"><nd ref="3"/><nd ref="4"/><tag k="highway" v="steps"/><tag k="level" v="0;-1"/></way>
  <way id="23"><nd ref="5"/><nd ref="8"/><tag k="highway" v="steps"/><tag k="level" v="-2;-1"/>
    <tag k="conveying" v="yes"/><tag k="step_count" v="30"/><tag k="ref" v="E1"/></way>
  <way id="24"><nd ref="11"/><nd ref="12"/><nd ref="13"/><nd ref="14"/><nd ref="11"/>
    <tag k="public_transport" v="platform"/><tag k="area" v="yes"/><tag k="level" v="-2"/></way>
  <way id="25"><nd ref="15"/><nd ref="16"/><tag k="highway" v="footway"/><tag k="indoor" v="yes"/>
    <tag k="level" v="-1"/></way>
</osm>
"""


def test_an_underground_station(tmp_path: Path) -> None:
    pytest.importorskip("osmium", reason="reading OpenStreetMap files needs the extra geo")
    from s4allcities.site.importers.draft import import_osm

    (tmp_path / "station.osm").write_text(STATION, encoding="utf-8")
    draft = import_osm(tmp_path / "station.osm", tmp_path / "station", "station")
    assert draft.problems == ()
    assert draft.dropped == 1, "the passage that leads nowhere"
    site = load_site(tmp_path / "station")
    assert {zone.slug: zone.level for zone in site.zones} == {"hall-minus-1-1": -1, "platform-minus-2-1": -2}
    (way_up,) = site.exits
    assert way_up.connects == ("hall-minus-1-1", "walk-20")
    assert way_up.stair is not None
    assert way_up.stair.rise_m == 4.5
    (flight,) = site.links
    assert (flight.kind, flight.lower, flight.upper) == ("escalator", "platform-minus-2-1", "hall-minus-1-1")
    assert flight.width_m == 1.0
    assert flight.stair is not None
    assert flight.stair.rise_m == pytest.approx(5.1)


def test_slugs_of_any_script_are_slugs() -> None:
    from s4allcities.site.importers.streets import slugify

    assert slugify("Ακαδημίας 12") == "akadimias-12"
    assert slugify("Náměstí Republiky") == "namesti-republiky"
    assert slugify("Площадь Ленина") != slugify("улица Ленина")
    assert slugify("Площадь Ленина").startswith("name-")
    assert slugify("") == slugify("")
