"""What may pass from each family of sensors, as data. What is not named here does not leave the edge."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

__all__ = ("FAMILIES", "NUMBERS_AND_TEXT", "NUMBERS_ONLY", "POLICIES", "Fields", "Form", "Policy")

Form = Literal["number", "hash", "word", "value", "text", "pseudonym"]
"""``number``: a finite number or truth value; ``hash``: 8 to 128 hex digits; ``word``: a short technical text (an
address of a host, a protocol) without an e-mail address; ``value``: a number or a word; ``text``: free text, masked;
``pseudonym``: a name that is replaced by one that changes, and dropped where nothing is there to replace it."""

Fields: TypeAlias = "Form | Mapping[str, Fields]"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Which quantities pass (None = any whose name does not sound personal) and which fields of which payloads."""

    quantities: frozenset[str] | None
    schemas: Mapping[str, Fields] = {}


NUMBERS_ONLY = Policy(quantities=None)
"""The strictest: no payload, no text, no quantity whose name sounds personal."""

NUMBERS_AND_TEXT = Policy(quantities=None, schemas={"text/1": "text"})
"""For families without a policy of their own: as above, and texts such as a device's state, masked."""

_PROTOCOLS = (
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
_CALL: dict[str, Fields] = {
    "type": "value",
    "src": "number",
    "dst": "number",
    "transaction_id": "number",
    "protocol_id": "number",
    "unit_id": "number",
    "function": "value",
    "function_raw": "number",
    "function_code": "value",
    "function_name": "word",
    "service": "value",
    "command": "value",
    "category": "word",
    "access_type": "word",
    "error_flags": "word",
    "address": "number",
    "quantity": "number",
    "data": "number",
    "value": "number",
    "read": {"address": "number", "quantity": "number"},
    "write": {"address": "number", "quantity": "number", "data": "number"},
}
_PARTS: dict[str, Fields] = {**_CALL, "application": _CALL, "cip": _CALL}
_INDUSTRIAL: dict[str, Fields] = {**_PARTS, "request": _PARTS, "response": _PARTS}
"""What is asked of a controller, by any industrial protocol: functions, addresses and numbers."""

_DNS: dict[str, Fields] = {
    "type": "word",
    "id": "number",
    "rrname": "text",
    "rrtype": "word",
    "rcode": "word",
}
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
    "pkt_src": "word",
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
        "src_ip": "word",
        "src_port": "number",
        "dest_ip": "word",
        "dest_port": "number",
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
    **dict.fromkeys(_PROTOCOLS, _INDUSTRIAL),
    "dns": {**_DNS, "queries": _DNS},
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
    "env": NUMBERS_AND_TEXT,
    "building": NUMBERS_AND_TEXT,
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
    "eve": Policy(quantities=None, schemas={"eve/1": _EVE}),
    "traffic": Policy(
        quantities=frozenset({"speed_kmh", "flow_per_h", "occupancy_pct", "count", "travel_time_s"})
    ),
    "weather": NUMBERS_AND_TEXT,
    "sign": Policy(
        quantities=frozenset({"ok", "status", "showing", "ack"}),
        schemas={"text/1": "text", "sign-ack/1": {"ack": "word", "showing": "text"}},
    ),
    "lock": Policy(
        quantities=frozenset({"ok", "exchange"}),
        schemas={
            "puf-exchange/1": {
                "token": "word",
                "nonce": "hash",
                "id": "word",
                "response": "hash",
                "mac": "hash",
            }
        },
    ),
    "access": Policy(
        quantities=frozenset({"access"}),
        schemas={
            "access/1": {
                "badge": "pseudonym",
                "result": "word",
                "role": "word",
                "reason": "text",
                "distance_bits": "number",
                "left": "number",
                "warnings": "text",
            }
        },
    ),
    "report": Policy(quantities=frozenset({"text"}), schemas={"text/1": "text"}),
}
"""The policy of each family that the platform knows."""

FAMILIES: tuple[str, ...] = tuple(POLICIES)
