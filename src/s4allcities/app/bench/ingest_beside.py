"""How late good readings are decided beside hostile devices, a back-fill, a plan and a simulation."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import httpx
import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from s4allcities.bus import Bus
from s4allcities.domain import ObservationBatch, SystemClock
from s4allcities.scenario.hostile import hostile_payloads
from s4allcities.store.segments import DAY_US

from .checkout import BenchError
from .durability import SENSORS, readings
from .ingest_figures import found, missing
from .ingest_live import FAMILY, Live, Run, names_of_all, trial
from .installation import Installation
from .results import Result, Say

__all__ = ("backfill", "computing", "hostile")

Disturb = Callable[[Installation], Awaitable[None]]

GOOD_PER_S, GOOD_DEVICES = 100.0, 100
ALONE_S, MORE_S = 8.0, 1.0
HOSTILE, HOSTILE_S, AT_ONCE = 10_000, 20.0, 4
OLD_ROWS, OLD_S = 1_000_000, 40.0
"""Rows of history put in while good readings are timed, and how long that is to take."""
COMPUTE_S = 12.0
MAD = "bench-mad"


async def _by_http(platform: Installation, payloads: list[bytes], seconds: float) -> None:
    """Send by HTTP, some at once, evenly over a time."""
    waiting = enumerate(payloads)
    async with httpx.AsyncClient(
        base_url=platform.url, auth=(MAD, platform.passwords()[MAD]), timeout=30, trust_env=False
    ) as client:
        begin = time.perf_counter()

        async def send() -> None:
            for number, payload in waiting:
                await asyncio.sleep(max(0.0, begin + number * seconds / len(payloads) - time.perf_counter()))
                await client.post(f"/api/v1/observations?family={FAMILY}", content=payload)

        await asyncio.gather(*(send() for _ in range(AT_ONCE)))


def _by_mqtt(platform: Installation, payloads: list[bytes], seconds: float) -> None:
    """Send by MQTT at QoS 1, evenly over a time, until all are acknowledged."""
    running = platform.running()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=MAD)
    client.username_pw_set(MAD, platform.passwords()[MAD])
    client.connect("127.0.0.1", running.mqtt_port)
    client.loop_start()
    begin, topic = time.perf_counter(), f"s4/{running.site}/raw/{FAMILY}/{MAD}"
    sent = []
    for number, payload in enumerate(payloads):
        time.sleep(max(0.0, begin + number * seconds / len(payloads) - time.perf_counter()))
        sent.append(client.publish(topic, payload, qos=1))
    for each in sent:
        each.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()


async def _hostile(platform: Installation) -> None:
    payloads = [each.data for each in hostile_payloads(1, HOSTILE, SystemClock().now_us())]
    await asyncio.gather(
        _by_http(platform, payloads[::2], HOSTILE_S),
        asyncio.to_thread(_by_mqtt, platform, payloads[1::2], HOSTILE_S),
    )


async def _old(platform: Installation) -> None:
    """Put a million readings of three days ago in through the bus, one batch after the other."""
    running = platform.running()
    password = (platform.data_dir / "nats" / "platform.password").read_text().strip()
    bus = await Bus.connect(
        f"nats://127.0.0.1:{running.nats_port}", site=running.site, clock=SystemClock(),
        user="s4-platform", password=password,
    )  # fmt: skip
    rng = np.random.default_rng(2)
    begin_us = SystemClock().now_us() - 3 * DAY_US
    batches: list[ObservationBatch] = [
        readings(number, begin_us, rng) for number in range(OLD_ROWS // SENSORS)
    ]
    try:
        begin = time.perf_counter()
        for number, batch in enumerate(batches):
            await asyncio.sleep(max(0.0, begin + number * OLD_S / len(batches) - time.perf_counter()))
            await bus.publish_batch(batch)
    finally:
        await bus.close()


async def _compute(platform: Installation) -> None:
    """Let the programs that a planner uses compute beside the platform: plans, one after the other, and a crowd."""
    folder = str(platform.site)
    deadline = time.monotonic() + COMPUTE_S

    async def again(*options: str) -> None:
        while time.monotonic() < deadline:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "s4allcities", *options,
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    if await process.wait():
                        raise BenchError(f"s4 {options[0]} ended with {process.returncode}")
            except TimeoutError:
                pass  # enough of it
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    await asyncio.gather(again("plan", folder), again("simulate", "crowd", folder))


def _disturb(disturb: Disturb, platform: Installation) -> None:
    async def run() -> None:
        await disturb(platform)

    asyncio.Runner(loop_factory=asyncio.new_event_loop).run(run())


async def _beside(site: Path, disturb: Disturb, seconds: float, say: Say) -> tuple[Run, Run, float]:
    """Time good readings alone, then beside a disturbance in a process of its own; gives also how long that took."""
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        async with Installation(Path(folder), site, [*names_of_all(GOOD_DEVICES), MAD]) as platform:
            live = await Live.of(platform, platform.data_dir)
            process = get_context("fork").Process(target=_disturb, args=(disturb, platform), daemon=True)
            try:
                alone = await trial(live, GOOD_PER_S, ALONE_S, devices=GOOD_DEVICES)
                say(f"ingest: alone, {alone}")
                begin = time.monotonic()
                process.start()
                beside = await trial(live, GOOD_PER_S, seconds + MORE_S, devices=GOOD_DEVICES)
                say(f"ingest: beside, {beside}")
                while process.is_alive():  # noqa: ASYNC110 - a process cannot be awaited
                    await asyncio.sleep(0.1)
                took_s = time.monotonic() - begin
            finally:
                if process.is_alive():
                    process.kill()
                await live.close()
    if process.exitcode:
        raise BenchError(f"what was to disturb failed itself ({process.exitcode})")
    return alone, beside, took_s


async def _ratio(
    name: str, absolute: str, what: str, site: Path, disturb: Disturb, seconds: float, say: Say
) -> list[Result]:
    alone, beside, took_s = await _beside(site, disturb, seconds, say)
    how = (
        f"99th percentile from sending a reading until its detection had come back, beside {what} (took {took_s:.1f} "
        f"s), through the same alone before it, on one platform: {beside.p99_ms:.1f} ms to {alone.p99_ms:.1f} ms; "
        f"{GOOD_PER_S:g} good readings a second by MQTT and 40 that cannot be true, which are timed; measured once; "
        "senders and platform share this machine"
    )
    if not 0 < alone.p99_ms < float("inf"):
        return [missing(name, "no detection came back even alone", how)]
    results = [found(name, [beside.p99_ms / alone.p99_ms], how)]
    if absolute:
        results.insert(0, found(absolute, [beside.p99_ms], how))
    return results


async def hostile(_root: Path, site: Path, _runs: int, say: Say) -> list[Result]:
    """Measure good readings beside hostile ones, half by HTTP and half by MQTT."""
    what = f"{HOSTILE:,} hostile payloads, half by HTTP and half by MQTT, {HOSTILE / HOSTILE_S:g} a second"
    return await _ratio("ingest.p99_ratio_hostile", "", what, site, _hostile, HOSTILE_S, say)


async def backfill(_root: Path, site: Path, _runs: int, say: Say) -> list[Result]:
    """Measure good readings while a million old ones are taken in."""
    what = (
        f"{OLD_ROWS:,} readings of three days ago in batches of {SENSORS} through the bus, {OLD_ROWS / OLD_S:,.0f} a "
        "second"
    )
    return await _ratio("ingest.p99_ratio_backfill", "", what, site, _old, OLD_S, say)


async def computing(_root: Path, site: Path, _runs: int, say: Say) -> list[Result]:
    """Measure good readings while plans and a crowd are computed beside the platform."""
    what = f"s4 plan, again and again, and s4 simulate crowd on the site, for {COMPUTE_S:g} s"
    return await _ratio(
        "ingest.p99_ratio_while_computing",
        "ingest.p99_ms_while_computing",
        what,
        site,
        _compute,
        COMPUTE_S,
        say,
    )
