"""The sources that come with the platform, and the table that finds the one for a message."""

from .manifest import Manifest as Manifest
from .manifest import read_manifest as read_manifest
from .table import SourceTable as SourceTable
from .table import built_in_manifests as built_in_manifests
from .table import built_in_sources as built_in_sources
