"""Many MQTT devices that send single readings at a fixed rate, all in one thread."""

import itertools
import selectors
import time
from collections.abc import Iterator, Mapping
from types import TracebackType

import paho.mqtt.client as mqtt
from msgspec import Struct
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from .checkout import BenchError

__all__ = ("FAMILY", "MqttLoad", "Offered")

FAMILY = "env"
CONNECT_S = 30.0
ACKNOWLEDGED_S = 30.0
AT_ONCE = 64
"""Messages sent before acknowledgements are read again."""


class Offered(Struct, frozen=True):
    """What was sent, and when by the steady clock: ``late_s`` is how far the sender itself fell behind its rate.
    ``cut`` tells that the broker closed a connection, which ends it.
    """

    sent: int
    acknowledged: int
    begin_s: float
    end_s: float
    late_s: float
    cut: bool


class MqttLoad:
    """Connects one paho client a device while the context is open. Not for two threads."""

    def __init__(self, port: int, site: str, passwords: Mapping[str, str]) -> None:
        self._selector = selectors.DefaultSelector()
        self._connected = self._acknowledged = 0
        self._cut = False
        self._clients = [
            (self._client(name, password, port), f"s4/{site}/raw/{FAMILY}/{name}")
            for name, password in passwords.items()
        ]
        self._order: Iterator[tuple[mqtt.Client, str]] = itertools.cycle(self._clients)
        self._number = itertools.count()

    def __enter__(self) -> "MqttLoad":
        deadline = time.perf_counter() + CONNECT_S
        for client, _ in self._clients:
            self._selector.register(client.socket(), selectors.EVENT_READ, client)  # type: ignore[arg-type]
        while self._connected < len(self._clients):
            if time.perf_counter() > deadline:
                raise BenchError(f"only {self._connected} of {len(self._clients)} devices could connect")
            self._work(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client, _ in self._clients:
            client.disconnect()
        self._selector.close()

    def _client(self, name: str, password: str, port: int) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        client.username_pw_set(name, password)
        client.max_inflight_messages_set(1000)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.connect("127.0.0.1", port)
        return client

    def _on_connect(
        self, _client: object, _data: object, _flags: object, code: ReasonCode, _: object
    ) -> None:
        self._connected += not code.is_failure

    def _on_publish(self, *_: object) -> None:
        self._acknowledged += 1

    def _work(self, wait_s: float) -> None:
        """Read what came, and write what did not fit before."""
        for key, _ in self._selector.select(wait_s):
            if key.data.loop_read() != mqtt.MQTT_ERR_SUCCESS:
                self._selector.unregister(key.fileobj)
                self._cut = True
        for client, _ in self._clients:
            if client.want_write():
                client.loop_write()

    def _send(self) -> None:
        client, topic = next(self._order)
        # Every reading differs, as a sensor's do: what is the same again is a repetition and counts once.
        text = f'{{"t_us":{time.time_ns() // 1000},"heat_c":{20 + next(self._number) % 997 / 1000}}}'
        client.publish(topic, text, qos=1)

    def offer(self, rate_per_s: float, seconds: float) -> Offered:
        """Send at a rate, then wait until all is acknowledged; ends early when a connection is cut."""
        self._acknowledged = sent = 0
        wanted, late_s = int(rate_per_s * seconds), 0.0
        begin = time.perf_counter()
        while sent < wanted and not self._cut:
            passed = time.perf_counter() - begin
            due = min(wanted, int(passed * rate_per_s) + 1) - sent
            late_s = max(late_s, passed - sent / rate_per_s)
            for _ in range(min(due, AT_ONCE)):
                self._send()
            sent += min(due, AT_ONCE)
            self._work(0.0 if due > AT_ONCE else 0.001)
        end = time.perf_counter()
        while self._acknowledged < sent and not self._cut and time.perf_counter() < end + ACKNOWLEDGED_S:
            self._work(0.05)
        return Offered(sent, self._acknowledged, begin, end, late_s, self._cut)
