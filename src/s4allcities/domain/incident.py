"""Incidents: fused belief about what is happening, with competing hypotheses and the terms that made it."""

from typing import Literal

from msgspec import Struct

from .records import Place, Record

__all__ = ("BENIGN", "Campaign", "Incident", "IncidentStatus", "Link", "NextLook", "Term", "WhatIf")

BENIGN = "benign"
"""The hypothesis that nothing hostile or dangerous is going on."""

IncidentStatus = Literal["tentative", "confirmed", "closed"]


class Term(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason: how far it moves the belief from benign to the leading hypothesis, in nats (natural-log units).

    Positive speaks for, negative against. ``group`` is the source group, empty for prior terms.
    """

    name: str
    llr: float
    detections: tuple[str, ...] = ()
    group: str = ""
    sensors: tuple[str, ...] = ()


class Link(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tie to another incident, with its reason in plain words and its strength in nats."""

    incident: str
    reason: str
    llr: float = 0.0


class WhatIf(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What would be believed without one sensor: ``llr`` is how much of the log-odds falls away with it.

    ``probability`` is that of the leading hypothesis then, which may no longer be the leading one.
    """

    sensor: str
    name: str
    llr: float
    probability: float


class NextLook(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The observation that would most change what to do: who should look for what.

    ``if_seen`` and ``if_not`` are the probabilities that something is going on after either answer, ``flips`` the
    chance that the answer changes the decision (to act, or to stand down), ``change`` the expected change of that
    probability over both answers.
    """

    sensor: str
    name: str
    kind: str
    text: str
    if_seen: float
    if_not: float
    flips: float
    change: float


class Campaign(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Incidents that belong together: ``probability`` that one plan is behind them, and why, as terms that add up."""

    id: str
    incidents: tuple[str, ...]
    probability: float
    terms: tuple[Term, ...]
    text: str = ""


class Incident(Record, frozen=True, kw_only=True, tag="incident", omit_defaults=True):
    """One version of a fused incident; a later version with the same ``id`` replaces it.

    ``hypotheses`` are probabilities that sum to 1; ``hypothesis`` is the most probable one other than benign and
    ``probability`` its value. ``t_opened_us`` is when it was confirmed. ``place`` is its best position.
    ``terms`` add up to z(hypothesis) - z(benign). ``decisive`` is the detection that caused this version.
    ``what_if`` says what would be believed without each sensor, ``next_look`` what would best settle the matter.
    """

    version: int
    status: IncidentStatus
    hypothesis: str
    probability: float
    hypotheses: dict[str, float]
    zones: tuple[str, ...]
    place: Place
    t_first_evidence_us: int
    t_opened_us: int | None = None
    entities: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    links: tuple[Link, ...] = ()
    text: str = ""
    decisive: str = ""
    what_if: tuple[WhatIf, ...] = ()
    next_look: NextLook | None = None
    campaign: Campaign | None = None
