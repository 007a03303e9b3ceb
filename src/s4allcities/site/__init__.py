"""The venue model: zones, openings, streets, levels, the walking graph and its importers.

>>> from s4allcities.site import load_site, build_graph
>>> site = load_site("sites/helsinki-station")           # doctest: +SKIP
>>> graph = build_graph(site)                            # doctest: +SKIP
"""

from ._builder import build_graph
from .distances import walking_times_s
from .errors import ImporterUnavailable, SiteError, UnknownName
from .folder import Problem
from .frame import Frame
from .graph import ArcKind, ExitArc, WalkGraph, reachable
from .loader import load_site
from .model import (
    ApprovedPlan,
    Assembly,
    Flow,
    Level,
    Link,
    Opening,
    Quantity,
    SensorSpec,
    Site,
    Stair,
    Street,
    Zone,
)
from .validate import validate_site

__all__ = (
    "ApprovedPlan",
    "ArcKind",
    "Assembly",
    "ExitArc",
    "Flow",
    "Frame",
    "ImporterUnavailable",
    "Level",
    "Link",
    "Opening",
    "Problem",
    "Quantity",
    "SensorSpec",
    "Site",
    "SiteError",
    "Stair",
    "Street",
    "UnknownName",
    "WalkGraph",
    "Zone",
    "build_graph",
    "load_site",
    "reachable",
    "validate_site",
    "walking_times_s",
)
