"""Reads Suricata EVE: one JSON object a line, of whatever ``event_type``, kept whole as payload ``eve/1``."""

from typing import Any

import msgspec

from s4allcities.domain import Decoded, Observation, RawMessage

from ..border import (
    MAX_AGE_S,
    MAX_EVE_BYTES,
    NAME,
    Refused,
    check_time,
    decode_json,
    guarded,
    read_time,
    show,
)

__all__ = ("CONTENT_KEYS", "EveSource")

CONTENT_KEYS = ("payload", "payload_printable", "packet", "http_body", "http_body_printable")
"""Captured content of people's traffic: dropped at the edge, wherever Suricata puts it."""


class EveSource:
    """Decodes EVE records; ``timestamp`` and ``event_type`` must be there, the rest is as Suricata wrote it.

    The quantity is the event type. ``max_age_s`` None lets old files in.
    """

    name = "eve"
    families: tuple[str, ...] = ("eve",)

    def __init__(self, *, max_age_s: float | None = MAX_AGE_S) -> None:
        self.max_age_s = max_age_s

    def decode(self, message: RawMessage) -> Decoded:
        """Decode and validate one record."""
        return guarded(self._read, message)

    def _read(self, message: RawMessage) -> tuple[Observation, ...]:
        record = decode_json(message.data, MAX_EVE_BYTES)
        if not isinstance(record, dict):
            raise Refused(f"not an object: {show(record)}; allowed is one EVE object")
        for key in ("timestamp", "event_type"):
            if not isinstance(record.get(key), str):
                raise Refused(f"missing field: {key}; an EVE record has timestamp and event_type")
        if not NAME.fullmatch(record["event_type"]):
            raise Refused(
                f"bad field: event_type is {show(record['event_type'])}; allowed are letters, digits, _ and -"
            )
        t_us = read_time(record["timestamp"], "timestamp")
        check_time(t_us, message.t_received_us, self.max_age_s)
        _drop_content(record)
        _encodable(record)
        return (
            Observation(
                family=message.family,
                sensor=message.sensor,
                quantity=record["event_type"],
                t_us=t_us,
                schema="eve/1",
                payload=record,
            ),
        )


def _drop_content(record: dict[str, Any]) -> None:
    for part in (record, record.get("alert"), record.get("http")):
        if isinstance(part, dict):
            for key in CONTENT_KEYS:
                part.pop(key, None)


def _encodable(record: dict[str, Any]) -> None:
    """JSON allows integers of any size, the bus 64 bits."""
    try:
        msgspec.msgpack.encode(record)
    except (OverflowError, RecursionError) as error:
        raise Refused(f"out of range: {error}; allowed are integers of 64 bits") from None
