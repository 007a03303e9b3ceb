"""Detector of sensors that lie: readings copied from their own past, drifting from or unlike their neighbours."""

from .config import IntegrityConfig as IntegrityConfig
from .config import integrity_config as integrity_config
from .stage import IntegrityStage as IntegrityStage
