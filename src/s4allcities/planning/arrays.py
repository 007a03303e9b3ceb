"""Names for the array types this room uses."""

import numpy as np
from numpy.typing import NDArray

__all__ = ("B1", "F8", "I4", "I8")

B1 = NDArray[np.bool_]
F8 = NDArray[np.float64]
I4 = NDArray[np.int32]
I8 = NDArray[np.int64]
