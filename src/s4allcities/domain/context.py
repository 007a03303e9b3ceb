"""Context and risk: what is true here and now beside the incidents, and what is at stake."""

from typing import Any, Literal

from msgspec import Struct

from .records import Record

__all__ = ("Band", "Context", "Risk", "RiskReason")


class Context(Record, frozen=True, kw_only=True, tag="context", omit_defaults=True):
    """One fact: ``subject`` has ``value`` for ``attribute`` until ``t_until_us`` (0 = until replaced).

    Attributes in use: ``people`` (zone, count), ``speed_kmh`` (street), ``traffic`` (street: free, slow, jam),
    ``smoke_pct_m``, ``co_ppm``, ``heat_c`` (sensor, latest reading), ``exit_state`` (exit: usable, doubtful, unusable),
    ``planned_scan`` (host), ``camera_state`` (sensor). ``reason`` says why in plain words.
    """

    subject: str
    attribute: str
    value: Any
    unit: str = ""
    reason: str = ""
    source: str = ""
    t_until_us: int = 0


Band = Literal["very low", "low", "medium", "high", "very high"]


class RiskReason(Struct, frozen=True, kw_only=True):
    """One main reason of a risk figure, in plain words, with its share of the change."""

    text: str
    share: float


class Risk(Record, frozen=True, kw_only=True, tag="risk", omit_defaults=True):
    """Risk of one zone from one threat: ``value`` = threat x vulnerability x impact, each 0..1.

    ``low`` and ``high`` bound its 80 % band; ``before`` is the value without the incident.
    """

    zone: str
    hypothesis: str
    value: float
    low: float
    high: float
    threat: float
    vulnerability: float
    impact: float
    band: Band
    before: float = 0.0
    people: float = 0.0
    incident_id: str = ""
    reasons: tuple[RiskReason, ...] = ()
