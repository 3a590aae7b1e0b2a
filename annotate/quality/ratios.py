"""Ratios of sums with clusters, from sums over the clusters: a cluster that changes is taken off and added again.

With the sums N of numerators x, D of denominators d, and r = N / D, the linearised variance of r is
G / (G - 1) * sum over G clusters of (x - r d)^2 / D^2, and the sum of squares is
sum x^2 - 2 r sum x d + r^2 sum d^2. All are whole numbers here, so nothing is lost by taking off: the same as
`intervals.clustered_ratio`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from annotate.quality.intervals import Estimate, bounded, student_t_quantile, unseen_share

SUMS = ("N", "D", "xx", "xd", "dd", "G")
"""The columns of sums: see above."""


def ratio_sums(x: NDArray[np.int64], d: NDArray[np.int64], group: NDArray[np.int64], groups: int) -> NDArray[np.int64]:
    """(groups, 6) SUMS from one x and one d > 0 for each cluster (n,), by codes (n,) of groups."""
    found = np.zeros((groups, len(SUMS)), np.int64)
    for at, column in enumerate((x, d, x * x, x * d, d * d, np.ones_like(d))):
        np.add.at(found[:, at], group, column)
    return found


def ratio_of(sums: NDArray[np.int64], *, n: int, unit: int = 1) -> Estimate:
    """The ratio of (6,) SUMS with G > 0 and its interval, between 0 and 1; numerators are counted in 1/unit."""
    top, bottom, squares, products, below, groups = (int(one) for one in sums)
    value = top / (unit * bottom)
    spread = squares * bottom**2 - 2 * top * bottom * products + top**2 * below  # times (unit * bottom^2)^2
    if groups < 2 or not spread:
        return bounded(value, 0.0, n=n, bounds=(0.0, 1.0), slack=unseen_share(groups))
    error = math.sqrt(groups / (groups - 1) * (spread / (unit * bottom**2) ** 2))
    return bounded(value, student_t_quantile(groups - 1) * error, n=n, bounds=(0.0, 1.0))
