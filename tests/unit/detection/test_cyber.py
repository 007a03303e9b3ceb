import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.unit.detection.feeds import Row, Spec, at, batch_of, feed_of

from s4allcities.checks import check_stage, run_stage
from s4allcities.detection.cyber import (
    CyberStage,
    NetworkPolicy,
    cyber_config,
    load_policy,
    read_network_policy,
)
from s4allcities.domain import Detection, empty_batch, from_rfc3339
from s4allcities.formats.network import PolicyError

POLICY = read_network_policy("""
hosts:
  10.20.0.31: {device: door-c, exit: exit-c, name: Door controller C}
  10.20.0.32: {device: door-d, exit: exit-d}
allowed_writers: [10.20.0.5]
planned_scans:
  - {host: 10.20.0.9, reason: yearly test}
""")
SENSORS = {"door-c": Spec(slug="door-c", name="DOOR-C", family="door", zone="concourse", covers=("exit-c",))}
ATTACKER = "10.20.0.66"
SHARED = Path(os.environ.get("S4_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))


def eve(seconds: float, **record: Any) -> Row:
    return ("ids-1", "eve", seconds, ("eve/1", record))


def flow(seconds: float, src: str, dst: str, port: int, *, to_server: int = 2, to_client: int = 1) -> Row:
    return eve(
        seconds,
        event_type="flow",
        src_ip=src,
        src_port=40_000,
        dest_ip=dst,
        dest_port=port,
        proto="TCP",
        flow={"pkts_toserver": to_server, "pkts_toclient": to_client, "state": "closed"},
    )


def write(seconds: float, src: str = ATTACKER, dst: str = "10.20.0.31") -> Row:
    request = {"function_raw": 6, "function_code": "WrSingleReg", "access_type": "write | single"}
    return eve(
        seconds, event_type="modbus", src_ip=src, dest_ip=dst, dest_port=502, proto="TCP",
        modbus={"id": 1, "request": request},
    )  # fmt: skip


def alert(seconds: float, signature: str, sid: int, src: str = ATTACKER, dst: str = "10.20.0.31") -> Row:
    return eve(
        seconds, event_type="alert", src_ip=src, src_port=41_000, dest_ip=dst, dest_port=502, proto="TCP",
        alert={"signature": signature, "signature_id": sid, "severity": 2, "category": "x"},
    )  # fmt: skip


SCAN = [flow(i * 0.5, ATTACKER, f"10.20.0.{30 + i}", 502) for i in range(40)]


def detections(rows: list[Row], policy: NetworkPolicy = POLICY, tick_s: float = 0) -> list[Detection]:
    stage = CyberStage(sensors=SENSORS, policy=policy)
    feed: list[tuple[Any, int]] = list(feed_of(rows, "eve"))
    if tick_s:
        feed.append((empty_batch(at(tick_s)), at(tick_s)))
    steps, _ = run_stage(stage, feed)
    return [event for events in steps for event in events if isinstance(event, Detection)]


def test_a_scan_over_hosts_is_seen_while_it_runs() -> None:
    found = detections(SCAN)
    assert {d.kind for d in found} == {"network-scan"}
    assert found[0].t_us == at(5.5)
    assert found[0].group == ATTACKER
    assert found[0].place.entities == (ATTACKER,)
    assert found[0].text == "10.20.0.66: 12 hosts tried on port 502/tcp within 120 s"
    assert found[-1].confidence > found[0].confidence == 0.5


def test_a_scan_over_ports_is_seen() -> None:
    found = detections([flow(i, ATTACKER, "10.20.0.31", 100 + i) for i in range(30)])
    assert found[0].text == "10.20.0.66: 15 ports of 10.20.0.31 tried within 120 s"


def test_conversations_and_slow_contacts_are_no_scan() -> None:
    polling = [
        flow(i, "10.20.0.5", f"10.20.0.{30 + i % 40}", 502, to_server=20, to_client=18) for i in range(200)
    ]
    slow = [flow(i * 30.0, ATTACKER, f"10.20.0.{30 + i}", 502) for i in range(60)]
    groups = [flow(i, ATTACKER, f"224.0.0.{i}", 5353, to_client=0) for i in range(60)]
    assert not detections(polling)
    assert not detections(slow)
    assert not detections(groups)


def test_a_planned_scan_says_so() -> None:
    found = detections([flow(i * 0.5, "10.20.0.9", f"10.20.0.{30 + i}", 502) for i in range(20)])
    assert found[0].text.endswith("(planned: yearly test)")


def test_a_write_by_a_stranger_names_host_controller_and_exit() -> None:
    found = detections([write(1), write(2), write(3), write(8), write(9, src="10.20.0.5")])
    assert [d.kind for d in found] == ["unauthorised-write"] * 2
    assert found[0].place.entities == (ATTACKER, "door-c", "exit-c")
    assert (found[0].place.zone, found[0].group, found[0].confidence) == ("concourse", "write@door-c", 0.9)
    assert found[0].text == "10.20.0.66 wrote to Door controller C without leave (modbus WrSingleReg)"
    assert found[1].text.endswith(", 4 times")


@pytest.mark.parametrize(
    "part",
    [
        {"modbus": {"request": {"function_raw": 16}}},
        {"dnp3": {"request": {"application": {"function_code": 5}}}},
        {"enip": {"request": {"command": "SendRRData", "cip": {"service": "SetAttributeSingle"}}}},
        {"bacnet": {"service": "writeProperty"}},
        {"alert": {"signature": "SCADA Modbus write to unlisted unit", "signature_id": 9000001}},
    ],
)
def test_every_industrial_write_is_understood(part: dict[str, Any]) -> None:
    row = eve(1, event_type=next(iter(part)), src_ip=ATTACKER, dest_ip="10.20.0.31", **part)
    assert [d.kind for d in detections([row])] == ["unauthorised-write"]


def test_reads_and_writes_to_unknown_hosts_are_none() -> None:
    read = eve(
        1, event_type="modbus", src_ip=ATTACKER, dest_ip="10.20.0.31", modbus={"request": {"function_raw": 3}}
    )
    assert not detections([read, write(2, dst="10.20.0.99")])


def test_the_same_alert_again_is_folded_with_its_count() -> None:
    found = detections([alert(i, "ET SCAN something", 2_001_219) for i in range(100)])
    assert len(found) <= 6
    assert found[0].place.entities == (ATTACKER, "door-c", "exit-c")
    assert found[-1].value is not None
    assert found[-1].value > 70
    assert found[-1].text.endswith("times)")


def test_complaints_of_the_engine_are_said_once_and_only_when_they_are_over() -> None:
    rows = [
        alert(i * 0.1, "SURICATA TCPv4 invalid checksum", 2_200_074, src=f"10.9.{i % 50}.1")
        for i in range(900)
    ]
    rows += [alert(90 + i * 0.1, "SURICATA IPv4 invalid checksum", 2_200_073) for i in range(227)]
    assert detections(rows) == []
    found = detections(rows, tick_s=400)
    assert [(d.kind, d.value, d.confidence) for d in found] == [("ids-alert", 1127.0, 0.05)]
    assert found[0].text == "ids-1: invalid checksum, 1,127 times in 113 s"


def test_memory_is_bounded_and_what_is_forgotten_is_counted() -> None:
    stage = CyberStage(
        cyber_config({"scan": {"sources_most": 10, "keys_most": 20}, "alerts": {"groups_most": 5}})
    )
    rows = [flow(i * 0.01, f"10.1.{i // 250}.{i % 250}", "10.20.0.31", 80) for i in range(500)]
    rows += [flow(6 + i * 0.01, ATTACKER, "10.20.0.31", 1 + i) for i in range(500)]
    rows += [alert(12 + i * 0.01, f"rule {i}", 3_000_000 + i) for i in range(50)]
    _, state = run_stage(stage, feed_of(rows, "eve"))
    assert len(state.sources) == 10
    assert len(state.sources[ATTACKER].ports) == 20
    assert len(state.alerts) == 5
    assert state.forgotten > 1000
    assert len(stage.snapshot(state)) < 10_000


def test_it_keeps_the_contract_of_a_stage() -> None:
    engine = [alert(40 + i, "SURICATA IPv4 invalid checksum", 2_200_073) for i in range(10)]
    rows = SCAN + [write(21 + i) for i in range(12)] + engine + [flow(300, "10.20.0.5", "10.20.0.31", 502)]
    check_stage(lambda: CyberStage(sensors=SENSORS, policy=POLICY), feed_of(rows, "eve", 3.0))


def replay(path: Path) -> tuple[list[Detection], int]:
    if not path.exists():
        pytest.skip(f"test data not here: {path.name}")
    stage = CyberStage()
    state = stage.start()
    found: list[Any] = []
    lines = gzip.decompress(path.read_bytes()).splitlines()
    now_us = 0
    for line in lines:
        record = json.loads(line)
        t_us = from_rfc3339(record["timestamp"])
        now_us = max(now_us, t_us)
        row: Row = ("ids-1", "eve", (t_us - at(0)) / 1e6, ("eve/1", record))
        found += stage.step(state, batch_of([row], "eve"), now_us)
    found += stage.step(state, empty_batch(now_us + 10**9), now_us + 10**9)
    return [d for d in found if isinstance(d, Detection)], len(lines)


def test_a_real_flood_of_checksum_alerts_is_one_line() -> None:
    found, lines = replay(SHARED / "cyber" / "eve" / "eve_test7.json.gz")
    assert lines == 1530
    engine = [d for d in found if "checksum" in d.text]
    assert [d.value for d in engine] == [1127.0]


@pytest.mark.parametrize("name", ["eve_mqtt.json.gz", "eve_test8.json.gz"])
def test_real_records_of_every_type_pass(name: str) -> None:
    found, lines = replay(SHARED / "cyber" / "eve" / name)
    assert lines
    assert {d.kind for d in found} <= {"ids-alert", "network-scan"}


def test_real_scans_from_outside_are_found() -> None:
    found, _ = replay(SHARED / "cyber" / "slips" / "test6-malicious.suricata.json.gz")
    scans = {d.group for d in found if d.kind == "network-scan"}
    assert "193.46.255.92" in scans


def test_a_policy_file_names_itself_when_it_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "network.yaml"
    with pytest.raises(PolicyError, match=r"network.yaml: No such file"):
        load_policy(path)
    path.write_text("hosts: 5")
    with pytest.raises(PolicyError, match=r"network.yaml: network policy: Expected `object`"):
        load_policy(path)
    path.write_text("allowed_writers: [10.0.0.1]")
    assert load_policy(path).allowed_writers == {"10.0.0.1"}
