"""From stream to decision, and onto the disk: what a core decides, and what the broker makes durable."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from s4allcities.bus import Bus, NatsServer, ServerConfig
from s4allcities.detection.timeseries import TimeseriesStage
from s4allcities.detection.validity import ValidityStage
from s4allcities.domain import ObservationBatch, Series, SystemClock
from s4allcities.site import load_site

from .ingest_figures import found
from .ingest_peers import beside, bytewax, ratio
from .results import Result, Say

__all__ = ("CORE_BATCHES", "ROWS", "batches", "durable", "from_stream")

FAMILY = "env"
ROWS, SERIES = 500, 50
LANES = ("env", "people", "traffic", "weather")
CORE_BATCHES = 2000
DURABLE_S = 2.0


def batches(count: int, family: str = FAMILY) -> list[ObservationBatch]:
    """Make batches of 500 readings of 50 series, a reading a second of each: ordinary noise, the same every time."""
    rng = np.random.default_rng(1)
    series = tuple(
        Series(sensor=f"bench-{number:03}", quantity="heat_c", unit="degC", zone="ticket-hall")
        for number in range(SERIES)
    )
    begin_us = SystemClock().now_us() - count * (ROWS // SERIES) * 1_000_000
    steps = np.repeat(np.arange(ROWS // SERIES), SERIES)
    return [
        ObservationBatch(
            family=family,
            partition=0,
            series=series,
            series_ix=np.tile(np.arange(SERIES, dtype=np.uint32), ROWS // SERIES),
            t_us=(begin_us + 1_000_000 * (number * (ROWS // SERIES) + steps)).astype(np.int64),
            value=21.0 + 0.2 * rng.standard_normal(ROWS),
            quality=np.zeros(ROWS, np.uint8),
            n_raw=ROWS,
        )
        for number in range(count)
    ]


async def durable(_root: Path, site: Path, runs: int, say: Say) -> list[Result]:
    """Measure batches published to a broker that syncs each to disk before it acknowledges."""
    made = [batches(20, family) for family in LANES]
    rates = []
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        async with _broker(Path(folder), site) as (_, bus):
            for run in range(runs):
                rates.append(await _publish(bus, made, DURABLE_S))
                say(f"ingest: durable batches, run {run + 1}: {rates[-1]:,.0f} readings a second")
    how = (
        f"batches of {ROWS} readings published and acknowledged a second of wall time, {DURABLE_S:g} s, broker with "
        f"sync_interval always, {len(LANES)} families at once with one batch of each under way, as the edge does"
    )
    return [found("ingest.durable_obs_per_s", rates, how)]


@asynccontextmanager
async def _broker(folder: Path, site: Path) -> AsyncIterator[tuple[NatsServer, Bus]]:
    slug = load_site(site).slug
    async with NatsServer(ServerConfig(data_dir=folder / "nats", site=slug)) as server:
        bus = await Bus.connect(
            server.url, site=slug, clock=SystemClock(), user=server.user, password=server.password
        )
        try:
            await bus.ensure_streams()
            yield server, bus
        finally:
            await bus.close()


async def _publish(bus: Bus, made: list[list[ObservationBatch]], seconds: float) -> float:
    begin = time.perf_counter()

    async def lane(mine: list[ObservationBatch]) -> int:
        count = 0
        while time.perf_counter() < begin + seconds:
            await bus.publish_batch(mine[count % len(mine)])
            count += 1
        return count

    counts = await asyncio.gather(*(lane(mine) for mine in made))
    return ROWS * sum(counts) / (time.perf_counter() - begin)


async def _fill(bus: Bus, count: int) -> None:
    """Put batches into stream OBS, several under way at once."""
    made = batches(count)
    for begin in range(0, count, 50):
        await asyncio.gather(*(bus.publish_batch(batch) for batch in made[begin : begin + 50]))


async def from_stream(root: Path, site: Path, runs: int, say: Say) -> list[Result]:
    """Measure from stream OBS to decision, beside Bytewax on the same stream."""
    with tempfile.TemporaryDirectory(prefix="s4-bench-") as folder:
        async with _broker(Path(folder), site) as (server, bus):
            await _fill(bus, CORE_BATCHES)
            rates = await _rates(bus, site, runs, say)
            peer = await asyncio.to_thread(bytewax, root, server, runs, say)
    ours = found(
        "ingest.obs_per_s_core", rates,
        f"readings a CPU-second of this process from stream OBS to decision: receiving, checking, validity stage, "
        f"time-series stage; {CORE_BATCHES} batches of {ROWS} readings of {SERIES} quiet series",
    )  # fmt: skip
    return [beside(ours, peer), ratio("ingest.ratio_bytewax", ours.value, peer)]


async def _rates(bus: Bus, site: Path, runs: int, say: Say) -> list[float]:
    """Give the readings a CPU-second of this process from stream OBS to decision, for each run.

    All that a stage's runner does for a batch is in it: receiving, reading and checking, validity stage, time-series
    stage. The first run, which loads kernels, is left out.
    """
    place = load_site(site)
    sensors = {spec.slug: spec for spec in place.sensors}
    areas = {zone.slug: zone.area_m2 for zone in place.zones}
    rates = []
    for run in range(runs + 1):
        validity = ValidityStage(sensors=sensors)
        timeseries = TimeseriesStage(sensors=sensors, zone_area_m2=areas)
        of_validity, of_timeseries = validity.start(), timeseries.start()
        begin_s, rows = time.process_time(), 0
        follower = bus.follow("OBS", ["obs.>"])
        async for message in follower:
            batch, now_us = message.batch, message.now_us
            validity.step(of_validity, batch, now_us)
            timeseries.step(of_timeseries, batch, now_us)
            rows += len(batch)
            if not message.pending:
                break
        rates.append(rows / (time.process_time() - begin_s))
        await follower.aclose()
        if run:
            say(f"ingest: from stream to decision, run {run}: {rates[-1]:,.0f} readings a CPU-second")
    return rates[1:]
