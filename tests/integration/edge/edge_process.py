"""A bus and an edge node as a process of their own, to be killed: ``edge_process.py DATA_DIR PORT MQTT_PORT``."""

import asyncio
import sys
from pathlib import Path

from s4allcities.bus import Bus, DeviceUser, NatsServer, ServerConfig
from s4allcities.domain import SystemClock
from s4allcities.edge.ingest import EdgeNode
from s4allcities.edge.intake import Intake
from s4allcities.edge.redaction import redact_text
from s4allcities.edge.sources import SourceTable, built_in_sources

SITE = "hel"
DEVICES = tuple(DeviceUser(name=f"co-{number:02}", password=f"secret-{number:02}") for number in range(4))


async def main(data_dir: str, port: int, mqtt_port: int) -> None:
    config = ServerConfig(data_dir=Path(data_dir), site=SITE, port=port, mqtt_port=mqtt_port)
    clock = SystemClock()
    async with NatsServer(config, devices=DEVICES) as server:
        bus = await Bus.connect(
            server.url, site=SITE, clock=clock, user=server.user, password=server.password
        )
        await bus.ensure_streams()
        node = EdgeNode(bus, Intake(SourceTable(built_in_sources(max_age_s=None)), redact_text), clock=clock)
        print(server.pid, flush=True)  # noqa: T201 - tells whoever started it that it is ready
        await node.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
