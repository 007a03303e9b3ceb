"""What lasts: how small and quickly history is written, and how quickly a sensor's day is found."""

import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np

from s4allcities.domain import ManualClock, ObservationBatch, Series
from s4allcities.store.history import ParquetHistory
from s4allcities.store.reader import HistoryReader, day_range_us
from s4allcities.store.segments import DAY_US

from .checkout import BenchError
from .ingest_figures import found
from .results import Result, Say

__all__ = ("SENSORS", "history", "readings")

SENSORS, ROWS = 500, 1_000_000
DAY = "2026-03-01"


def readings(number: int, begin_us: int, rng: np.random.Generator) -> ObservationBatch:
    """Give one reading of each sensor: two decimals, as most instruments give, and a few milliseconds of jitter."""
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


async def history(_root: Path, _site: Path, runs: int, say: Say) -> list[Result]:
    """Measure bytes a row, rows a second and core, and how long a sensor's day takes to be found."""
    return await asyncio.to_thread(_history, runs, say)


def _history(runs: int, say: Say) -> list[Result]:
    rng = np.random.default_rng(1)
    batches = [readings(number, day_range_us(DAY)[0], rng) for number in range(ROWS // SENSORS)]
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
    what = f"{ROWS:,} simulated readings of {SENSORS} sensors, two decimals, times with jitter, batches of {SENSORS}"
    return [
        found("history.bytes_per_row", sizes, f"size of the Parquet files; {what}"),
        found(
            "history.rows_per_s_core", rates,
            f"rows a CPU-second of this process from batch to synced file, merging included; {what}",
        ),
        found(
            "history.day_query_ms", found_ms,
            f"wall time of finding a sensor's day, from listing the files to rows in memory; {what}",
        ),
    ]  # fmt: skip
