"""Reads what a camera's own analytics say: the hash of a frame, a count of people. Refuses anything like a picture."""

import re
from typing import Any

from s4allcities.domain import Decoded, Observation, RawMessage

from ..border import (
    MAX_AGE_S,
    Refused,
    check_time,
    decode_json,
    finite,
    guarded,
    read_quality,
    read_time,
    show,
)

__all__ = ("ALLOWED_KEYS", "MAX_PEOPLE", "CameraSource")

ALLOWED_KEYS = frozenset({"t", "frame_hash", "people", "quality"})
"""The whole vocabulary of this family. Fail closed: a key that is not here may carry a person's picture."""

MAX_PEOPLE = 100_000
_HASH = re.compile(r"[0-9a-f]{8,64}")


class CameraSource:
    """Decodes ``{"t", "frame_hash", "people"}``; either of the last two may be left out.

    Any other key, a hash that is not 8 to 64 hexadecimal digits, or anything but one object is refused.
    """

    name = "camera"
    families: tuple[str, ...] = ("camera",)

    def __init__(self, *, max_age_s: float | None = MAX_AGE_S) -> None:
        self.max_age_s = max_age_s

    def decode(self, message: RawMessage) -> Decoded:
        """Decode and validate one message."""
        return guarded(self._read, message)

    def _read(self, message: RawMessage) -> tuple[Observation, ...]:
        content = decode_json(message.data)
        if not isinstance(content, dict):
            raise Refused("not an object: a camera sends one object with t, frame_hash, people")
        _no_picture(content)
        now_us = message.t_received_us
        t_us = now_us
        if content.get("t") is not None:
            t_us = check_time(read_time(content["t"]), now_us, self.max_age_s)
        quality = read_quality(content["quality"]) if content.get("quality") is not None else 0
        rows = [*_hash_row(message, content, t_us, quality), *_people_row(message, content, t_us, quality)]
        if not rows:
            raise Refused("no reading: neither frame_hash nor people; allowed is at least one")
        return tuple(rows)


def _no_picture(content: dict[str, Any]) -> None:
    # The refused content is not quoted: the reason is kept and shown, and must not carry what it refuses.
    if not content.keys() <= ALLOWED_KEYS:
        raise Refused(f"image: keys beside {', '.join(sorted(ALLOWED_KEYS))}; no picture may leave the edge")
    value = content.get("frame_hash")
    if value is not None and not (isinstance(value, str) and _HASH.fullmatch(value)):
        raise Refused("image: frame_hash is not 8 to 64 hexadecimal digits; no picture may leave the edge")


def _hash_row(message: RawMessage, content: dict[str, Any], t_us: int, quality: int) -> list[Observation]:
    if content.get("frame_hash") is None:
        return []
    return [
        Observation(
            family=message.family,
            sensor=message.sensor,
            quantity="frame_hash",
            t_us=t_us,
            quality=quality,
            schema="frame-hash/1",
            payload=content["frame_hash"],
        )
    ]


def _people_row(message: RawMessage, content: dict[str, Any], t_us: int, quality: int) -> list[Observation]:
    people = content.get("people")
    if people is None:
        return []
    if isinstance(people, bool) or not isinstance(people, int | float):
        raise Refused(f"bad field: people is a {type(people).__name__}; allowed are numbers")
    count = finite(people, "people")
    if not 0 <= count <= MAX_PEOPLE:
        raise Refused(f"out of range: people is {show(people)}; allowed are 0 to {MAX_PEOPLE}")
    return [
        Observation(
            family=message.family,
            sensor=message.sensor,
            quantity="people",
            t_us=t_us,
            value=count,
            quality=quality,
        )
    ]
