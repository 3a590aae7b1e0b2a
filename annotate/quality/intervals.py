"""Estimates with 95 % intervals: Wilson's for plain shares, cluster-robust for shares with dependent cases.

Agreement, a mean over pairs of annotators, needs the dyadic interval of `crossing.py` instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

Z_95 = 1.959963984540054
NEGLIGIBLE = 1e-12


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval and its n.

    `value`, `lo` and `hi` are None where they are undefined, never nan; `reason` then says why, in a sentence.
    """

    value: float | None
    lo: float | None
    hi: float | None
    n: int
    reason: str = ""

    def as_dict(self) -> dict[str, float | int | str | None]:
        """The fields as JSON-ready values."""
        return asdict(self)


def undefined(reason: str, n: int = 0) -> Estimate:
    """An estimate that does not exist, and why."""
    return Estimate(None, None, None, int(n), reason)


def student_t_quantile(df: float) -> float:
    """The 97.5 % quantile of Student's t with `df` > 0 degrees of freedom, whole or not."""
    if df <= 0:
        raise ValueError(f"Student's t needs more than 0 degrees of freedom, got {df}.")
    return float(stdtrit(df, 0.975))


def wilson(successes: float, n: float, *, z: float = Z_95) -> Estimate:
    """A share of `n` independent trials with Wilson's interval (Wilson 1927; Brown, Cai and DasGupta 2001, eq. 4).

    Raises ValueError unless 0 <= successes <= n. With n = 0 the value is None and the reason says so.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"A share needs 0 <= successes <= n, got {successes} of {n}.")
    if n == 0:
        return undefined("Nothing counted yet.")
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Estimate(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)), int(n))


def clustered_proportion(values: ArrayLike, clusters: Sequence | NDArray) -> Estimate:
    """The mean of `values` in [0, 1] (n,), dependent within `clusters` (n,): cluster-robust, t(G-1).

    Use it for accuracies and win rates where several comparisons come from one prompt. `n` counts the values.
    Raises ValueError when the lengths differ or a value is outside [0, 1].
    """
    values = np.asarray(values, dtype=float)
    if values.shape != (len(clusters),):
        raise ValueError(f"Each value needs one cluster: got {values.size} values and {len(clusters)} clusters.")
    if not values.size:
        return undefined("Nothing counted yet.")
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError("A proportion needs values between 0 and 1.")
    codes = np.unique(np.asarray(clusters), return_inverse=True)[1]
    return clustered_ratio(values, np.ones_like(values), codes, n=values.size)


def clustered_ratio(
    numerators: NDArray, denominators: NDArray, clusters: NDArray, *, n: int, bounds: tuple[float, float] = (0.0, 1.0)
) -> Estimate:
    """sum(numerators) / sum(denominators) with clusters (n,) of whole codes: linearised, CR1, t(G-1).

    Clusters with a denominator of 0 do not count. When the clusters do not differ (one cluster, or all alike) their
    spread says nothing, and the interval is what Wilson leaves open for G clusters that agree.
    """
    total = denominators.sum()
    value = numerators.sum() / total
    weights = np.bincount(clusters, denominators)
    residuals = np.bincount(clusters, (numerators - value * denominators) / total)[weights > 0]
    groups = residuals.size
    if groups < 2 or np.abs(residuals).max() < NEGLIGIBLE:
        return bounded(value, 0.0, n=n, bounds=bounds, slack=unseen_share(groups) * (bounds[1] - bounds[0]))
    error = math.sqrt(groups / (groups - 1) * np.square(residuals).sum())
    return bounded(value, student_t_quantile(groups - 1) * error, n=n, bounds=bounds)


def unseen_share(n: int, *, z: float = Z_95) -> float:
    """The largest share of cases that may differ although n of n seen were alike: 1 - Wilson's lower bound."""
    return 1 - wilson(n, n, z=z).lo


def bounded(
    value: float, half: float, *, n: int, bounds: tuple[float, float], slack: float = 0.0, reason: str = ""
) -> Estimate:
    """`value` +- (half + slack), clipped to `bounds` but never past the value itself."""
    reach = half + slack
    lo = min(value, max(bounds[0], value - reach))
    hi = max(value, min(bounds[1], value + reach))
    return Estimate(float(value), float(lo), float(hi), int(n), reason)
