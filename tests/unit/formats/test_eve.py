import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4allcities.domain import from_rfc3339
from s4allcities.formats.eve import EveError, decode_eve, eve_event
from s4allcities.formats.network import PolicyError, read_network_policy

FLOW = {
    "timestamp": "2026-05-01T20:49:16.520001+0200",
    "event_type": "flow",
    "src_ip": "10.0.0.1",
    "src_port": 50000,
    "dest_ip": "10.0.0.2",
    "dest_port": 502,
    "proto": "TCP",
    "app_proto": "modbus",
    "flow": {"pkts_toserver": 5, "pkts_toclient": 4, "state": "closed"},
    "something_new": [1, 2, 3],
}


def test_the_fields_in_use_are_read_and_the_rest_passes() -> None:
    event = decode_eve(json.dumps(FLOW).encode())
    assert (event.event_type, event.src_ip, event.dest_port, event.proto) == ("flow", "10.0.0.1", 502, "TCP")
    assert (event.pkts_toserver, event.pkts_toclient, event.flow_state) == (5, 4, "closed")
    assert event.t_us == from_rfc3339("2026-05-01T18:49:16.520001Z")


def test_an_alert_on_an_answer_names_the_opener_first() -> None:
    ends = {"src_ip": "8.8.8.8", "src_port": 53, "dest_ip": "10.0.0.1", "dest_port": 50000}
    opener = {"src_ip": "10.0.0.1", "src_port": 50000, "dest_ip": "8.8.8.8", "dest_port": 53}
    alert = {"event_type": "alert", "alert": {"signature": "x"}}
    for record in (
        {**alert, **ends, "flow": opener},
        {**alert, **ends, "direction": "to_client"},
        {**alert, **ends},
    ):
        event = eve_event(record)
        assert (event.src_ip, event.dest_ip, event.dest_port) == ("10.0.0.1", "8.8.8.8", 53)


@pytest.mark.parametrize("line", [b"", b"[1]", b"{}", b'{"event_type": 3}', b"\xff", b"[" * 100_000])
def test_a_line_that_is_no_eve_is_one_clear_error(line: bytes) -> None:
    with pytest.raises(EveError):
        decode_eve(line)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from([*FLOW, "alert", "modbus", "dnp3", "enip", "direction", "request", "function_code"])


@given(st.dictionaries(keys, json_values | st.dictionaries(keys, json_values, max_size=3)))
def test_no_record_raises(record: dict[str, object]) -> None:
    assert isinstance(eve_event(record).event_type, str)


def test_a_policy_is_read_with_its_times() -> None:
    policy = read_network_policy(
        "planned_scans: [{host: 10.0.0.9, from: 2026-05-01T20:00:00Z, until: '2026-05-01T22:00:00+00:00'}]"
    )
    inside, after = from_rfc3339("2026-05-01T21:00:00Z"), from_rfc3339("2026-05-01T22:00:00Z")
    assert policy.planned("10.0.0.9", inside) is not None
    assert policy.planned("10.0.0.9", after) is None
    assert policy.planned("10.0.0.8", inside) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hosts: {door: {device: a}}", "hosts: 'door'; allowed is an IPv4"),
        ("hosts: {10.0.0.1: {}}", "device"),
        ("hosts: {10.0.0.1: {device: a, colour: red}}", "colour"),
        ("allowed_writers: [x]", "allowed_writers: 'x'"),
        ("planned_scans: [{host: 10.0.0.1, from: soon}]", "planned_scans.from: 'soon'"),
        ("[1]", "Expected `object`"),
        ("a: [", "network policy"),
    ],
)
def test_a_wrong_policy_is_one_clear_line(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says) as caught:
        read_network_policy(text)
    assert "\n" not in str(caught.value)


def test_an_empty_policy_is_a_policy() -> None:
    assert read_network_policy(b"").may_write("10.0.0.1", "10.0.0.2")
