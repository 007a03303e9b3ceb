"""A whole platform in a process of its own, and the people, devices and programs around it."""

import asyncio
import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from s4allcities.domain import SystemClock
from s4allcities.security.authorisation import Role
from s4allcities.security.passwords import Passwords
from s4allcities.security.users import FirstLink, Users
from s4allcities.store.accounts import SqliteAccounts
from s4allcities.store.database import Database
from s4allcities.store.layout import DataDir
from s4allcities.store.opening import open_state

ROOT = Path(__file__).parents[3]
SITE_FOLDER = ROOT / "sites" / "helsinki-station"
START_S = 100.0
PASSWORD = "correct horse battery"


def until(holds: Callable[[], Any], what: str, *, within_s: float = 20.0) -> Any:
    """Wait until something is true, and give it."""
    end = time.monotonic() + within_s
    while not (found := holds()):
        assert time.monotonic() < end, f"not within {within_s} s: {what}"
        time.sleep(0.05)
    return found


def rfc3339(t_s: float) -> str:
    return datetime.fromtimestamp(t_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def free_port() -> int:
    """A port nobody listens on: devices come back to the same one after a restart."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Person:
    """Signed in over HTTP; a change carries the session's token unless told otherwise."""

    def __init__(self, url: str, token: str = "", **body: str) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30, verify=False)
        response = self.http.post("/api/v1/session", json={"token": token} if token else body)
        response.raise_for_status()
        self.name: str = response.json()["name"]
        self.csrf: str = response.json()["csrf"]

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return self.http.post(path, json=body, headers={"x-csrf-token": self.csrf})

    def picture(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/api/v1/picture").json()["picture"]
        return found

    def accounting(self) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/api/v1/accounting").json()
        return found

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())


class Installation:
    """`s4 serve` on free ports and a data directory of its own. ``settings`` is the text of its TOML file."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.data = folder / "data"
        self.config = folder / "s4.toml"
        self.config.write_text(
            f'site = "{SITE_FOLDER}"\ndata_dir = "{self.data}"\n{settings}'
            + ("" if "[server]" in settings else "\n[server]\nport = 0\n")
            + f"\n[nats]\nport = 0\nmqtt_port = {free_port()}\n"
        )
        self.log = folder / "platform.log"
        self.people: list[Person] = []
        self.site = "helsinki-station"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.running_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "s4allcities", "serve", "--config", str(self.config)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        until(self._up, "running.json", within_s=START_S)

    def _up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-3000:]
        return self.running_file.exists()

    @property
    def running_file(self) -> Path:
        return self.data / "running.json"

    @property
    def running(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.running_file.read_text())
        return found

    @property
    def url(self) -> str:
        return str(self.running["url"])

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def nats_pids(self) -> list[int]:
        """The nats-servers that work in this data directory, by the kernel's own list."""
        wanted = str(self.data / "nats" / "nats-server.conf").encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if wanted in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> tuple[int, float]:
        """Ask it to end; give its exit code and the seconds that took."""
        assert self._process is not None
        began = time.monotonic()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(30)
        finally:
            if self._process.poll() is None:
                self._process.kill()
        return code, time.monotonic() - began

    def close(self) -> None:
        for person in self.people:
            person.http.close()
        if self._process is not None:
            self.stop()

    def users(self, work: Callable[[Users], Any]) -> Any:
        """Change accounts beside the running platform, as `s4 users` does."""

        async def run() -> Any:
            database = open_state(self.data)
            passwords = Passwords()
            try:
                return await work(Users(SqliteAccounts(database), passwords, SystemClock()))
            finally:
                passwords.close()
                await database.close()

        return asyncio.run(run())

    def link(self, name: str, role: Role | None = None) -> FirstLink:
        """A one-time link; with a role, of a new account."""
        made: FirstLink = self.users(lambda users: users.add(name, role) if role else users.make_link(name))
        return made

    def person(self, name: str, role: Role | None = None) -> Person:
        person = Person(self.url, self.link(name, role).token)
        self.people.append(person)
        return person

    def password_of(self, device: str) -> str:
        found = json.loads((self.data / "keys" / "devices.json").read_text())
        return str(found[device]["password"])

    @contextmanager
    def device(
        self, name: str, on_message: Callable[[bytes], bytes | None] | None = None
    ) -> Iterator["Device"]:
        device = Device(self, name, on_message)
        try:
            yield device
        finally:
            device.close()


class Device:
    """An MQTT device of the site on an independent client, at QoS 1. ``on_message`` may answer a command."""

    def __init__(
        self, platform: Installation, name: str, on_message: Callable[[bytes], bytes | None] | None = None
    ) -> None:
        self.name = name
        self.site = str(platform.running["site"])
        self.commands: list[dict[str, Any]] = []
        self._answer = on_message
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        self._client.username_pw_set(name, platform.password_of(name))
        self._client.on_message = self._heard
        self._client.on_connect = self._connected
        self._client.connect("127.0.0.1", int(platform.running["mqtt_port"]))
        self._client.loop_start()
        until(self._client.is_connected, f"{name} connected")

    def _connected(self, *_: Any) -> None:
        self._client.subscribe(f"s4/{self.site}/cmd/{self.name}", 1)

    def _heard(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self.commands.append(json.loads(message.payload))
        answer = self._answer(bytes(message.payload)) if self._answer else None
        if answer is not None:
            self._client.publish(f"s4/{self.site}/raw/sign/{self.name}", answer, qos=1)

    def send(self, family: str, *messages: dict[str, Any] | bytes) -> None:
        """Publish and wait until all are acknowledged."""
        topic = f"s4/{self.site}/raw/{family}/{self.name}"
        sent = [
            self._client.publish(topic, one if isinstance(one, bytes) else json.dumps(one), qos=1)
            for one in messages
        ]
        for one in sent:
            one.wait_for_publish(15)
            assert one.is_published()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def ramp(quantity: str, base: float, most: float, now_s: float, *, quiet_s: int = 90) -> list[dict[str, Any]]:
    """Readings once a second: quiet for a while, then rising as a fire makes them rise, the last one now."""
    rows = []
    for second in range(-quiet_s, 11):
        rise = most * (1 - math.exp(-((max(0, second) / 4) ** 2)))
        value = base * (1 + 0.02 * math.sin(second * 1.7)) + rise
        rows.append({"t": rfc3339(now_s - 10 + second), quantity: round(value, 4)})
    return rows


def burn(platform: Installation, zone: str = "ticket-hall") -> int:
    """Let it burn in a zone, as its smoke, CO and heat sensors see it; give how many messages were acknowledged."""
    now_s = time.time()
    shapes = {
        "smoke": ("smoke_pct_m", 0.2, 8.0),
        "co": ("co_ppm", 2.0, 60.0),
        "heat": ("heat_c", 21.0, 50.0),
    }
    features = json.loads((SITE_FOLDER / "sensor.geojson").read_text())["features"]
    count = 0
    for feature in features:
        properties = feature["properties"]
        shape = shapes.get(properties["s4a:family"])
        if shape is None or properties.get("s4a:unit") != zone:
            continue
        rows = ramp(*shape, now_s)
        with platform.device(properties["s4a:slug"]) as device:
            device.send("env", *rows)
        count += len(rows)
    return count


def ledger_records(data: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    """Kind and content of all entries, with personal texts put back in."""
    database = Database.open(DataDir(data).database)
    try:
        rows = database.read_now(
            lambda c: c.execute("SELECT kind, record FROM ledger ORDER BY sequence").fetchall()
        )
        texts = dict(
            database.read_now(lambda c: c.execute("SELECT reference, text FROM ledger_text").fetchall())
        )
    finally:
        database.close_now()
    for kind, body in rows:
        record = msgspec.msgpack.decode(body)
        yield (
            kind,
            {
                name: texts.get(value, value) if isinstance(value, str) else value
                for name, value in record.items()
            },
        )


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
