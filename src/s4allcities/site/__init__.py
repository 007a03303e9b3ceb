"""The venue model: zones, openings, streets, levels, the walking graph and its importers.

>>> from s4allcities.site import load_site, build_graph
>>> site = load_site("sites/helsinki-station")           # doctest: +SKIP
>>> graph = build_graph(site)                            # doctest: +SKIP
"""

from .errors import ImporterUnavailable, SiteError, UnknownName
from .folder import Problem
from .frame import Frame
from .loader import load_site
from .model import (
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

__all__ = (
    "Assembly",
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
    "Zone",
    "load_site",
)
