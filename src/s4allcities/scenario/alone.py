"""What one emulated device needs to run by itself: who it is, where its broker is, and when it ends."""

import argparse
import asyncio
import signal
from pathlib import Path

from msgspec import Struct

from .devices.mqtt import Broker
from .errors import ScenarioError
from .run import read_credentials
from .world import Datum

__all__ = ("Alone", "add_broker", "read_broker", "stop_at_signals")


class Alone(Struct, frozen=True, kw_only=True):
    """One device by itself: its name (which is its user name too), its broker, and where it logs what it sent."""

    name: str
    password: str
    broker: Broker
    log: Path
    seed: int = 1

    def datum(self, family: str, payload: bytes, t_us: int) -> Datum:
        """Give a payload of this device, to be sent at once."""
        return Datum(
            sensor=self.name, family=family, protocol="mqtt", t_us=t_us, due_us=t_us, payload=payload
        )


def add_broker(parser: argparse.ArgumentParser, *, log: str) -> None:
    """Add the options that `read_broker` reads; ``log`` is the file of what was sent."""
    parser.add_argument("--site", metavar="SLUG")
    parser.add_argument("--mqtt", default="127.0.0.1:1883", metavar="HOST:PORT")
    parser.add_argument("--credentials", type=Path, metavar="FILE", help="JSON: user -> password")
    parser.add_argument("--log", type=Path, default=Path(log), metavar="FILE")


def read_broker(given: argparse.Namespace) -> tuple[str, Broker]:
    """Read the password of ``given.name`` and the broker.

    :raises ScenarioError: an option is missing or wrong, or nobody gave this device a credential.
    """
    if not given.site or not given.credentials:
        raise ScenarioError("--site and --credentials are needed")
    host, _, port = given.mqtt.rpartition(":")
    if not host or not port.isdecimal():
        raise ScenarioError(f"--mqtt {given.mqtt!r}: allowed is HOST:PORT")
    password = read_credentials(given.credentials).get(given.name)
    if password is None:
        raise ScenarioError(f"{given.credentials}: no credential for {given.name!r}")
    return password, Broker(host, int(port), given.site)


def stop_at_signals() -> asyncio.Event:
    """Give an event that is set when somebody ends the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
