"""Runs a demonstration: platform and sensors as child processes, a client on the public API, a story or a document."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from s4allcities.bus.server_config import write_private
from s4allcities.domain import Clock, ScaledClock, SystemClock
from s4allcities.security.credentials import DeviceCredentials
from s4allcities.site import load_site
from s4allcities.store.layout import DataDir

from ..serve import LINKS_FILE, RUNNING_FILE, Running
from .client import ApiClient, Seen
from .operator import ScriptedOperator
from .options import DemoOptions
from .processes import Child, free_port, port_is_free
from .report import Latencies, build_report, read_sent
from .story import Story

__all__ = ("Demo", "DemoError", "run_demo")

log = structlog.get_logger(__name__)

START_S = 60.0
DRAIN_S = 20.0
SETTLE_S = 4.0
"""Scenario seconds to go on after the last sign has answered or was given up."""


class DemoError(RuntimeError):
    """The demonstration could not be run; the message says what to do."""


class Demo:
    """One demonstration with its folder, processes and clients. ``say`` takes lines of the story."""

    def __init__(self, options: DemoOptions, folder: Path, say: Callable[[str], None]) -> None:
        self.options = options
        self.folder = folder
        self._say = say
        self._origin_us = time.time_ns() // 1000
        self._clock: Clock = (
            SystemClock()
            if options.speed == 1.0
            else ScaledClock(speed=options.speed, origin_us=self._origin_us)
        )
        self._data = DataDir(folder / "data")
        self._out = folder / "world"
        self._port = free_port() if options.headless or not options.port else options.port
        self._mqtt_port = free_port()
        self._url = f"http://127.0.0.1:{self._port}"
        self._platform = Child("platform", self._platform_command(), folder / "platform.log")
        self._world = Child("world", self._world_command(), folder / "world.log")
        self.latencies = Latencies()
        self._finished = asyncio.Event()
        self._commands: dict[str, str] = {}

    def _platform_command(self) -> tuple[str, ...]:
        return ("-m", "s4allcities.app.demo.platform", str(self.folder / "s4.json"))

    def _world_command(self) -> tuple[str, ...]:
        options = self.options
        command = [
            "-m", "s4allcities.scenario.run",
            "--site", str(options.site), "--scenario", options.scenario,
            "--mqtt", f"127.0.0.1:{self._mqtt_port}", "--http", self._url,
            "--credentials", str(self.folder / "credentials.json"), "--out", str(self._out),
            "--seed", str(options.seed), "--speed", str(options.speed),
            "--origin-us", str(self._origin_us),
        ]  # fmt: skip
        for name in ("fire_at", "jam", "close", "lock"):
            value = getattr(options, name)
            if value:
                command += [f"--{name.replace('_', '-')}", value]
        return tuple(command if options.headless else [*command, "--keep"])

    def _settings(self) -> dict[str, Any]:
        options = self.options
        return {
            "site": str(options.site),
            "data_dir": str(self._data.root),
            "mode": "simulation",
            "demo": True,
            "seed": options.seed,
            "server": {"port": self._port},
            "nats": {"mqtt_port": self._mqtt_port},
            "clock": {"speed": options.speed, "origin_us": self._origin_us},
        }

    async def start_platform(self) -> dict[str, str]:
        """Start the platform and wait until its page can be opened; give one-time tokens by account.

        :raises DemoError: it does not start.
        """
        self._out.mkdir(parents=True, exist_ok=True)
        write_private(self.folder / "s4.json", msgspec.json.encode(self._settings()).decode())
        await self._platform.start()
        deadline = time.monotonic() + START_S
        while not self._running_file.exists():
            if not self._platform.pid or time.monotonic() > deadline:
                raise DemoError(f"the platform does not start:\n{self._platform.last_words()}")
            await asyncio.sleep(0.05)
        links = msgspec.json.decode((self._data.root / LINKS_FILE).read_bytes())
        return {link["name"]: link["token"] for link in links}

    @property
    def _running_file(self) -> Path:
        return self._data.root / RUNNING_FILE

    def running(self) -> Running:
        """Tell where the platform is found."""
        return msgspec.json.decode(self._running_file.read_bytes(), type=Running)

    async def start_world(self, tokens: dict[str, str]) -> None:
        """Start the sensors, with the credentials that the platform made for them."""
        devices = DeviceCredentials(self._data.keys / "devices.json", self._clock).clear()
        credentials = {**devices, "integrator-token": tokens.get("integrator", "")}
        write_private(self.folder / "credentials.json", msgspec.json.encode(credentials).decode())
        await self._world.start()

    async def run_headless(self) -> dict[str, Any]:
        """Run the story with a scripted operator until it has ended; give the document."""
        tokens = await self.start_platform()
        api = ApiClient(self._url)
        try:
            await api.sign_in(tokens["operator"])
            async with asyncio.TaskGroup() as tasks:
                operator = ScriptedOperator(api, self._clock)
                operator.start(tasks)
                watch = tasks.create_task(self._watch(api, operator))
                alive = tasks.create_task(self._platform.keep_alive())
                await self.start_world(tokens)
                await self._until_told(alive)
                await self._world.stop()
                document = await self._report(api)
                watch.cancel()
                alive.cancel()
            return document
        finally:
            await api.close()

    async def _watch(self, api: ApiClient, operator: ScriptedOperator | None) -> None:
        story = Story(self._say, load_site(self.options.site).timezone)
        async for seen in api.follow():
            self.latencies.see(seen)
            story.see(seen.collection, seen.id, seen.value)
            self._note(seen)
            if operator is not None:
                operator.see(seen.collection, seen.id, seen.value)

    def _note(self, seen: Seen) -> None:
        if seen.collection == "commands" and seen.value is not None:
            self._commands[seen.id] = seen.value["state"]
            if all(state != "sent" for state in self._commands.values()):
                self._finished.set()
            else:
                self._finished.clear()

    async def _until_told(self, alive: "asyncio.Task[int]") -> None:
        """Wait until the world's story is over, or until the order was carried out and things have settled."""
        world = asyncio.create_task(self._world.wait())
        told = asyncio.create_task(self._settled())
        done, _ = await asyncio.wait({world, told, alive}, return_when=asyncio.FIRST_COMPLETED)
        for task in (world, told):
            task.cancel()
        if alive in done:
            raise DemoError(f"the platform ended:\n{self._platform.last_words()}")
        if world in done and world.result() != 0:
            raise DemoError(f"the simulated world ended with {world.result()}:\n{self._world.last_words()}")

    async def _settled(self) -> None:
        while True:
            await self._finished.wait()
            await self._clock.sleep(SETTLE_S)
            if self._finished.is_set():
                return

    async def _report(self, api: ApiClient) -> dict[str, Any]:
        summary = self._summary()
        account = await self._drained(api, summary.get("acknowledged", 0))
        picture = (await api.get("/api/v1/picture"))["picture"]
        ended = ("decided", "rejected", "expired", "in_flight")
        acknowledged = summary.get("acknowledged", 0)
        lost = max(0, acknowledged - sum(account[name] for name in ended))
        return build_report(
            scenario=self.options.scenario,
            seed=self.options.seed,
            picture=picture,
            cap_files=sorted(str(path) for path in (self._data.root / "cap").glob("*.xml")),
            observations={
                "acknowledged": acknowledged,
                **{name: account[name] for name in ended},
                "lost": lost,
            },
            latency_ms=self.latencies.summary(read_sent(self._out / "sent.jsonl")),
        )

    def _summary(self) -> dict[str, Any]:
        path = self._out / "summary.json"
        return msgspec.json.decode(path.read_bytes()) if path.exists() else {}

    async def _drained(self, api: ApiClient, acknowledged: int) -> dict[str, int]:
        """Wait until nothing is in flight and all that was acknowledged has ended."""
        deadline = time.monotonic() + DRAIN_S
        while True:
            account: dict[str, int] = (await api.get("/api/v1/accounting"))["account"]
            ended = account["decided"] + account["rejected"] + account["expired"]
            if (account["in_flight"] == 0 and ended >= acknowledged) or time.monotonic() > deadline:
                return account
            await asyncio.sleep(0.1)

    async def run_open(self) -> None:
        """Run with people at the page until cancelled."""
        tokens = await self.start_platform()
        self._say(f"S4AllCities runs at {self._url}   (Ctrl-C stops it)")
        for name in ("operator", "supervisor"):
            self._say(f"  sign in as {name}: {self._url}/login?token={tokens[name]}")
        self._say("Each link works once. The sensors are simulated; the story begins in a moment.")
        api = ApiClient(self._url)
        try:
            await api.sign_in(tokens["narrator"])
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch(api, None))
                tasks.create_task(self._platform.keep_alive())
                await self.start_world(tokens)
                tasks.create_task(self._world.wait())
        finally:
            await api.close()

    async def stop(self) -> None:
        """End both processes."""
        await self._world.stop()
        await self._platform.stop()


async def run_demo(options: DemoOptions, say: Callable[[str], None]) -> dict[str, Any] | None:
    """Run a demonstration; headless gives the document, otherwise it runs until cancelled.

    :raises DemoError: the port is taken, or a process does not start or fails.
    """
    if not options.headless and options.port and not port_is_free(options.port):
        raise DemoError(f"port {options.port} is in use; choose another with --port (0 = any free one)")
    folder = options.data_dir or Path(tempfile.mkdtemp(prefix="s4-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    demo = Demo(options, folder, say)
    try:
        if options.headless:
            return await demo.run_headless()
        await demo.run_open()
        return None
    finally:
        with contextlib.suppress(Exception):
            await asyncio.shield(demo.stop())
