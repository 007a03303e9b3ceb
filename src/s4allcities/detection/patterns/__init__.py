"""Patterns of a whole series, on demand: stretches unlike any other, and where its level changed. Not causal."""

from .changes import change_points as change_points
from .profile import Profile as Profile
from .profile import discords as discords
from .profile import matrix_profile as matrix_profile
