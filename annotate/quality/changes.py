"""Sums of a base, corrected for the parts that went (-1) and came (1) since."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ROUNDED = 1e-13
"""What is less than this, as a share of what was added up, is what rounding left."""

Signed = Sequence[tuple[NDArray, int]]


def added(parts: Signed) -> NDArray:
    """The sum of arrays times their signs. They are of one shape, but that none may be longer than the last."""
    found = np.zeros_like(parts[-1][0])
    for part, sign in parts:
        found[: len(part)] += sign * part
    return found


def left(parts: Signed) -> NDArray[np.float64]:
    """The same of arrays of numbers >= 0, where what only rounding left counts as nothing."""
    found, largest = added(parts), added([(part, 1) for part, _sign in parts])
    return np.where(found > ROUNDED * largest, found, 0.0)


def square(factors: NDArray[np.float64], products: NDArray[np.float64]) -> float:
    """The sum of squares of what is linear in features, by factors (F,), of the sums of their products (F, F).

    It is 0 where only what rounding left is there.
    """
    found = factors @ products @ factors
    return float(found) if abs(found) > ROUNDED * (np.abs(factors) @ np.abs(products) @ np.abs(factors)) else 0.0
