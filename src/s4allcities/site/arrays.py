"""Names for the array types this room uses."""

import numpy as np
from numpy.typing import NDArray

__all__ = ("B1", "F8", "I1", "I2", "I4", "Geometries")

F8 = NDArray[np.float64]
I1 = NDArray[np.int8]
I2 = NDArray[np.int16]
I4 = NDArray[np.int32]
B1 = NDArray[np.bool_]
Geometries = NDArray[np.object_]
"""Shapely geometries."""
