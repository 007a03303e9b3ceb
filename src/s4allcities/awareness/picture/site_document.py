"""The site as the page draws it: the folder's GeoJSON with plain property names, encoded once."""

from pathlib import Path
from typing import Any

import msgspec

from s4allcities.site import Site

__all__ = ("site_document",)

_FILES = (
    "venue",
    "footprint",
    "unit",
    "opening",
    "street",
    "assembly",
    "sensor",
    "background",
    "relationship",
)


def _plain(name: object, language: str) -> str:
    if isinstance(name, dict):
        return str(name.get(language) or name.get("en") or next(iter(name.values()), ""))
    return str(name or "")


def _properties(raw: dict[str, Any], levels: dict[str, int], language: str) -> dict[str, Any]:
    """Drop the ``s4a:`` prefix, give one name, and the storey's number for its id."""
    plain = {key.removeprefix("s4a:"): value for key, value in raw.items() if value is not None}
    plain["name"] = _plain(raw.get("name"), language)
    if "level_id" in plain:
        plain["level"] = levels.get(plain.pop("level_id"), 0)
    if "exit" in plain:
        plain["letter"] = plain.pop("exit")
    return plain


def _collection(path: Path, levels: dict[str, int], language: str) -> dict[str, Any]:
    raw = msgspec.json.decode(path.read_bytes())
    features = [
        {
            "type": "Feature",
            "id": feature.get("id"),
            "geometry": feature["geometry"],
            "properties": _properties(feature.get("properties") or {}, levels, language),
        }
        for feature in raw["features"]
    ]
    return {"type": "FeatureCollection", "features": features}


def site_document(site: Site, folder: Path) -> bytes:
    """Encode what the page asks for at start, as JSON. ``folder`` is the site folder that ``site`` was loaded from."""
    levels = {level.slug: level.ordinal for level in site.levels} | {
        level.id: level.ordinal for level in site.levels
    }
    language = site.language.split("-")[0]
    collections = {
        name: _collection(folder / f"{name}.geojson", levels, language)
        for name in _FILES
        if (folder / f"{name}.geojson").exists()
    }
    west, south, east, north = site.outline.bounds
    lonlat = site.frame.ring_to_lonlat([[west, south], [east, north]])
    return msgspec.json.encode(
        {
            "slug": site.slug,
            "name": site.name,
            "timezone": site.timezone,
            "attribution": site.attribution,
            "synthetic_note": site.synthetic_note,
            "centre": [site.frame.lon, site.frame.lat],
            "bounds": [[round(float(v), 7) for v in corner] for corner in lonlat],
            "levels": [{"ordinal": level.ordinal, "name": level.name} for level in site.levels],
            "collections": collections,
        }
    )
