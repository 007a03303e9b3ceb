"""A device type described in a few lines of YAML."""

from .mapping import Mapping as Mapping
from .mapping import load_mapping as load_mapping
from .source import MappedSource as MappedSource
