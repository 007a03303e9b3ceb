"""`python -m s4allcities.scenario.run`: a simulated world whose sensors speak to a platform over MQTT and HTTP."""

import argparse
import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvloop
from msgspec import Struct

from s4allcities.domain import Clock, ScaledClock, SystemClock
from s4allcities.site import SiteError

from .conductor import Conductor, TruthFile
from .devices import Account, HttpDevices
from .devices.mqtt import Broker
from .errors import ScenarioError
from .integrator import TOKEN, announce
from .options import ScenarioOptions, check_options
from .players import Players
from .story import Story, tell_story
from .world import World

__all__ = ("Settings", "main", "play", "read_credentials", "settings_of")

log = structlog.get_logger(__name__)

CONNECT_S = 10.0
DRAIN_S, DRAIN_STOPPED_S = 30.0, 5.0
"""Real seconds to wait for the last acknowledgements: at the end of the story, and when told to stop."""


class Settings(Struct, frozen=True, kw_only=True):
    """Where the world is played, and what it is told. ``origin_us`` 0 = now."""

    site: Path
    scenario: str
    mqtt_host: str
    mqtt_port: int
    http: str
    credentials: dict[str, str]
    out: Path
    options: ScenarioOptions = ScenarioOptions()
    speed: float = 1.0
    origin_us: int = 0
    keep: bool = False

    def clock(self) -> Clock:
        """Give the clock that the platform has too."""
        if self.speed == 1.0:
            return SystemClock()
        return ScaledClock(speed=self.speed, origin_us=self.origin_us or time.time_ns() // 1000)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="s4allcities.scenario.run", description=__doc__, allow_abbrev=False)
    parser.add_argument("--site", type=Path, required=True, metavar="DIR")
    parser.add_argument("--scenario", required=True, metavar="NAME")
    parser.add_argument("--mqtt", required=True, metavar="HOST:PORT")
    parser.add_argument("--http", required=True, metavar="URL")
    parser.add_argument(
        "--credentials", type=Path, required=True, metavar="FILE", help="JSON: user -> password"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--speed", type=float, default=1.0, metavar="X")
    parser.add_argument("--origin-us", type=int, default=0, metavar="T", help="where both clocks agree")
    parser.add_argument("--fire-at", default="", metavar="ZONE")
    parser.add_argument("--jam", default="", metavar="STREET")
    parser.add_argument("--close", default="", metavar="EXIT")
    parser.add_argument("--lock", default="", metavar="EXIT")
    parser.add_argument("--keep", action="store_true", help="go on after the story, until SIGTERM")
    return parser


def read_credentials(path: Path) -> dict[str, str]:
    """Read user -> password. :raises ScenarioError: the file cannot be read or is something else."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError) as error:
        raise ScenarioError(
            f"--credentials {path}: {error}; allowed is a JSON object, user: password"
        ) from None


def settings_of(arguments: Sequence[str]) -> Settings:
    """Read the command line.

    :raises ScenarioError: something in it cannot be used.
    :raises SiteError: the site cannot be used.
    """
    given = _parser().parse_args(arguments)
    host, _, port = given.mqtt.rpartition(":")
    if not host or not port.isdecimal():
        raise ScenarioError(f"--mqtt {given.mqtt!r}: allowed is HOST:PORT")
    check_options(
        given.site,
        given.scenario,
        fire_at=given.fire_at,
        jam=given.jam,
        close=given.close,
        lock=given.lock,
        speed=given.speed,
    )
    return Settings(
        site=given.site,
        scenario=given.scenario,
        mqtt_host=host,
        mqtt_port=int(port),
        http=given.http,
        credentials=read_credentials(given.credentials),
        out=given.out,
        options=ScenarioOptions(
            seed=given.seed, fire_at=given.fire_at, jam=given.jam, close=given.close, lock=given.lock
        ),
        speed=given.speed,
        origin_us=given.origin_us,
        keep=given.keep,
    )


async def play(settings: Settings, stop: asyncio.Event) -> dict[str, Any]:
    """Play a scenario until its end or until ``stop`` is set; write sent.jsonl, truth.jsonl, summary.json.

    Gives the summary.
    """
    site, story = tell_story(settings.site, settings.scenario, settings.options)
    clock = settings.clock()
    settings.out.mkdir(parents=True, exist_ok=True)
    world = World(site, story, start_us=clock.now_us())
    broker = Broker(settings.mqtt_host, settings.mqtt_port, site.slug)
    with Account(settings.out / "sent.jsonl") as account, TruthFile(settings.out / "truth.jsonl") as truth:
        async with HttpDevices(settings.http, account) as http:
            await _perform(settings, world, clock, broker, http, account, truth, stop)
        summary = {"scenario": story.name, "seed": story.seed, "simulated": True, **account.summary()}
        summary |= {"never_sent": world.never_sent, "played_s": world.t_s, "start_us": world.start_us}
    (settings.out / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2))
    return summary


async def _perform(
    settings: Settings,
    world: World,
    clock: Clock,
    broker: Broker,
    http: HttpDevices,
    account: Account,
    truth: TruthFile,
    stop: asyncio.Event,
) -> None:
    outboxes: dict[str, Any] = {}
    conductor = Conductor(world, clock, outboxes, truth, speed=settings.speed)
    signs = {sign: partial(conductor.command, sign) for sign in world.signs}
    players = Players(world.devices, settings.credentials, broker, http, account, signs=signs)
    outboxes.update(players.outboxes)
    async with asyncio.TaskGroup() as tasks:
        devices = players.start(tasks)
        connected = await players.connected(CONNECT_S)
        world.start_us = clock.now_us()
        log.info("the story begins", scenario=world.story.name, seed=world.story.seed, connected=connected)
        truth.write(_first_line(world.story, world.start_us))
        facts = announce(
            settings.http, settings.credentials.get(TOKEN, ""), world.story.announcements, world.start_us
        )
        devices.append(tasks.create_task(_ignore_result(facts)))
        playing = asyncio.create_task(conductor.play(keep=settings.keep))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if playing.done():
            playing.result()
        playing.cancel()
        left = await players.drain(DRAIN_STOPPED_S if stop.is_set() else DRAIN_S)
        log.info("the story ends", played_s=world.t_s, unacknowledged=left)
        for device in devices:
            device.cancel()


async def _ignore_result(facts: Any) -> None:
    await facts


def _first_line(story: Story, start_us: int) -> dict[str, Any]:
    return {"kind": "story", "t_us": start_us, "simulated": True, **msgspec.to_builtins(_short(story))}


def _short(story: Story) -> dict[str, Any]:
    names = (
        "name",
        "seed",
        "fire_zone",
        "jam",
        "closed",
        "locked",
        "attacked",
        "attacked_controller",
        "frozen_camera",
    )
    told = {name: getattr(story, name) for name in names}
    happenings = [
        {"t_s": round(t_s, 3), "what": what, "where": where} for t_s, what, where in story.happenings()
    ]
    return {**told, "benign": story.file.benign, "duration_s": story.duration_s, "happenings": happenings}


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await play(settings, stop)


def main(arguments: Sequence[str]) -> int:
    """Run the command. Exit codes: 0 played or ended by a signal, 2 wrong use, 1 a failure of ours."""
    try:
        settings = settings_of(arguments)
    except (ScenarioError, SiteError) as error:
        sys.stderr.write(f"s4 scenario: {error}\n")
        return 2
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
