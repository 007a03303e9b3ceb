"""A real nats-server and a connection to it for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s4allcities.bus import Bus, DeviceUser, NatsServer, ServerConfig
from s4allcities.domain import SystemClock

SITE = "hel"
DEVICES = (
    DeviceUser(name="co-01", password="co-secret"),
    DeviceUser(name="sign-a", password="sign-secret"),
    DeviceUser(name="lock-01", password="lock-secret"),
)


@pytest.fixture
async def server(anyio_backend: str, tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(ServerConfig(data_dir=tmp_path / "nats", site=SITE), devices=DEVICES) as running:
        yield running


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    connected = await Bus.connect(
        server.url, site=SITE, clock=SystemClock(), user=server.user, password=server.password
    )
    await connected.ensure_streams()
    yield connected
    await connected.close()
