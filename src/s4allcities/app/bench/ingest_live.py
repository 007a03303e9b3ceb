"""A whole platform under load: what a run of devices at a fixed rate gives, and the highest rate it keeps up with."""

import asyncio
import math
import time
from pathlib import Path

from msgspec import Struct

from s4allcities.bus import EVENTS, Bus
from s4allcities.bus.server_config import PLATFORM_USER, platform_password
from s4allcities.domain import SystemClock

from ..demo.client import ApiClient
from .checkout import BenchError
from .installation import Installation
from .offer import Offer, ProbeWatch, cpu_s, resident_mb
from .results import Say
from .sender import Plan

__all__ = (
    "BATCH_ROWS", "DEVICES", "FAMILY", "PROBES", "RATES", "Live", "Probe", "Run", "device_names", "find_rate",
    "names_of_all", "plan_of", "trial",
)  # fmt: skip

DEVICES, PROBES = 1000, 300
PROBES_PER_S = 40.0
FAMILY = "env"
RATES = (10_500, 10_000, 7_500, 6_000, 5_000, 4_500, 4_000, 3_500, 3_000, 2_500, 2_000, 1_500, 1_000, 500)
"""Messages a second tried: first a little more than the goal, because the time until the last is decided counts."""
SEARCH_S = 3.0
SURE_SHARE = 0.95
"""A rate above this share of what was decided a second at a higher one is not tried."""
BATCH_ROWS = 500
BEHIND_S = 1.0
"""The platform keeps up when all is decided this soon after the last message was sent."""
DRAIN_S = 25.0
"""So long a run waits for what it sent; then what is missing counts as lost or late, and no further rate is tried."""
FOUND_S = 5.0
"""So long it waits for the detections of its last probes."""
ENDED = ("decided", "rejected", "expired")


def device_names(count: int, kind: str = "bench") -> list[str]:
    """Give that many names of devices."""
    return [f"{kind}-{number:05}" for number in range(count)]


def names_of_all(devices: int) -> list[str]:
    """Give the names of that many devices and of all probes."""
    return [*device_names(devices), *device_names(PROBES, "probe")]


class Probe(Struct, frozen=True, kw_only=True):
    """What a probe sends and who is to find it: see `Plan` and `ProbeWatch`."""

    reading: str = '"heat_c":-300'
    past: str = ""
    detector: str = "validity"
    kind: str = "sensor-range"
    least: float = -math.inf


CANNOT_BE = Probe()


class Run(Struct, frozen=True, kw_only=True):
    """One stretch at a fixed rate. ``behind_s`` is from the last message sent until all were decided; latencies are of
    probes, from sending to the arrival of their detection; CPU-seconds are those of the platform's process.
    """

    rate_per_s: float
    messages: int
    decided_per_s: float
    behind_s: float
    lost: int
    cut: int
    unfound: int
    """Probes whose detection did not come in time."""
    p50_ms: float
    p99_ms: float
    cpu_s: float
    broker_cpu_s: float
    memory_mb: tuple[float, float, float]
    """Platform and broker together: before, half-way and after."""
    platform_mb: float
    kept_up: bool

    def __str__(self) -> str:
        kept = "kept up" if self.kept_up else f"did not keep up ({self.cut} connections cut)"
        late = f"p50 {self.p50_ms:.0f}, p99 {self.p99_ms:.0f} ms, {self.unfound} detections missing"
        return f"{self.rate_per_s:g} messages a second: {kept}, {self.behind_s:.2f} s behind, {late}"


class Live:
    """A running installation as the benchmark sees it."""

    def __init__(self, platform: Installation, api: ApiClient, bus: Bus) -> None:
        self.running = platform.running()
        self.passwords = platform.passwords()
        self.api = api
        self.bus = bus
        self.next_probe = 0
        """Which probe is next: one that comes again within 5 s is taken as a repetition and gives no detection."""

    @classmethod
    async def of(cls, platform: Installation, data_dir: Path) -> "Live":
        """Sign in, and connect to the platform's own bus."""
        running = platform.running()
        password = platform_password(data_dir / "nats" / "platform.password")
        bus = await Bus.connect(
            f"nats://127.0.0.1:{running.nats_port}", site=running.site, clock=SystemClock(),
            user=PLATFORM_USER, password=password,
        )  # fmt: skip
        return cls(platform, await platform.operator(), bus)

    async def close(self) -> None:
        """Close the connections."""
        await self.bus.close()
        await self.api.close()

    async def account(self) -> dict[str, int]:
        """Give what became of the devices' messages."""
        report = await self.api.get("/api/v1/accounting")
        account: dict[str, int] = report["account"]
        return account

    def memory_mb(self) -> float:
        """Give the resident memory of platform and broker."""
        return resident_mb(self.running.pid) + resident_mb(self.running.nats_pid)

    def cpu_s(self) -> tuple[float, float]:
        """Give the CPU-seconds of platform and broker."""
        return cpu_s(self.running.pid), cpu_s(self.running.nats_pid)


def plan_of(
    live: Live, rate_per_s: float, seconds: float, rows: int, devices: int, probe: Probe = CANNOT_BE
) -> Plan:
    """Plan what that many devices and all probes send."""
    known = live.passwords
    senders = device_names(devices)
    probes = device_names(PROBES, "probe")
    probes = probes[live.next_probe :] + probes[: live.next_probe]
    return Plan(
        port=live.running.mqtt_port,
        site=live.running.site,
        family=FAMILY,
        passwords={name: known[name] for name in senders},
        rate_per_s=rate_per_s,
        seconds=seconds,
        rows=rows,
        probes={name: known[name] for name in probes},
        probes_per_s=PROBES_PER_S,
        probe_reading=probe.reading,
        probe_past=probe.past,
    )


async def trial(
    live: Live,
    rate_per_s: float,
    seconds: float,
    *,
    rows: int = 1,
    devices: int = DEVICES,
    probe: Probe = CANNOT_BE,
) -> Run:
    """Offer messages of ``rows`` readings at a rate, and wait until all are decided; a probe that is not found in time
    counts as infinitely late.
    """
    watch = ProbeWatch(
        live.bus,
        lambda sensor: sensor.startswith("probe-"),
        detector=probe.detector,
        kind=probe.kind,
        least=probe.least,
    )
    after = (await live.bus.stream_state(EVENTS)).last_sequence
    following = asyncio.create_task(watch.run(after))
    try:
        async with Offer(plan_of(live, rate_per_s, seconds, rows, devices, probe)) as offer:
            before, memory = await _settled(live), live.memory_mb()
            used, half_way = live.cpu_s(), list[float]()
            looking = asyncio.get_running_loop().call_later(
                seconds / 2, lambda: half_way.append(live.memory_mb())
            )
            sent = await offer.send()
            looking.cancel()
            live.next_probe = (live.next_probe + sent.probes) % PROBES
            account, now = await _until_ended(live, before, sent.acknowledged, bool(sent.cut))
            platform_s, broker_s = (b - a for a, b in zip(used, live.cpu_s(), strict=True))
        await watch.until(sent.probes, FOUND_S)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    ended = sum(account[name] - before[name] for name in ENDED)
    decided, behind_s = account["decided"] - before["decided"], now - sent.end_s
    return Run(
        rate_per_s=rate_per_s,
        messages=sent.sent,
        decided_per_s=decided / (now - sent.begin_s),
        behind_s=behind_s,
        lost=max(0, sent.acknowledged - ended),
        cut=sent.cut,
        unfound=sent.probes - len(watch.latency_ms),
        p50_ms=watch.quantile(0.5, sent.probes),
        p99_ms=watch.quantile(0.99, sent.probes),
        cpu_s=platform_s,
        broker_cpu_s=broker_s,
        memory_mb=(memory, half_way[0] if half_way else memory, live.memory_mb()),
        platform_mb=resident_mb(live.running.pid),
        kept_up=max(sent.late_s, behind_s) <= BEHIND_S and not sent.cut and decided >= sent.sent,
    )


async def _settled(live: Live) -> dict[str, int]:
    """Wait until what probes sent before the run is decided; give the account."""
    deadline = time.monotonic() + DRAIN_S
    account = await live.account()
    while account["in_flight"] and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        account = await live.account()
    return account


async def _until_ended(
    live: Live, before: dict[str, int], acknowledged: int, cut: bool
) -> tuple[dict[str, int], float]:
    """Wait until that many have ended; what a cut connection left unacknowledged may still come and is waited for."""
    deadline = time.monotonic() + DRAIN_S
    while True:
        account, now = await live.account(), time.monotonic()
        ended = sum(account[name] - before[name] for name in ENDED)
        if (ended >= acknowledged and not (cut and account["in_flight"])) or now > deadline:
            return account, now
        await asyncio.sleep(0.05)


async def find_rate(live: Live, say: Say) -> Run:
    """Try rates from the goal downwards; give the first that the platform kept up with.

    :raises BenchError: it kept up with none.
    """
    most_per_s = float("inf")
    for rate in RATES:
        if rate > most_per_s:
            continue
        run = await trial(live, rate, SEARCH_S)
        say(f"ingest: {run}")
        if run.kept_up:
            return run
        if run.behind_s >= DRAIN_S:
            raise BenchError(
                f"of {run.messages} messages at {rate:g} a second not all were decided {DRAIN_S:g} s later"
            )
        most_per_s = SURE_SHARE * run.decided_per_s
    raise BenchError(
        f"the platform did not keep up with {RATES[-1]} messages a second, the least that is tried"
    )
