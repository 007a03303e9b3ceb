"""Writing site folders: features as one line each, coordinates to 7 digits (a centimetre), names in order."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from .features import COLLECTIONS, feature_id

__all__ = ("GeoFeature", "make_feature", "write_collection", "write_folder", "write_manifest")

GeoFeature = dict[str, Any]
_GRID_DEG = 1e-7


def make_feature(
    site: str, feature_type: str, slug: str, geometry: BaseGeometry | None, **properties: Any
) -> GeoFeature:
    """Give a GeoJSON feature in degrees; keys with ``s4a_`` in front become ``s4a:`` properties.

    Properties that are None, False or empty are left out, as readers take them for absent.
    """
    named = {key.replace("s4a_", "s4a:", 1): value for key, value in properties.items()}
    kept = {key: value for key, value in named.items() if not _absent(value)}
    return {
        "type": "Feature",
        "id": feature_id(site, f"{feature_type}/{slug}"),
        "feature_type": feature_type,
        "geometry": None if geometry is None else _rounded(geometry),
        "properties": {"s4a:slug": slug, **kept},
    }


def _absent(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, str | list | tuple | dict) and not value)


def _rounded(geometry: BaseGeometry) -> dict[str, Any]:
    snapped = shapely.set_precision(geometry, _GRID_DEG, mode="pointwise")
    shape = mapping(snapped)
    return {"type": shape["type"], "coordinates": _round(shape["coordinates"])}


def _round(value: Any) -> Any:
    return round(value, 7) if isinstance(value, float) else [_round(each) for each in value]


def write_collection(folder: Path, feature_type: str, features: Iterable[GeoFeature]) -> Path:
    """Write one collection, a line a feature, so that a change shows as the line it is."""
    file = folder / COLLECTIONS[feature_type].file
    lines = [json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in features]
    name = file.name.removesuffix(".geojson")
    body = ",\n".join(lines)
    file.write_text(
        f'{{"type":"FeatureCollection","name":"{name}","features":[\n{body}\n]}}\n', encoding="utf-8"
    )
    return file


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Write ``manifest.json``."""
    file = folder / "manifest.json"
    file.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return file


def write_folder(
    folder: Path, manifest: Mapping[str, Any], collections: Mapping[str, Iterable[GeoFeature]]
) -> list[Path]:
    """Write a whole site: the manifest and each collection that has features."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [write_manifest(folder, manifest)]
    for feature_type, features in collections.items():
        if listed := list(features):
            files.append(write_collection(folder, feature_type, listed))
    return files
