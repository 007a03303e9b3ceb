import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from tests.integration.bus.parts import SITE, batch, take, until

from s4allcities.bus import Bus, NatsServer, ServerConfig, ServerError
from s4allcities.bus.server import _free_ports
from s4allcities.domain import SystemClock

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


def alive(pid: int) -> bool:
    """A zombie counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def open_ports() -> str:
    return Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()


async def test_the_server_is_private_to_its_owner_and_to_loopback(server: NatsServer) -> None:
    for name in ("nats-server.conf", "platform.password"):
        assert (server.config.data_dir / name).stat().st_mode & 0o777 == 0o600
    assert server.config.data_dir.stat().st_mode & 0o777 == 0o700
    listening = open_ports()
    for port in (server.port, server.mqtt_port):
        assert f"0100007F:{port:04X}" in listening
        assert f"00000000:{port:04X}" not in listening


async def test_it_is_restarted_after_a_crash_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    config = ServerConfig(data_dir=tmp_path, site=SITE)
    async with NatsServer(config, on_restart=said.append) as server:
        before = (server.pid, server.url, server.mqtt_port)
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: said)
        assert server.pid not in (0, before[0])
        assert (server.url, server.mqtt_port) == before[1:]
        assert server.restarts == 1
        assert "ended with -9" in said[0]


async def test_it_stops_with_its_owner_and_frees_the_directory(tmp_path: Path) -> None:
    config = ServerConfig(data_dir=tmp_path, site=SITE)
    async with NatsServer(config) as server:
        pid = server.pid
    assert not alive(pid)
    assert server.pid == 0
    async with NatsServer(config) as again:
        assert again.password == server.password


async def test_two_never_share_a_directory(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s4allcities.bus.server._LOCK_S", 0.2)
    with pytest.raises(ServerError, match="in use by another platform"):
        await NatsServer(server.config).start()
    assert alive(server.pid)


async def test_a_port_that_is_taken_is_one_clear_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match="address already in use"):
            await NatsServer(ServerConfig(data_dir=tmp_path, site=SITE, port=port)).start()


async def test_a_free_port_that_is_taken_in_between_is_chosen_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        offered = [[port, *_free_ports(1)], _free_ports(2)]
        monkeypatch.setattr("s4allcities.bus.server._free_ports", lambda *_: offered.pop(0))
        async with NatsServer(ServerConfig(data_dir=tmp_path, site=SITE)) as server:
            assert server.port != port
    assert not offered


async def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    config = ServerConfig(data_dir=tmp_path, site=SITE)
    for start in (1, 6):
        async with NatsServer(config) as server:
            bus = await Bus.connect(
                server.url, site=SITE, clock=SystemClock(), user=server.user, password=server.password
            )
            await bus.ensure_streams()
            for number in range(start, start + 5):
                await bus.publish_batch(batch(number))
            messages = await take(bus.follow("OBS", ["obs.>"]), start + 4)
            assert [one.batch.raw_last[0] for one in messages] == list(range(1, start + 5))
            await bus.close()


PARENT = """
import asyncio, sys
from pathlib import Path
from s4allcities.bus import NatsServer, ServerConfig

async def main():
    async with NatsServer(ServerConfig(data_dir=Path(sys.argv[1]), site="helsinki")) as server:
        print(server.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_it_never_outlives_a_killed_parent_and_the_next_one_starts_at_once(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    with anyio.fail_after(20):
        pid = int(await parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    await parent.wait()
    await until(lambda: not alive(pid), within_s=5)
    async with NatsServer(ServerConfig(data_dir=tmp_path, site=SITE)) as server:
        assert server.pid
    await parent.communicate()
