"""The platform, then its bus, are killed under load: what was acknowledged is all there, and nothing is doubled."""

import collections
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.integration.app.parts import ROOT, Installation, Person, alive, rfc3339, until
from tests.integration.certificates import make_certificate

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SENSORS = [f"smoke-{number:02}" for number in range(1, 11)]


class Load:
    """Ten sensors at QoS 1, each an independent client; counts what was acknowledged to them."""

    def __init__(self, platform: Installation) -> None:
        self.acknowledged: dict[str, set[str]] = {name: set() for name in SENSORS}
        self._platform = platform
        self._stop = threading.Event()
        self._clients = [self._client(name) for name in SENSORS]
        self._threads = [
            threading.Thread(target=self._run, args=(name, client))
            for name, client in zip(SENSORS, self._clients, strict=True)
        ]
        for thread in self._threads:
            thread.start()

    def _client(self, name: str) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        client.username_pw_set(name, self._platform.password_of(name))
        client.reconnect_delay_set(1, 1)
        client.connect("127.0.0.1", int(self._platform.running["mqtt_port"]))
        client.loop_start()
        return client

    def _run(self, name: str, client: mqtt.Client) -> None:
        topic = f"s4/{self._platform.site}/raw/env/{name}"
        waiting: dict[int, str] = {}
        client.on_publish = lambda _c, _u, mid, *_: self._noted(name, waiting, mid)
        number = 0
        while not self._stop.is_set():
            t = rfc3339(time.time())
            message = client.publish(topic, json.dumps({"t": t, "smoke_pct_m": number % 97 / 1000}), qos=1)
            waiting[message.mid] = t
            number += 1
            time.sleep(0.05)

    def _noted(self, name: str, waiting: dict[int, str], mid: int) -> None:
        for _ in range(100):  # the word may come before `publish` has returned the number
            if mid in waiting:
                self.acknowledged[name].add(waiting.pop(mid))
                return
            time.sleep(0.001)

    @property
    def count(self) -> int:
        return sum(map(len, self.acknowledged.values()))

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        time.sleep(1.0)  # the last words
        for client in self._clients:
            client.disconnect()
            client.loop_stop()


def kept(data: Path) -> "collections.Counter[tuple[str, str]]":
    """How often each reading of the ten sensors is in the history, by sensor and time."""
    files = [str(path) for path in (data / "history" / "env").rglob("*.parquet")]
    names: dict[int, str] = {}
    with duckdb.connect() as connection:
        for (value,) in connection.execute(
            "SELECT value FROM parquet_kv_metadata(?) WHERE key = 's4'", [files]
        ).fetchall():
            names |= {int(number): each["sensor"] for number, each in _named(json.loads(value)).items()}
        rows = connection.execute("SELECT series, t_us FROM read_parquet(?)", [files]).fetchall()
    return collections.Counter((names[series], rfc3339(t_us / 1e6)) for series, t_us in rows)


def _named(metadata: Any) -> dict[str, Any]:
    found = metadata.get("series", metadata)
    return {number: each if isinstance(each, dict) else {"sensor": each[0]} for number, each in found.items()}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, pair: tuple[Path, Path]) -> Iterator[Installation]:
    installation = Installation(
        tmp_path_factory.mktemp("crash"),
        f'[server]\nport = 0\ntls_cert = "{pair[0]}"\ntls_key = "{pair[1]}"\n',
    )
    try:
        installation.start()
        yield installation
    finally:
        installation.close()


def settled(person: Person, load: Load) -> dict[str, Any]:
    """The account once nothing is in flight any more."""

    def quiet() -> dict[str, Any] | None:
        found = person.accounting()["account"]
        done = found["decided"] + found["rejected"] + found["expired"] >= load.count
        return found if found["in_flight"] == 0 and done else None

    found: dict[str, Any] = until(quiet, "nothing in flight", within_s=30)
    return found


def test_over_tls_the_cookie_is_bound_to_the_host(platform: Installation, pair: tuple[Path, Path]) -> None:
    context = ssl.create_default_context(cafile=str(pair[0]))
    with httpx.Client(base_url=platform.url, trust_env=False, verify=context) as client:
        answer = client.post("/api/v1/session", json={"token": platform.link("operator").token})
        assert answer.status_code == 201
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-s4_session=")
        assert "Secure" in cookie
        assert "max-age" in answer.headers["strict-transport-security"]
        assert client.get("/api/v1/picture").status_code == 200


def test_every_acknowledged_message_is_accounted_for_through_kills(platform: Installation) -> None:
    load = Load(platform)
    try:
        until(lambda: load.count > 200, "load")
        platform.kill()
        until(lambda: not platform.nats_pids(), "the bus goes with its platform")
        platform.start()
        person = platform.person("operator")
        before = load.count
        until(lambda: load.count > before + 200, "load after the restart", within_s=60)
        (bus,) = platform.nats_pids()
        os.kill(bus, signal.SIGKILL)
        until(lambda: platform.nats_pids() not in ([], [bus]), "the bus is started again")
        before = load.count
        until(lambda: load.count > before + 200, "load after the bus was killed", within_s=60)
    finally:
        load.stop()
    account = settled(person, load)
    code, seconds = platform.stop()
    assert code == 0
    assert seconds < 10
    assert not platform.nats_pids()
    assert not alive(platform.pid)
    assert not platform.running_file.exists()
    assert account["rejected"] == account["expired"] == 0
    found = kept(platform.data)
    sent = {(name, t) for name, times in load.acknowledged.items() for t in times}
    assert not sent - set(found), "acknowledged and lost"
    assert not {key: count for key, count in found.items() if count > 1}, "doubled"
    assert account["decided"] >= load.count


def test_the_ledger_still_holds(platform: Installation) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "s4allcities", "verify", "ledger", "--data-dir", str(platform.data), "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
