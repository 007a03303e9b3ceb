"""A generated world as files: detections that `s4 fuse` reads, and their truth beside them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from s4allcities.site import Site

from .seeds import split_of
from .worlds import DetectedAs, GeneratedWorld

__all__ = ("detection_lines", "truth_lines", "write_world")


def detection_lines(world: GeneratedWorld, site: Site) -> Iterator[dict[str, Any]]:
    """Give what the platform gets, one detection a line, in the order of arrival. Nothing in it tells the truth."""
    for each in world.detections:
        yield _line(each, site)


def _line(each: DetectedAs, site: Site) -> dict[str, Any]:
    detection, place = each.detection, each.detection.place
    line: dict[str, Any] = {
        "id": detection.id,
        "kind": detection.kind,
        "sensor": detection.sensor,
        "group": detection.group,
        "t_us": detection.t_us,
        "confidence": detection.confidence,
    }
    if place.x_m is not None and place.y_m is not None:
        lon, lat = site.frame.to_lonlat(place.x_m, place.y_m)
        line |= {"lon": round(float(lon), 7), "lat": round(float(lat), 7)}
    named = {
        "level": place.level,
        "sigma_m": place.sigma_m,
        "zone": place.zone,
        "entity": place.entities or None,
    }
    return line | {key: value for key, value in named.items() if value is not None}


def truth_lines(world: GeneratedWorld, site: Site) -> Iterator[dict[str, Any]]:
    """Give the world, its events, and for each detection what caused it, where it truly was, when it arrived."""
    yield {
        "record": "world",
        "name": world.name,
        "law": world.law,
        "seed": world.seed,
        "split": split_of(world.seed),
        "site": site.slug,
        "simulated": True,
        "hypothesis": world.hypothesis,
        "start_us": world.start_us,
        "duration_s": world.duration_s,
    }
    for event in world.events:
        spot = event.path[0][1]
        lon, lat = site.frame.to_lonlat(spot.x_m, spot.y_m)
        yield {
            "record": "event",
            "id": event.id,
            "hypothesis": event.hypothesis,
            "cause": event.cause,
            "dangerous": event.dangerous,
            "t_start_us": world.start_us + round(event.from_s * 1e6),
            "t_end_us": world.start_us + round(event.to_s * 1e6),
            "lon": round(float(lon), 7),
            "lat": round(float(lat), 7),
            "level": spot.level,
            "zone": spot.zone,
            "zones": list(dict.fromkeys(spot.zone for _, spot in event.path)),
            "entities": event.entities,
            "vigour": round(event.vigour, 3),
        }
    for each in world.detections:
        lon, lat = site.frame.to_lonlat(each.x_m, each.y_m)
        yield {
            "record": "detection",
            "id": each.detection.id,
            "event": each.event,
            "cause": each.cause,
            "arrives_us": each.arrives_us,
            "lon": round(float(lon), 7),
            "lat": round(float(lat), 7),
        }


def write_world(world: GeneratedWorld, site: Site, folder: Path) -> tuple[Path, Path]:
    """Write ``detections.jsonl`` and ``truth.jsonl``; gives both paths. Files of these names are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = (folder / "detections.jsonl", folder / "truth.jsonl")
    for path, lines in zip(paths, (detection_lines(world, site), truth_lines(world, site)), strict=True):
        path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return paths
