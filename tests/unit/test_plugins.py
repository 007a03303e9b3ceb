"""Plug-ins of third parties: a package made here, installed on the path, found by its entry points."""

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from tests.unit.detection.feeds import batch_of

from s4allcities.app.config import AppConfig, ConfigError, PluginsConfig
from s4allcities.app.opening import sources_of
from s4allcities.app.stages import build_stages
from s4allcities.checks import check_stage
from s4allcities.domain import Detection, RawMessage
from s4allcities.edge.sources import SourceTable
from s4allcities.plugins import DETECTORS, PluginError, detector_plugins, source_plugins
from s4allcities.site import load_site

SITE = Path(__file__).parents[2] / "sites" / "helsinki-station"
ENTRIES = """
[s4allcities.detectors]
radon = acme_radon:RadonStage
liar = acme_radon:Liar
broken = acme_radon:Nothing
bare = acme_bare:RadonStage

[s4allcities.sources]
radon-box = acme_box:BoxSource
"""
CODE = '''
from msgspec import Struct
from s4allcities.domain import Detection, Place
from s4allcities.domain.snapshots import StructSnapshots


class State(Struct):
    high: dict[str, bool] = {}


class RadonStage(StructSnapshots[State]):
    """Says once when a radon reading passes 300 Bq/m3."""

    name = "radon"
    inputs: tuple[str, ...] = ("obs.env.>",)
    heavy = False
    state_type = State

    def __init__(self, *, sensors=None):
        self.sensors = sensors or {}

    def step(self, state, batch, now_us):
        found = []
        for index, t_us, value in zip(batch.series_ix.tolist(), batch.t_us.tolist(), batch.value.tolist()):
            series = batch.series[index]
            if series.quantity != "radon_bq_m3":
                continue
            high = value > 300.0
            if high and not state.high.get(series.sensor, False):
                found.append(Detection(id="", t_us=t_us, kind="gas", detector=self.name, sensor=series.sensor,
                    group=f"radon@{series.sensor}", place=Place(zone=series.zone), confidence=0.5, value=value,
                    text=f"{series.sensor}: radon {value:.0f}", provenance=(series.sensor,)))
            state.high[series.sensor] = high
        return found


class Liar(RadonStage):
    name = "something-else"
'''
MANIFEST = """
name = "radon"
summary = "Radon above 300 Bq/m3"
inputs = ["obs.env.>"]
outputs = ["gas"]
units = { gas = "Bq/m3" }
rate = "once each time it rises above"
personal_data = false
"""
BOX = '''
from s4allcities.domain import Decoded, Observation


class BoxSource:
    """Reads b"radon=12"."""

    name = "radon-box"
    families = ("radon",)

    def __init__(self, *, max_age_s=None):
        pass

    def decode(self, message):
        key, _, value = message.data.decode().partition("=")
        return Decoded(observations=(Observation(family="radon", sensor=message.sensor, quantity=f"{key}_bq_m3",
            t_us=message.t_received_us, value=float(value)),))
'''
BOX_MANIFEST = """
name = "radon-box"
title = "Radon boxes"
families = ["radon"]
units = "Bq/m3"
rate = "one reading an hour"
personal_data = false
retention = "365 days"
offline = "nothing is kept"
class = "BoxSource"
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution of three packages, as pip would have put it on the path."""
    for package, code, manifest in (
        ("acme_radon", CODE, MANIFEST), ("acme_box", BOX, BOX_MANIFEST), ("acme_bare", CODE, ""),
    ):  # fmt: skip
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(code)
        if manifest:
            (tmp_path / package / "manifest.toml").write_text(manifest)
    info = tmp_path / "acme_radon-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-radon\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for package in ("acme_radon", "acme_box", "acme_bare"):
        sys.modules.pop(package, None)


def test_nothing_is_loaded_unless_it_is_named(installed: Path) -> None:
    assert {each.name for each in metadata.entry_points(group=DETECTORS)} >= {"radon"}
    assert source_plugins(()) == []
    assert detector_plugins((), ()) == []
    assert "acme_radon" not in sys.modules


def test_a_detector_of_a_third_party_runs_among_ours_and_keeps_the_contract(installed: Path) -> None:
    site = load_site(SITE)
    stages = build_stages(site, SITE, seed=0, plugins=("radon",))
    assert stages[0].name == "radon"
    rows = [("co-31", "radon_bq_m3", float(t), 200.0 + 40.0 * t) for t in range(10)]
    feed = [(batch_of(rows[at : at + 2]), batch_of(rows).t_us[-1]) for at in range(0, 10, 2)]
    check_stage(lambda: build_stages(site, SITE, seed=0, plugins=("radon",))[0], feed)
    state = stages[0].start()
    found = [event for batch, now_us in feed for event in stages[0].step(state, batch, now_us)]
    assert [event.kind for event in found if isinstance(event, Detection)] == ["gas"]


def test_a_source_of_a_third_party_reads_its_family(installed: Path) -> None:
    sources = sources_of(AppConfig(plugins=PluginsConfig(sources=("radon-box",))))
    source = SourceTable(sources).pick("radon", "box-1")
    assert source is not None
    decoded = source.decode(RawMessage(family="radon", sensor="box-1", data=b"radon=12", t_received_us=1))
    assert [(each.quantity, each.value) for each in decoded.observations] == [("radon_bq_m3", 12.0)]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "absent",
            "no installed package brings it to s4allcities.detectors; there are bare, broken, liar, radon",
        ),
        ("liar", "is stage 'something-else' of obs.env.>; its manifest says 'radon' of obs.env.>"),
        ("broken", "acme_radon:Nothing: AttributeError"),
        ("bare", "manifest.toml of acme_bare"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(installed: Path, name: str, why: str) -> None:
    with pytest.raises(PluginError, match=r"^plug-in ") as caught:
        detector_plugins((name,), ())
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_is_taken_is_refused(installed: Path) -> None:
    with pytest.raises(PluginError, match="there is a stage 'radon' already"):
        detector_plugins(("radon",), ("radon",))


def test_settings_that_name_what_is_not_there_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"plugins\.detectors: plug-in 'nobody': no installed package"):
        build_stages(load_site(SITE), SITE, seed=0, plugins=("nobody",))
