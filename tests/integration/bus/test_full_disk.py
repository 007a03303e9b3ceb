"""The broker's disk fills up and is freed: what was acknowledged is there once, and it takes up again by itself."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from tests.integration.bus.parts import SITE

from s4allcities.bus import Bus, BusTimeout, NatsServer, ServerConfig
from s4allcities.domain import SystemClock

pytestmark = [pytest.mark.anyio, pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, which only root may mount."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            return


async def until_refused(bus: Bus, acknowledged: list[bytes]) -> None:
    for number in range(1000):
        data = str(number).encode().ljust(20_000)
        try:
            await bus.publish_raw("env", "smoke-01", data)
        except BusTimeout:
            return
        acknowledged.append(data)
    raise AssertionError("a full disk was not noticed")


async def test_a_full_disk_costs_time_and_nothing_acknowledged(small_disk: Path, anyio_backend: str) -> None:
    acknowledged: list[bytes] = []
    async with NatsServer(ServerConfig(data_dir=small_disk / "nats", site=SITE)) as server:
        bus = await Bus.connect(
            server.url, site=SITE, clock=SystemClock(), user=server.user, password=server.password,
            publish_wait_s=1.5,
        )  # fmt: skip
        await bus.ensure_streams()
        await bus.publish_raw("env", "smoke-01", b"first")
        fill(small_disk / "ballast")
        await until_refused(bus, acknowledged)
        (small_disk / "ballast").unlink()
        with anyio.fail_after(30):
            while True:
                try:
                    await bus.publish_raw("env", "smoke-01", b"last")
                    break
                except BusTimeout:
                    continue
        assert server.restarts == 1
        raw = bus.raw()
        found: list[bytes] = []
        with anyio.fail_after(20):
            while not found or found[-1] != b"last":
                found.append((await anext(raw)).message.data)
        await raw.aclose()
        await bus.close()
    assert found[0] == b"first"
    assert [data for data in found if data in set(acknowledged)] == acknowledged
