"""A platform of its own for a benchmark: `s4 serve` on free ports with a fresh data directory."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import httpx
import msgspec

from s4allcities.domain import SystemClock
from s4allcities.security.credentials import DeviceCredentials
from s4allcities.security.users import FirstLink
from s4allcities.store.layout import DataDir

from ..demo.client import ApiClient
from ..demo.processes import Child, free_port
from ..serve import LINKS_FILE, RUNNING_FILE, Running
from .checkout import BenchError

__all__ = ("Installation", "memory_mb")

START_S = 120.0
_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ ")
LOOK_S = 0.02


class Installation:
    """Runs while the context is open; ``started_s``: how long until `/healthz` was well and the page came."""

    def __init__(self, folder: Path, site: Path, devices: Sequence[str] = ()) -> None:
        self.started_s = 0.0
        self.site = site
        self._data = DataDir(folder / "data")
        self._port = free_port()
        self._mqtt_port = free_port()
        settings = folder / "s4.toml"
        settings.write_text(
            f"site = {json.dumps(str(site))}\ndata_dir = {json.dumps(str(self._data.root))}\n"
            f"devices = {json.dumps(list(devices))}\n"
            f"[server]\nport = {self._port}\n[nats]\nmqtt_port = {self._mqtt_port}\n"
        )
        command = ("-m", "s4allcities", "serve", "--config", str(settings))
        self._child = Child("platform", command, folder / "platform.log")
        self.url = f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> "Installation":
        begin = time.perf_counter()
        await self._child.start()
        try:
            await self._until_served(begin)
        except BaseException:
            await self._child.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._child.stop()

    async def _until_served(self, begin: float) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=10.0, trust_env=False) as client:
            while not await _well(client):
                await self._look_again(begin)
            page = await client.get("/")
        self.started_s = time.perf_counter() - begin
        if page.status_code != 200 or "html" not in page.headers.get("content-type", ""):
            raise BenchError("the platform serves no page; build it with: make ui")

        while not (self._data.root / RUNNING_FILE).exists():
            await self._look_again(begin)

    async def _look_again(self, begin: float) -> None:
        if not self._child.pid or time.perf_counter() > begin + START_S:
            raise BenchError(f"the platform does not start:\n{self._child.last_words()}")
        await asyncio.sleep(LOOK_S)

    @property
    def data_dir(self) -> Path:
        """Where the platform keeps everything."""
        return self._data.root

    def running(self) -> Running:
        """Tell where its parts are found."""
        return msgspec.json.decode((self._data.root / RUNNING_FILE).read_bytes(), type=Running)

    def resident_mb(self) -> float | None:
        """Give the memory of the platform and all its children in 10^6 bytes, a file that several of them have mapped
        counted once; None where the system does not tell.
        """
        return memory_mb(_family(self.running().pid))

    def passwords(self) -> dict[str, str]:
        """Give the password of each device."""
        return DeviceCredentials(self._data.keys / "devices.json", SystemClock()).clear()

    async def operator(self) -> ApiClient:
        """Sign in as the first operator; close the client when done."""
        links = msgspec.json.decode((self._data.root / LINKS_FILE).read_bytes(), type=list[FirstLink])
        client = ApiClient(self.url)
        await client.sign_in(next(link.token for link in links if link.name == "operator"))
        return client


async def _well(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx.HTTPError:
        return False


def memory_mb(pids: Sequence[int]) -> float | None:
    """Give what processes hold in memory, in 10^6 bytes: what is each one's own, and of each mapped file the most that
    one of them has in memory. None where the system does not tell.
    """
    own_kb, files_kb = 0, dict[str, int]()
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps").read_text()
        except OSError:
            return None
        path = ""
        mapped = Counter[str]()
        for line in text.splitlines():
            if _MAPPING.match(line):
                path = line[73:].strip()
            elif line.startswith("Anonymous:"):
                own_kb += int(line.split()[1])
                mapped[path] -= int(line.split()[1])
            elif line.startswith("Rss:"):
                mapped[path] += int(line.split()[1])
        for path, size_kb in mapped.items():
            files_kb[path] = max(files_kb.get(path, 0), size_kb)
    return (own_kb + sum(files_kb.values())) * 1024 / 1e6


def _family(pid: int) -> list[int]:
    """Give a process and all its descendants."""
    found = [pid]
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [each for child in listed.read_text().split() for each in _family(int(child))]
    return found
