"""Detector of fire and gas from nodes that measure several quantities at one place."""

from .stage import BuildingConfig as BuildingConfig
from .stage import BuildingStage as BuildingStage
from .stage import building_config as building_config
