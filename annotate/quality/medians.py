"""The median with an interval that assumes nothing about the distribution: times at work are skewed and have outliers.

With r the largest rank for which P(B < r) <= 2.5 % for B ~ Binomial(n, 1/2), the interval from the r-th smallest to the
r-th largest value holds the population's median at least 95 % of the time, whatever the distribution (Thompson 1936,
"On confidence ranges for the median"; David and Nagaraja 2003, "Order Statistics", section 7.1). Fewer than six values
have no such interval: even the smallest and the largest of five enclose the median only 93.75 % of the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr

from annotate.quality.intervals import Estimate, undefined

FEWEST = 6
TOO_FEW = f"Fewer than {FEWEST} values: too few for an interval of a median."


def median(values: ArrayLike) -> Estimate:
    """The median of `values` (n,) with its 95 % interval by order statistics, in the unit of the values.

    No values have no median, and fewer than six no interval; the reason says so. Raises ValueError for a value that is
    not a finite number.
    """
    ordered = np.sort(np.asarray(values, dtype=float).ravel())
    if not np.isfinite(ordered).all():
        raise ValueError("A median needs finite numbers.")
    if not ordered.size:
        return undefined("Nothing counted yet.")
    middle = float(np.median(ordered))
    # P(B < r) = bdtr(r - 1, n, 1/2), so counting the ranks whose tail is small enough gives the largest of them.
    rank = int((bdtr(np.arange(ordered.size // 2 + 1), ordered.size, 0.5) <= 0.025).sum())
    if rank == 0:
        return Estimate(middle, None, None, ordered.size, TOO_FEW)
    return Estimate(middle, float(ordered[rank - 1]), float(ordered[-rank]), ordered.size)
