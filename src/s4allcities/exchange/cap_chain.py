"""CAP 1.2 chains of alerts for partners: Alert, then Updates as it changes, then an all-clear or a Cancel.

A chain never is public: that takes an order and two persons. What is simulated or exercised says so in its status.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from msgspec import Struct

from ..domain import ALERT_LEVELS, ALERT_OVER, US_PER_S, Alert, AlertLevel, Incident
from ..domain.events import Event
from ..formats.cap import (
    CapAlert,
    CapArea,
    CapError,
    CapInfo,
    CapReference,
    certainty_of,
    read_cap,
    severity_of,
    urgency_of,
    write_cap,
)
from ..formats.cap.model import MsgType, ResponseType, Status
from ..site import Site
from .cap_message import CATEGORIES, LANGUAGES, words
from .files import write_whole

__all__ = ("CapChains", "CapRule", "cap_of_alert", "stage_of")

MOST_KEPT = 1000
EXPIRES_US = 3600 * US_PER_S
CANCELLED = ("false", "duplicate")
STATUS: dict[str, Status] = {
    "live": "Actual",
    "exercise": "Exercise",
    "simulation": "Exercise",
    "replay": "Test",
}


class CapRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alerts become messages by themselves: from this level on, of these types (all if none), to these addresses.

    ``test`` marks every message as a test, whatever the data are.
    """

    least: AlertLevel = "high"
    hypotheses: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ("operator",)
    test: bool = False

    def takes(self, alert: Alert) -> bool:
        """Whether an alert becomes a message by this rule."""
        grave = ALERT_LEVELS.index(alert.level) >= ALERT_LEVELS.index(self.least)
        return grave and not alert.held and (not self.hypotheses or alert.hypothesis in self.hypotheses)


class _Sent(Struct):
    """One message of a chain: what was said, to tell whether there is anything new to say."""

    reference: CapReference
    said: tuple[str, ...]


def stage_of(alert: Alert, first: bool) -> MsgType:
    """Which message an alert's version is: the first, a change, or taking it back."""
    if first:
        return "Alert"
    return "Cancel" if alert.state in CANCELLED else "Update"


def cap_of_alert(
    alert: Alert,
    incident: Incident | None,
    site: Site,
    *,
    references: Sequence[CapReference] = (),
    sender: str,
    addresses: Sequence[str] = ("operator",),
    languages: Sequence[str] = LANGUAGES,
    test: bool = False,
) -> CapAlert:
    """Make the message of one version of an alert, private to ``addresses``.

    ``references`` are all earlier messages of the chain; without any it is the first.
    """
    status: Status = "Test" if test else STATUS[alert.mode]
    return CapAlert(
        identifier=f"{alert.id}-{alert.version}",
        sender=sender,
        sent_us=alert.t_us,
        status=status,
        msg_type=stage_of(alert, not references),
        scope="Private",
        source="S4AllCities",
        addresses=tuple(addresses),
        note=alert.reason if alert.state in CANCELLED else "",
        references=tuple(references),
        incidents=(alert.incident_id,),
        infos=tuple(_info(alert, incident, site, language, status) for language in languages),
    )


def _info(alert: Alert, incident: Incident | None, site: Site, language: str, status: Status) -> CapInfo:
    phrases = words()[language]
    event = phrases.events.get(alert.hypothesis, phrases.events["other"])
    names = {zone.slug: zone.name for zone in site.zones}
    place = ", ".join(dict.fromkeys([*([names[alert.zone]] if alert.zone in names else []), site.name]))
    over = alert.state in ALERT_OVER or alert.state == "resolved"
    respond: tuple[ResponseType, ...] = ("AllClear",) if over else ("Assess",)
    left_s = max(0.0, (alert.t_deadline_us - alert.t_us) / US_PER_S)
    mark = "" if status == "Actual" else f"{phrases.exercise}: "
    return CapInfo(
        language=language,
        categories=CATEGORIES.get(alert.hypothesis, ("Security",)),
        event=event,
        response_types=respond,
        urgency="Past" if over else urgency_of(left_s),
        severity=severity_of(alert.level),
        certainty=certainty_of(alert.probability),
        event_codes=(("s4:hypothesis", alert.hypothesis),),
        effective_us=alert.t_us,
        onset_us=incident.t_first_evidence_us if incident is not None else 0,
        expires_us=alert.t_us + EXPIRES_US,
        sender_name=site.name,
        headline=mark + phrases.headline.format(event=event, place=place),
        description=" ".join(alert.lines) if language.startswith("en") else "",
        parameters=(("TLP", alert.handling), ("s4:mode", alert.mode), ("s4:state", alert.state)),
        areas=(_area(alert, incident, site),),
    )


def _area(alert: Alert, incident: Incident | None, site: Site) -> CapArea:
    """The outlines of the zones as closed rings, or that of the whole site where none is known."""
    wanted = set(incident.zones if incident is not None else ()) | {alert.zone}
    zones = [zone for zone in site.zones if zone.slug in wanted]
    rings = []
    for polygon in [zone.polygon for zone in zones] or [site.outline]:
        lonlat = site.frame.ring_to_lonlat(list(polygon.exterior.coords))
        rings.append(tuple((round(float(lat), 6), round(float(lon), 6)) for lon, lat in lonlat))
    return CapArea(
        description=", ".join(zone.name for zone in zones) or site.name,
        polygons=tuple(rings),
        geocodes=tuple(("s4:zone", zone.slug) for zone in zones),
    )


class CapChains:
    """Writes ``<alert>-<version>.xml`` into a folder whenever an alert that the rule takes has something new to say.

    What was written before a crash is read back from the folder, so a chain goes on where it was. ``sign`` gives the
    signed bytes of a message; None leaves it unsigned.
    """

    name = "cap-alerts"

    def __init__(
        self,
        folder: Path,
        site: Site,
        rule: CapRule,
        *,
        sender: str = "",
        languages: Sequence[str] = LANGUAGES,
        sign: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.folder, self.site, self.rule = folder, site, rule
        self.sender = sender or f"s4allcities@{site.slug}"
        self.languages = tuple(languages)
        self._sign = sign
        self._chains: dict[str, list[_Sent]] = {}
        self._incidents: dict[str, Incident] = {}

    async def share(self, events: Sequence[Event]) -> None:
        """Remember incidents, and write what alerts have newly to say."""
        for event in events:
            if isinstance(event, Incident):
                self.remember(event)
            elif isinstance(event, Alert):
                await asyncio.to_thread(self.write, event)

    def remember(self, incident: Incident) -> None:
        """Keep what a message may need of an incident; one that is over is forgotten, the oldest first."""
        self._incidents.pop(incident.id, None)
        if incident.status != "closed":
            self._incidents[incident.id] = incident
        while len(self._incidents) > MOST_KEPT:
            del self._incidents[next(iter(self._incidents))]

    async def stream(self) -> AsyncIterator[Event]:
        """Give nothing: this exchange only writes."""
        return
        yield

    def write(self, alert: Alert, *, on_demand: bool = False) -> Path | None:
        """Write the message of a version if the rule takes it, or ``on_demand``, and it says anything new.

        :raises CapError: the alert's own data do not make a CAP message.
        :raises OSError: the folder cannot be written.
        """
        chain = self._chain(alert.id)
        if not chain and not on_demand and not self.rule.takes(alert):
            return None
        if not chain and alert.state in CANCELLED:
            return None
        said = _said(alert)
        if chain and (chain[-1].said == said or chain[-1].reference.sent_us > alert.t_us):
            return None
        message = cap_of_alert(
            alert,
            self._incidents.get(alert.incident_id),
            self.site,
            references=[each.reference for each in chain],
            sender=self.sender,
            addresses=self.rule.addresses,
            languages=self.languages,
            test=self.rule.test,
        )
        data = write_cap(message)
        path = self.folder / f"{message.identifier}.xml"
        write_whole(path, self._sign(data) if self._sign else data)
        chain.append(_Sent(_reference(message), said))
        return path

    def _chain(self, alert_id: str) -> list[_Sent]:
        if alert_id not in self._chains:
            found = []
            for path in self.folder.glob(f"{alert_id}-*.xml"):
                try:
                    message = read_cap(path.read_bytes())
                except CapError:
                    continue  # not one of ours, or cut short by hand: the chain goes on without it
                found.append(_Sent(_reference(message), _said_by(message)))
            found.sort(key=lambda each: (each.reference.sent_us, each.reference.identifier))
            self._chains[alert_id] = found
        return self._chains[alert_id]


def _reference(message: CapAlert) -> CapReference:
    return CapReference(
        sender=message.sender,
        identifier=message.identifier,
        sent_us=message.sent_us // US_PER_S * US_PER_S,
    )


def _state_group(alert: Alert) -> str:
    """What partners need to know of an alert's state."""
    if alert.state in CANCELLED:
        return "cancelled"
    return "over" if alert.state in ALERT_OVER or alert.state == "resolved" else "open"


def _said(alert: Alert) -> tuple[str, ...]:
    return (
        severity_of(alert.level),
        alert.hypothesis,
        _state_group(alert),
        alert.lines[0] if alert.lines else "",
    )


def _said_by(message: CapAlert) -> tuple[str, ...]:
    """What a message that was read back said; the first line is told by how the description begins."""
    info = message.infos[0]
    codes, parameters = dict(info.event_codes), dict(info.parameters)
    state = parameters.get("s4:state", "")
    over = "cancelled" if state in CANCELLED else "over" if state in (*ALERT_OVER, "resolved") else "open"
    first = info.description.partition(". ")[0]
    return (
        info.severity,
        codes.get("s4:hypothesis", ""),
        over,
        first if first.endswith(".") else f"{first}.",
    )
