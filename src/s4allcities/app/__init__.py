"""The composition root: settings, the platform made of all rooms, and its web server."""

from .config import AppConfig as AppConfig
from .config import ConfigError as ConfigError
from .config import load_config as load_config
