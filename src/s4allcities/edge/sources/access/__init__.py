"""Badge readers, and the verdicts of our own locks."""

from .source import AccessSource as AccessSource
