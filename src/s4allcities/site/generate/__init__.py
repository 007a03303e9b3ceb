"""Parametric sites, for trying plans and simulations where no plan of the real place is at hand: all synthetic."""

from .sites import KINDS, Generated, Kind, generate_site

__all__ = ("KINDS", "Generated", "Kind", "generate_site")
