"""Reading CAP 1.2 messages from anybody."""

import re
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ...domain import from_rfc3339
from .model import (
    NAMESPACE,
    CapAlert,
    CapArea,
    CapError,
    CapInfo,
    CapReference,
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

__all__ = ("read_cap",)

_MOST_BYTES = 4_000_000


def _refuse(*_: Any) -> None:
    raise CapError("document type declaration; none is allowed in a CAP message")


def _parse(data: bytes) -> Element:
    """Parse XML with names as ``namespace}name``; no declaration of types or entities gets through."""
    if len(data) > _MOST_BYTES:
        raise CapError(f"message of {len(data)} bytes; allowed are {_MOST_BYTES}")
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = lambda name, _: builder.start(name, {})
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, LookupError, ValueError, AssertionError) as error:
        if isinstance(error, CapError):
            raise
        raise CapError(f"not XML: {error}") from None


def _texts(element: Element, name: str) -> tuple[str, ...]:
    return tuple((child.text or "").strip() for child in element if _local(child) == name)


def _local(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def _text(element: Element, name: str) -> str:
    return next(iter(_texts(element, name)), "")


def _word(element: Element, name: str, allowed: Any) -> Any:
    value = _text(element, name)
    check_words(f"{_local(element)}/{name}", [value], allowed)
    return value


def _time_us(text: str, where: str, *, needed: bool = False) -> int:
    if not text and not needed:
        return 0
    try:
        return from_rfc3339(text)
    except (ValueError, OverflowError):
        raise CapError(f"{where} {text!r}; allowed is a time such as 2026-05-01T20:00:00+00:00") from None


def read_cap(data: bytes) -> CapAlert:
    """Read a message; elements that we do not know, and signatures, are passed over.

    :raises CapError: not XML, not CAP 1.2, a needed element missing, or a value that is not allowed.
    """
    root = _parse(data)
    if root.tag != f"{NAMESPACE}}}alert":
        raise CapError(f"root element {root.tag!r}; allowed is alert of {NAMESPACE}")
    for name in ("identifier", "sender"):
        if not _text(root, name):
            raise CapError(f"alert/{name} is missing")
    return CapAlert(
        identifier=_text(root, "identifier"),
        sender=_text(root, "sender"),
        sent_us=_time_us(_text(root, "sent"), "alert/sent", needed=True),
        status=_word(root, "status", Status),
        msg_type=_word(root, "msgType", MsgType),
        scope=_word(root, "scope", Scope),
        source=_text(root, "source"),
        restriction=_text(root, "restriction"),
        addresses=_unquoted(_text(root, "addresses")),
        codes=_texts(root, "code"),
        note=_text(root, "note"),
        references=tuple(_reference(each) for each in _text(root, "references").split()),
        incidents=_unquoted(_text(root, "incidents")),
        infos=tuple(_info(child) for child in root if _local(child) == "info"),
    )


def _unquoted(text: str) -> tuple[str, ...]:
    return tuple(quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', text))


def _reference(text: str) -> CapReference:
    parts = text.split(",")
    if len(parts) != 3:
        raise CapError(f"alert/references {text!r}; allowed is sender,identifier,sent")
    return CapReference(
        sender=parts[0], identifier=parts[1], sent_us=_time_us(parts[2], "alert/references", needed=True)
    )


def _info(element: Element) -> CapInfo:
    categories, responses = _texts(element, "category"), _texts(element, "responseType")
    check_words("info/category", categories, Category)
    check_words("info/responseType", responses, ResponseType)
    times = {
        f"{name}_us": _time_us(_text(element, name), f"info/{name}")
        for name in ("effective", "onset", "expires")
    }
    return CapInfo(
        language=_text(element, "language") or "en-US",
        categories=categories,  # type: ignore[arg-type]  # checked above
        event=_text(element, "event"),
        response_types=responses,  # type: ignore[arg-type]  # checked above
        urgency=_word(element, "urgency", Urgency),
        severity=_word(element, "severity", Severity),
        certainty=_word(element, "certainty", Certainty),
        audience=_text(element, "audience"),
        sender_name=_text(element, "senderName"),
        headline=_text(element, "headline"),
        description=_text(element, "description"),
        instruction=_text(element, "instruction"),
        web=_text(element, "web"),
        contact=_text(element, "contact"),
        event_codes=_read_pairs(element, "eventCode"),
        parameters=_read_pairs(element, "parameter"),
        areas=tuple(_area(child) for child in element if _local(child) == "area"),
        **times,
    )


def _read_pairs(element: Element, name: str) -> tuple[tuple[str, str], ...]:
    found = [child for child in element if _local(child) == name]
    return tuple((_text(child, "valueName"), _text(child, "value")) for child in found)


def _numbers(text: str, where: str, count: int) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise CapError(f"{where} {text!r}; allowed is latitude,longitude" + (" radius" if count == 3 else ""))
    check_place(numbers[:2])  # type: ignore[arg-type]  # at least two numbers
    return numbers


def _area(element: Element) -> CapArea:
    rings = []
    for text in _texts(element, "polygon"):
        ring = [_numbers(pair, "area/polygon", 2) for pair in text.split()]
        if len(ring) < 4 or ring[0] != ring[-1]:
            raise CapError("area/polygon is no closed ring of at least four places")
        rings.append(tuple((lat, lon) for lat, lon in ring))
    circles = (_numbers(text, "area/circle", 3) for text in _texts(element, "circle"))
    return CapArea(
        description=_text(element, "areaDesc"),
        polygons=tuple(rings),
        circles=tuple((lat, lon, km) for lat, lon, km in circles),
        geocodes=_read_pairs(element, "geocode"),
    )
