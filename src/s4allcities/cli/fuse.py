"""`s4 fuse`: detections as JSON lines in, incidents with their explanations as JSON lines out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from s4allcities.domain import Detection
    from s4allcities.fusion import FusionStage, Hypotheses
    from s4allcities.fusion.lines import LineReader
    from s4allcities.site import Site

__all__ = ("app", "fuse")

app = App(name="fuse", help="Fuse detections from a file into explained incidents.")


@app.default
def fuse(
    file: Annotated[Path | None, Parameter(help="Detections, one JSON object a line; - reads stdin.")] = None,
    /,
    *,
    site: Annotated[str, Parameter(help="Site folder, or the name of one in sites/.")] = "",
    list_: Annotated[
        bool, Parameter(name="--list", negative=(), help="Print the slugs of kinds and hypotheses.")
    ] = False,
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Fuse a recording of detections and write one JSON line for each change of an incident.

    A line needs id, kind, sensor, a time (t_us or RFC 3339 t) and a place (lon and lat, zone, or entity); it may have
    group, level, sigma_m, confidence, parents, retracts. Lines are fused in order of time. Bad ones are reported on
    stderr and left out; the exit code is 2 only if none could be read.

    Example: s4 fuse detections.jsonl --site helsinki-station
    """
    from s4allcities.fusion import load_hypotheses
    from s4allcities.site import SiteError

    data = load_hypotheses()
    if list_:
        return _list(data, as_json)
    if file is None:
        return _refuse("no FILE given; allowed are a file of JSON lines, - for stdin, or --list")
    try:
        place = _load(site) if site else None
        lines = _lines(file)
    except (SiteError, OSError) as fault:
        return _refuse(str(fault))
    return _fuse(lines, str(file), place, data, as_json)


def _refuse(text: str) -> int:
    print(f"s4 fuse: {text}", file=sys.stderr)
    return 2


def _kinds(data: Hypotheses) -> tuple[str, ...]:
    """Kinds a line may have: evidence, and what validity checks say of sensors."""
    return tuple(dict.fromkeys([*data.kinds, *(slug for slug in data.doubts if slug.startswith("sensor-"))]))


def _list(data: Hypotheses, as_json: bool) -> int:
    listed = {"version": data.version, "kinds": _kinds(data), "hypotheses": data.slugs}
    if as_json:
        print(msgspec.json.encode(listed).decode())
    else:
        print(
            "\n".join(
                [f"kind {slug}" for slug in _kinds(data)] + [f"hypothesis {slug}" for slug in data.slugs]
            )
        )
    return 0


def _load(site: str) -> Site:
    from s4allcities.site import load_site

    folder = Path(site)
    return load_site(folder if folder.exists() else Path("sites") / site)


def _lines(file: Path) -> list[bytes]:
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    return data.split(b"\n")


def _fuse(lines: Iterable[bytes], name: str, site: Site | None, data: Hypotheses, as_json: bool) -> int:
    from s4allcities.fusion import FusionStage, topology_of
    from s4allcities.fusion.lines import LineReader, document_of, fuse_recording

    reader = LineReader(
        frozenset(_kinds(data)),
        frame=site.frame if site else None,
        zones=frozenset(zone.slug for zone in site.zones) if site else frozenset(),
    )
    detections, bad = _read(reader, lines, name)
    if not detections:
        return _refuse(f"{name}: none of its lines is a detection ({bad} bad lines)")
    stage: FusionStage = FusionStage(topology_of(site) if site else None, data)
    changes = map(document_of, fuse_recording(stage, detections))
    if as_json:
        document = {"detections": len(detections), "bad_lines": bad, "incidents": list(changes)}
        print(msgspec.json.encode(document).decode())
    else:
        for change in changes:
            print(msgspec.json.encode(change).decode())
    if bad:
        print(f"s4 fuse: {name}: {bad} bad lines left out, {len(detections)} read", file=sys.stderr)
    return 0


def _read(reader: LineReader, lines: Iterable[bytes], name: str) -> tuple[list[Detection], int]:
    """Read all lines that can be read; one clear line on stderr for each other."""
    from s4allcities.fusion.lines import BadLine

    found, bad = [], 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(reader.read(line))
        except BadLine as fault:
            bad += 1
            print(f"{name}:{number}: {fault}", file=sys.stderr)
    return found, bad
