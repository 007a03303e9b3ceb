"""Writing CAP 1.2 messages."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

from ...domain import US_PER_S
from .model import (
    NAMESPACE,
    CapAlert,
    CapArea,
    CapError,
    CapInfo,
    Category,
    Certainty,
    MsgType,
    ResponseType,
    Scope,
    Severity,
    Status,
    Urgency,
    check_place,
    check_words,
)

__all__ = ("write_cap",)

# Characters that XML 1.0 cannot hold, whatever the escape.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_NAME = re.compile(r"[\s,<&]")
_NEED_REFERENCES = ("Update", "Cancel", "Ack", "Error")


def write_cap(alert: CapAlert) -> bytes:
    """Write a message as UTF-8 XML; the same message gives the same bytes.

    :raises CapError: against the standard: a name with blanks, a scope without its restriction or addresses, an update
        without references, a ring of fewer than three points, a place that is none.
    """
    _check(alert)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<alert xmlns="{NAMESPACE}">']
    lines += _alert_lines(alert)
    lines.append("</alert>\n")
    return "\n".join(lines).encode()


def _check(alert: CapAlert) -> None:
    for where, name in (("identifier", alert.identifier), ("sender", alert.sender)):
        if not name or _NOT_IN_NAME.search(name):
            raise CapError(f"{where} {name!r}; allowed is text without blanks, commas, < and &")
    if (alert.scope == "Restricted") != bool(alert.restriction):
        raise CapError(
            f"scope {alert.scope} with restriction {alert.restriction!r}; it belongs to Restricted"
        )
    if alert.scope == "Private" and not alert.addresses:
        raise CapError("scope Private without addresses; at least one is needed")
    if alert.msg_type in _NEED_REFERENCES and not alert.references:
        raise CapError(f"msgType {alert.msg_type} without references to the earlier message")
    for name, values, allowed in (
        ("status", [alert.status], Status),
        ("msgType", [alert.msg_type], MsgType),
        ("scope", [alert.scope], Scope),
    ):
        check_words(name, values, allowed)
    for info in alert.infos:
        _check_info(info)


def _check_info(info: CapInfo) -> None:
    if not info.categories:
        raise CapError("info without category; at least one is needed")
    check_words("category", info.categories, Category)
    check_words("responseType", info.response_types, ResponseType)
    check_words("urgency", [info.urgency], Urgency)
    check_words("severity", [info.severity], Severity)
    check_words("certainty", [info.certainty], Certainty)
    for area in info.areas:
        for ring in area.polygons:
            if len(set(ring)) < 3:
                raise CapError(
                    f"polygon of {area.description!r} has {len(set(ring))} points; at least 3 are needed"
                )
            for place in ring:
                check_place(place)
        for lat, lon, _ in area.circles:
            check_place((lat, lon))


def _time(t_us: int) -> str:
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=t_us // US_PER_S)
    except OverflowError:
        raise CapError(f"time {t_us} us; allowed are the years 1 to 9999") from None
    return moment.isoformat(timespec="seconds")


def _line(name: str, text: str, depth: int) -> Iterator[str]:
    clean = _NOT_XML.sub("�", text)
    if clean.strip():
        yield f"{'  ' * depth}<{name}>{escape(clean)}</{name}>"


def _quoted(items: tuple[str, ...]) -> str:
    """Join with blanks, an item that has some in quotes, as the standard says for addresses and incidents."""
    return " ".join(f'"{item}"' if re.search(r"\s", item) else item for item in items)


def _alert_lines(alert: CapAlert) -> Iterator[str]:
    yield from _line("identifier", alert.identifier, 1)
    yield from _line("sender", alert.sender, 1)
    yield from _line("sent", _time(alert.sent_us), 1)
    yield from _line("status", alert.status, 1)
    yield from _line("msgType", alert.msg_type, 1)
    yield from _line("source", alert.source, 1)
    yield from _line("scope", alert.scope, 1)
    yield from _line("restriction", alert.restriction, 1)
    yield from _line("addresses", _quoted(alert.addresses), 1)
    for code in alert.codes:
        yield from _line("code", code, 1)
    yield from _line("note", alert.note, 1)
    references = (f"{each.sender},{each.identifier},{_time(each.sent_us)}" for each in alert.references)
    yield from _line("references", " ".join(references), 1)
    yield from _line("incidents", _quoted(alert.incidents), 1)
    for info in alert.infos:
        yield "  <info>"
        yield from _info_lines(info)
        yield "  </info>"


def _info_lines(info: CapInfo) -> Iterator[str]:
    yield from _line("language", info.language, 2)
    for category in info.categories:
        yield from _line("category", category, 2)
    yield from _line("event", info.event or "unknown", 2)
    for response in info.response_types:
        yield from _line("responseType", response, 2)
    for name in ("urgency", "severity", "certainty", "audience"):
        yield from _line(name, getattr(info, name), 2)
    yield from _pairs("eventCode", info.event_codes, 2)
    for name, t_us in (
        ("effective", info.effective_us),
        ("onset", info.onset_us),
        ("expires", info.expires_us),
    ):
        yield from _line(name, _time(t_us) if t_us else "", 2)
    for name, text in (
        ("senderName", info.sender_name),
        ("headline", info.headline),
        ("description", info.description),
        ("instruction", info.instruction),
        ("web", info.web),
        ("contact", info.contact),
    ):
        yield from _line(name, text, 2)
    yield from _pairs("parameter", info.parameters, 2)
    for area in info.areas:
        yield "    <area>"
        yield from _area_lines(area)
        yield "    </area>"


def _pairs(name: str, pairs: tuple[tuple[str, str], ...], depth: int) -> Iterator[str]:
    for key, value in pairs:
        yield f"{'  ' * depth}<{name}>"
        yield f"{'  ' * (depth + 1)}<valueName>{escape(_NOT_XML.sub('�', key))}</valueName>"
        yield f"{'  ' * (depth + 1)}<value>{escape(_NOT_XML.sub('�', value))}</value>"
        yield f"{'  ' * depth}</{name}>"


def _area_lines(area: CapArea) -> Iterator[str]:
    yield from _line("areaDesc", area.description or "unknown", 3)
    for ring in area.polygons:
        closed = ring if ring[0] == ring[-1] else (*ring, ring[0])
        yield from _line("polygon", " ".join(f"{lat:.6f},{lon:.6f}" for lat, lon in closed), 3)
    for lat, lon, km in area.circles:
        yield from _line("circle", f"{lat:.6f},{lon:.6f} {km:g}", 3)
    yield from _pairs("geocode", area.geocodes, 3)
