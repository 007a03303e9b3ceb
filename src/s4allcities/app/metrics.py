"""The platform's report in Prometheus' text format, by Prometheus' own client library."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

import s4allcities

__all__ = ("metrics_text",)

Values = Mapping[str, float]
ENDED = ("decided", "rejected", "expired", "duplicates")


def metrics_text(
    report: dict[str, Any], parts: Mapping[str, bool], pages: int, more: Sequence[Metric] = ()
) -> str:
    """Write a report of `Accounting`, which parts work, how many pages look on, and ``more`` families."""
    registry = CollectorRegistry()
    registry.register(
        _Once([*_flow(report), *_stages(report), *_stores(report), *_rest(report, parts, pages), *more])
    )
    ProcessCollector(namespace="s4", registry=registry)
    return generate_latest(registry).decode()


class _Once(Collector):
    """Gives families that are made already."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


def _gauge(name: str, text: str, label: str, values: Values) -> Metric:
    family = GaugeMetricFamily(f"s4_{name}", text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _counter(name: str, text: str, label: str, values: Values) -> Metric:
    family = CounterMetricFamily(f"s4_{name}", text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"s4_{name}", text, value=value)


def _flow(report: dict[str, Any]) -> Iterator[Metric]:
    account, edge = report["account"], report["edge"]
    reasons: Counter[str] = Counter()
    for each in report["rejected"]:
        reasons[each["reason"]] += each["count"]
    yield _counter(
        "messages", "Device messages by what became of them", "state", {name: account[name] for name in ENDED}
    )
    yield _one("messages_in_flight", "Device messages not yet decided", account["in_flight"])
    yield _counter("received", "Good device messages since the start", "family", report["received"])
    yield _counter("rejected", "Rejected input since the installation began, by reason", "reason", reasons)
    yield _counter("refused_by_broker", "What the broker itself refused", "kind", report["refused_by_broker"])
    yield CounterMetricFamily(
        "s4_observations", "Readings packed since the start", value=edge["observations"]
    )
    yield CounterMetricFamily(
        "s4_publish_errors", "Publishes that had to be repeated", value=edge["publish_errors"]
    )
    if (door := report["door"]) is not None:
        yield _one("door_connections", "MQTT devices that are connected", door["connections"])
        yield _one("door_waiting", "Readings whose devices wait for an acknowledgement", door["waiting"])
        yield CounterMetricFamily(
            "s4_door_taken", "Readings taken from MQTT devices straight", value=door["taken"]
        )
        yield CounterMetricFamily(
            "s4_door_passed_on", "MQTT packets passed on to the broker", value=door["passed_on"]
        )
    yield _one(
        "oldest_unprocessed_seconds", "Age of the oldest datum that waits", report["oldest_unprocessed_s"]
    )


def _stages(report: dict[str, Any]) -> Iterator[Metric]:
    stages = report["stages"]

    def each(field: str) -> dict[str, float]:
        return {stage["stage"]: stage[field] for stage in stages if stage[field] is not None}

    yield _gauge("stage_lag", "Messages that wait before a stage", "stage", each("lag"))
    yield _gauge("stage_lag_seconds", "Age of the oldest message that waits, at most", "stage", each("lag_s"))
    yield _gauge("stage_running", "1 = runs, 0 = stands", "stage", each("running"))
    yield _gauge(
        "stage_snapshot_age_seconds", "Since the last snapshot of its state", "stage", each("snapshot_age_s")
    )
    for field in ("processed", "published", "errors"):
        yield _counter(f"stage_{field}", f"Of each stage: {field}", "stage", each(field))


def _stores(report: dict[str, Any]) -> Iterator[Metric]:
    streams = report["streams"]
    for field in ("messages", "bytes"):
        yield _gauge(
            f"stream_{field}", f"What a stream holds: {field}", "stream",
            {name: state[field] for name, state in streams.items()},
        )  # fmt: skip
    yield _one(
        "history_rows_waiting", "Readings not yet written to history", report["history"]["rows_waiting"]
    )
    yield _one("history_damaged_files", "Files set aside at the start", report["history"]["damaged_files"])
    yield _one("disk_free_bytes", "Room left where the data directory lies", report["disk"]["free_bytes"])
    yield _one("disk_size_bytes", "Size of that disk", report["disk"]["size_bytes"])


def _rest(report: dict[str, Any], parts: Mapping[str, bool], pages: int) -> Iterator[Metric]:
    sensors, bus = report["sensors"], report["bus"]
    yield _gauge("sensors", "Sensors by state", "state", sensors["by_state"])
    yield _one("sensors_on_time", "Sensors that deliver on time", report["edge"]["sensors_on_time"])
    yield _gauge(
        "sensor_silent_seconds", "Since a silent sensor was last heard; of the 100 silent longest", "sensor",
        {each["sensor"]: each["silent_s"] for each in sensors["silent"] if each["silent_s"] is not None},
    )  # fmt: skip
    yield _gauge("part_works", "1 = works, 0 = does not", "part", parts)
    yield CounterMetricFamily(
        "s4_bus_reconnects", "Connections to the bus made again", value=bus["reconnects"]
    )
    yield CounterMetricFamily(
        "s4_server_restarts", "Starts of the bus's server after a crash", value=bus["server_restarts"]
    )
    yield _one("pages", "Pages looking at the picture", pages)
    yield _gauge("info", "Always 1", "version", {s4allcities.__version__: 1})
