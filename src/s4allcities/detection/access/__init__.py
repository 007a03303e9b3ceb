"""Detector of doors that say one thing while people show another."""

from .stage import AccessConfig as AccessConfig
from .stage import AccessStage as AccessStage
from .stage import access_config as access_config
from .stage import guards_of as guards_of
