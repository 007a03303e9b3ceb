"""Suricata EVE records."""

from .source import EveSource as EveSource
