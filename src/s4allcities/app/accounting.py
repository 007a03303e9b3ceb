"""What became of every device message, and how each part of the platform does: for people, pages and Prometheus."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from s4allcities.bus import RAW, Bus, NatsServer, StageRunner
from s4allcities.edge.ingest import EdgeNode
from s4allcities.store.recorder import EventRecorder

__all__ = ("Account", "Accounting", "prometheus_text")

DECIDES = "validity"
"""The stage through which every reading goes: what it has dealt with is decided."""


class Account(Struct, frozen=True, kw_only=True):
    """Device messages by what became of them. ``duplicates`` were sent again by a device and count once."""

    decided: int
    rejected: int
    expired: int
    in_flight: int
    duplicates: int
    refused_by_broker: int


class Accounting:
    """Gathers counters from the parts that keep them."""

    def __init__(
        self,
        bus: Bus,
        edge: EdgeNode,
        runners: Sequence[StageRunner[Any]],
        recorder: EventRecorder,
        server: NatsServer | None,
    ) -> None:
        self._bus = bus
        self._edge = edge
        self._runners = runners
        self._recorder = recorder
        self._server = server

    async def account(self) -> Account:
        """Give the account now. Exact when nothing is in flight."""
        raw = await self._bus.stream_state(RAW)
        decides = next(runner.status for runner in self._runners if runner.status.stage == DECIDES)
        counts = await self._recorder.rejected_counts()
        edge = self._edge.status()
        return Account(
            decided=decides.decided_raw,
            rejected=sum(count.count for count in counts if not count.source.startswith(("stage/", "http/")))
            + decides.rejected_raw,
            expired=edge.expired,
            in_flight=raw.messages + decides.lag,
            duplicates=edge.duplicates,
            refused_by_broker=sum(self._server.refused_by_broker.values()) if self._server else 0,
        )

    async def report(self) -> dict[str, Any]:
        """Give the account, and how edge and stages do, as plain data."""
        return {
            "account": msgspec.to_builtins(await self.account()),
            "edge": msgspec.to_builtins(self._edge.status()),
            "stages": [msgspec.to_builtins(runner.status) for runner in self._runners],
            "bus": {"connected": self._bus.connected, "reconnects": self._bus.reconnects,
                    "server_restarts": self._server.restarts if self._server else 0},
        }  # fmt: skip


def _lines(name: str, help_text: str, kind: str, values: Mapping[str, float]) -> list[str]:
    head = [f"# HELP s4_{name} {help_text}", f"# TYPE s4_{name} {kind}"]
    return head + [f"s4_{name}{labels} {value:g}" for labels, value in values.items()]


def prometheus_text(report: dict[str, Any], pages: int) -> str:
    """Write a report in Prometheus' text format."""
    account, stages = report["account"], report["stages"]
    out = _lines(
        "messages_total", "Device messages by what became of them", "counter",
        {f'{{state="{state}"}}': account[state] for state in ("decided", "rejected", "expired", "duplicates")},
    )  # fmt: skip
    out += _lines(
        "messages_in_flight", "Device messages not yet decided", "gauge", {"": account["in_flight"]}
    )
    for field, kind in (
        ("lag", "gauge"),
        ("processed", "counter"),
        ("errors", "counter"),
        ("published", "counter"),
    ):
        values = {f'{{stage="{stage["stage"]}"}}': stage[field] for stage in stages}
        out += _lines(f"stage_{field}", f"Of each stage: {field}", kind, values)
    out += _lines(
        "sensors_on_time", "Sensors that deliver on time", "gauge", {"": report["edge"]["sensors_on_time"]}
    )
    out += _lines("pages", "Pages looking at the picture", "gauge", {"": pages})
    return "\n".join(out) + "\n"
