"""Detector of what is unusual in any numeric series: robust usual and scale, persistence by a cumulative sum."""

from .config import Fall as Fall
from .config import Rise as Rise
from .config import Rule as Rule
from .config import TimeseriesConfig as TimeseriesConfig
from .config import timeseries_config as timeseries_config
from .stage import TimeseriesStage as TimeseriesStage
