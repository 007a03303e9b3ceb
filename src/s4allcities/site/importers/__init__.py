"""Importers of outside map formats into site folders. Each needs its package only when it runs."""

__all__ = ()
