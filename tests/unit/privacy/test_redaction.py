from collections import Counter
from typing import Any

import pytest

from s4allcities.domain import Observation
from s4allcities.privacy.policies import FAMILIES, NUMBERS_ONLY, POLICIES
from s4allcities.privacy.redaction import MASK, Redactor, mask_text, redact_payload


def observation(family: str, quantity: str, **rest: Any) -> Observation:
    return Observation(family=family, sensor="s-1", quantity=quantity, t_us=0, **rest)


def passed(family: str, quantity: str, **rest: Any) -> Observation | None:
    return Redactor().redact(observation(family, quantity, **rest))


def test_what_the_demo_sends_passes() -> None:
    assert passed("env", "smoke_pct_m", value=0.2, unit="%/m")
    assert passed("people", "out_per_min", value=38.0)
    assert passed("door", "open", value=1.0)
    assert passed("camera", "people", value=12.0)
    assert passed("traffic", "speed_kmh", value=31.5)
    frame = passed("camera", "frame_hash", schema="frame-hash/1", payload="9f3a77c2e1b00d4e")
    assert frame is not None
    assert frame.payload == "9f3a77c2e1b00d4e"


@pytest.mark.parametrize(
    ("quantity", "schema", "payload"),
    [
        ("jpeg", "jpeg/1", b"\xff\xd8"),
        ("frame_hash", "frame-hash/1", b"\xff\xd8"),
        ("frame_hash", "frame-hash/1", "not a hash"),
        ("frame_hash", "frame-hash/1", "9f" * 100),
        ("frame_hash", "jpeg/1", "9f3a77c2e1b00d4e"),
        ("people", "faces/1", {"faces": [1, 2]}),
        ("embedding", "", None),
    ],
)
def test_no_picture_leaves_a_camera(quantity: str, schema: str, payload: Any) -> None:
    redactor = Redactor()
    assert redactor.redact(observation("camera", quantity, schema=schema, payload=payload)) is None
    assert redactor.dropped.total() >= 1


def test_eve_keeps_what_detectors_read_and_nothing_said() -> None:
    data = {
        "event_type": "alert",
        "src_ip": "10.1.4.66",
        "dest_port": 502,
        "payload_printable": "GET /me",
        "email": {"from": "aino@example.org"},
        "alert": {"signature": "write by aino@example.org", "severity": 1, "metadata": {"x": ["y"]}},
        "modbus": {"request": {"function_code": "WrSCoil", "write": {"address": 3, "data": 1}}},
    }
    redactor = Redactor()
    kept = redactor.redact(observation("eve", "eve", schema="eve/1", payload=data))
    assert kept is not None
    assert kept.payload == {
        "event_type": "alert",
        "src_ip": "10.1.4.66",
        "dest_port": 502,
        "alert": {"signature": f"write by {MASK}", "severity": 1},
        "modbus": {"request": {"function_code": "WrSCoil", "write": {"address": 3, "data": 1}}},
    }
    assert redactor.dropped == {"eve/other": 2, "eve/alert/other": 1}


def test_unknown_families_pass_numbers_and_masked_texts() -> None:
    assert passed("mine", "strain", value=1.0)
    assert passed("mine", "phone", value=358401234567.0) is None
    note = passed("mine", "note", schema="text/1", payload="ask aino@example.org")
    assert note is not None
    assert note.payload == f"ask {MASK}"
    assert passed("mine", "user_name", schema="text/1", payload="hello") is None
    assert (
        Redactor({"mine": NUMBERS_ONLY}).redact(observation("mine", "n", schema="text/1", payload="x"))
        is None
    )
    assert passed("mine", "a@b", value=1.0) is None
    assert passed("mine", "strain", value=1.0, personal=True) is None
    named = passed("mine", "strain", value=1.0, unit="aino@example.org")
    assert named is not None
    assert named.unit == ""
    assert passed("mine", "strain", value="x") is None


def test_what_passes_is_no_longer_personal() -> None:
    said = passed("report", "text", schema="text/1", payload="call 040 123 4567", personal=True)
    assert said is not None
    assert (said.payload, said.personal) == (f"call {MASK}", False)
    count = passed("people", "people", value=3.0, unit="1", personal=True)
    assert count is not None
    assert (count.personal, count.unit) == (False, "1")


def test_industrial_requests_keep_their_function() -> None:
    dnp3 = {"request": {"type": "request", "application": {"function_code": 5, "objects": [{"x": 1}]}}}
    kept = passed("eve", "dnp3", schema="eve/1", payload={"event_type": "dnp3", "dnp3": dnp3})
    assert kept is not None
    assert kept.payload["dnp3"] == {"request": {"type": "request", "application": {"function_code": 5}}}
    word = passed("eve", "bacnet", schema="eve/1", payload={"bacnet": {"service": "writeProperty"}})
    assert word is not None
    assert word.payload == {"bacnet": {"service": "writeProperty"}}


def test_dropped_names_from_outside_are_not_kept() -> None:
    redactor = Redactor()
    redactor.redact(observation("camera", "aino@example.org", value=1.0))
    assert dict(redactor.dropped) == {"camera/other": 1}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mail aino.a+b@example.org now", f"mail {MASK} now"),
        ("call +358 40 123 4567", f"call {MASK}"),
        ("call 040-1234567.", f"call {MASK}."),
        ("call (09) 123 45 67", f"call ({MASK}"),
        ("blue van ABC-123 left", f"blue van {MASK} left"),
        ("B AB 1234 and AB12 CDE, AB-123-CD", f"{MASK} and {MASK}, {MASK}"),
        ("S4 MQTT: GO TO B 2, CO2 and PM10 rise", "S4 MQTT: GO TO B 2, CO2 and PM10 rise"),
        ("12 people at 14:30 near exit B", "12 people at 14:30 near exit B"),
        ("smoke in ticket hall", "smoke in ticket hall"),
    ],
)
def test_free_text_is_masked(text: str, shown: str) -> None:
    assert mask_text(text) == shown


def test_long_text_and_long_lists_are_bounded() -> None:
    assert len(mask_text("word " * 10_000)) <= 2_000
    dropped: Counter[str] = Counter()
    assert redact_payload(["a"] * 1000, "word", dropped) is None
    assert redact_payload(["a", b"x"], "word", dropped) == ["a"]
    assert redact_payload(3, {"a": "word"}, dropped) is None
    assert redact_payload({1: "x"}, {"a": "word"}, dropped) is None


def test_every_policy_has_a_family_name_and_no_bytes() -> None:
    assert set(FAMILIES) == set(POLICIES)
    for family in FAMILIES:
        assert passed(family, "people", schema="raw/1", payload=b"\x00") is None
