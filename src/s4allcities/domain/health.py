"""Health, rejected input, time ticks and scenario truth."""

from typing import Literal

from .records import Place, Record

__all__ = ("Heartbeat", "Rejected", "SensorHealth", "SensorState", "Truth")

SensorState = Literal["unknown", "on time", "late", "stale", "gone", "clock wrong"]


class SensorHealth(Record, frozen=True, kw_only=True, tag="sensor-health", omit_defaults=True):
    """A change in how a sensor delivers. Silence is an event. ``clock_skew_s`` is its clock minus ours."""

    sensor: str
    family: str
    state: SensorState
    t_last_us: int = 0
    interval_s: float = 0.0
    clock_skew_s: float = 0.0


class Rejected(Record, frozen=True, kw_only=True, tag="rejected", omit_defaults=True):
    """Input that was not understood or not allowed: why, from where, and its first bytes (never personal data)."""

    source: str
    reason: str
    detail: str = ""
    sample: str = ""
    raw_sequence: int = 0


class Heartbeat(Record, frozen=True, kw_only=True, tag="heartbeat"):
    """The platform's own clock, sent through the streams so that a replay sees the same passing of time."""


class Truth(Record, frozen=True, kw_only=True, tag="truth", omit_defaults=True):
    """What really happens in a simulated world; read by evaluation, never by detectors or fusion."""

    what: str
    place: Place
    t_until_us: int = 0
    detail: str = ""
