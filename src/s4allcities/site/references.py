"""Checks that what features name exists: levels, zones, streets, sensors; and that no name is used twice."""

from collections.abc import Iterator

from .features import SENSOR_LETTERS, Feature
from .folder import Folder, Problem

__all__ = ("check_references",)

_NAMED = (
    "venue",
    "building",
    "footprint",
    "level",
    "unit",
    "opening",
    "amenity",
    "relationship",
    "s4a:street",
    "s4a:assembly",
    "s4a:sensor",
)


def check_references(folder: Folder) -> list[Problem]:
    """Give every broken or doubled name of a folder, sorted."""
    checks = (_required, _doubles, _levels, _openings, _relationships, _streets, _sensors, _plans)
    return sorted(problem for check in checks for problem in check(folder))


def _slugs(folder: Folder, *types: str) -> set[str]:
    return {each.props.slug for each in folder.all(*types)}


def _at(feature: Feature, what: str, allowed: str = "") -> Problem:
    return Problem(feature.file, repr(feature.props.slug), what, allowed)


def _some(names: set[str]) -> str:
    listed = sorted(names)
    return (
        "allowed: " + ", ".join(listed[:20]) + (f" and {len(listed) - 20} more" if len(listed) > 20 else "")
    )


def _required(folder: Folder) -> Iterator[Problem]:
    for name in ("venue", "level", "unit", "s4a:assembly"):
        if not any(folder.all(name)):
            yield Problem(f"{name.removeprefix('s4a:')}.geojson", "", "holds no feature", "at least one")


def _doubles(folder: Folder) -> Iterator[Problem]:
    first: dict[str, Feature] = {}
    letters: dict[str, str] = {}
    for feature in folder.all(*_NAMED):
        slug = feature.props.slug
        if slug in first:
            yield _at(feature, "slug is used twice", f"first in {first[slug].file}; every slug is unique")
        first.setdefault(slug, feature)
    for feature in folder.all("opening"):
        letter = feature.props.letter
        if letter and letter in letters:
            yield _at(feature, f"exit letter {letter} is used twice", f"first by {letters[letter]!r}")
        if letter:
            letters.setdefault(letter, feature.props.slug)


def _levels(folder: Folder) -> Iterator[Problem]:
    known = {each.id for each in folder.all("level")} | _slugs(folder, "level")
    for feature in folder.all("unit", "opening", "s4a:sensor"):
        if feature.props.level_id not in known:
            yield _at(
                feature,
                f"level_id {feature.props.level_id!r} is unknown",
                _some(_slugs(folder, "level")) + " (or their ids)",
            )


def _openings(folder: Folder) -> Iterator[Problem]:
    units, streets = _slugs(folder, "unit"), _slugs(folder, "s4a:street")
    doors = {each.props.slug for each in folder.all("s4a:sensor") if each.props.family == "door"}
    outdoors = {each.props.slug for each in folder.all("unit") if each.props.outdoor}
    for feature in folder.all("opening"):
        first, second = feature.props.connects
        if first not in units:
            yield _at(feature, f"connects {first!r}, which is no unit", _some(units))
        if second not in units | streets:
            yield _at(feature, f"connects {second!r}, which is neither unit nor street", _some(units))
        if first == second:
            yield _at(
                feature, f"connects {first!r} with itself", "two different units, or a unit and a street"
            )
        if feature.props.letter and second in units and second not in outdoors:
            yield _at(feature, f"is an exit into {second!r}, which is indoors", "a street or an outdoor unit")
        controller = feature.props.controller
        if controller and controller not in doors:
            yield _at(feature, f"s4a:door_actuator {controller!r} is no door sensor", _some(doors))


def _relationships(folder: Folder) -> Iterator[Problem]:
    levels = {each.id: each.props.ordinal for each in folder.all("level")}
    levels |= {each.props.slug: each.props.ordinal for each in folder.all("level")}
    units = {each.props.slug: levels.get(each.props.level_id, 0) for each in folder.all("unit")}
    for feature in folder.all("relationship"):
        lower, upper = feature.props.connects
        for name in (lower, upper):
            if name not in units:
                yield _at(feature, f"connects {name!r}, which is no unit", _some(set(units)))
        if lower in units and upper in units and units[lower] >= units[upper]:
            yield _at(
                feature,
                f"goes from level {units[lower]} to level {units[upper]}",
                "the lower unit comes first in s4a:connects",
            )


def _streets(folder: Folder) -> Iterator[Problem]:
    streets = _slugs(folder, "s4a:street")
    for feature in folder.all("s4a:street"):
        for name in feature.props.along:
            if name not in streets:
                yield _at(feature, f"runs along {name!r}, which is no street", _some(streets))
        if not feature.props.walkable and not feature.props.carriageway:
            yield _at(feature, "is neither walkable nor a carriageway", "at least one of them")


def _sensors(folder: Folder) -> Iterator[Problem]:
    units = _slugs(folder, "unit")
    covered = units | _slugs(folder, "opening", "s4a:street")
    for feature in folder.all("s4a:sensor"):
        props = feature.props
        if props.unit and props.unit not in units:
            yield _at(feature, f"stands in {props.unit!r}, which is no unit", _some(units))
        for name in props.covers:
            if name not in covered:
                yield _at(feature, f"covers {name!r}, which is no unit, opening or street", _some(units))
        if props.letter != SENSOR_LETTERS[props.family]:
            yield _at(
                feature,
                f"letter {props.letter!r} of a {props.family} sensor",
                f"is {SENSOR_LETTERS[props.family]!r}",
            )


def _plans(folder: Folder) -> Iterator[Problem]:
    if folder.manifest is None:
        return
    units = _slugs(folder, "unit")
    exits = {each.props.slug for each in folder.all("opening") if each.props.letter}
    goals = exits or _slugs(folder, "s4a:assembly")
    for plan in folder.manifest.plans:
        for zone, names in sorted(plan.exits.items()):
            where = f"s4a:plans {plan.name!r}"
            if zone not in units:
                yield Problem("manifest.json", where, f"names {zone!r}, which is no unit", _some(units))
            for name in names:
                if name not in goals:
                    yield Problem(
                        "manifest.json", where, f"sends {zone!r} to {name!r}, which is no exit", _some(goals)
                    )
