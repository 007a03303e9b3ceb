"""What `/metrics` says of a report, and that the reference names all of it."""

import copy
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from s4allcities.app.accounting import _stage
from s4allcities.app.metrics import metrics_text
from s4allcities.bus import RunnerStatus

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
STATE = {
    "first_sequence": 1,
    "last_sequence": 2,
    "messages": 2,
    "bytes": 300,
    "created_us": 1,
    "t_first_us": 1,
}
REPORT: dict[str, Any] = {
    "account": {"decided": 5, "rejected": 1, "expired": 0, "duplicates": 0, "in_flight": 2, "refused_by_broker": 4},
    "edge": {"sensors_on_time": 7, "observations": 9, "publish_errors": 0},
    "door": {"connections": 3, "taken": 8, "passed_on": 5, "waiting": 2},
    "received": {"env": 6},
    "rejected": [
        {"source": "env/a", "reason": "not JSON", "count": 2, "t_last_us": 1},
        {"source": "env/b", "reason": "not JSON", "count": 1, "t_last_us": 1},
        {"source": "env/b", "reason": 'odd "quotes"\\n', "count": 1, "t_last_us": 1},
    ],
    "refused_by_broker": {"publish": 4},
    "stages": [
        {"stage": "validity", "lag": 3, "lag_s": 1.5, "processed": 4, "errors": 0, "published": 1, "running": True,
         "snapshot_age_s": None},
        {"stage": "fusion", "lag": 0, "lag_s": 0.0, "processed": 4, "errors": 0, "published": 1, "running": False,
         "snapshot_age_s": 2.5},
    ],
    "oldest_unprocessed_s": 1.5,
    "streams": {"RAW": STATE, "$MQTT_sess": STATE},
    "history": {"rows_waiting": 12, "damaged_files": 0},
    "sensors": {
        "by_state": {"on time": 7, "gone": 2},
        "silent": [
            {"sensor": "never", "family": "env", "state": "gone", "silent_s": None},
            {"sensor": "smoke-1", "family": "env", "state": "gone", "silent_s": 80.0},
        ],
    },
    "disk": {"free_bytes": 10, "size_bytes": 20},
    "bus": {"connected": True, "reconnects": 1, "server_restarts": 0},
}  # fmt: skip


def values(report: dict[str, Any]) -> dict[tuple[str, str], float]:
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(metrics_text(report, {"bus": True, "history": False}, 2))
        for sample in family.samples
    }


def test_what_operators_ask_is_answered() -> None:
    found = values(REPORT)
    assert found["s4_received_total", "env"] == 6
    assert found["s4_rejected_total", "not JSON"] == 3
    assert found["s4_refused_by_broker_total", "publish"] == 4
    assert found["s4_messages_total", "decided"] == 5
    assert found["s4_stage_lag", "validity"] == 3
    assert found["s4_stage_lag_seconds", "validity"] == 1.5
    assert found["s4_stage_running", "fusion"] == 0
    assert found["s4_stage_snapshot_age_seconds", "fusion"] == 2.5
    assert ("s4_stage_snapshot_age_seconds", "validity") not in found
    assert found["s4_oldest_unprocessed_seconds", ""] == 1.5
    assert found["s4_disk_free_bytes", ""] == 10
    assert found["s4_sensors", "gone"] == 2
    assert found["s4_sensor_silent_seconds", "smoke-1"] == 80
    assert found["s4_part_works", "history"] == 0
    assert found["s4_stream_bytes", "$MQTT_sess"] == 300
    assert found["s4_door_taken_total", ""] == 8
    assert ("s4_door_taken_total", "") not in values(REPORT | {"door": None})


def test_a_reason_from_outside_cannot_break_the_format() -> None:
    hostile = copy.deepcopy(REPORT)
    hostile["rejected"][0]["reason"] = 'x"} 1\ns4_lies 2'
    found = values(hostile)
    assert ("s4_lies", "") not in found
    assert found["s4_rejected_total", 'x"} 1\ns4_lies 2'] == 2


def test_every_metric_is_in_the_reference() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    missing = {
        name for name, _ in values(REPORT) if f"`{name}`" not in text and not name.startswith("s4_process_")
    }
    assert not missing


def test_how_old_the_oldest_waiting_message_is() -> None:
    status = RunnerStatus(
        stage="fusion", partition=0, sequence=9, lag=3, processed=1, decided_raw=0, rejected_raw=0, errors=0,
        published=0, dropped=0, last_snapshot_us=1_000_000, running=True, t_input_us=4_000_000,
    )  # fmt: skip
    stage = _stage(status, now_us=6_000_000, wall_us=7_000_000)
    assert (stage["lag_s"], stage["snapshot_age_s"]) == (3.0, 5.0)
    idle = _stage(RunnerStatus(**{**_fields(status), "lag": 0, "last_snapshot_us": 0}), 6_000_000, 7_000_000)
    assert (idle["lag_s"], idle["snapshot_age_s"]) == (0.0, None)


def _fields(status: RunnerStatus) -> dict[str, Any]:
    return {name: getattr(status, name) for name in RunnerStatus.__struct_fields__}
