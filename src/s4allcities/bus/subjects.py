"""Subjects: ``s4.<site>.<kind>...``, and what may stand in them.

One rule for every name that becomes part of a subject, so that it is also a safe MQTT topic level: ASCII letters,
digits, ``_`` and ``-``. Dots, spaces and wildcards would change the meaning of a subject.
"""

import re

from .errors import SubjectError

__all__ = (
    "batch_subject",
    "command_subject",
    "event_subject",
    "full",
    "partition_of",
    "raw_mapping",
    "raw_parts",
    "raw_subject",
    "valid_filter",
    "valid_token",
)

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")


def valid_token(token: str, what: str = "name") -> str:
    """Give the token back if it may stand in a subject.

    >>> valid_token("smoke-01", "sensor")
    'smoke-01'

    :raises SubjectError: anything but 1 to 128 of ``A-Z a-z 0-9 _ -``.
    """
    if not _TOKEN.fullmatch(token):
        raise SubjectError(
            f"{what} {token[:80]!r} cannot be part of a subject; allowed are 1-128 of A-Z a-z 0-9 _ -"
        )
    return token


def valid_filter(suffix: str) -> str:
    """Give the filter back: tokens, ``*`` for any one of them, ``>`` at the end for all that follows.

    >>> valid_filter("det.>")
    'det.>'

    :raises SubjectError: an empty level, a sign that is not allowed, or ``>`` before the end.
    """
    levels = suffix.split(".")
    rest = levels[:-1] if levels[-1] == ">" else levels
    for level in rest:
        if level != "*":
            valid_token(level, f"level of filter {suffix!r},")
    return suffix


def full(site: str, suffix: str) -> str:
    """Put the site before a subject suffix or filter."""
    return f"s4.{valid_token(site, 'site')}.{valid_filter(suffix)}"


def raw_subject(site: str, family: str, sensor: str, partition: int = -1) -> str:
    """Give the subject of a device's message, the same as its MQTT topic with dots; from 0 on with its partition."""
    raw = "raw" if partition < 0 else f"rawp.{partition}"
    return f"s4.{valid_token(site, 'site')}.{raw}.{valid_token(family, 'family')}.{valid_token(sensor, 'sensor')}"


def raw_mapping(partitions: int) -> dict[str, str]:
    """Give the server's subject mapping that puts a sensor's messages into one partition of stream RAW.

    >>> raw_mapping(8)
    {'s4.*.raw.*.*': 's4.{{wildcard(1)}}.rawp.{{partition(8,3)}}.{{wildcard(2)}}.{{wildcard(3)}}'}
    """
    target = f"s4.{{{{wildcard(1)}}}}.rawp.{{{{partition({partitions},3)}}}}.{{{{wildcard(2)}}}}.{{{{wildcard(3)}}}}"
    return {"s4.*.raw.*.*": target}


def partition_of(sensor: str, partitions: int) -> int:
    """Give the partition of a sensor as the server's mapping does: FNV-1a of the name, 32 bits.

    >>> partition_of("smoke-01", 8), partition_of("smoke-02", 8)
    (6, 3)
    """
    number = 0x811C9DC5
    for byte in sensor.encode():
        number = (number ^ byte) * 0x01000193 & 0xFFFFFFFF
    return number % partitions


def raw_parts(subject: str) -> tuple[str, str]:
    """Give (family, sensor) of a device's message.

    :raises SubjectError: not ``s4.<site>.raw.<family>.<sensor>``, as the device sent it or with its partition.
    """
    levels = subject.split(".")
    if len(levels) == 6 and levels[2] == "rawp":
        levels = [*levels[:2], "raw", *levels[4:]]
    if len(levels) != 5 or levels[0] != "s4" or levels[2] != "raw":
        raise SubjectError(f"subject {subject[:120]!r} is not s4.<site>.raw.<family>.<sensor>")
    return valid_token(levels[3], "family"), valid_token(levels[4], "sensor")


def batch_subject(site: str, family: str, partition: int) -> str:
    """Give the subject of observation batches of one family and partition."""
    if partition < 0:
        raise SubjectError(f"partition is {partition}; allowed are 0 and above")
    return f"s4.{valid_token(site, 'site')}.obs.{valid_token(family, 'family')}.{partition}"


def event_subject(site: str, kind: str, stage: str) -> str:
    """Give the subject of events of one kind that one stage publishes."""
    return f"s4.{valid_token(site, 'site')}.{valid_token(kind, 'kind')}.{valid_token(stage, 'stage')}"


def command_subject(site: str, device: str) -> str:
    """Give the subject on which a device listens for commands."""
    return f"s4.{valid_token(site, 'site')}.cmd.{valid_token(device, 'device')}"
