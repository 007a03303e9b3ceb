"""The data file and the site graph."""

from pathlib import Path

import pytest

from s4allcities.fusion import HypothesesError, Topology, load_hypotheses
from s4allcities.fusion.topology import FAR, SensorPlace, ZonePlace

TWELVE = {
    "benign", "fire", "left-bag", "explosive-precursor", "toxic-release", "armed-attacker", "vehicle-as-weapon",
    "crowd-crush", "drone", "sabotage", "cyber-intrusion", "blended",
}  # fmt: skip
SPINE_KINDS = {
    "smoke", "co", "heat", "crowd-turn-back", "people-drop", "sensor-anomaly", "crowd-density", "network-scan",
    "unauthorised-write", "ids-alert", "camera-frozen", "door-contradiction",
}  # fmt: skip


def test_the_shipped_file_is_whole() -> None:
    data = load_hypotheses()
    assert set(data.slugs) == TWELVE
    assert set(data.kinds) >= SPINE_KINDS
    assert {"sensor-range", "sensor-stuck", "sensor-gap", "sensor-rate", "gone"} <= set(data.doubts)
    assert data.share.sum() == pytest.approx(1.0)
    assert (data.llr[:, 0] == 0).all()


def test_every_hypothesis_can_be_reached() -> None:
    """Each hypothesis but benign has a kind that speaks for it more than for any other, or is blended."""
    data = load_hypotheses()
    assert {data.slugs[int(row.argmax())] for row in data.llr} >= TWELVE - {"benign", "blended"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fire = 2.9", "fir = 2.9", r"kinds\.smoke\.llr names \['fir'\]; allowed: benign, fire"),
        ("tau_s = 90", "tau_s = 0", r"kinds\.smoke: tau_s and sigma_m must be above 0"),
        ("alpha = 0.9", "alpha = 2.0", r"alpha is 2\.0; allowed is 0\.\.1"),
        ("alpha = 0.9", "alfa = 0.9", "unknown field `alfa`"),
        ("alpha = 0.9", "alpha = [", "own.toml"),
        ("[hypotheses.benign]", "[hypotheses.calm]", "first hypothesis must be 'benign'"),
    ],
)
def test_wrong_files_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    import s4allcities.fusion as room

    text = (Path(room.__file__).parent / "hypotheses.toml").read_text(encoding="utf-8")
    path = tmp_path / "own.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(HypothesesError, match=message):
        load_hypotheses(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(HypothesesError, match=r"none\.toml"):
        load_hypotheses(tmp_path / "none.toml")


def test_hops_skip_zones_without_sensors_and_stop_outdoors() -> None:
    topology = Topology(
        zones={"square": ZonePlace(name="Square", outdoor=True)},
        adjacent={"a": ("stairs",), "stairs": ("b",), "b": ("c",), "c": ("square",), "square": ("d",)},
        sensors={z: SensorPlace(name=z, zone=z) for z in ("a", "b", "c", "d", "square")},
    )
    assert [topology.hops("a", z) for z in ("a", "stairs", "b", "c", "square", "d", "nowhere")] == [
        0, 1, 1, 2, 3, FAR, FAR,
    ]  # fmt: skip
    assert topology.hops("b", "a") == 1
