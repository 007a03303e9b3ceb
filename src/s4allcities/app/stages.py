"""The stages of a site, in the order in which data flows through them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from s4allcities.awareness.alarms import AlarmStage, alarm_settings, names_of
from s4allcities.awareness.context import CalendarStage, ContextError, ContextStage, Entry, load_context
from s4allcities.awareness.response import EvacuatePlaybook, PlanStage
from s4allcities.awareness.risk import RiskStage, zones_of
from s4allcities.detection.access import AccessStage
from s4allcities.detection.badges import BadgeStage
from s4allcities.detection.building import BuildingStage
from s4allcities.detection.cyber import CyberStage, NetworkPolicy, load_policy
from s4allcities.detection.frames import FramesStage
from s4allcities.detection.integrity import IntegrityStage
from s4allcities.detection.timeseries import TimeseriesStage, timeseries_config
from s4allcities.detection.unusual import UnusualStage
from s4allcities.detection.validity import ValidityStage
from s4allcities.domain import Stage
from s4allcities.fusion import FusionStage, topology_of
from s4allcities.site import Site, WalkGraph, build_graph, walking_times_s

from .config import ConfigError

__all__ = ("build_stages",)


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


def _groups() -> dict[str, str]:
    """Give the kind of measurement of each quantity that has rules: what is unusual in it counts with what they say."""
    return {name: rule.group for name, rule in timeseries_config().quantities.items() if rule.group}


def build_stages(
    site: Site, folder: Path, *, seed: int, alarms: Mapping[str, Any] | None = None
) -> tuple[Stage[Any], ...]:
    """Make every stage for a site; ``folder`` is the site folder, whose ``network.yaml`` names hosts and writers."""
    sensors = {spec.slug: spec for spec in site.sensors}
    policy = _policy(folder)
    graph = build_graph(site)
    exits = frozenset(opening.slug for opening in site.exits)
    clock_zone = ZoneInfo(site.timezone)
    capacity = float(sum(zone.capacity_people for zone in site.zones))
    areas = {zone.slug: zone.area_m2 for zone in site.zones}
    return (
        ValidityStage(sensors=sensors),
        TimeseriesStage(sensors=sensors, zone_area_m2=areas),
        UnusualStage(sensors=sensors, groups=_groups()),
        IntegrityStage(sensors=sensors),
        CyberStage(sensors=sensors, policy=policy),
        FramesStage(sensors=sensors),
        AccessStage(sensors=sensors, exits=exits),
        BadgeStage(sensors=sensors, walk_s=_between_readers(site, graph), zone=clock_zone),
        BuildingStage(sensors=sensors),
        ContextStage(sensors=sensors, policy=policy),
        CalendarStage(_context(site, folder), zone=clock_zone, capacity_people=capacity),
        FusionStage(topology_of(site)),
        RiskStage(zones_of(site), zone=clock_zone),
        AlarmStage(names_of(site), zone=clock_zone, settings=alarm_settings(alarms)),
        PlanStage(EvacuatePlaybook(graph, seed=seed), exits),
    )
