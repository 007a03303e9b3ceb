"""Scenario files: TOML beside the site, one a scenario, checked when read."""

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from .errors import ScenarioError

__all__ = (
    "Announcement",
    "CameraFreeze",
    "CrowdParameters",
    "Faults",
    "Fire",
    "NuisanceSmoke",
    "Scan",
    "ScenarioFile",
    "TrafficParameters",
    "Write",
    "list_scenarios",
    "load_scenario",
)

Seconds = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Range = tuple[Positive, Positive]
"""Least and most; the seed draws between them."""


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file: unknown keys are refused."""


class CrowdParameters(_Table, frozen=True, kw_only=True):
    """``occupancy`` is the share of each zone's capacity that is there; rates are people a minute and metre of door."""

    occupancy: Share = 0.22
    out_per_min_m: Positive = 13.5
    in_per_min_m: Positive = 8.0


class TrafficParameters(_Table, frozen=True, kw_only=True):
    """``jam`` is the street (slug) on which nothing moves from the start; empty = none."""

    jam: str = ""
    jam_reason: str = "traffic jam"
    jam_kmh: Range = (2.0, 4.0)
    free_kmh: Range = (30.0, 42.0)
    flow_per_h: Positive = 620.0


class Fire(_Table, frozen=True, kw_only=True):
    """A fast flaming fire in a zone.

    The detectors nearest to it pass 3 %/m within ``spread_s`` of each other; CO and heat follow ``co_after_s`` and
    ``heat_after_s`` later. Neighbour zones get ``neighbour_share`` of the smoke from ``neighbour_after_s`` on.
    """

    zone: str
    at_s: Seconds
    jitter_s: Seconds = 1.0
    smoke_pct_m: Range = (7.0, 11.5)
    co_ppm: Range = (70.0, 118.0)
    heat_k_per_min: Positive = 9.0
    heat_most_c: Positive = 45.0
    spread_s: Range = (4.0, 6.0)
    co_after_s: Range = (1.0, 2.5)
    heat_after_s: Range = (2.0, 4.0)
    neighbour_after_s: Seconds = 30.0
    neighbour_share: Share = 0.12


class NuisanceSmoke(_Table, frozen=True, kw_only=True):
    """Smoke that is no fire: one or two detectors, no CO, hardly any heat."""

    zone: str
    at_s: Seconds
    lasts_s: Positive = 40.0
    detectors: Annotated[int, Meta(ge=1)] = 2
    smoke_pct_m: Range = (1.5, 1.9)
    heat_k: Positive = 2.0


class Scan(_Table, frozen=True, kw_only=True):
    """A host knocks at many others; ``announced`` says that it was told beforehand (see ``announcements``)."""

    at_s: Seconds
    source: str
    jitter_s: Seconds = 1.0
    lasts_s: Positive = 4.0
    network: str = "10.20.4.0/24"
    lines: tuple[Annotated[int, Meta(ge=1)], Annotated[int, Meta(le=500)]] = (50, 70)
    ports: tuple[Port, ...] = (502, 44818, 47808, 80, 23)
    alerts: bool = True
    announced: bool = False


class Write(_Table, frozen=True, kw_only=True):
    """A host that may not writes to the door controller of an exit; from then on nobody gets through that door."""

    exit: str
    source: str
    after_scan_s: Seconds = 6.0
    jitter_s: Seconds = 0.4


class CameraFreeze(_Table, frozen=True, kw_only=True):
    """The camera nearest to the exit whose controller was written to repeats its last picture."""

    after_write_s: Seconds = 5.0
    jitter_s: Seconds = 0.4


class Faults(_Table, frozen=True, kw_only=True):
    """What is wrong with sensors: that one lies, one dies early, some clocks are off, some messages are never sent."""

    lying: bool = True
    dying_at_s: tuple[Seconds, Seconds] = (8.0, 18.0)
    skewed: Annotated[int, Meta(ge=0)] = 4
    skew_s: Positive = 0.8
    dropout: tuple[Share, Share] = (0.01, 0.02)
    silent_sign: str = ""


class Announcement(_Table, frozen=True, kw_only=True):
    """A fact told to the platform at the start by an integrator; ``lasts_s`` 0 = until replaced."""

    subject: str
    attribute: str
    value: str | float | bool
    reason: str
    lasts_s: Seconds = 0.0


class ScenarioFile(_Table, frozen=True, kw_only=True):
    """A whole scenario. Times are seconds from its start, on the scenario's clock."""

    title: str
    summary: str
    duration_s: Positive
    benign: bool = False
    crowd: CrowdParameters = CrowdParameters()
    traffic: TrafficParameters = TrafficParameters()
    fire: Fire | None = None
    nuisance_smoke: NuisanceSmoke | None = None
    scan: Scan | None = None
    write: Write | None = None
    camera_freeze: CameraFreeze | None = None
    faults: Faults = Faults()
    announcements: tuple[Announcement, ...] = ()


def _folder(site: Path) -> Path:
    return site / "scenarios"


def list_scenarios(site: Path) -> tuple[str, ...]:
    """Give the names of a site's scenarios."""
    return tuple(sorted(path.stem for path in _folder(site).glob("*.toml")))


def load_scenario(site: Path, name: str) -> ScenarioFile:
    """Read a scenario of a site.

    :raises ScenarioError: no such scenario, not TOML, or a key that is unknown, missing or out of range.
    """
    known = list_scenarios(site)
    if name not in known:
        allowed = ", ".join(known) or f"none (no TOML file in {_folder(site)})"
        raise ScenarioError(f"no scenario {name!r} at site {site.name}; allowed: {allowed}")
    path = _folder(site) / f"{name}.toml"
    try:
        return _checked(msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), ScenarioFile), path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ScenarioError(f"{path}: {error}") from None


def _checked(file: ScenarioFile, path: Path) -> ScenarioFile:
    if file.write is not None and file.scan is None:
        raise ScenarioError(f"{path}: write needs a scan; its time counts from it")
    if file.camera_freeze is not None and file.write is None:
        raise ScenarioError(f"{path}: camera_freeze needs a write; its time counts from it")
    return file
