"""Codes of whole numbers by counting, without sorting; see columns.py."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def mark(values: NDArray, low: int, present: NDArray) -> None:
    """Set present[value - low] for each of the values."""
    for row in range(values.size):
        present[values[row] - low] = True


@njit(cache=True, nogil=True)
def look_up(values: NDArray, low: int, place: NDArray) -> NDArray:
    """(n,) place[value - low]."""
    codes = np.empty(values.size, place.dtype)
    for row in range(values.size):
        codes[row] = place[values[row] - low]
    return codes
