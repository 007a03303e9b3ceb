import json
from typing import Any

import pytest
from tests.unit.edge.fakes import NOW_US

from s4allcities.domain import Decoded, RawMessage, Source
from s4allcities.edge.errors import ManifestError, MappingError
from s4allcities.edge.sources import SourceTable, built_in_manifests, built_in_sources, read_manifest
from s4allcities.edge.sources.border import MAX_MESSAGE_BYTES, Refused, read_time
from s4allcities.edge.sources.camera import CameraSource
from s4allcities.edge.sources.eve import EveSource
from s4allcities.edge.sources.json_auto import JsonAutoSource
from s4allcities.edge.sources.mapped import MappedSource
from s4allcities.edge.sources.mapped.mapping import parse_mapping
from s4allcities.edge.sources.sign import SignSource


def decode(source: Source, content: Any, family: str = "env") -> Decoded:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return source.decode(RawMessage(family=family, sensor="e1", data=data, t_received_us=NOW_US))


def values(decoded: Decoded) -> dict[str, float]:
    assert not decoded.rejected
    return {row.quantity: row.value for row in decoded.observations if not row.schema}


def texts(decoded: Decoded) -> dict[str, Any]:
    return {row.quantity: row.payload for row in decoded.observations if row.schema}


# --- json_auto ------------------------------------------------------------------------------------


def test_numbers_booleans_and_text() -> None:
    content = {"t": "2023-11-14T22:13:19Z", "co_ppm": 4, "open": True, "text": "hello", "none": None}
    decoded = decode(JsonAutoSource(), content)
    assert values(decoded) == {"co_ppm": 4.0, "open": 1.0}
    assert texts(decoded) == {"text": "hello"}
    assert {row.t_us for row in decoded.observations} == {NOW_US - 1_000_000}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("t", "2023-11-14T22:13:20Z"),
        ("time", "2023-11-14 22:13:20"),
        ("timestamp", 1_700_000_000),
        ("ts", 1_700_000_000_000),
        ("t_us", NOW_US),
        ("date", "20231114221320"),
        ("t", "1700000000.0"),
        ("t", 1_700_000_000_000_000_000),
    ],
)
def test_time_in_any_usual_form(key: str, value: Any) -> None:
    decoded = decode(JsonAutoSource(), {key: value, "x": 1})
    assert [row.t_us for row in decoded.observations] == [NOW_US]


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("heat_c", "°C"),
        ("co_ppm", "ppm"),
        ("smoke_pct_m", "%/m"),
        ("speed_kmh", "km/h"),
        ("out_per_min", "1/min"),
        ("flow_per_h", "1/h"),
        ("people", ""),
    ],
)
def test_units_come_from_the_name(key: str, unit: str) -> None:
    assert decode(JsonAutoSource(), {key: 1}).observations[0].unit == unit


def test_objects_inside_are_flattened_and_measurements_understood() -> None:
    content = {
        "air": {"co_ppm": 4, "heat": {"value": 21.5, "unit": "Cel", "quality": "suspect"}},
        "xs": [1, 2],
    }
    decoded = decode(JsonAutoSource(), content)
    assert values(decoded) == {"air_co_ppm": 4, "air_heat": 21.5, "xs_0": 1, "xs_1": 2}
    heat = decoded.observations[1]
    assert (heat.unit, heat.quality) == ("Cel", 1)


def test_a_list_of_objects_and_senml() -> None:
    listed = decode(JsonAutoSource(), [{"t_us": NOW_US, "x": 1}, {"t_us": NOW_US - 5, "x": 2}])
    assert [(row.t_us, row.value) for row in listed.observations] == [(NOW_US, 1), (NOW_US - 5, 2)]
    pack = [
        {"bn": "urn:dev:e1:", "bt": 1_700_000_000, "bu": "Cel", "n": "heat", "v": 21.5},
        {"n": "hum", "u": "%RH", "v": 40, "t": -10},
        {"n": "on", "vb": True},
    ]
    senml = decode(JsonAutoSource(), pack)
    assert values(senml) == {"heat": 21.5, "hum": 40, "on": 1}
    assert senml.observations[1].t_us == NOW_US - 10_000_000


@pytest.mark.parametrize(
    ("content", "category"),
    [
        (b"", "not JSON"),
        (b'{"x": 1', "not JSON"),
        (b'{"x": NaN}', "not finite"),
        (b'{"x": 1e999}', "not finite"),
        (b'{"x": 1' + b"0" * 400 + b"}", "not finite"),
        (b'{"x": "\xff"}', "not UTF-8"),
        (b"[" * 50_000, "too deep"),
        (b" " * (MAX_MESSAGE_BYTES + 1), "too large"),
        ({"a": {"b": {"c": {"d": {"e": 1}}}}}, "too deep"),
        ({f"x{i}": i for i in range(300)}, "too many fields"),
        ([{"x": 1}] * 501, "too many fields"),
        ({"t": "yesterday", "x": 1}, "bad time"),
        ({"t": "2023-11-13T22:13:19Z", "x": 1}, "too old"),
        ({"t": "2023-11-14T22:14:21Z", "x": 1}, "in the future"),
        ({"t": 1e300, "x": 1}, "in the future"),
        ({"x": "y" * 5000}, "bad field"),
        ({"k" * 100: 1}, "bad field"),
        ({"x": 1, "quality": "fine"}, "bad field"),
        ({}, "no reading"),
        ([], "no reading"),
        ([1], "not an object"),
        (b"7", "not an object"),
    ],
)
def test_what_is_not_allowed_is_rejected_in_one_line(content: Any, category: str) -> None:
    decoded = decode(JsonAutoSource(), content)
    assert decoded.rejected.startswith(f"{category}: ")
    assert "\n" not in decoded.rejected
    assert len(decoded.rejected) < 300
    assert not decoded.observations


def test_old_files_are_let_in_when_asked() -> None:
    assert values(decode(JsonAutoSource(max_age_s=None), {"t": "2014-01-01", "x": 1})) == {"x": 1}
    assert decode(JsonAutoSource(max_age_s=None), {"t": -5, "x": 1}).rejected.startswith("too old")


def test_report_text_is_personal() -> None:
    decoded = decode(JsonAutoSource(), {"text": "x"}, family="report")
    assert decoded.observations[0].personal


def test_a_naked_integer_of_thousands_of_digits_is_refused() -> None:
    assert decode(JsonAutoSource(), b'{"t": 1' + b"0" * 5000 + b', "x": 1}').rejected


# --- the others -----------------------------------------------------------------------------------


def test_eve_is_kept_whole_but_for_captured_content() -> None:
    record = {
        "timestamp": "2023-11-14T22:13:20.000000+0000",
        "event_type": "alert",
        "payload": "c2VjcmV0",
        "alert": {"signature_id": 1},
    }
    (row,) = decode(EveSource(), record, "eve").observations
    assert (row.quantity, row.schema, row.t_us) == ("alert", "eve/1", NOW_US)
    assert row.payload["alert"] == {"signature_id": 1}
    assert "payload" not in row.payload


@pytest.mark.parametrize(
    ("content", "category"),
    [
        ({"timestamp": "2023-11-14T22:13:20Z"}, "missing field"),
        ({"event_type": "flow"}, "missing field"),
        ({"timestamp": "2023-11-14T22:13:20Z", "event_type": "a b"}, "bad field"),
        ({"timestamp": "x", "event_type": "flow"}, "bad time"),
        (
            b'{"timestamp": "2023-11-14T22:13:20Z", "event_type": "flow", "n": 99999999999999999999}',
            "out of range",
        ),
        (b"[]", "not an object"),
    ],
)
def test_eve_refuses(content: Any, category: str) -> None:
    assert decode(EveSource(), content, "eve").rejected.startswith(f"{category}: ")


def test_eve_may_be_longer_than_other_messages() -> None:
    record = {"timestamp": "2023-11-14T22:13:20Z", "event_type": "stats", "x": "y" * 200_000}
    assert not decode(EveSource(), record, "eve").rejected


def test_camera_hash_and_people() -> None:
    decoded = decode(CameraSource(), {"frame_hash": "9f3a77c2e1b00d4e", "people": 12}, "camera")
    assert values(decoded) == {"people": 12}
    assert [(row.schema, row.payload) for row in decoded.observations if row.schema] == [
        ("frame-hash/1", "9f3a77c2e1b00d4e")
    ]


@pytest.mark.parametrize(
    "content",
    [
        {"people": 1, "image": "abc"},
        {"people": 1, "thumbnail": None},
        {"people": 1, "faces": [1]},
        {"frame_hash": "data:image/png;base64,AAAA"},
        {"frame_hash": "ab" * 100},
        {"frame_hash": ["9f3a77c2e1b00d4e"]},
    ],
)
def test_camera_refuses_anything_like_a_picture_without_quoting_it(content: Any) -> None:
    rejected = decode(CameraSource(), content, "camera").rejected
    assert rejected.startswith("image: ")
    assert "base64" not in rejected


def test_camera_people_are_a_sane_number() -> None:
    assert decode(CameraSource(), {"people": -1}, "camera").rejected.startswith("out of range")
    assert decode(CameraSource(), {"people": "3"}, "camera").rejected.startswith("bad field")
    assert decode(CameraSource(), b"\xff\xd8\xff\xe0 JFIF", "camera").rejected


def test_sign_status_and_acknowledgement() -> None:
    status = decode(SignSource(), {"status": "ok", "showing": "exit A"}, "sign")
    assert values(status) == {"ok": 1}
    assert texts(status) == {"status": "ok", "showing": "exit A"}
    (ack,) = decode(SignSource(), {"ack": "01HX", "showing": "exit B"}, "sign").observations
    assert (ack.schema, ack.payload) == ("sign-ack/1", {"ack": "01HX", "showing": "exit B"})
    for bad in ({}, {"ack": 7}, {"ack": "a b"}, {"status": 3}, [1]):
        assert decode(SignSource(), bad, "sign").rejected


# --- mapped ---------------------------------------------------------------------------------------

MAPPING = """\
topic: env/gas-*
time: meta.at
quality: meta.q
quantities:
  co_ppm: {path: d.0.co, scale: 0.1, offset: 1, range: [0, 500], required: true}
  note: {path: n, text: true}
"""


def test_a_mapping_reads_what_it_names() -> None:
    source = MappedSource(parse_mapping(MAPPING))
    content = {"meta": {"at": 1_700_000_000, "q": "bad"}, "d": [{"co": "40"}], "n": "x", "secret": 1}
    decoded = decode(source, content)
    assert values(decoded) == {"co_ppm": 5}
    co, note = decoded.observations
    assert (co.unit, co.quality, note.personal) == ("ppm", 2, True)


@pytest.mark.parametrize(
    ("content", "category"),
    [
        ({"meta": {"at": 1_700_000_000}, "d": [{"co": 9000}]}, "out of range"),
        ({"meta": {"at": 1_700_000_000}, "d": [{"co": "x"}]}, "bad field"),
        ({"meta": {"at": 1_700_000_000}, "d": [{"co": 1}], "n": 5}, "bad field"),
        ({"meta": {"at": 1_700_000_000}, "d": []}, "missing field"),
        ({"d": [{"co": 1}]}, "missing field"),
        ([1], "missing field"),
    ],
)
def test_a_mapping_refuses(content: Any, category: str) -> None:
    assert decode(MappedSource(parse_mapping(MAPPING)), content).rejected.startswith(f"{category}: ")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("quantities: {a: b}", "missing required field `topic`"),
        ("topic: env\nquantities: {a: b}", "topic is 'env'"),
        ("topic: env/*\nquantities: {}", "quantities is empty"),
        ("topic: env/*\nquantities: {a b: c}", "quantities.a b: the name"),
        ("topic: env/*\nquantities: {a: {path: x, scale: 0}}", "scale not 0"),
        ("topic: env/*\nquantities: {a: {path: x, range: [2, 1]}}", "low < high"),
        ("topic: env/*\nquantities: {a: {path: x, text: true, scale: 2}}", "text has no scale"),
        ("topic: env/*\nquantities: {a: {pth: x}}", "unknown field `pth`"),
        ("topic: env/*\ntime: a..b\nquantities: {a: b}", "time is 'a..b'"),
        ("topic: [", "not YAML"),
        ("7", "Expected `object`"),
    ],
)
def test_a_wrong_mapping_says_what_is_wrong(text: str, part: str) -> None:
    with pytest.raises(MappingError) as caught:
        parse_mapping(text, "gas.yaml")
    assert str(caught.value).startswith("gas.yaml: ")
    assert part in str(caught.value).replace("Object", "object")


# --- table and manifests --------------------------------------------------------------------------


def test_the_first_fitting_source_wins_and_json_auto_comes_last() -> None:
    mapped = MappedSource(parse_mapping(MAPPING))
    table = SourceTable([*built_in_sources(), mapped])
    names = {
        (family, sensor): source.name
        for family, sensor in (("env", "gas-1"), ("env", "e1"), ("eve", "ids"), ("new", "x"))
        if (source := table.pick(family, sensor))
    }
    assert list(names.values()) == ["mapped-env", "json_auto", "eve", "json_auto"]
    assert SourceTable([EveSource()]).pick("env", "e1") is None
    assert "eve" in table.families


def test_every_built_in_source_fits_its_manifest() -> None:
    manifests = built_in_manifests()
    assert set(manifests) == {"json_auto", "mapped", "eve", "camera", "sign", "lock", "access"}
    for source in built_in_sources():
        assert isinstance(source, Source)
        assert manifests[source.name].families == source.families


def test_a_wrong_manifest_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "manifest.toml"
    with pytest.raises(ManifestError):
        read_manifest(path)
    path.write_text('name = "x"\nfamilies = 3\n')
    with pytest.raises(ManifestError, match=r"manifest\.toml"):
        read_manifest(path)


def test_calendar_digits_are_told_from_seconds() -> None:
    assert read_time("20140123") == read_time("2014-01-23") == read_time("20140123000000")
    with pytest.raises(Refused):
        read_time(True)
