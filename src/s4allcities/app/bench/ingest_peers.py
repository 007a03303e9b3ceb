"""The peers of ingest: Node-RED on the same broker, load and rule, and a Bytewax job on the same stream."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from s4allcities.bus import Bus, DeviceUser, NatsServer, ServerConfig
from s4allcities.domain import SystemClock

from ..demo.processes import free_port
from .checkout import BenchError
from .ingest_figures import found, missing
from .offer import Offer, cpu_s, resident_mb
from .peers import FOLDER, PeerAbsent, peer_environment, run_peer
from .results import Result, Say
from .sender import Plan

__all__ = ("Peer", "beside", "bytewax", "node_red", "prepare", "ratio", "ratio_from_wire")

NODE_RED = "Node-RED 4.1.15"
BYTEWAX = "Bytewax 0.21.1"
WARM_S, RUN_S = 2.0, 8.0
START_S = 40.0
INSTALL_S = 600.0
BYTEWAX_S = 60.0
_USER = "peer"


class Peer(Struct, frozen=True, kw_only=True):
    """What a peer did: ``value`` readings a CPU-second of its process, or None and the ``reason``; its memory in MB.

    ``from_wire`` counts its broker's CPU-seconds too.
    """

    name: str
    value: float | None = None
    reason: str = ""
    how: str = ""
    memory_mb: float | None = None
    from_wire: float | None = None


class _Answer(Struct):
    rows: int
    cpu_s: float
    flagged: int


def prepare(root: Path, say: Say) -> None:
    """Install what is not there yet, so that no phase is held up by it; what fails is told by the phase itself."""
    with suppress(PeerAbsent, OSError, subprocess.SubprocessError):
        _install(root, say)
    with suppress(PeerAbsent, OSError, subprocess.SubprocessError):
        peer_environment(root, "ingest", say)


def beside(ours: Result, peer: Peer) -> Result:
    """Put a peer's figure beside ours."""
    both = None if peer.value is None or ours.value is None else round(ours.value / peer.value, 3)
    return replace(
        ours, peer=peer.name, peer_value=None if peer.value is None else round(peer.value), ratio=both,
        how=f"{ours.how}. {peer.how}", reason=peer.reason,
    )  # fmt: skip


def ratio(name: str, ours: float | None, peer: Peer) -> Result:
    """Give ours through the peer's."""
    how = f"ours through the peer's, per CPU-second of each one's process, in the same job. {peer.how}"
    if ours is None or peer.value is None:
        return missing(name, peer.reason or "ours could not be measured", how)
    result = found(name, [ours / peer.value], how)
    return replace(result, peer=peer.name, peer_value=round(peer.value, 1), ratio=result.value)


def ratio_from_wire(name: str, ours: float, peer: Peer) -> Result:
    """Give ours through the peer's, each with its broker."""
    how = (
        "ours through the peer's, from the wire to the decision: per CPU-second of each one's process and its broker's "
        f"together, in the same job. {peer.how}"
    )
    if peer.from_wire is None:
        return missing(name, peer.reason, how)
    result = found(name, [ours / peer.from_wire], how)
    return replace(result, peer=peer.name, peer_value=round(peer.from_wire, 1), ratio=result.value)


def bytewax(root: Path, server: NatsServer, runs: int, say: Say) -> Peer:
    """Let a Bytewax job read the same stream OBS; gives its median."""
    request = {"url": server.url, "user": server.user, "password": server.password, "stream": "OBS"}
    how = (
        "Bytewax: 500-row batches of the same stream, decoded by NumPy, mean, scale and CUSUM by Numba; it checks no "
        "CRC, no range, no time, keeps no order of late readings and explains nothing"
    )
    rates = []
    try:
        for run in range(runs):
            answer = run_peer(
                root, "ingest", "ingest_bytewax", request, _Answer, say=say, timeout_s=BYTEWAX_S
            )
            rates.append(answer.rows / answer.cpu_s)
            say(f"ingest: {BYTEWAX}, run {run + 1}: {rates[-1]:,.0f} readings a CPU-second")
    except PeerAbsent as error:
        return Peer(name=BYTEWAX, reason=str(error), how=how)
    return Peer(name=BYTEWAX, value=sorted(rates)[len(rates) // 2], how=how)


async def node_red(root: Path, plan: Plan, say: Say) -> Peer:
    """Measure Node-RED under a load, on a broker of its own with the same settings; ``plan`` names the devices."""
    how = (
        "Node-RED: the same broker, devices and payloads; subscribed with QoS 0, its cheapest way; one function node "
        "with range, order, rate, standstill, mean, scale and CUSUM of each series; it keeps nothing on disk, redacts "
        "nothing and does not find a repetition"
    )
    try:
        program = await asyncio.to_thread(_install, root, say)
        value, from_wire, memory_mb = await _beside(root, program, plan, say)
    except (PeerAbsent, BenchError, OSError, TimeoutError, subprocess.SubprocessError) as error:
        return Peer(name=NODE_RED, reason=f"Node-RED could not be measured: {error!r}", how=how)
    how = f"{how}. Its memory: {memory_mb:.0f} MB"
    return Peer(name=NODE_RED, value=value, how=how, memory_mb=memory_mb, from_wire=from_wire)


def _install(root: Path, say: Say) -> Path:
    """Install by the lock of hashes beside the flow. :raises PeerAbsent: no npm, or it failed."""
    wanted, folder = root / "benchmarks" / "peers" / "node-red", root / FOLDER / "node-red"
    program, npm = folder / "node_modules" / "node-red" / "red.js", shutil.which("npm")
    if program.is_file():
        return program
    if npm is None:
        raise PeerAbsent("Node-RED needs npm, and there is none")
    say(f"ingest: installing {NODE_RED} into {FOLDER}/node-red")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(wanted / name, folder / name)
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--omit=optional"],
        cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, check=False,
    )  # fmt: skip
    if done.returncode or not program.is_file():
        raise PeerAbsent(f"npm ci ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return program


async def _beside(root: Path, program: Path, plan: Plan, say: Say) -> tuple[float, float, float]:
    devices = [DeviceUser(name=name, password=password) for name, password in plan.passwords.items()]
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        settings = ServerConfig(data_dir=Path(folder) / "nats", site=plan.site)
        async with NatsServer(settings, devices=devices) as server:
            bus = await Bus.connect(
                server.url, site=plan.site, clock=SystemClock(), user=server.user, password=server.password
            )
            await bus.ensure_streams()
            password = _let_in(server, settings.data_dir)
            flow = _Flow(program, Path(folder) / "node-red", root, server.mqtt_port, plan.site, password)
            try:
                await flow.start(bus)
                wanted = replace(plan, port=server.mqtt_port, seconds=RUN_S, probes={}, probes_per_s=0.0)
                return await flow.measure(wanted, server.pid, say)
            finally:
                await flow.stop()
                await bus.close()


def _let_in(server: NatsServer, folder: Path) -> str:
    """Give the peer a user of its own, which may read all: devices may not."""
    path = folder / "nats-server.conf"
    content = json.loads(path.read_text())
    password = secrets.token_hex(16)
    content["authorization"]["users"].append(
        {"user": _USER, "password": password, "allowed_connection_types": ["MQTT"]}
    )
    path.write_text(json.dumps(content))
    os.kill(server.pid, signal.SIGHUP)
    return password


class _Flow:
    """Node-RED with the flow of ``benchmarks/peers/node-red/flows.json``; it tells its count five times a second."""

    def __init__(
        self, program: Path, folder: Path, root: Path, mqtt_port: int, site: str, password: str
    ) -> None:
        self._program = program
        self._folder = folder
        self._count = -1
        self._process: asyncio.subprocess.Process | None = None
        folder.mkdir(parents=True)
        text = (root / "benchmarks" / "peers" / "node-red" / "flows.json").read_text()
        text = text.replace("MQTT_PORT", str(mqtt_port)).replace("SITE", site)
        (folder / "flows.json").write_text(text)
        (folder / "flows_cred.json").write_text(json.dumps({"broker": {"user": _USER, "password": password}}))
        (folder / "settings.js").write_text(
            f"module.exports = {{uiHost: '127.0.0.1', uiPort: {free_port()}, httpAdminRoot: false, flowFile: "
            "'flows.json', credentialSecret: false, logging: {console: {level: 'warn'}}}\n"
        )

    async def start(self, bus: Bus) -> None:
        """Start, and wait until its flow runs. :raises TimeoutError: it does not."""

        async def told(message: object) -> None:
            self._count = int(getattr(message, "data", b"0"))

        await bus._link.client.subscribe("bench.count", cb=told)
        with (self._folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                "node", str(self._program), "-u", str(self._folder), "-s", str(self._folder / "settings.js"),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            async with asyncio.timeout(START_S):
                while self._count < 0:  # noqa: ASYNC110 - counted by a callback
                    await asyncio.sleep(0.05)
        except TimeoutError:
            last = (self._folder / "log").read_text(errors="replace").strip()[-300:]
            raise BenchError(f"its flow does not start: {last}") from None

    async def measure(self, plan: Plan, broker: int, say: Say) -> tuple[float, float, float]:
        """Give the readings a CPU-second under a load, after a shorter one, the same with those of the broker's
        process, and the memory in MB.
        """
        await self._offer(replace(plan, seconds=WARM_S))
        count, used, wanted = self._count, self._cpu_s(), int(plan.rate_per_s * plan.seconds) * plan.rows
        used_there = cpu_s(broker)
        await self._offer(plan)
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                while self._count - count < wanted:  # noqa: ASYNC110 - counted by a callback
                    await asyncio.sleep(0.05)
        rows, spent_s, spent_there_s = self._count - count, self._cpu_s() - used, cpu_s(broker) - used_there
        if rows < wanted:
            raise BenchError(f"it took {rows} of {wanted} readings")
        from_wire = rows / (spent_s + spent_there_s)
        say(
            f"ingest: {NODE_RED}, {plan.rows} readings a message: {rows / spent_s:,.0f} readings a CPU-second, "
            f"{from_wire:,.0f} with its broker's"
        )
        assert self._process is not None
        return rows / spent_s, from_wire, resident_mb(self._process.pid)

    async def _offer(self, plan: Plan) -> None:
        async with Offer(plan) as offer:
            await offer.send()
        await asyncio.sleep(1.0)

    def _cpu_s(self) -> float:
        assert self._process is not None
        return cpu_s(self._process.pid)

    async def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()
