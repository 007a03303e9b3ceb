"""What a CAP message is made of, and how our levels and probabilities are said in its words."""

from typing import Any, Literal, get_args

from msgspec import Struct

from ...domain import AlertLevel

__all__ = (
    "NAMESPACE",
    "CapAlert",
    "CapArea",
    "CapError",
    "CapInfo",
    "CapReference",
    "Category",
    "Certainty",
    "LatLon",
    "MsgType",
    "ResponseType",
    "Scope",
    "Severity",
    "Status",
    "Urgency",
    "certainty_of",
    "check_place",
    "check_words",
    "severity_of",
    "urgency_of",
)

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
Status = Literal["Actual", "Exercise", "System", "Test", "Draft"]
MsgType = Literal["Alert", "Update", "Cancel", "Ack", "Error"]
Scope = Literal["Public", "Restricted", "Private"]
Category = Literal[
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
]
ResponseType = Literal[
    "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"
]
Urgency = Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
Severity = Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
Certainty = Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
LatLon = tuple[float, float]


class CapError(ValueError):
    """A message cannot be written or read: the text names the element, what is wrong and what is allowed."""


class CapReference(Struct, frozen=True, kw_only=True):
    """An earlier message that this one changes or takes back."""

    sender: str
    identifier: str
    sent_us: int


class CapArea(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where: ``polygons`` are rings of (latitude, longitude) in degrees, closed when written; ``geocodes`` are
    (name, value).
    """

    description: str
    polygons: tuple[tuple[LatLon, ...], ...] = ()
    circles: tuple[tuple[float, float, float], ...] = ()
    geocodes: tuple[tuple[str, str], ...] = ()


class CapInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The message in one language. Times are in microseconds, 0 = not said; ``circles`` of areas are (lat, lon, km)."""

    event: str
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    categories: tuple[Category, ...] = ("Security",)
    language: str = "en-GB"
    response_types: tuple[ResponseType, ...] = ()
    audience: str = ""
    effective_us: int = 0
    onset_us: int = 0
    expires_us: int = 0
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    event_codes: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    areas: tuple[CapArea, ...] = ()


class CapAlert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message. ``restriction`` belongs to scope Restricted, ``addresses`` to scope Private, ``references`` to all
    that change an earlier message.
    """

    identifier: str
    sender: str
    sent_us: int
    status: Status
    msg_type: MsgType
    scope: Scope
    source: str = ""
    restriction: str = ""
    addresses: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    note: str = ""
    references: tuple[CapReference, ...] = ()
    incidents: tuple[str, ...] = ()
    infos: tuple[CapInfo, ...] = ()


_SEVERITIES: dict[str, Severity] = {
    "critical": "Extreme",
    "high": "Severe",
    "medium": "Moderate",
    "low": "Minor",
    "info": "Unknown",
}


def severity_of(level: AlertLevel) -> Severity:
    """Give the CAP severity of one of our alert levels.

    >>> severity_of("critical"), severity_of("info")
    ('Extreme', 'Unknown')
    """
    return _SEVERITIES[level]


def certainty_of(probability: float, *, confirmed: bool = False) -> Certainty:
    """Give the CAP certainty of a fused probability; only what a person confirmed is observed.

    >>> certainty_of(0.97), certainty_of(0.97, confirmed=True), certainty_of(0.2)
    ('Likely', 'Observed', 'Possible')
    """
    if confirmed and probability >= 0.95:
        return "Observed"
    if probability > 0.5:
        return "Likely"
    return "Possible" if probability > 0.1 else "Unlikely"


def urgency_of(seconds_to_impact: float | None) -> Urgency:
    """Give the CAP urgency: immediate within 10 minutes, expected within the hour, future later.

    >>> urgency_of(60), urgency_of(1800), urgency_of(7200), urgency_of(None)
    ('Immediate', 'Expected', 'Future', 'Unknown')
    """
    if seconds_to_impact is None:
        return "Unknown"
    if seconds_to_impact <= 600:
        return "Immediate"
    return "Expected" if seconds_to_impact <= 3600 else "Future"


def check_place(place: LatLon) -> None:
    """Refuse what is no place on earth. :raises CapError: outside the degrees that there are."""
    lat, lon = place
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise CapError(f"place {lat}, {lon}; allowed are latitude -90..90 and longitude -180..180 degrees")


def check_words(name: str, values: Any, allowed: Any) -> None:
    """Refuse words that are not of a list. :raises CapError: names the words that are."""
    for value in values:
        if value not in get_args(allowed):
            raise CapError(f"{name} {value!r}; allowed: {', '.join(get_args(allowed))}")
