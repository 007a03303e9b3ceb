"""What lasts: how small and quickly history is written and found; good readings beside hostile ones and back-fill."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from s4allcities.bus import Bus
from s4allcities.domain import ManualClock, ObservationBatch, Series, SystemClock
from s4allcities.scenario.hostile import hostile_payloads
from s4allcities.store.history import ParquetHistory
from s4allcities.store.reader import HistoryReader, day_range_us
from s4allcities.store.segments import DAY_US

from .checkout import BenchError
from .installation import Installation
from .results import Result, Say, at_least, at_most, measured, unmeasured

__all__ = ("backfill", "history", "under_attack")

SENSORS, BATCH, ROWS = 500, 500, 2_000_000
DAY = "2026-03-01"
GOOD_PER_S, GOOD_S = 20.0, 20.0
HOSTILE, HOSTILE_AT_ONCE = 10_000, 4
HOSTILE_PER_S = 200.0
OLD_ROWS, OLD_S = 1_000_000, 60.0
"""Rows of history put in while good readings are timed, and how long that takes."""


def _readings(number: int, begin_us: int, rng: np.random.Generator) -> ObservationBatch:
    """One reading of each sensor: two decimals, as most instruments give, and a few milliseconds of jitter."""
    t_us = begin_us + number * 1_000_000 + rng.integers(0, 20_000, SENSORS)
    return ObservationBatch(
        family="env", partition=0,
        series=tuple(Series(sensor=f"bench-{each:03}", quantity="heat_c", unit="degC") for each in range(SENSORS)),
        series_ix=np.arange(SENSORS, dtype=np.uint32), t_us=t_us.astype(np.int64),
        value=np.round(20 + 3 * np.sin(np.arange(SENSORS)) + 0.2 * rng.standard_normal(SENSORS), 2),
        quality=np.zeros(SENSORS, np.uint8),
    )  # fmt: skip


async def _write(folder: Path, batches: list[ObservationBatch]) -> float:
    """Write, and give the CPU-seconds of this process."""
    opened = await ParquetHistory.open(folder, clock=ManualClock(day_range_us(DAY)[0] + DAY_US // 2))
    begin_s = time.process_time()
    for batch in batches:
        opened.append(batch)
        if opened.flush_due:
            await opened.flush()
            await opened.compact()
    await opened.close()
    return time.process_time() - begin_s


def history(runs: int, say: Say) -> list[Result]:
    """Measure bytes a row, rows a second and core, and how long a sensor's day takes to be found."""
    rng = np.random.default_rng(1)
    batches = [_readings(number, day_range_us(DAY)[0], rng) for number in range(ROWS // SENSORS)]
    sizes, rates, found_ms = [], [], []
    for run in range(runs):
        with tempfile.TemporaryDirectory(prefix="s4-bench-") as name:
            folder = Path(name)
            rates.append(ROWS / asyncio.run(_write(folder, batches)))
            sizes.append(sum(path.stat().st_size for path in folder.rglob("*.parquet")) / ROWS)
            with HistoryReader(folder) as reader:
                begin_s = time.perf_counter()
                rows = reader.rows(*day_range_us(DAY), sensor="bench-042")
                found_ms.append(1000 * (time.perf_counter() - begin_s))
        if len(rows) != ROWS // SENSORS:
            raise BenchError(f"history gave {len(rows)} rows of a sensor's day instead of {ROWS // SENSORS}")
        say(
            f"ingest: history, run {run + 1}: {sizes[-1]:.2f} bytes a row, {rates[-1]:,.0f} rows a second and core"
        )
    what = f"{ROWS:,} simulated readings of {SENSORS} sensors, two decimals, times with jitter, batches of {BATCH}"
    return [
        measured("history.bytes_per_row", sizes, "bytes", goal=at_most(10), how=f"size of the Parquet files; {what}"),
        measured(
            "history.rows_per_s_core", rates, "1/s", digits=0, goal=at_least(1_000_000),
            how=f"rows a CPU-second of this process from batch to synced file, merging included; {what}",
        ),
        measured(
            "history.day_query_ms", found_ms, "ms", digits=1, goal=at_most(100),
            how=f"wall time of finding a sensor's day, from listing the files to rows in memory; {what}",
        ),
    ]  # fmt: skip


async def _good(platform: Installation, seconds: float) -> list[float]:
    """Put good readings in by HTTP at a fixed rate; give in ms how long each took until acknowledged on disk."""
    name = "bench-good"
    password = platform.passwords()[name]
    taken_ms: list[float] = []
    async with httpx.AsyncClient(
        base_url=platform.url, auth=(name, password), timeout=60, trust_env=False
    ) as client:
        begin = time.perf_counter()
        for number in range(int(seconds * GOOD_PER_S)):
            await asyncio.sleep(max(0.0, begin + number / GOOD_PER_S - time.perf_counter()))
            due = (
                begin + number / GOOD_PER_S
            )  # from when it was due: what is held up counts for those behind it, too
            text = f'{{"t_us":{time.time_ns() // 1000},"heat_c":{20 + number % 97 / 100}}}'
            answer = await client.post("/api/v1/observations?family=env", content=text)
            if answer.status_code != 201:
                raise BenchError(f"a good reading was not taken: {answer.status_code} {answer.text[:200]}")
            taken_ms.append(1000 * (time.perf_counter() - due))
    return taken_ms


async def _hostile(platform: Installation) -> None:
    """Send hostile payloads by HTTP, some at once, for as long as good readings are timed."""
    name = "bench-mad"
    password = platform.passwords()[name]
    payloads = enumerate(hostile_payloads(1, HOSTILE, SystemClock().now_us()))
    async with httpx.AsyncClient(
        base_url=platform.url, auth=(name, password), timeout=60, trust_env=False
    ) as client:
        begin = time.perf_counter()

        async def send() -> None:
            for number, payload in payloads:
                await asyncio.sleep(max(0.0, begin + number / HOSTILE_PER_S - time.perf_counter()))
                await client.post("/api/v1/observations?family=env", content=payload.data)

        await asyncio.gather(*(send() for _ in range(HOSTILE_AT_ONCE)))


async def _old(platform: Installation) -> None:
    """Put a million old readings in through the bus, one batch after the other."""
    running = platform.running()
    password = (platform.data_dir / "nats" / "platform.password").read_text().strip()
    bus = await Bus.connect(
        f"nats://127.0.0.1:{running.nats_port}", site=running.site, clock=SystemClock(),
        user="s4-platform", password=password,
    )  # fmt: skip
    rng = np.random.default_rng(2)
    begin_us = SystemClock().now_us() - 3 * DAY_US
    try:
        begin = time.perf_counter()
        for number in range(OLD_ROWS // SENSORS):
            await asyncio.sleep(max(0.0, begin + number * SENSORS * OLD_S / OLD_ROWS - time.perf_counter()))
            await bus.publish_batch(_readings(number, begin_us, rng))
    finally:
        await bus.close()


async def _beside(
    platform: Installation, disturb: Callable[[Installation], Coroutine[Any, Any, None]]
) -> tuple[float, float]:
    """Give p99 in ms of good readings alone, then beside a disturbance in a process of its own."""
    alone = await _good(platform, GOOD_S)
    process = get_context("fork").Process(target=_disturb, args=(disturb, platform), daemon=True)
    process.start()
    beside: list[float] = []
    while process.is_alive() or not beside:
        beside += await _good(platform, 5.0)
    process.join()
    if process.exitcode:
        raise BenchError(f"what was to disturb failed itself ({process.exitcode})")
    return float(np.quantile(alone, 0.99)), float(np.quantile(beside, 0.99))


def _disturb(disturb: Callable[[Installation], Coroutine[Any, Any, None]], platform: Installation) -> None:
    asyncio.Runner(loop_factory=asyncio.new_event_loop).run(disturb(platform))


async def _ratio(
    site: Path,
    name: str,
    what: str,
    disturb: Callable[[Installation], Coroutine[Any, Any, None]],
    runs: int,
    say: Say,
) -> Result:
    ratios, alone_ms, beside_ms = [], [], []
    for run in range(runs):
        with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
            async with Installation(Path(folder), site, ["bench-good", "bench-mad"]) as platform:
                alone, beside = await _beside(platform, disturb)
        ratios.append(beside / alone)
        alone_ms.append(alone)
        beside_ms.append(beside)
        say(f"ingest: {name}, run {run + 1}: p99 {alone:.1f} ms alone, {beside:.1f} ms beside")
    how = (
        f"p99 of good readings by HTTP, {GOOD_PER_S:g} a second, from when each was due until acknowledged on disk, "
        f"beside {what}, divided by the same alone in the same run: {np.median(beside_ms):.1f} ms to "
        f"{np.median(alone_ms):.1f} ms; sender and platform share this machine"
    )
    return measured(name, ratios, "ratio", goal=at_most(2), how=how)


async def under_attack(site: Path, runs: int, say: Say) -> list[Result]:
    """Measure good readings beside hostile ones."""
    what = (
        f"{HOSTILE:,} hostile payloads by HTTP, {HOSTILE_PER_S:g} a second, at most {HOSTILE_AT_ONCE} at once"
    )
    return [await _ratio(site, "ingest.p99_ratio_hostile", what, _hostile, runs, say)]


async def backfill(site: Path, runs: int, say: Say) -> list[Result]:
    """Measure good readings while a million old ones are taken in."""
    what = f"{OLD_ROWS:,} readings of three days ago in batches of {BATCH} through the bus within {OLD_S:g} s"
    try:
        return [await _ratio(site, "ingest.p99_ratio_backfill", what, _old, runs, say)]
    except BenchError as error:
        return [unmeasured("ingest.p99_ratio_backfill", "ratio", reason=str(error), goal=at_most(2))]
