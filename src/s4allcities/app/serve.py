"""Runs a platform until it is told to stop, and says where it can be found."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from s4allcities.bus.server_config import write_private
from s4allcities.security.users import FirstLink

from .config import AppConfig
from .platform import Platform, open_platform
from .standstill import watched

__all__ = ("LINKS_FILE", "RUNNING_FILE", "Running", "serve")

RUNNING_FILE = "running.json"
SWITCH_S = 0.0005
LINKS_FILE = "first-links.json"


class Running(Struct, frozen=True, kw_only=True):
    """Where a running platform can be found: for scripts, `s4 doctor` and the demonstration."""

    pid: int
    nats_pid: int
    url: str
    mqtt_port: int
    nats_port: int
    site: str


def _running(platform: Platform) -> Running:
    config, nats = platform.config, platform.nats
    scheme = "https" if config.server.tls_cert else "http"
    return Running(
        pid=os.getpid(),
        nats_pid=nats.pid if nats else 0,
        url=f"{scheme}://{config.server.host}:{platform.web.port}",
        mqtt_port=platform.door.port if platform.door else config.nats.mqtt_port,
        nats_port=nats.port if nats else config.nats.port,
        site=platform.site.slug,
    )


def _keep_links(path: Path, links: list[FirstLink]) -> None:
    """Keep the one-time links of a first start where only the owner can read them; a link works once."""
    if links:
        write_private(path, msgspec.json.encode(links).decode())


async def serve(config: AppConfig, *, announce: Callable[[Running, list[FirstLink]], None]) -> None:
    """Run until SIGINT or SIGTERM; ``announce`` is called once the page can be opened."""
    # A thread that computes gives Python up this soon: the event loop, where alerts are made, waits no longer for it.
    sys.setswitchinterval(SWITCH_S)
    # What is made at the start stays: looking through it for garbage would cost 0.1 s of standstill, again and again.
    gc.disable()
    # Each device takes two files, and many systems allow 1024 unless one asks.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    stop, ready = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    folder = Path(config.data_dir)
    async with open_platform(config) as (platform, links):
        _keep_links(folder / LINKS_FILE, links)
        running = asyncio.create_task(platform.run(ready=ready, stop=stop))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if ready.is_set():
            gc.collect()
            gc.freeze()
            gc.enable()
            found = _running(platform)
            write_private(folder / RUNNING_FILE, msgspec.json.encode(found).decode())
            announce(found, links)
        waiting.cancel()
        try:
            async with watched(folder):  # from here on: loading kernels may hold everything up for long
                await running
        finally:
            with contextlib.suppress(FileNotFoundError):
                (folder / RUNNING_FILE).unlink()
