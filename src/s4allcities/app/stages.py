"""The stages of a site, in the order in which data flows through them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from s4allcities.awareness.alarms import AlarmStage, alarm_settings, names_of
from s4allcities.awareness.context import CalendarStage, ContextError, ContextStage, Entry, load_context
from s4allcities.awareness.risk import RiskStage, zones_of
from s4allcities.detection.access import AccessStage
from s4allcities.detection.badges import BadgeStage
from s4allcities.detection.building import BuildingStage, building_config
from s4allcities.detection.config import ConfigError as DetectorError
from s4allcities.detection.cyber import CyberStage, NetworkPolicy, load_policy
from s4allcities.detection.frames import FramesStage
from s4allcities.detection.groups import GroupsConfig, GroupsStage, groups_config
from s4allcities.detection.integrity import IntegrityConfig, IntegrityStage, integrity_config
from s4allcities.detection.timeseries import TimeseriesConfig, TimeseriesStage, timeseries_config
from s4allcities.detection.unusual import UnusualConfig, UnusualStage, unusual_config
from s4allcities.detection.validity import ValidityConfig, ValidityStage, validity_config
from s4allcities.domain import Stage
from s4allcities.fusion import FusionStage, topology_of
from s4allcities.plugins import PluginError, detector_plugins
from s4allcities.site import Site, WalkGraph, build_graph, walking_times_s

from .config import ConfigError
from .plan_stage import plan_stage

__all__ = ("DETECTORS", "Detectors", "build_stages", "detector_settings", "numeric_stages")

Detectors = Mapping[str, Mapping[str, Any]]
"""By detector, the settings in which an installation differs from what is shipped."""

DETECTORS = {
    "validity": validity_config,
    "timeseries": timeseries_config,
    "unusual": unusual_config,
    "integrity": integrity_config,
    "building": building_config,
    "groups": groups_config,
}
"""The detectors whose settings an installation may change, and what reads them."""


def _policy(folder: Path) -> NetworkPolicy:
    path = folder / "network.yaml"
    return load_policy(path) if path.exists() else NetworkPolicy()


def _context(site: Site, folder: Path) -> tuple[Entry, ...]:
    """Read the site's context file. :raises ConfigError: it cannot be used."""
    try:
        return load_context(folder, {"zones": [zone.slug for zone in site.zones]})
    except ContextError as error:
        raise ConfigError(str(error)) from None


def _between_readers(site: Site, graph: WalkGraph) -> dict[tuple[str, str], float]:
    readers = [spec for spec in site.sensors if spec.family in ("access", "lock")]
    return walking_times_s(graph, {each.slug: (each.x_m, each.y_m, each.level) for each in readers})


def _groups(config: TimeseriesConfig) -> dict[str, str]:
    """Give the kind of measurement of each quantity that has rules: what is unusual in it counts with what they say."""
    return {name: rule.group for name, rule in config.quantities.items() if rule.group}


def detector_settings(changes: Detectors) -> dict[str, Any]:
    """Give the settings of each detector, with an installation's changes.

    >>> detector_settings({"unusual": {"false_alarms_per_month": 2.0}})["unusual"].false_alarms_per_month
    2.0

    :raises ConfigError: no such detector, or a setting of it is unknown or not allowed.
    """
    for name in changes:
        if name not in DETECTORS:
            raise ConfigError(f"detectors.{name}: no such detector; allowed are {', '.join(DETECTORS)}")
    try:
        return {name: read(changes.get(name)) for name, read in DETECTORS.items()}
    except DetectorError as error:
        raise ConfigError(f"detectors: {error}") from None


def numeric_stages(site: Site, changes: Detectors) -> tuple[Stage[Any], ...]:
    """Make the detectors that watch numbers alone, as they are configured. :raises ConfigError: a setting is wrong."""
    sensors = {spec.slug: spec for spec in site.sensors}
    areas = {zone.slug: zone.area_m2 for zone in site.zones}
    settings = detector_settings(changes)
    validity: ValidityConfig = settings["validity"]
    series: TimeseriesConfig = settings["timeseries"]
    unusual: UnusualConfig = settings["unusual"]
    integrity: IntegrityConfig = settings["integrity"]
    groups: GroupsConfig = settings["groups"]
    return (
        ValidityStage(validity, sensors=sensors),
        TimeseriesStage(series, sensors=sensors, zone_area_m2=areas),
        UnusualStage(unusual, sensors=sensors, groups=_groups(series)),
        IntegrityStage(integrity, sensors=sensors),
        BuildingStage(settings["building"], sensors=sensors),
        GroupsStage(groups, sensors=sensors),
    )


def build_stages(
    site: Site,
    folder: Path,
    *,
    seed: int,
    alarms: Mapping[str, Any] | None = None,
    detectors: Detectors | None = None,
    plugins: Sequence[str] = (),
) -> tuple[Stage[Any], ...]:
    """Make every stage for a site; ``folder`` is the site folder, whose ``network.yaml`` names hosts and writers.

    ``plugins`` are the detectors of third parties that the settings name.

    :raises ConfigError: a setting of a detector, the site's context file, or a plug-in cannot be used.
    """
    sensors = {spec.slug: spec for spec in site.sensors}
    policy = _policy(folder)
    graph = build_graph(site)
    exits = frozenset(opening.slug for opening in site.exits)
    clock_zone = ZoneInfo(site.timezone)
    capacity = float(sum(zone.capacity_people for zone in site.zones))
    validity, series, unusual, integrity, building, groups = numeric_stages(site, detectors or {})
    ours: tuple[Stage[Any], ...] = (
        validity,
        series,
        unusual,
        integrity,
        groups,
        CyberStage(sensors=sensors, policy=policy),
        FramesStage(sensors=sensors),
        AccessStage(sensors=sensors, exits=exits),
        BadgeStage(sensors=sensors, walk_s=_between_readers(site, graph), zone=clock_zone),
        building,
        ContextStage(sensors=sensors, policy=policy),
        CalendarStage(_context(site, folder), zone=clock_zone, capacity_people=capacity),
        FusionStage(topology_of(site)),
        RiskStage(zones_of(site), zone=clock_zone),
        AlarmStage(names_of(site), zone=clock_zone, settings=alarm_settings(alarms)),
        plan_stage(site, seed=seed, graph=graph),
    )
    try:
        theirs = detector_plugins(plugins, [stage.name for stage in ours], sensors=sensors)
    except PluginError as error:
        raise ConfigError(f"plugins.detectors: {error}") from None
    return (*theirs, *ours)
