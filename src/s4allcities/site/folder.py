"""Reading a site folder feature by feature, collecting what is wrong instead of stopping at it."""

from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from .features import COLLECTIONS, Collection, Feature, Manifest

__all__ = ("Folder", "Problem", "read_folder")

_DEPTH = {"Point": 0, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
_MAX_FILE_BYTES = 64 * 1024 * 1024
"""A larger file is refused: a site is a place, not a country."""


class Problem(Struct, frozen=True, order=True):
    """One thing wrong with a site: file, feature (slug, id or place in the file), what, what is allowed."""

    file: str
    feature: str
    what: str
    allowed: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: {self.feature}: " if self.feature else f"{self.file}: "
        return f"{where}{self.what}" + (f"; {self.allowed}" if self.allowed else "")


class Folder(Struct, frozen=True, kw_only=True):
    """A folder as read: good features by feature type, and what was wrong with the others."""

    manifest: Manifest | None
    features: dict[str, list[Feature]]
    problems: list[Problem]

    def all(self, *feature_types: str) -> Iterator[Feature]:
        """Yield the features of these types in file order."""
        for each in feature_types:
            yield from self.features.get(each, ())


def read_folder(path: Path) -> Folder:
    """Read every collection of a site folder; nothing is raised, all faults are in ``problems``."""
    problems: list[Problem] = []
    if not path.is_dir():
        missing = Problem(
            str(path), "", "no such folder", "a site is a folder with manifest.json and *.geojson"
        )
        return Folder(manifest=None, features={}, problems=[missing])
    manifest = _read_manifest(path / "manifest.json", problems)
    features = {
        name: _read_collection(path / collection.file, collection, problems)
        for name, collection in COLLECTIONS.items()
    }
    return Folder(manifest=manifest, features=features, problems=problems)


def _load(file: Path, problems: list[Problem]) -> Any:
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            raise ValueError(f"{file.stat().st_size} bytes are too many; allowed are {_MAX_FILE_BYTES}")
        return msgspec.json.decode(file.read_bytes())
    except FileNotFoundError:
        problems.append(Problem(file.name, "", "the file is missing", "every site has one"))
    except (OSError, ValueError, RecursionError) as fault:  # msgspec's DecodeError is a ValueError
        problems.append(Problem(file.name, "", f"not readable as JSON: {fault}", "UTF-8 JSON is allowed"))
    return None


def _read_manifest(file: Path, problems: list[Problem]) -> Manifest | None:
    raw = _load(file, problems)
    if raw is None:
        return None
    try:
        return msgspec.convert(raw, Manifest)
    except msgspec.ValidationError as fault:
        problems.append(Problem(file.name, "", _plain(fault)))
        return None


def _read_collection(file: Path, collection: Collection, problems: list[Problem]) -> list[Feature]:
    if not file.exists() and not collection.required:
        return []
    raw = _load(file, problems)
    if raw is None:
        return []
    if not isinstance(raw, dict) or raw.get("type") != "FeatureCollection":
        problems.append(Problem(file.name, "", "not a GeoJSON FeatureCollection"))
        return []
    rows = raw.get("features")
    if not isinstance(rows, list):
        problems.append(Problem(file.name, "", "`features` is not a list"))
        return []
    features = []
    for place, row in enumerate(rows):
        name = _name_of(row, place)
        try:
            features.append(_read_feature(file.name, row, collection))
        except _Fault as fault:
            problems.append(Problem(file.name, name, *fault.args))
    return features


class _Fault(Exception):
    """(what, allowed) of one feature."""


def _read_feature(file: str, row: Any, collection: Collection) -> Feature:
    if not isinstance(row, dict) or row.get("type") != "Feature":
        raise _Fault("not a GeoJSON Feature")
    if row.get("feature_type") != collection.feature_type:
        raise _Fault(
            f"feature_type is {row.get('feature_type')!r}", f"allowed is {collection.feature_type!r}"
        )
    try:
        props = msgspec.convert(row.get("properties"), collection.props)
    except msgspec.ValidationError as fault:
        raise _Fault(_plain(fault)) from None
    shape, coordinates = _read_geometry(row.get("geometry"), collection)
    return Feature(file=file, id=str(row.get("id", "")), shape=shape, coordinates=coordinates, props=props)


def _read_geometry(geometry: Any, collection: Collection) -> tuple[str, Any]:
    shape = geometry.get("type") if isinstance(geometry, dict) else "none"
    if shape not in collection.shapes:
        raise _Fault(f"geometry is {shape!r}", f"allowed: {', '.join(collection.shapes)}")
    if shape == "none":
        return "none", None
    _check_coordinates(geometry.get("coordinates"), _DEPTH[shape], shape)
    return shape, geometry["coordinates"]


def _check_coordinates(value: Any, depth: int, shape: str) -> None:
    if depth == 0:
        return _check_position(value)
    if not isinstance(value, list) or not value:
        raise _Fault(f"coordinates of the {shape} are empty or not nested as GeoJSON asks")
    for each in value:
        _check_coordinates(each, depth - 1, shape)
    if depth == 1:
        _check_run(value, ring="Polygon" in shape)
    return None


def _check_position(value: Any) -> None:
    good = (
        isinstance(value, list) and len(value) >= 2 and all(type(part) in (int, float) for part in value[:2])
    )
    if not good or not all(isfinite(part) for part in value[:2]):
        raise _Fault(f"position {value!r} is not two numbers", "[longitude, latitude] in degrees")
    if not (-180 <= value[0] <= 180 and -89 <= value[1] <= 89):
        raise _Fault(f"position {value[:2]} is out of range", "longitude -180..180, latitude -89..89")


def _check_run(positions: list[Any], *, ring: bool) -> None:
    if not ring:
        if len(positions) < 2:
            raise _Fault("a line has one position", "at least two")
        return
    if positions[0] != positions[-1]:
        raise _Fault("a ring is not closed", "the first and the last position must be equal")
    if len(positions) < 4:
        raise _Fault(f"a ring has {len(positions)} positions", "at least four, the last equal to the first")


def _name_of(row: Any, place: int) -> str:
    if isinstance(row, dict):
        props = row.get("properties")
        slug = props.get("s4a:slug") if isinstance(props, dict) else None
        for name in (slug, row.get("id")):
            if isinstance(name, str) and name:
                return repr(name)
    return f"feature {place}"


def _plain(fault: msgspec.ValidationError) -> str:
    """msgspec's message, with the property named first and without its path syntax."""
    text, _, where = str(fault).partition(" - at `")
    what = text.replace("`", "").replace("Expected", "expected").replace("Object missing", "missing")
    where = where.rstrip("`").removeprefix("$").removeprefix(".")
    return f"{where}: {what}" if where else what
