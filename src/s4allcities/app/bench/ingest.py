"""How many messages and readings go in: single MQTT messages, durable batches, and from wire to decision."""

import asyncio
import time
from pathlib import Path

import numpy as np
from msgspec import Struct

from s4allcities.bus import Bus, NatsServer, ServerConfig, decode_batch, encode_batch
from s4allcities.detection.timeseries import TimeseriesStage
from s4allcities.detection.validity import ValidityStage
from s4allcities.domain import ObservationBatch, Series, SystemClock
from s4allcities.site import load_site

from ..demo.client import ApiClient
from .installation import Installation
from .load import FAMILY, MqttLoad, Offered
from .results import Result, Say, at_least, at_most, measured, unmeasured

__all__ = ("Trial", "batches", "core", "durable", "single")

DEVICES = 200
FIRST_RATE_PER_S = 250
MOST_RATE_PER_S = 64_000
TRY_S = 3.0
RUN_S = 10.0
BEHIND_S = 1.0
"""The platform keeps up when everything is decided this soon after the last message was sent."""
DRAIN_S = 60.0
ROWS, SERIES = 500, 50
LANES = ("env", "people", "traffic", "weather")
CORE_BATCHES = 400
NO_PEER = "Peers (Node-RED, Bytewax) are not measured yet"
ENDED = ("decided", "rejected", "expired")


class Trial(Struct, frozen=True):
    """One stretch at a fixed rate: ``behind_s`` is from the last message sent until the last was decided."""

    rate_per_s: float
    decided_per_s: float
    behind_s: float
    lost: int
    kept_up: bool
    cut: bool = False

    def __str__(self) -> str:
        if self.cut:
            return f"{self.rate_per_s:g} messages a second: the broker closed a connection"
        return f"{self.rate_per_s:g} messages a second: decided {self.behind_s:.2f} s after the last was sent"


class _Door(Struct, frozen=True):
    """How devices come in."""

    port: int
    site: str
    passwords: dict[str, str]

    def offer(self, rate_per_s: float, seconds: float) -> Offered:
        with MqttLoad(self.port, self.site, self.passwords) as load:
            return load.offer(rate_per_s, seconds)


async def _trial(door: _Door, api: ApiClient, rate_per_s: float, seconds: float) -> Trial:
    before = (await api.get("/api/v1/accounting"))["account"]
    offered = await asyncio.to_thread(door.offer, rate_per_s, seconds)
    deadline = time.perf_counter() + DRAIN_S
    while True:
        account = (await api.get("/api/v1/accounting"))["account"]
        now = time.perf_counter()
        ended = sum(account[name] - before[name] for name in ENDED)
        # What a cut connection left unacknowledged may still come, and must not count for the next trial.
        if (ended >= offered.acknowledged and not (offered.cut and account["in_flight"])) or now > deadline:
            break
        await asyncio.sleep(0.02)
    decided = account["decided"] - before["decided"]
    behind_s = now - offered.end_s
    on_time = offered.late_s <= BEHIND_S and behind_s <= BEHIND_S
    return Trial(
        rate_per_s=rate_per_s,
        decided_per_s=decided / (now - offered.begin_s),
        behind_s=behind_s,
        lost=max(0, offered.acknowledged - ended),
        cut=offered.cut,
        kept_up=on_time and not offered.cut and decided == offered.sent == offered.acknowledged,
    )


async def _search(door: _Door, api: ApiClient, say: Say) -> float:
    """Double the rate until the platform no longer keeps up; give the last one it kept up with, or 0."""
    rate, kept = float(FIRST_RATE_PER_S), 0.0
    while rate <= MOST_RATE_PER_S:
        trial = await _trial(door, api, rate, TRY_S)
        say(f"spine: {trial}")
        if not trial.kept_up:
            break
        kept, rate = rate, 2 * rate
    return kept


async def _runs(door: _Door, api: ApiClient, rate: float, runs: int, say: Say) -> list[Trial]:
    """Run at the rate; where that is more than it bears for long, at half of it."""
    while rate >= FIRST_RATE_PER_S:
        trials: list[Trial] = []
        while len(trials) < runs and all(trial.kept_up for trial in trials):
            trials.append(await _trial(door, api, rate, RUN_S))
            say(f"spine: for {RUN_S:g} s, run {len(trials)}, {trials[-1]}")
        if all(trial.kept_up for trial in trials):
            return trials
        rate /= 2
    return []


async def single(folder: Path, site: Path, runs: int, say: Say) -> list[Result]:
    """Measure single messages through a whole platform."""
    names = [f"bench-{number:03}" for number in range(DEVICES)]
    async with Installation(folder, site, names) as platform:
        running = platform.running()
        passwords = {name: password for name, password in platform.passwords().items() if name in set(names)}
        api = await platform.operator()
        try:
            door = _Door(running.mqtt_port, running.site, passwords)
            trials = await _runs(door, api, await _search(door, api, say), runs, say)
        finally:
            await api.close()
    return _single_results(trials)


def _single_results(trials: list[Trial]) -> list[Result]:
    rate, lost = "ingest.single_msgs_per_s", "ingest.single_msgs_lost"
    if not trials:
        why = (
            f"the platform did not keep up with {FIRST_RATE_PER_S} messages a second, the least that is tried"
        )
        return [
            unmeasured(rate, "1/s", reason=why),
            unmeasured(lost, "messages", reason=why, goal=at_most(0)),
        ]
    how = (
        f"{DEVICES} MQTT devices (paho), QoS 1, one reading a message, {trials[0].rate_per_s:g} a second offered for "
        f"{RUN_S:g} s"
    )
    found = (
        f"the rate was doubled from {FIRST_RATE_PER_S} for as long as all was decided within {BEHIND_S:g} s of "
        "the last message sent, so the limit lies between it and its double; "
        "platform, broker and devices on the same machine"
    )
    return [
        measured(
            rate, [trial.decided_per_s for trial in trials], "1/s", digits=0, peer_reason=NO_PEER,
            how=f"messages decided a second of wall time. {how}; {found}",
        ),
        measured(
            lost, [float(max(trial.lost for trial in trials))] * len(trials), "messages", digits=0, goal=at_most(0),
            how=f"acknowledged less decided, rejected and expired, the most of {len(trials)} runs. {how}",
        ),
    ]  # fmt: skip


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


async def durable(folder: Path, site: Path, runs: int, say: Say, *, seconds: float = 3.0) -> list[Result]:
    """Measure batches published to a broker that syncs each to disk before it acknowledges."""
    slug = load_site(site).slug
    made = [batches(20, family) for family in LANES]
    rates = []
    async with NatsServer(ServerConfig(data_dir=folder / "nats", site=slug)) as server:
        bus = await Bus.connect(
            server.url, site=slug, clock=SystemClock(), user=server.user, password=server.password
        )
        try:
            await bus.ensure_streams()
            for run in range(runs):
                rates.append(await _publish(bus, made, seconds))
                say(f"spine: durable batches, run {run + 1}: {rates[-1]:,.0f} readings a second")
        finally:
            await bus.close()
    how = (
        f"batches of {ROWS} readings published and acknowledged a second of wall time, {seconds:g} s, broker with "
        f"sync_interval always, {len(LANES)} families at once with one batch of each under way, as the edge does"
    )
    return [
        measured(
            "ingest.durable_obs_per_s", rates, "1/s", digits=0, goal=at_least(100_000), how=how,
            peer_reason=NO_PEER,
        )
    ]  # fmt: skip


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


def core(site: Path, runs: int) -> list[Result]:
    """Measure decoding and the two stages that every numeric reading goes through, in CPU time of this process."""
    place = load_site(site)
    sensors = {spec.slug: spec for spec in place.sensors}
    areas = {zone.slug: zone.area_m2 for zone in place.zones}
    made = batches(CORE_BATCHES)
    wire = [(encode_batch(batch), int(batch.t_us[-1])) for batch in made]
    rates = []
    for _ in range(runs + 1):
        validity, timeseries = (
            ValidityStage(sensors=sensors),
            TimeseriesStage(sensors=sensors, zone_area_m2=areas),
        )
        of_validity, of_timeseries = validity.start(), timeseries.start()
        begin_s = time.process_time()
        for data, now_us in wire:
            batch = decode_batch(data)
            validity.step(of_validity, batch, now_us)
            timeseries.step(of_timeseries, batch, now_us)
        rates.append(CORE_BATCHES * ROWS / (time.process_time() - begin_s))
    how = (
        f"readings a CPU-second of this process from encoded batch to decision: decoding, validity stage, time-series "
        f"stage; {CORE_BATCHES} batches of {ROWS} readings of {SERIES} quiet series; without bus, edge and fusion. "
        "The goal is meant for a quiet machine"
    )
    return [
        measured(
            "ingest.obs_per_s_core", rates[1:], "1/s", digits=0, goal=at_least(3_000_000), how=how,
            peer_reason=NO_PEER,
        )
    ]  # fmt: skip
