"""What `s4 plan` reads: counts by zone, hazards with times, exits that are closed. Each fault is one clear line."""

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry

from s4allcities.domain.times import from_rfc3339
from s4allcities.planning.hazards import Hazard
from s4allcities.simulation.blast import rings, stand_off
from s4allcities.site import Site

__all__ = ("InputError", "read_area", "read_closed", "read_hazards", "read_occupancy")

MOST_HAZARDS = 500


class InputError(ValueError):
    """A file or option cannot be used; the message says what, where and what is allowed."""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"{path}: cannot be read as text: {fault}") from None


def read_occupancy(path: Path) -> dict[str, object]:
    """Read counts by zone: a JSON object ``{"zone": count}``, or CSV with the columns ``zone`` and ``people``.

    Values are taken as they are; the planner says which it cannot use. :raises InputError: neither form.
    """
    text = _text(path)
    if path.suffix.lower() == ".csv":
        rows = list(csv.DictReader(io.StringIO(text)))
        if not rows or not {"zone", "people"} <= set(rows[0]):
            raise InputError(f"{path}: allowed is CSV with the columns zone and people, and at least one row")
        return {str(row["zone"]): _number(row["people"]) for row in rows}
    try:
        found = json.loads(text)
    except ValueError as fault:
        raise InputError(f"{path}: no JSON ({fault}); allowed is an object of counts by zone") from None
    if isinstance(found, dict) and isinstance(found.get("people"), dict):
        found = found["people"]
    if not isinstance(found, dict):
        raise InputError(f"{path}: holds a {type(found).__name__}; allowed is an object of counts by zone")
    return found


def _number(text: str | None) -> object:
    try:
        return float(text or "")
    except ValueError:
        return text


def read_closed(site: Site, names: str) -> frozenset[str]:
    """Read ``A,B``: letters of exits, or slugs of exits, other openings, stairs. :raises InputError: none of these."""
    letters = {opening.letter: opening.slug for opening in site.exits}
    slugs = {opening.slug for opening in site.openings} | {link.slug for link in site.links}
    slugs |= {street.slug for street in site.streets}
    found: set[str] = set()
    for name in filter(None, (part.strip() for part in names.split(","))):
        slug = letters.get(name.upper(), name)
        if slug not in slugs:
            known = ", ".join(f"{letter} ({slug})" for letter, slug in sorted(letters.items())) or "none here"
            raise InputError(f"--closed {name!r}: no exit, opening, stairs or street; exits are {known}")
        found.add(slug)
    return frozenset(found)


def read_hazards(path: Path, site: Site) -> tuple[Hazard, ...]:
    """Read hazards: GeoJSON features in degrees with ``severity`` (0 to 1, 1 if absent), ``level`` (a storey, all if
    absent) and ``from_s``, ``until_s`` (seconds from now) or ``from``, ``until`` (RFC 3339, beside a ``now`` of the
    collection). A Point with ``device`` (a row of the stand-off table) or ``mass_kg`` becomes its cordons.

    :raises InputError: no GeoJSON, a figure out of range, an end before the start.
    """
    try:
        document = json.loads(_text(path))
        features = document["features"] if document["type"] == "FeatureCollection" else [document]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: allowed is a GeoJSON Feature or FeatureCollection") from None
    if not isinstance(features, list) or len(features) > MOST_HAZARDS:
        raise InputError(f"{path}: allowed are at most {MOST_HAZARDS} features in a list")
    found: list[Hazard] = []
    for number, feature in enumerate(features):
        try:
            found += _hazards(feature, document.get("now"), site)
        except InputError as fault:
            raise InputError(f"{path}: feature {number}: {fault}") from None
    return tuple(found)


def _hazards(feature: Any, now: object, site: Site) -> list[Hazard]:
    if not isinstance(feature, dict) or not isinstance(feature.get("geometry"), dict):
        raise InputError("has no geometry; allowed are Polygon, MultiPolygon and, with a device, Point")
    props = feature.get("properties") or {}
    if not isinstance(props, dict):
        raise InputError("properties must be an object")
    area = read_area(feature["geometry"], site)
    begin, end = _window(props, now)
    if isinstance(area, Point):
        return _device(area, props, begin, end)
    return [
        Hazard(
            area=area,
            from_s=begin,
            until_s=end,
            severity=_range(props, "severity", 1.0, 0.0, 1.0),
            level=_level(props),
            kind=str(props.get("kind", props.get("hazard", "hazard"))),
            name=str(props.get("name", "")),
        )
    ]


def read_area(geometry: Mapping[str, Any], site: Site) -> BaseGeometry:
    """Read a GeoJSON polygon or point in degrees as local metres. :raises InputError: it is neither."""
    try:
        found = shape(geometry)
        coordinates = shapely.get_coordinates(found)
    except Exception:  # shapely raises many kinds for what is no geometry
        raise InputError(f"{geometry.get('type')!r} with coordinates that are none") from None
    degrees = (
        len(coordinates) and (abs(coordinates[:, 0]) <= 180).all() and (abs(coordinates[:, 1]) <= 89).all()
    )
    if found.geom_type not in ("Polygon", "MultiPolygon", "Point") or found.is_empty or not degrees:
        raise InputError(
            f"is a {found.geom_type}; allowed are Polygon, MultiPolygon and Point in degrees, longitude first"
        )
    local = shapely.transform(found, site.frame.ring_to_local)
    return local if isinstance(local, Point) else shapely.make_valid(local)


def _range(props: Mapping[str, Any], name: str, default: float, low: float, high: float) -> float:
    value = props.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{name} is {value!r}; allowed are {low:g} to {high:g}")
    return float(value)


def _level(props: Mapping[str, Any]) -> int | None:
    value = props.get("level")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise InputError(f"level is {value!r}; allowed is a whole number, or none for all storeys")
    return value


def _window(props: Mapping[str, Any], now: object) -> tuple[float, float]:
    begin, end = _moment(props, "from", now, 0.0), _moment(props, "until", now, math.inf)
    if end <= begin:
        raise InputError(f"ends at {end:g} s, which is not after its start at {begin:g} s")
    return begin, end


def _moment(props: Mapping[str, Any], name: str, now: object, default: float) -> float:
    if name in props:
        try:
            return (from_rfc3339(str(props[name])) - from_rfc3339(str(now))) / 1e6
        except (ValueError, TypeError):
            raise InputError(
                f"{name} is {props[name]!r} and now {now!r}; allowed are RFC 3339 times, or {name}_s in seconds"
            ) from None
    value = props.get(f"{name}_s", default)
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise InputError(f"{name}_s is {value!r}; allowed are seconds from now")
    return float(value)


def _device(place: Point, props: Mapping[str, Any], begin: float, end: float) -> list[Hazard]:
    """Cordons round a suspected device: nobody inside the building distance, people led out of the outdoor one."""
    name = str(props.get("name", props.get("device", "device")))
    cordons: list[Hazard] = []
    if "device" in props:
        try:
            row = stand_off(str(props["device"]))
        except ValueError as fault:
            raise InputError(str(fault)) from None
        for radius_m, severity, kind in (
            (row.building_m, 1.0, "cordon"),
            (row.outdoor_m, 0.4, "outer cordon"),
        ):
            cordons.append(
                Hazard(
                    area=place.buffer(radius_m),
                    from_s=begin,
                    until_s=end,
                    severity=severity,
                    kind=kind,
                    name=name,
                )
            )
        mass_kg = row.mass_kg
    else:
        mass_kg = _range(props, "mass_kg", math.nan, 0.001, 1e6)
    return cordons + [
        Hazard(
            area=ring.polygon(place.x, place.y), from_s=begin, until_s=end, severity=ring.severity,
            kind="blast ring", name=f"{name}: {ring.kpa:g} kPa, {ring.effect}",
        )
        for ring in rings(mass_kg)
    ]  # fmt: skip
