"""Signs: what they show, and whether they did as told."""

from .source import SignSource as SignSource
