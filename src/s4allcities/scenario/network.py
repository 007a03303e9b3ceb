"""What a network sensor logs: Suricata EVE records of a scan, of a write to a controller, and of an ordinary day.

Field names and forms follow the Suricata 7 user guide ("EVE JSON Format"); signatures are our own (ids from 1000000).
"""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from msgspec import Struct

from s4allcities.domain import US_PER_S

from .files import Scan

__all__ = ("EveWriter", "NetworkEvent", "eve_time")

SERVICES = {502: "modbus", 44818: "enip", 47808: "bacnet", 80: "http", 23: "telnet"}
BUILDING_SERVER, CLOCK_SERVER = "10.20.4.2", "10.20.4.1"


class NetworkEvent(Struct, frozen=True):
    """A record and when it is logged, in seconds from the start."""

    t_s: float
    record: dict[str, Any]


def eve_time(t_us: int) -> str:
    """Write a time as Suricata does.

    >>> eve_time(1_700_000_000_250_000)
    '2023-11-14T22:13:20.250000+0000'
    """
    seconds, us = divmod(t_us, US_PER_S)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{us:06d}+0000"


class EveWriter:
    """Makes records without their ``timestamp``, which is known only when the story's clock runs."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def scan(self, scan: Scan, at_s: float, hosts: tuple[str, ...]) -> list[NetworkEvent]:
        """Knock at one host after the other, first on the first port, then on another; alerts in between.

        It starts slowly and gets faster, as scanners do that find out how much they are allowed.
        """
        lines = int(self._rng.integers(scan.lines[0], scan.lines[1] + 1))
        alerts = 2 if scan.alerts and lines > 8 else 0
        others = scan.ports[1:] or scan.ports
        events = []
        for index in range(lines - alerts):
            turn, second = divmod(index, 2)
            port = others[turn % len(others)] if second else scan.ports[0]
            share = (index + float(self._rng.uniform(0.05, 0.95))) / lines
            record = self._knock(scan.source, hosts[turn % len(hosts)], port)
            events.append(NetworkEvent(at_s + scan.lasts_s * share**0.5, record))
        for index in range(alerts):
            target = hosts[(index + 1) * 7 % len(hosts)]
            t_s = at_s + scan.lasts_s * (0.7 + 0.27 * index)
            events.append(NetworkEvent(t_s, self._sweep_alert(scan.source, target, scan.ports[0])))
        return sorted(events, key=lambda event: event.t_s)

    def write(self, source: str, target: str, at_s: float) -> list[NetworkEvent]:
        """Switch a coil of a door controller: the industrial record, and the alert on it."""
        flow = self._conversation(source, target, 502)
        modbus = {
            "id": 1,
            "request": {
                "transaction_id": int(self._rng.integers(1, 65535)),
                "protocol_id": 0,
                "unit_id": 1,
                "function_raw": 5,
                "function_code": "WrSingleCoil",
                "access_type": "WRITE | COILS",
                "category": "PUBLIC_ASSIGNED",
                "error_flags": "NONE",
                "write": {"address": 3, "data": 65280},
            },
        }
        alert = self._alert(1_000_201, "SCADA Modbus write single coil by an unlisted host", 1)
        return [
            NetworkEvent(at_s, {**flow, "event_type": "modbus", "app_proto": "modbus", "modbus": modbus}),
            NetworkEvent(
                at_s + 0.012,
                {
                    **flow,
                    "event_type": "alert",
                    "app_proto": "modbus",
                    "direction": "to_server",
                    "alert": alert,
                },
            ),
        ]

    def background(self, until_s: float, hosts: tuple[str, ...]) -> list[NetworkEvent]:
        """An ordinary day: the building server polls its controllers, names are looked up, clocks are set."""
        events = []
        t_s = float(self._rng.exponential(3.0))
        while t_s < until_s:
            target = hosts[int(self._rng.integers(min(len(hosts), 8)))] if hosts else CLOCK_SERVER
            events.append(NetworkEvent(t_s, self._ordinary(target)))
            t_s += float(self._rng.exponential(3.0))
        return events

    def _ordinary(self, target: str) -> dict[str, Any]:
        kind = int(self._rng.integers(3))
        if kind == 0:
            packets = int(self._rng.integers(12, 40))
            flow = self._conversation(BUILDING_SERVER, target, 502)
            return {
                **flow,
                "event_type": "flow",
                "app_proto": "modbus",
                "flow": self._counts(packets, packets - 2),
            }
        if kind == 1:
            flow = self._conversation(BUILDING_SERVER, CLOCK_SERVER, 123, "UDP")
            return {**flow, "event_type": "flow", "app_proto": "ntp", "flow": self._counts(1, 1)}
        query = {
            "type": "query",
            "id": int(self._rng.integers(65535)),
            "rrname": "bms.example",
            "rrtype": "A",
        }
        flow = self._conversation(BUILDING_SERVER, CLOCK_SERVER, 53, "UDP")
        return {**flow, "event_type": "dns", "dns": {**query, "tx_id": 0}}

    def _knock(self, source: str, target: str, port: int) -> dict[str, Any]:
        flow = self._conversation(source, target, port)
        answered = bool(self._rng.random() < 0.3)
        return {
            **flow,
            "event_type": "flow",
            "flow": self._counts(1, int(answered), state="closed" if answered else "new"),
            "tcp": {"tcp_flags": "16" if answered else "02", "syn": True, "rst": answered, "state": "closed"},
        }

    def _sweep_alert(self, source: str, target: str, port: int) -> dict[str, Any]:
        flow = self._conversation(source, target, port)
        service = SERVICES.get(port, f"port {port}").upper()
        alert = self._alert(1_000_101, f"SCAN sweep for {service} devices in the building network", 2)
        return {**flow, "event_type": "alert", "direction": "to_server", "alert": alert}

    def _alert(self, number: int, signature: str, severity: int) -> dict[str, Any]:
        return {
            "action": "allowed",
            "gid": 1,
            "signature_id": number,
            "rev": 1,
            "signature": signature,
            "category": "Attempted Information Leak"
            if severity > 1
            else "Attempted Administrator Privilege Gain",
            "severity": severity,
        }

    def _conversation(self, source: str, target: str, port: int, proto: str = "TCP") -> dict[str, Any]:
        return {
            "flow_id": int(self._rng.integers(1, 2**52)),
            "in_iface": "span0",
            "src_ip": source,
            "src_port": int(self._rng.integers(32768, 60999)),
            "dest_ip": target,
            "dest_port": port,
            "proto": proto,
        }

    def _counts(self, to_server: int, to_client: int, state: str = "established") -> dict[str, Any]:
        return {
            "pkts_toserver": to_server,
            "pkts_toclient": to_client,
            "bytes_toserver": 74 * to_server,
            "bytes_toclient": 60 * to_client,
            "age": 0,
            "state": state,
            "reason": "timeout",
            "alerted": False,
        }
