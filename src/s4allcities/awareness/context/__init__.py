"""Facts about zones, exits, streets and sensors, made from readings."""

from .config import ContextConfig as ContextConfig
from .config import context_config as context_config
from .stage import ContextStage as ContextStage
