"""The kinds of sites that can be generated, and writing one."""

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ..errors import SiteError
from ..folder import Problem
from ..frame import Frame
from ..importers.streets import slugify
from ..validate import validate_site
from ..writer import write_folder
from .busline import BuslineParams, draw_busline
from .canvas import Canvas
from .festival import FestivalParams, draw_festival
from .municipal import MunicipalParams, draw_municipal
from .park import ParkParams, draw_park
from .stadium import StadiumParams, draw_stadium

__all__ = ("KINDS", "Generated", "Kind", "generate_site")

_NOTE = (
    "Everything here is synthetic: drawn by `s4 site generate`, surveyed by nobody; only the place is real"
)


class Kind(Struct, frozen=True, kw_only=True):
    """A kind of site: the slug, name and time zone it gets unless told otherwise, its parameters, who draws it."""

    slug: str
    name: str
    timezone: str
    language: str
    params: type[Struct]
    draw: Callable[[Canvas, Any], int]


class Generated(Struct, frozen=True, kw_only=True):
    """What was written: the folder, its files, how many features of each type, how many people it is for."""

    site: str
    folder: str
    kind: str
    synthetic: bool
    files: tuple[str, ...]
    counts: dict[str, int]
    people: int
    parameters: dict[str, Any]
    problems: tuple[Problem, ...]


KINDS: dict[str, Kind] = {
    "stadium": Kind(
        slug="pilsen-stadium-synthetic", name="Stadium in Pilsen (synthetic)", timezone="Europe/Prague",
        language="en", params=StadiumParams, draw=draw_stadium,
    ),
    "festival": Kind(
        slug="bilbao-festival-synthetic", name="Festival quarter in Bilbao (synthetic)",
        timezone="Europe/Madrid", language="en", params=FestivalParams, draw=draw_festival,
    ),
    "park": Kind(
        slug="trikala-park-synthetic", name="Park in Trikala (synthetic)", timezone="Europe/Athens",
        language="en", params=ParkParams, draw=draw_park,
    ),
    "municipal": Kind(
        slug="trikala-town-hall-synthetic", name="Municipal building in Trikala (synthetic)",
        timezone="Europe/Athens", language="en", params=MunicipalParams, draw=draw_municipal,
    ),
    "busline": Kind(
        slug="pilsen-bus-line-synthetic", name="Bus line in Pilsen (synthetic)", timezone="Europe/Prague",
        language="en", params=BuslineParams, draw=draw_busline,
    ),
}  # fmt: skip


def generate_site(kind: str, folder: str | Path, *, slug: str = "", **parameters: Any) -> Generated:
    """Write a site of that kind into a new or empty folder. The same parameters give the same files.

    :raises SiteError: no such kind, a parameter is unknown or out of range, or the folder already holds a site.

    >>> from tempfile import mkdtemp
    >>> done = generate_site("stadium", mkdtemp(), seats=4_000)
    >>> done.people, done.problems
    (4000, ())
    """
    if kind not in KINDS:
        raise SiteError(f"there is no kind of site {kind!r}; allowed are {', '.join(KINDS)}")
    maker, target = KINDS[kind], Path(folder)
    params = _params(kind, maker.params, parameters)
    if slug and slugify(slug) != slug:
        raise SiteError(f"site name {slug!r}: allowed are small letters, digits and hyphens")
    if (target / "manifest.json").exists():
        raise SiteError(f"{target}: there is a site already; allowed is a new or empty folder")
    if target.exists() and not target.is_dir():
        raise SiteError(f"{target}: is a file; allowed is a new or empty folder")
    frame = Frame(params.lon, params.lat)  # type: ignore[attr-defined]
    canvas = Canvas(slug or maker.slug, maker.name, frame)
    people = maker.draw(canvas, params)
    collections = canvas.collections()
    files = write_folder(target, _manifest(canvas, maker, kind, params), collections)
    return Generated(
        site=canvas.slug,
        folder=str(target),
        kind=kind,
        synthetic=True,
        files=tuple(file.name for file in files),
        counts={name: len(features) for name, features in collections.items()},
        people=people,
        parameters=msgspec.to_builtins(params),
        problems=tuple(validate_site(target)),
    )


def _params(kind: str, params: type[Struct], given: dict[str, Any]) -> Struct:
    unknown = sorted(set(given) - set(params.__struct_fields__))
    if unknown:
        allowed = ", ".join(params.__struct_fields__)
        raise SiteError(f"{kind}: there is no parameter {unknown[0]!r}; allowed are {allowed}")
    try:
        checked: Struct = msgspec.convert(given, params)
    except msgspec.ValidationError as fault:
        text, _, where = str(fault).partition(" - at `$.")
        raise SiteError(f"{kind}: {where.rstrip('`')}: {text.replace('`', '')}") from None
    for name, value in given.items():
        if isinstance(value, float) and not isfinite(value):
            raise SiteError(f"{kind}: {name} is {value}; allowed are finite numbers")
    return checked


def _manifest(canvas: Canvas, maker: Kind, kind: str, params: Struct) -> dict[str, Any]:
    shown = ", ".join(f"{key}={value}" for key, value in msgspec.to_builtins(params).items())
    return {
        "version": "1.0.0",
        "created": "1970-01-01T00:00:00Z",  # the same parameters give the same files
        "language": maker.language,
        "generated_by": f"s4 site generate {kind}: {shown}",
        "extensions": ["imdf:extension:s4allcities:site#1.0.0"],
        "s4a:site": {
            "slug": canvas.slug,
            "anchor": [canvas.frame.lon, canvas.frame.lat],
            "timezone": maker.timezone,
            "attribution": "Synthetic site",
            "licence": "CC0-1.0",
            "synthetic_note": _NOTE,
            "source": f"s4 site generate {kind}",
        },
    }
