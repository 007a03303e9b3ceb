"""Thousands of MQTT devices in one process: QoS 1 at a fixed rate, with what each acknowledgement cost.

Run as a program it takes one JSON document on stdin (`Plan`), prints ``ready`` once all are connected, begins at the
next line on stdin, and ends with one JSON document (`Sent`). It speaks MQTT 3.1.1 by itself, because a client library's
work for each message would cost more than all that is measured here.
"""

import random
import select
import socket
import struct
import sys
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct

__all__ = ("Plan", "Sender", "Sent", "columns_payload", "main", "past_payload", "single_payload")

CONNECT_S = 60.0
ACKNOWLEDGED_S = 30.0
_CONNACK, _PUBLISH_QOS1, _PUBACK_BYTES = 0x20, 0x32, 4
_MOST_AT_ONCE = 256
"""Messages sent before acknowledgements are read again."""
_IDS = 65_535
PAST_ROWS, PAST_EVERY_US, PAST_MESSAGE_ROWS = 800, 10_000_000, 400


class Plan(Struct, frozen=True, kw_only=True):
    """What to send: ``rows`` readings a message (1: one JSON object), ``rate_per_s`` messages a second in all."""

    port: int
    site: str
    family: str
    passwords: dict[str, str]
    rate_per_s: float
    seconds: float
    rows: int = 1
    most_open: int = 20_000
    """Unacknowledged messages in all; beyond, the sender waits and falls behind its rate."""
    probes: dict[str, str] = {}
    """Devices that in turn send ``probe_reading``, ``probes_per_s`` in all: each must be found."""
    probes_per_s: float = 0.0
    probe_reading: str = '"heat_c":-300'
    """By default what cannot be true."""
    probe_past: str = ""
    """A quantity of which each probe sends `PAST_ROWS` ordinary readings before all begins; empty = none."""


class Sent(Struct, frozen=True, kw_only=True):
    """What happened, by the steady clock that all processes share. ``late_s``: how far the sender fell behind."""

    sent: int
    acknowledged: int
    begin_s: float
    end_s: float
    late_s: float
    cut: int
    probes: int
    ack_p50_ms: float
    ack_p99_ms: float
    cpu_s: float


def single_payload(number: int, t_us: int) -> bytes:
    """Give one reading. Every one differs: what is the same again is a repetition and counts once."""
    return b'{"t_us":%d,"heat_c":%.3f}' % (t_us, 20 + number % 997 / 1000)


def columns_payload(number: int, t_us: int, rows: int) -> bytes:
    """Give ``rows`` readings of one quantity, a millisecond apart, the last of them now."""
    times = ",".join([str(t_us - 1000 * back) for back in range(rows - 1, -1, -1)])
    values = ",".join([f"{20 + (number * 7 + row * 13) % 97 / 400:.3f}" for row in range(rows)])
    return f'{{"t_us":[{times}],"heat_c":[{values}]}}'.encode()


def past_payload(number: int, quantity: str, t_us: int, message: int) -> bytes:
    """Give one message of a probe's ordinary past: noise about 20, one reading every ten seconds, until ``t_us``."""
    noise = random.Random(number * 1000 + message)
    first = PAST_ROWS - message * PAST_MESSAGE_ROWS
    rows = range(first, first - PAST_MESSAGE_ROWS, -1)
    values = [round(20.0 + noise.gauss(0.0, 0.5), 2) for _ in rows]
    return msgspec.json.encode({"t_us": [t_us - PAST_EVERY_US * back for back in rows], quantity: values})


class _Device:
    __slots__ = ("connected", "ids", "sock", "topic", "waiting", "written")

    def __init__(self, sock: socket.socket, topic: bytes) -> None:
        self.sock = sock
        self.topic = topic
        self.ids = 0
        self.connected = False
        self.waiting: dict[int, float] = {}
        self.written = bytearray()


class Sender:
    """Connects all devices of a plan, then sends; not for two threads."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.cut = 0
        self._poll = select.epoll()
        self._devices: dict[int, _Device] = {}
        self._acks_ms: list[float] = []
        self._open = 0
        for name, password in plan.passwords.items():
            self._connect(name, password)
        self._senders = list(self._devices.values())
        for name, password in plan.probes.items():
            self._connect(name, password)
        self._probes = list(self._devices.values())[len(self._senders) :]
        self._probed = 0
        self._probe_reading = plan.probe_reading.encode()

    def _connect(self, name: str, password: str) -> None:
        sock = socket.create_connection(("127.0.0.1", self.plan.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        topic = f"s4/{self.plan.site}/raw/{self.plan.family}/{name}".encode()
        sock.sendall(_connect_packet(name, password))
        sock.setblocking(False)
        self._devices[sock.fileno()] = _Device(sock, struct.pack(">H", len(topic)) + topic)
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def until_connected(self) -> None:
        """Wait until the broker has let all devices in.

        :raises TimeoutError: it did not, for a minute.
        """
        deadline = time.monotonic() + CONNECT_S
        while (missing := sum(not one.connected for one in self._devices.values())) > 0:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{missing} of {len(self._devices)} devices could not connect")
            self._read(0.1)

    def send_past(self) -> None:
        """Let all probes send what they measured before, and wait until it is acknowledged."""
        now_us = time.time_ns() // 1000
        for message in range(PAST_ROWS // PAST_MESSAGE_ROWS if self.plan.probe_past else 0):
            for number, device in enumerate(self._probes):
                self._publish(device, past_payload(number, self.plan.probe_past, now_us, message))
                self._read(0.0)
        deadline = time.monotonic() + ACKNOWLEDGED_S
        while self._open > 0 and time.monotonic() < deadline:
            self._read(0.02)
        self._acks_ms.clear()

    def send(self) -> Sent:
        """Send at the plan's rate, then wait until all is acknowledged."""
        plan, cpu_s = self.plan, time.process_time()
        order = self._senders
        pay = self._payload()
        wanted, sent, late_s = int(plan.rate_per_s * plan.seconds), 0, 0.0
        begin = time.monotonic()
        while sent < wanted and self._devices:
            passed = time.monotonic() - begin
            due = min(wanted, int(passed * plan.rate_per_s) + 1) - sent
            late_s = max(late_s, passed - sent / plan.rate_per_s)
            for _ in range(min(due, _MOST_AT_ONCE, plan.most_open - self._open)):
                self._publish(order[sent % len(order)], pay(sent, time.time_ns() // 1000))
                sent += 1
            self._probe(passed)
            self._read(0.0 if due > _MOST_AT_ONCE else 0.001)
        end = time.monotonic()
        while self._open > 0 and time.monotonic() < end + ACKNOWLEDGED_S:
            self._read(0.02)
        self._acks_ms.sort()
        return Sent(
            sent=sent + self._probed,
            acknowledged=len(self._acks_ms),
            begin_s=begin,
            end_s=end,
            late_s=late_s,
            cut=self.cut,
            probes=self._probed,
            ack_p50_ms=_quantile(self._acks_ms, 0.5),
            ack_p99_ms=_quantile(self._acks_ms, 0.99),
            cpu_s=time.process_time() - cpu_s,
        )

    def close(self) -> None:
        """Disconnect all."""
        for device in self._devices.values():
            device.sock.close()
        self._poll.close()

    def _payload(self) -> Callable[[int, int], bytes]:
        rows = self.plan.rows
        return single_payload if rows == 1 else lambda number, t_us: columns_payload(number, t_us, rows)

    def _probe(self, passed_s: float) -> None:
        while self._probed < int(passed_s * self.plan.probes_per_s):
            device = self._probes[self._probed % len(self._probes)]
            self._publish(device, b'{"t_us":%d,%b}' % (time.time_ns() // 1000, self._probe_reading))
            self._probed += 1

    def _publish(self, device: _Device, data: bytes) -> None:
        device.ids = number = device.ids % _IDS + 1
        body = device.topic + number.to_bytes(2) + data
        device.waiting[number] = time.monotonic()
        self._open += 1
        self._write(device, bytes((_PUBLISH_QOS1,)) + _length(len(body)) + body)

    def _write(self, device: _Device, packet: bytes) -> None:
        if device.written:
            device.written += packet
            return
        try:
            done = device.sock.send(packet)
        except BlockingIOError:
            done = 0
        except OSError:
            self._drop(device)
            return
        if done < len(packet):
            device.written += packet[done:]
            self._poll.modify(device.sock.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def _read(self, wait_s: float) -> None:
        for number, happened in self._poll.poll(wait_s):
            device = self._devices.get(number)
            if device is None:
                continue
            if happened & select.EPOLLOUT:
                self._write_on(device)
            if happened & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                self._take(device)

    def _write_on(self, device: _Device) -> None:
        rest, device.written = bytes(device.written), bytearray()
        self._poll.modify(device.sock.fileno(), select.EPOLLIN)
        self._write(device, rest)

    def _take(self, device: _Device) -> None:
        try:
            data = device.sock.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(device)
            return
        now = time.monotonic()
        # Whatever comes is CONNACK or PUBACK, and both are four bytes long.
        for at in range(0, len(data) - _PUBACK_BYTES + 1, _PUBACK_BYTES):
            if data[at] == _CONNACK:
                device.connected = data[at + 3] == 0
                continue
            begun = device.waiting.pop(int.from_bytes(data[at + 2 : at + 4]), None)
            if begun is not None:
                self._open -= 1
                self._acks_ms.append(1000 * (now - begun))

    def _drop(self, device: _Device) -> None:
        self.cut += 1
        self._open -= len(device.waiting)
        self._poll.unregister(device.sock.fileno())
        del self._devices[device.sock.fileno()]
        device.sock.close()


def _connect_packet(name: str, password: str) -> bytes:
    """Write CONNECT: protocol 3.1.1, clean session, user name and password, no keep-alive."""
    fields = b"".join(_text(each) for each in (name, name, password))
    body = b"\x00\x04MQTT\x04\xc2\x00\x00" + fields
    return b"\x10" + _length(len(body)) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, low = divmod(size, 128)
        out.append(low | (0x80 if size else 0))
        if not size:
            return bytes(out)


def _quantile(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2) if ordered else float("nan")


def main() -> int:
    """Do what the plan on stdin says."""
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    sender = Sender(plan)
    sender.until_connected()
    sender.send_past()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.buffer.readline()
    sent = sender.send()
    sender.close()
    sys.stdout.write(msgspec.json.encode(sent).decode() + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
