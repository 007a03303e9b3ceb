"""Errors of the edge: each says what was wrong, where, and what is allowed."""

__all__ = ("EdgeError", "ManifestError", "MappingError", "ReplayError")


class EdgeError(Exception):
    """Base of all errors this room raises. Bad input from a device is never one of them: it becomes a record."""


class ManifestError(EdgeError):
    """Raised when a plug-in's ``manifest.toml`` is missing, incomplete or says something not allowed."""


class MappingError(EdgeError):
    """Raised when a mapping file cannot be used."""


class ReplayError(EdgeError):
    """Raised when a file cannot be replayed at all: absent, of unknown form, or without the columns asked for."""
