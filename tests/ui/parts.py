"""A real platform in a process of its own, and simulated devices that speak MQTT to it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from s4allcities.app.serve import LINKS_FILE, RUNNING_FILE, Running
from s4allcities.domain import SystemClock, to_rfc3339
from s4allcities.security.credentials import DeviceCredentials
from s4allcities.security.users import FirstLink

ROOT = Path(__file__).resolve().parents[2]
S4 = Path(sys.executable).with_name("s4")
SITE = "helsinki-station"
START_S = 120.0
"""The very first start of a checkout compiles kernels; every other takes some seconds."""


def until(true: Callable[[], bool], *, within_s: float, what: str) -> float:
    """Wait for something and give how long it took, seconds."""
    start = time.monotonic()
    while not true():
        if time.monotonic() - start > within_s:
            raise AssertionError(f"{what}: not within {within_s:g} s")
        time.sleep(0.02)
    return time.monotonic() - start


class PlatformProcess:
    """`s4 serve` on free ports; after a kill it starts again with the same data, on the same ports."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.log = folder / "serve.log"
        self._config = folder / "s4.toml"
        self._config.write_text("demo = true\n")  # its sensors are simulated, and the page has to say so
        self._process: subprocess.Popen[bytes] | None = None
        self.running = Running(pid=0, nats_pid=0, url="", mqtt_port=0, nats_port=0, site="")

    @property
    def url(self) -> str:
        return self.running.url

    def start(self) -> None:
        """Start and wait until the page can be opened."""
        port = self.url.rpartition(":")[2] or "0"
        options = ["--config", str(self._config), "--data-dir", str(self.data), "--port", port]
        options += ["--mqtt-port", str(self.running.mqtt_port), "--site", str(ROOT / "sites" / SITE)]
        found = self.data / RUNNING_FILE
        found.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([str(S4), "serve", *options], stdout=log, stderr=log, cwd=ROOT)
        until(lambda: found.exists() or self._ended(), within_s=START_S, what="the start of the platform")
        assert found.exists(), self.log.read_text()
        self.running = msgspec.json.decode(found.read_bytes(), type=Running)

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def link(self, name: str = "operator") -> str:
        """Give the address of a one-time link of the first start."""
        links = msgspec.json.decode((self.data / LINKS_FILE).read_bytes(), type=list[FirstLink])
        token = next(link.token for link in links if link.name == name)
        return f"{self.url}/login?token={token}"

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_bus(self) -> None:
        """End the nats-server only; the platform has to start another."""
        os.kill(self.running.nats_pid, signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order, or by force after a while."""
        if self._process is None or self._ended():
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


class Device:
    """One device with its own connection and credential, QoS 1, that connects again for ever."""

    def __init__(self, name: str, password: str, port: int, *, answers: bool = False) -> None:
        self.name = name
        self._answers = answers
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        self._client.username_pw_set(name, password)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.on_connect = self._connected
        self._client.on_message = self._told
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        if self.name.startswith("vms"):
            client.subscribe(f"s4/{SITE}/cmd/{self.name}", qos=1)

    def _told(self, _: mqtt.Client, __: Any, message: mqtt.MQTTMessage) -> None:
        if self._answers:
            command = json.loads(message.payload)
            self.say("sign", {"ack": command["id"], "showing": command["show"]})

    def say(self, family: str, values: dict[str, object]) -> None:
        now = to_rfc3339(time.time_ns() // 1000)
        topic = f"s4/{SITE}/raw/{family}/{self.name}"
        self._client.publish(topic, json.dumps({"t": now, **values}), qos=1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


DOOR = "door-dc-01"
SMOKE = ("smoke-21", "smoke-22", "smoke-23", "smoke-24", "smoke-25", "smoke-26")
SIGNS = tuple(f"vms-{number:02}" for number in range(1, 13))
PEOPLE = {
    "occupancy-ticket-hall": 184,
    "occupancy-north-passage": 61,
    "occupancy-east-passage": 44,
    "occupancy-west-passage": 72,
    "occupancy-compass-hall": 96,
    "occupancy-metro-platform": 130,
    "occupancy-main-hall": 240,
}


class Station:
    """The devices of the ticket hall. Calm until `burn`; then smoke, CO and heat rise there."""

    EVERY_S = 0.5

    def __init__(
        self, platform: PlatformProcess, *, answering: frozenset[str] = frozenset({"vms-08"})
    ) -> None:
        passwords = DeviceCredentials(platform.data / "keys" / "devices.json", SystemClock()).clear()
        names = (*SMOKE, "co-31", "heat-33", DOOR, *PEOPLE, *SIGNS)
        port = platform.running.mqtt_port
        self._devices = {
            name: Device(name, passwords[name], port, answers=name in answering) for name in names
        }
        self._fire_s = 0.0
        self._open = 1
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def burn(self) -> None:
        """Light the fire; once is enough."""
        self._fire_s = self._fire_s or time.monotonic()

    def lock(self, locked: bool = True) -> None:
        """Lock the door of exit A, or open it again."""
        self._open = int(not locked)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        for device in self._devices.values():
            device.close()

    def _run(self) -> None:
        turn = 0
        while not self._over.wait(self.EVERY_S):
            self._speak(time.monotonic() - self._fire_s if self._fire_s else 0.0)
            if turn % 10 == 0:
                for sign in SIGNS:
                    self._devices[sign].say("sign", {"status": "ok", "showing": ""})
            turn += 1

    def _speak(self, fire_s: float) -> None:
        ripple = 0.03 * (time.monotonic() % 1.0)  # a reading that never changes would be called stuck
        for name in SMOKE:
            self._devices[name].say("env", {"smoke_pct_m": round(0.2 + ripple + min(9.0, 0.8 * fire_s), 3)})
        self._devices["co-31"].say("env", {"co_ppm": round(4 + 10 * ripple + min(110.0, 6 * fire_s), 2)})
        self._devices["heat-33"].say("env", {"heat_c": round(21 + ripple + min(24.0, 1.2 * fire_s), 2)})
        self._devices[DOOR].say("door", {"open": self._open})
        for name, people in PEOPLE.items():
            self._devices[name].say("people", {"people": people + int(90 * ripple)})


@contextlib.contextmanager
def station(folder: Path) -> Iterator[tuple[PlatformProcess, Station]]:
    """A platform with its devices, ended in any case."""
    platform = PlatformProcess(folder)
    try:
        platform.start()
        devices = Station(platform)
        try:
            yield platform, devices
        finally:
            devices.close()
    finally:
        platform.stop()
