"""What became of every device message, and how each part of the platform does: for people, pages and Prometheus."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from msgspec import Struct

from s4allcities.bus import EVENTS, OBS, RAW, Bus, NatsServer, RunnerStatus, StageRunner, StreamState
from s4allcities.bus.gateway import GATEWAY_STREAMS
from s4allcities.domain import US_PER_S, SystemClock
from s4allcities.edge.ingest import EdgeNode
from s4allcities.edge.mqtt_door import MqttDoor
from s4allcities.store.buffered import BufferedHistory
from s4allcities.store.queries import RejectedCount
from s4allcities.store.recorder import EventRecorder

__all__ = ("Account", "Accounting")

DECIDES = "validity"
"""The stage through which every reading goes: what it has dealt with is decided."""

LOOK_S = 2.0
MOST_REASONS = 200
"""Sources and reasons of rejected input in a report, most often first; the account counts all."""
MOST_SILENT = 100
"""Silent sensors named in a report; the count by state counts all."""


class Account(Struct, frozen=True, kw_only=True):
    """Device messages by what became of them. ``duplicates`` were sent again by a device and count once."""

    decided: int
    rejected: int
    expired: int
    in_flight: int
    duplicates: int
    refused_by_broker: int


class Accounting:
    """Gathers counters from the parts that keep them. ``data_dir`` is on the disk whose room is told."""

    def __init__(
        self,
        bus: Bus,
        edge: EdgeNode,
        runners: Sequence[StageRunner[Any]],
        recorder: EventRecorder,
        history: BufferedHistory,
        server: NatsServer | None,
        door: MqttDoor | None,
        data_dir: Path,
    ) -> None:
        self._bus = bus
        self._edge = edge
        self._runners = runners
        self._recorder = recorder
        self._history = history
        self._server = server
        self._door = door
        self._data_dir = data_dir
        self._others: dict[str, StreamState] = {}
        self._looked_s = -LOOK_S

    async def account(self) -> Account:
        """Give the account now. Exact when nothing is in flight."""
        return self._account(await self._recorder.rejected_counts(), await self._bus.stream_state(RAW))

    def _account(self, counts: Sequence[RejectedCount], raw: StreamState) -> Account:
        decides = next(runner.status for runner in self._runners if runner.status.stage == DECIDES)
        edge = self._edge.status()
        return Account(
            decided=decides.decided_raw,
            rejected=sum(count.count for count in counts if not count.source.startswith(("stage/", "http/")))
            + decides.rejected_raw,
            expired=edge.expired,
            in_flight=raw.messages + (self._door.status().waiting if self._door else 0) + decides.lag,
            duplicates=edge.duplicates,
            refused_by_broker=sum(self._server.refused_by_broker.values()) if self._server else 0,
        )

    async def report(self) -> dict[str, Any]:
        """Give all there is to know about how the platform does, as plain data; see the reference of metrics."""
        counts = await self._recorder.rejected_counts()
        streams = await self._states()
        now_us = self._edge.clock.now_us()
        wall_us = SystemClock().now_us()  # the server's clock, whatever the platform's shows
        stages = [_stage(runner.status, now_us, wall_us) for runner in self._runners]
        oldest_raw_us = streams[RAW].t_first_us
        disk = shutil.disk_usage(self._data_dir)
        return {
            "account": msgspec.to_builtins(self._account(counts, streams[RAW])),
            "edge": msgspec.to_builtins(self._edge.status()),
            "door": msgspec.to_builtins(self._door.status()) if self._door else None,
            "received": self._edge.health.received(),
            "rejected": [msgspec.to_builtins(count) for count in counts[:MOST_REASONS]],
            "refused_by_broker": self._server.refused_by_broker if self._server else {},
            "stages": stages,
            "oldest_unprocessed_s": max(
                [(wall_us - oldest_raw_us) / US_PER_S if oldest_raw_us else 0.0]
                + [stage["lag_s"] for stage in stages]
            ),
            "streams": {name: msgspec.to_builtins(state) for name, state in streams.items()},
            "history": {"rows_waiting": self._history.waiting_rows, "damaged_files": self._history.damaged},
            "sensors": {
                "by_state": self._edge.health.states(),
                "silent": [msgspec.to_builtins(each) for each in self._edge.health.silent(now_us)[:MOST_SILENT]],
            },
            "disk": {"free_bytes": disk.free, "size_bytes": disk.total},
            "bus": {"connected": self._bus.connected, "reconnects": self._bus.reconnects,
                    "server_restarts": self._server.restarts if self._server else 0},
        }  # fmt: skip

    async def _states(self) -> dict[str, StreamState]:
        """Give what the streams hold: RAW as it is now, the others at most `LOOK_S` old."""
        if monotonic() > self._looked_s + LOOK_S:
            names = (OBS, EVENTS, *GATEWAY_STREAMS)
            found = await asyncio.gather(*map(self._bus.stream_state, names))
            self._others, self._looked_s = dict(zip(names, found, strict=True)), monotonic()
        return {RAW: await self._bus.stream_state(RAW), **self._others}


def _stage(status: RunnerStatus, now_us: int, wall_us: int) -> dict[str, Any]:
    """Give a runner's counters, how old its oldest waiting input is at most, and how old its last snapshot is."""
    waited_s = (wall_us - status.t_input_us) / US_PER_S if status.lag and status.t_input_us else 0.0
    saved_s = (now_us - status.last_snapshot_us) / US_PER_S if status.last_snapshot_us else None
    found: dict[str, Any] = msgspec.to_builtins(status)
    return found | {"lag_s": round(max(0.0, waited_s), 3), "snapshot_age_s": saved_s}
