"""The crowd engine: people on floors and stairs, walking to goals; validated in
`docs/reference/crowd-validation.md`.
"""

from .behaviour import LABORATORY, POPULATIONS, PUBLIC, Behaviour
from .crowd import Crowd, People
from .fields import FloorField, solve_field
from .ground import Ground, GroundBuilder, Sheet

__all__ = (
    "LABORATORY",
    "POPULATIONS",
    "PUBLIC",
    "Behaviour",
    "Crowd",
    "FloorField",
    "Ground",
    "GroundBuilder",
    "People",
    "Sheet",
    "solve_field",
)
