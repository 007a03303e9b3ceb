"""Names for the array types this room uses, and how its compiled functions are made."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ("B1", "F8", "I1", "I4", "I8", "uncounted")

B1 = NDArray[np.bool_]
F8 = NDArray[np.float64]
I1 = NDArray[np.int8]
I4 = NDArray[np.int32]
I8 = NDArray[np.int64]
F = TypeVar("F", bound=Callable[..., Any])


def uncounted(**options: object) -> Callable[[F], F]:
    """Compile a function that makes no arrays, without counting references to those it is given.

    Counting costs an atomic step for each array at each call of a helper; a function that makes nothing needs none.
    Numba takes the option but does not document it: without it the same functions are only slower.
    """
    compiled: Callable[[F], F] = njit(cache=True, nogil=True, _nrt=False, **options)  # type: ignore[call-overload]
    return compiled
