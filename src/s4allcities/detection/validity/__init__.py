"""Detector of readings that cannot be true: out of range, stuck, missing, too many."""

from .config import ValidityConfig as ValidityConfig
from .config import validity_config as validity_config
from .stage import ValidityStage as ValidityStage
