"""What may pass from each family of sensors, as data. What is not named here does not leave the edge."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

__all__ = ("FAMILIES", "NUMBERS_ONLY", "POLICIES", "Fields", "Form", "Policy")

Form = Literal["number", "hash", "word", "text"]
"""``number``: a finite number or truth value; ``hash``: 8 to 128 hex digits; ``word``: a short technical text (an
address of a host, a protocol, a rule's name) without an e-mail address; ``text``: free text, masked."""

Fields: TypeAlias = "Form | Mapping[str, Fields]"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Which quantities pass (None = any whose name does not sound personal) and which fields of which payloads."""

    quantities: frozenset[str] | None
    schemas: Mapping[str, Fields] = {}


NUMBERS_ONLY = Policy(quantities=None)
"""For families without a policy of their own: no payload, no text, no personal-sounding quantity."""

_EVE: dict[str, Fields] = {
    "timestamp": "word",
    "event_type": "word",
    "flow_id": "number",
    "in_iface": "word",
    "vlan": "number",
    "src_ip": "word",
    "src_port": "number",
    "dest_ip": "word",
    "dest_port": "number",
    "proto": "word",
    "app_proto": "word",
    "icmp_type": "number",
    "icmp_code": "number",
    "direction": "word",
    "community_id": "word",
    "pcap_cnt": "number",
    "tx_id": "number",
    "alert": {
        "action": "word",
        "gid": "number",
        "signature_id": "number",
        "rev": "number",
        "signature": "text",
        "category": "text",
        "severity": "number",
    },
    "flow": {
        "pkts_toserver": "number",
        "pkts_toclient": "number",
        "bytes_toserver": "number",
        "bytes_toclient": "number",
        "start": "word",
        "end": "word",
        "age": "number",
        "state": "word",
        "reason": "word",
        "alerted": "number",
    },
    "tcp": {
        "tcp_flags": "word",
        "syn": "number",
        "fin": "number",
        "rst": "number",
        "ack": "number",
        "state": "word",
    },
    "modbus": {
        "id": "number",
        "request": {
            "transaction_id": "number",
            "protocol_id": "number",
            "unit_id": "number",
            "function_raw": "number",
            "function_code": "word",
            "function": "word",
            "category": "word",
            "access_type": "word",
            "read": {"address": "number", "quantity": "number"},
            "write": {"address": "number", "data": "number", "quantity": "number"},
        },
        "response": {
            "unit_id": "number",
            "function_raw": "number",
            "function_code": "word",
            "error_flags": "word",
        },
        "address": "number",
        "quantity": "number",
        "data": "number",
        "value": "number",
        "function": "number",
        "unit_id": "number",
    },
    "dnp3": {
        "type": "word",
        "src": "number",
        "dst": "number",
        "application": {"function_code": "number"},
        "request": {
            "type": "word",
            "src": "number",
            "dst": "number",
            "application": {"function_code": "number"},
        },
    },
    "dns": {"type": "word", "id": "number", "rrname": "text", "rrtype": "word", "rcode": "word"},
    "http": {
        "hostname": "word",
        "http_method": "word",
        "protocol": "word",
        "status": "number",
        "length": "number",
    },
    "tls": {
        "version": "word",
        "sni": "word",
        "fingerprint": "word",
        "ja3": {"hash": "hash"},
        "ja3s": {"hash": "hash"},
    },
    "ssh": {"client": {"proto_version": "word", "software_version": "word"}},
    "anomaly": {"type": "word", "event": "word", "layer": "word", "app_proto": "word"},
}

POLICIES: dict[str, Policy] = {
    "env": NUMBERS_ONLY,
    "people": Policy(
        quantities=frozenset({"people", "out_per_min", "in_per_min", "density_p_m2", "confidence"})
    ),
    "door": Policy(quantities=frozenset({"open", "locked", "forced"})),
    "camera": Policy(
        quantities=frozenset(
            {"frame_hash", "people", "count", "score", "blur", "brightness", "density_p_m2"}
        ),
        schemas={"frame-hash/1": "hash"},
    ),
    "audio": Policy(quantities=frozenset({"level_db", "score", "count"})),
    "eve": Policy(quantities=frozenset({"eve"}), schemas={"eve/1": _EVE}),
    "traffic": Policy(
        quantities=frozenset({"speed_kmh", "flow_per_h", "occupancy_pct", "count", "travel_time_s"})
    ),
    "weather": NUMBERS_ONLY,
    "sign": Policy(
        quantities=frozenset({"status", "showing", "ack"}),
        schemas={"text/1": "text", "sign-ack/1": {"ack": "word", "showing": "text"}},
    ),
    "report": Policy(quantities=frozenset({"text"}), schemas={"text/1": "text"}),
}
"""The policy of each family that the platform knows."""

FAMILIES: tuple[str, ...] = tuple(POLICIES)
