"""Detections as lines of JSON, for recordings and outside tools: reading them, and writing what fusion made of them."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ..domain import US_PER_S, Detection, Incident, Place, from_rfc3339
from ..site.frame import Frame
from .stage import FusionStage

__all__ = ("BadLine", "LineReader", "document_of", "fuse_recording")

TICK_US = 10 * US_PER_S
TICKS_MOST = 500

_Lon = Annotated[float, Meta(ge=-180, le=180)]
_Lat = Annotated[float, Meta(ge=-90, le=90)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Metres = Annotated[float, Meta(gt=0)]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_TimeUs = Annotated[int, Meta(ge=0, lt=253_402_300_800_000_000)]


class BadLine(ValueError):
    """A line is not a detection: the message says what is wrong and what is allowed."""


class _Line(Struct, kw_only=True, forbid_unknown_fields=True):
    id: _Name
    kind: _Name
    sensor: _Name
    group: str = ""
    t_us: _TimeUs | str | None = None
    t: _TimeUs | str = ""
    lon: _Lon | None = None
    lat: _Lat | None = None
    level: int | None = None
    zone: str = ""
    entity: str | tuple[str, ...] = ()
    sigma_m: _Metres | None = None
    confidence: _Share = 1.0
    parents: tuple[str, ...] = ()
    retracts: tuple[str, ...] = ()
    value: float | None = None
    unit: str = ""
    text: str = ""


class LineReader:
    """Reads lines one by one; without a ``frame`` the first place becomes the origin of local metres.

    A line has ``id``, ``kind``, ``sensor``, a time (``t_us`` or RFC 3339 ``t``), a place (``lon`` and ``lat``,
    ``zone`` or ``entity``, a name or a list), and may have ``group``, ``level``, ``sigma_m``, ``confidence``,
    ``parents``, ``retracts``, ``value``, ``unit``, ``text``. ``kinds`` and, where given, ``zones`` are what is allowed.
    """

    def __init__(
        self, kinds: frozenset[str], *, frame: Frame | None = None, zones: frozenset[str] = frozenset()
    ) -> None:
        self.kinds = kinds
        self.frame = frame
        self.zones = zones
        self._decoder = msgspec.json.Decoder(_Line)

    def read(self, line: bytes | str) -> Detection:
        """Read one line.

        :raises BadLine: not JSON, a wrong or missing field, an unknown kind or zone.
        """
        try:
            raw = self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadLine(str(error)) from error
        self._check(raw)
        return Detection(
            id=raw.id,
            t_us=self._time_us(raw),
            kind=raw.kind,
            detector="file",
            sensor=raw.sensor,
            group=raw.group or raw.sensor,
            place=self._place(raw),
            confidence=raw.confidence,
            value=raw.value,
            unit=raw.unit,
            text=raw.text,
            parents=raw.parents,
            retracts=raw.retracts,
        )

    def _check(self, raw: _Line) -> None:
        if raw.kind not in self.kinds:
            raise BadLine(f"kind {raw.kind!r} is not known; allowed are those that `s4 fuse --list` prints")
        if raw.zone and self.zones and raw.zone not in self.zones:
            raise BadLine(
                f"zone {raw.zone!r} is not part of the site; allowed: {', '.join(sorted(self.zones))}"
            )
        if (raw.lon is None) != (raw.lat is None):
            raise BadLine("lon and lat must be given together")
        if raw.lat is not None and abs(raw.lat) > 89:
            raise BadLine(f"lat is {raw.lat}; allowed is -89..89 degrees")
        if raw.lon is None and not raw.zone and not raw.entity and not raw.retracts:
            raise BadLine("no place; allowed are lon and lat, zone, or entity")

    def _time_us(self, raw: _Line) -> int:
        given = raw.t if raw.t_us is None else raw.t_us
        if isinstance(given, int):
            return given
        try:
            t_us = from_rfc3339(given)
        except (ValueError, OverflowError):
            t_us = -1
        if t_us < 0:
            raise BadLine(
                f"no time: found {given!r}; allowed are t_us or t, microseconds since 1970 or RFC 3339"
            )
        return t_us

    def _place(self, raw: _Line) -> Place:
        entities = (raw.entity,) if isinstance(raw.entity, str) and raw.entity else tuple(raw.entity)
        if raw.lon is None or raw.lat is None:
            return Place(zone=raw.zone or None, entities=entities, sigma_m=raw.sigma_m, level=raw.level)
        self.frame = self.frame or Frame(raw.lon, raw.lat)
        x_m, y_m = self.frame.to_local(raw.lon, raw.lat)
        return Place(
            x_m=float(x_m),
            y_m=float(y_m),
            level=raw.level,
            sigma_m=raw.sigma_m,
            zone=raw.zone or None,
            entities=entities,
        )


def fuse_recording(stage: FusionStage, detections: Sequence[Detection]) -> Iterator[Incident]:
    """Fuse a recording in order of time, time passing between detections as it did; gives each version."""
    state = stage.start()
    for detection in sorted(detections, key=lambda each: (each.t_us, each.id)):
        first_us = state.now_us or detection.t_us
        gaps = range(first_us + TICK_US, detection.t_us, TICK_US)
        for tick_us in gaps[:TICKS_MOST]:  # after that long a silence everything has faded
            yield from _versions(stage.step(state, [], tick_us))
        yield from _versions(stage.step(state, [detection], detection.t_us))


def _versions(events: Sequence[Any]) -> list[Incident]:
    return [event for event in events if isinstance(event, Incident)]


def document_of(incident: Incident) -> dict[str, Any]:
    """What `s4 fuse` writes for one version of an incident."""
    return {
        "id": incident.id,
        "version": incident.version,
        "t_us": incident.t_us,
        "status": incident.status,
        "hypotheses": incident.hypotheses,
        "zones": incident.zones,
        "terms": [
            {"name": term.name, "llr": term.llr, "detections": term.detections} for term in incident.terms
        ],
        "links": [
            {"incident": link.incident, "reason": link.reason, "llr": link.llr} for link in incident.links
        ],
        "text": incident.text,
    }
