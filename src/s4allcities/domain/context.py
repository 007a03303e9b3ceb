"""Context and risk: what is true here and now beside the incidents, and what is at stake."""

from typing import Any, Literal

from msgspec import Struct

from .records import Record

__all__ = ("Band", "Context", "MeasureShare", "Risk", "RiskBasis", "RiskReason")


class Context(Record, frozen=True, kw_only=True, tag="context", omit_defaults=True):
    """One fact: ``subject`` has ``value`` for ``attribute`` until ``t_until_us`` (0 = until replaced).

    Attributes in use: ``people`` (zone, count), ``speed_kmh`` (street), ``traffic`` (street: free, slow, jam),
    ``smoke_pct_m``, ``co_ppm``, ``heat_c`` (sensor, latest reading), ``exit_state`` (exit: usable, doubtful, unusable),
    ``planned_scan`` (host), ``camera_state`` (sensor), ``entry`` (a node of the context graph; None = withdrawn).
    ``reason`` says why in plain words. ``version`` counts the statements about one entry; 0 where nobody counts.
    """

    subject: str
    attribute: str
    value: Any
    unit: str = ""
    reason: str = ""
    source: str = ""
    t_until_us: int = 0
    version: int = 0


Band = Literal["very low", "low", "medium", "high", "very high"]


class RiskReason(Struct, frozen=True, kw_only=True):
    """One main reason of a risk figure, in plain words, with its share of the change."""

    text: str
    share: float


class MeasureShare(Struct, frozen=True, kw_only=True):
    """What one measure takes off a vulnerability: ``effect`` 0..1 in full force, ``available`` the share in force."""

    name: str
    effect: float
    available: float


class RiskBasis(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that a risk figure was worked out from, so that anybody can do it again.

    ``base`` is the threat's probability with nothing known, at the odds of the moment; ``weights`` what each incident
    counts here, by its id; ``bare`` the vulnerability with no measure in force; ``measures`` those in force now and
    ``measures_before`` as they would be without any incident. The four ``harm`` terms add up in the exponent of the
    impact. ``people_sigma`` is the relative error of the count.
    """

    base: float
    bare: float
    weights: dict[str, float] = {}
    measures: tuple[MeasureShare, ...] = ()
    measures_before: tuple[MeasureShare, ...] = ()
    people_harm: float = 0.0
    asset_harm: float = 0.0
    service_harm: float = 0.0
    delay_harm: float = 0.0
    people_sigma: float = 0.15


class Risk(Record, frozen=True, kw_only=True, tag="risk", omit_defaults=True):
    """Risk of one zone from one threat: ``value`` = threat x vulnerability x impact, each 0..1.

    ``low`` and ``high`` bound its 80 % band; ``before`` is the value without the incident; ``basis`` holds what all of
    them were worked out from.
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
    basis: RiskBasis | None = None
