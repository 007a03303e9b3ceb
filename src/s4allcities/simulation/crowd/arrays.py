"""Names for the array types of the crowd engine: they tell a reader the element type, which kernels rely on.

The checker is not told: NumPy's index arithmetic widens integers where the engine keeps 32 bits.
"""

from typing import Any

from numpy.typing import NDArray

__all__ = ("B1", "F4", "F8", "I4", "I8", "U1")

F4 = NDArray[Any]
F8 = NDArray[Any]
I4 = NDArray[Any]
I8 = NDArray[Any]
U1 = NDArray[Any]
B1 = NDArray[Any]
