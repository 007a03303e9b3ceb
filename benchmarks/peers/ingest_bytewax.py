"""A Bytewax job over a JetStream stream of our batches: stateful keyed mean, scale and CUSUM, batch by batch.

In: {"url", "user", "password", "stream"} as JSON on stdin. Out: {"rows", "cpu_s", "flagged"}; the CPU-seconds are those
of the flow, after its kernel was compiled.
"""

import asyncio
import json
import struct
import sys
import time
from typing import Any

import numba
import numpy as np
from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig

_PREFIX = struct.Struct("<3sBIII")


@numba.njit(cache=False)
def step(ix: Any, value: Any, level: Any, scale: Any, up: Any, down: Any, count: Any) -> int:
    flagged = 0
    for i in range(ix.size):
        s, v = ix[i], value[i]
        if count[s] == 0:
            level[s], scale[s] = v, 0.5
        z = (v - level[s]) / scale[s]
        up[s] = max(0.0, up[s] + min(z, 6.0) - 1.5)
        down[s] = max(0.0, down[s] + min(-z, 6.0) - 1.5)
        if up[s] < 4 and down[s] < 4:
            level[s] += 0.01 * min(2.0, max(-2.0, z)) * scale[s]
            scale[s] = max(0.1, scale[s] + 0.01 * (abs(v - level[s]) * 1.2533 - scale[s]))
        flagged += up[s] > 8 or down[s] > 8
        count[s] += 1
    return flagged


class Stream(StatefulSourcePartition):
    """Pulls all messages of the stream, many at a request."""

    def __init__(self, request: dict[str, str]) -> None:
        self.loop = asyncio.new_event_loop()
        self.request = request
        self.left = self.loop.run_until_complete(self._open())

    async def _open(self) -> int:
        self.client = Client()
        await self.client.connect(
            self.request["url"], user=self.request["user"], password=self.request["password"]
        )
        streams = self.client.jetstream()
        info = await streams.stream_info(self.request["stream"])
        config = ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True)
        self.pull = await streams.pull_subscribe("s4.*.obs.>", stream=self.request["stream"], config=config)
        return int(info.state.messages)

    def next_batch(self) -> list[bytes]:
        if self.left <= 0:
            raise StopIteration
        messages = self.loop.run_until_complete(self.pull.fetch(min(500, self.left), timeout=10))
        self.left -= len(messages)
        return [message.data for message in messages]

    def snapshot(self) -> int:
        return self.left

    def close(self) -> None:
        self.loop.run_until_complete(self.client.close())


class Source(FixedPartitionedSource):
    def __init__(self, request: dict[str, str]) -> None:
        self.request = request

    def list_parts(self) -> list[str]:
        return ["all"]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> Stream:
        return Stream(self.request)


class Detect:
    """The state of all series."""

    def __init__(self) -> None:
        self.columns = [np.zeros(4096) for _ in range(4)]
        self.count = np.zeros(4096, np.int64)
        self.rows = self.flagged = 0

    def take(self, data: bytes) -> None:
        rows = _PREFIX.unpack_from(data)[3]
        value = np.frombuffer(data, "<f8", rows, _PREFIX.size + 8 * rows)
        ix = np.frombuffer(data, "<u4", rows, _PREFIX.size + 16 * rows)
        self.flagged += step(ix, value, *self.columns, self.count)
        self.rows += rows


class Nothing(StatelessSinkPartition):
    def write_batch(self, items: list[Any]) -> None:
        pass


class NoSink(DynamicSink):
    def build(self, step_id: str, worker_index: int, worker_count: int) -> Nothing:
        return Nothing()


def main() -> None:
    request = json.load(sys.stdin)
    detect = Detect()
    empty = _PREFIX.pack(b"S4B", 1, 0, 0, 0)
    detect.take(empty)

    def mapper(state: Detect | None, data: bytes) -> tuple[Detect, int]:
        state = state or detect
        state.take(data)
        return state, state.flagged

    flow = Dataflow("ingest")
    stream = op.input("in", flow, Source(request))
    keyed = op.key_on("key", stream, lambda _: "env")
    decided = op.stateful_map("detect", keyed, mapper)
    op.output("out", decided, NoSink())
    begin_s = time.process_time()
    run_main(flow)
    print(
        json.dumps(
            {"rows": detect.rows, "cpu_s": time.process_time() - begin_s, "flagged": int(detect.flagged)}
        )
    )


if __name__ == "__main__":
    main()
