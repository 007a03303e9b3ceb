"""Any JSON object, read without configuration."""

from .source import JsonAutoSource as JsonAutoSource
