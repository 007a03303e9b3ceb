"""Detector of badges and doors that behave as no ordinary visit does."""

from .stage import BadgeConfig as BadgeConfig
from .stage import BadgeStage as BadgeStage
from .stage import badge_config as badge_config
from .stage import portals_of as portals_of
