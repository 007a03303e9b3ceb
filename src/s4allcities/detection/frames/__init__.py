"""Detector of camera pictures that stand still or go in a circle, by the hashes of their frames."""

from .stage import FramesConfig as FramesConfig
from .stage import FramesStage as FramesStage
from .stage import frames_config as frames_config
