"""The platform's clock jumps, forwards and back: every message is decided or rejected once, and in order."""

import json
from collections import Counter

import pytest
from tests.integration.edge.test_node_on_the_bus import batches, raw_is_empty, running

from s4allcities.bus import Bus
from s4allcities.domain import ManualClock, SystemClock
from s4allcities.edge.ingest import EdgeNode
from s4allcities.edge.intake import Intake
from s4allcities.edge.redaction import redact_text
from s4allcities.edge.sources import SourceTable, built_in_sources

pytestmark = [pytest.mark.anyio, pytest.mark.integration]
DAY_S = 90_000.0  # more than a reading may be old


@pytest.mark.parametrize("jumps_s", [(DAY_S, -DAY_S), (-DAY_S, DAY_S), (0.4, -0.4, 3600.0, -7200.0)])
async def test_nothing_is_lost_or_doubled(bus: Bus, jumps_s: tuple[float, ...]) -> None:
    clock = ManualClock(SystemClock().now_us())
    bus.clock = clock
    node = EdgeNode(bus, Intake(SourceTable(built_in_sources()), redact_text), clock=clock)
    true_us, number = clock.now_us(), 0
    async with running(node):
        for jump_s in (0.0, *jumps_s):
            clock.advance(jump_s)
            for _ in range(20):  # the devices' own clocks are right throughout
                data = json.dumps({"t_us": true_us + number, "co_ppm": number}).encode()
                await bus.publish_raw("env", "co-01", data)
                number += 1
            await raw_is_empty(bus)
    status = node.status()
    decided = Counter(int(value) for batch in await batches(bus) for value in batch.value)
    assert max(decided.values(), default=1) == 1
    assert sum(decided.values()) + sum(status.rejected.values()) == number == status.received
    assert set(status.rejected) <= {"future time", "too old", "in the future", "bad time"}
    assert sum(status.rejected.values()) == 20, (
        "a device whose clock is right seems wrong for the time of one jump"
    )
    assert set(decided) >= set(range(20)), "before the jump all is decided"
