"""The fixed point of a map, x = f(x), by Anderson acceleration: where plain repetition would crawl, it takes few steps.

The next x is the combination of the last few f(x), with weights that add up to 1, whose residuals f(x) - x combine to
the least; type II of Anderson 1965, "Iterative procedures for nonlinear integral equations", as in Walker and Ni 2011,
"Anderson acceleration for fixed-point iterations", eq. 2.2. Departure: no step leads further than `LONGEST` from the
plain one, so that an extrapolation from points that are far off does no harm.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

REMEMBERED = 6
LONGEST = 2.0


def fixed_point(
    f: Callable[[NDArray], NDArray], start: NDArray, *, tolerance: float, least: float = -np.inf, most: int = 100
) -> NDArray[np.float64]:
    """The last f(x) (P,), once it is within `tolerance` of its x in each coordinate, or after `most` calls of `f`.

    `start` (P,) is the first x; no x has a coordinate below `least`.
    """
    x, points, images = np.asarray(start, float), [], []
    for _ in range(most):
        image = f(x)
        if np.abs(image - x).max(initial=0.0) < tolerance:
            break
        points, images = [*points, x][-REMEMBERED:], [*images, image][-REMEMBERED:]
        x = image
        if len(points) > 1:
            residuals = np.array(images) - np.array(points)
            weights = np.linalg.lstsq(np.diff(residuals, axis=0).T, residuals[-1], rcond=1e-10)[0]
            combined = image - weights @ np.diff(np.array(images), axis=0)
            x = np.maximum(np.clip(combined, image - LONGEST, image + LONGEST), least)
    return image
