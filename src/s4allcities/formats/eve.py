"""Suricata EVE: one JSON object a line. We read the fields that our rules use and let every other type pass.

A field of the wrong type counts as missing, because what a network sensor logs is partly chosen by an attacker.
Source: Suricata 7 and 8 user guide, "EVE JSON Format".
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from ..domain import from_rfc3339

__all__ = ("EveAlert", "EveError", "EveEvent", "decode_eve", "eve_event")


class EveError(ValueError):
    """A line is no EVE record; the message says what is wrong and what is allowed."""


class EveAlert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The alert part. ``severity`` 1 is the highest; signatures 2200000 to 2299999 are the engine's own events."""

    signature: str
    signature_id: int = 0
    category: str = ""
    severity: int = 3

    @property
    def of_engine(self) -> bool:
        """Whether the engine complains about a packet (a wrong checksum, say), not a rule about what somebody does."""
        return 2_200_000 <= self.signature_id < 2_300_000


class EveEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record. ``src`` is who opened the conversation, ``dest`` whom it was opened to, as far as that is known.

    ``pkts_toserver``, ``pkts_toclient`` are -1 where the record does not say. ``write`` names the industrial write
    that was requested, empty if none.
    """

    event_type: str
    t_us: int = 0
    src_ip: str = ""
    src_port: int = 0
    dest_ip: str = ""
    dest_port: int = 0
    proto: str = ""
    app_proto: str = ""
    flow_state: str = ""
    pkts_toserver: int = -1
    pkts_toclient: int = -1
    write: str = ""
    alert: EveAlert | None = None


def _text(record: Mapping[str, Any], key: str, most: int = 256) -> str:
    value = record.get(key)
    return value[:most] if isinstance(value, str) else ""


def _integer(record: Mapping[str, Any], key: str, default: int = 0) -> int:
    value = record.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else default


def _part(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = record.get(key)
    return value if isinstance(value, Mapping) else {}


def decode_eve(line: bytes) -> EveEvent:
    """Read one line.

    :raises EveError: not a JSON object, or without ``event_type``.
    """
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise EveError(f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise EveError(f"EVE line is a {type(record).__name__}; allowed is a JSON object")
    event = eve_event(record)
    if not event.event_type:
        raise EveError("EVE line has no event_type; allowed is any text such as flow, alert, dns")
    return event


def eve_event(record: Mapping[str, Any]) -> EveEvent:
    """Take from a decoded record what we use. Never raises: what is missing or of the wrong type stays empty."""
    flow = _part(record, "flow")
    src_ip, src_port, dest_ip, dest_port = _ends(record, flow)
    return EveEvent(
        event_type=_text(record, "event_type", 40),
        t_us=_time_us(_text(record, "timestamp", 40)),
        src_ip=src_ip,
        src_port=src_port,
        dest_ip=dest_ip,
        dest_port=dest_port,
        proto=_text(record, "proto", 16).upper(),
        app_proto=_text(record, "app_proto", 40),
        flow_state=_text(flow, "state", 40),
        pkts_toserver=_integer(flow, "pkts_toserver", -1),
        pkts_toclient=_integer(flow, "pkts_toclient", -1),
        write=_write(record),
        alert=_alert(_part(record, "alert")),
    )


def _time_us(text: str) -> int:
    try:
        return from_rfc3339(text)
    except (ValueError, OverflowError):
        return 0


def _alert(alert: Mapping[str, Any]) -> EveAlert | None:
    if not alert:
        return None
    return EveAlert(
        signature=_text(alert, "signature"),
        signature_id=_integer(alert, "signature_id"),
        category=_text(alert, "category"),
        severity=_integer(alert, "severity", 3),
    )


_EPHEMERAL = 32_768


def _ends(record: Mapping[str, Any], flow: Mapping[str, Any]) -> tuple[str, int, str, int]:
    """Give the two ends, opener first: an alert names them in the direction of its packet, which may be an answer."""
    if _text(flow, "src_ip") and _text(flow, "dest_ip"):
        record = flow
    ends = (
        _text(record, "src_ip", 64),
        _integer(record, "src_port"),
        _text(record, "dest_ip", 64),
        _integer(record, "dest_port"),
    )
    answer = _text(record, "direction") == "to_client"
    if record.get("event_type") == "alert" and "direction" not in record:
        answer = 0 < ends[1] < _EPHEMERAL <= ends[3]
    return (*ends[2:], *ends[:2]) if answer else ends


# DNP3 application functions that change the outstation (IEEE 1815): write, operate, freeze, restart, stop ...
_DNP3_WRITES = frozenset({2, 3, 4, 5, 6, 13, 14, 16, 17, 18, 21})
_MODBUS_WRITES = frozenset({5, 6, 15, 16, 21, 22, 23})
_INDUSTRIAL = (
    "modbus",
    "dnp3",
    "enip",
    "cip",
    "bacnet",
    "s7comm",
    "iec104",
    "opcua",
    "knx",
    "profinet",
    "mms",
)
_ANY_INDUSTRIAL = frozenset(_INDUSTRIAL)
_WRITE_WORDS = (
    "write",
    "wrsing",
    "wrmult",
    "wrfile",
    "setattr",
    "set_attr",
    "operate",
    "download",
    "mskwr",
    "rdwr",
)


def _write(record: Mapping[str, Any]) -> str:
    """Name the write that an industrial protocol's part of the record asks for, or ``""``."""
    if _ANY_INDUSTRIAL.isdisjoint(record):
        return ""
    for protocol in _INDUSTRIAL:
        part = _part(record, protocol)
        if part:
            request = _part(part, "request") or part
            found = _write_of(protocol, request) or _write_of(protocol, _part(request, "application"))
            found = found or _write_of(protocol, _part(request, "cip"))
            if found:
                return f"{protocol} {found}"
    return ""


def _write_of(protocol: str, request: Mapping[str, Any]) -> str:
    for key in ("function_code", "function", "service", "command", "function_name", "access_type", "type"):
        said = _text(request, key, 60)
        if any(word in said.lower().replace(" ", "").replace("-", "") for word in _WRITE_WORDS):
            return said
    number = _integer(request, "function_raw", _integer(request, "function_code", -1))
    if protocol == "dnp3" and number in _DNP3_WRITES:
        return f"function {number}"
    if protocol == "modbus" and number in _MODBUS_WRITES:
        return f"function {number}"
    return ""
