"""Estimates with 95 % intervals: Wilson's for plain shares, cluster-robust for shares with dependent cases.

Agreement, a mean over pairs of annotators, needs the dyadic interval of `crossing.py` instead.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, stdtrit

from annotate.translations import translatable

Z_95 = 1.959963984540054
NEGLIGIBLE = 1e-12
ONE_CLUSTER = translatable("A single cluster has no interval.")
NOTHING_COUNTED = translatable("Nothing counted yet.")


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
        return undefined(NOTHING_COUNTED)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Estimate(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)), int(n))


def posterior_mean(right: float, n: int) -> float:
    """The mean of Beta(right + 1, n - right + 1): a share after `right` of `n`, where nothing was known before."""
    return (right + 1) / (n + 2)


def credible_share(right: float, n: int) -> Estimate:
    """The posterior mean of a share after `right` of `n`, and its 95 % credible interval.

    Beta(1, 1) before, Beta(right + 1, n - right + 1) after, equal tails. Cases that are partly right count as so much
    of a case: the interval is then wider than it needs to be. Raises ValueError unless 0 <= right <= n.
    """
    if not 0 <= right <= n:
        raise ValueError(f"A share needs 0 <= right <= n, got {right} of {n}.")
    lo, hi = (float(betaincinv(right + 1, n - right + 1, tail)) for tail in (0.025, 0.975))
    return Estimate(posterior_mean(right, n), lo, hi, int(n))


def clustered_mean(values: ArrayLike, clusters: Sequence[Hashable]) -> Estimate:
    """The mean of `values` (n,), dependent within `clusters` (n,): cluster-robust, t(G-1). `n` counts the G clusters.

    The linearised (sandwich) variance of a ratio of cluster sums: G/(G-1) * sum over clusters of
    (sum_g - mean * n_g)^2 / N^2 (the variance of a ratio estimate, Cochran 1977, chapter 6). One cluster has no
    interval, and the reason says so. Raises ValueError for no values, or lengths that differ.
    """
    mean, error, groups = _clustered(values, clusters)
    if groups < 2:
        return Estimate(mean, None, None, groups, ONE_CLUSTER)
    half = student_t_quantile(groups - 1) * error
    return Estimate(mean, mean - half, mean + half, groups)


def clustered_proportion(values: ArrayLike, clusters: Sequence[Hashable]) -> Estimate:
    """The same for values in [0, 1], such as accuracies and win rates: the interval stays inside [0, 1].

    Wilson's interval at the effective sample size p(1-p)/variance, with t(G-1) for the normal quantile, so that it
    keeps a width at 0 and at 1, where the effective size is G. Raises ValueError also for a value outside [0, 1].
    """
    values = np.asarray(values, dtype=float)
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError("A proportion needs values between 0 and 1.")
    share, error, groups = _clustered(values, clusters)
    if groups < 2:
        return Estimate(share, None, None, groups, ONE_CLUSTER)
    effective = share * (1 - share) / error**2 if error > NEGLIGIBLE and 0 < share < 1 else groups
    wide = wilson(share * effective, effective, z=student_t_quantile(groups - 1))
    return Estimate(share, min(share, wide.lo), max(share, wide.hi), groups)


def _clustered(values: ArrayLike, clusters: Sequence[Hashable]) -> tuple[float, float, int]:
    """Mean, cluster-robust standard error (0 for a single cluster) and number of clusters."""
    values = np.asarray(values, dtype=float)
    if not values.size or values.shape != (len(clusters),):
        raise ValueError(
            f"An interval needs values, and one cluster for each: got {values.size} values, {len(clusters)} clusters."
        )
    numbers: dict[Hashable, int] = {}
    # By hand: numpy would take clusters that are tuples, such as token ids of prompts, for a ragged array.
    codes = [numbers.setdefault(cluster, len(numbers)) for cluster in clusters]
    mean = float(values.mean())
    residuals = np.bincount(codes, values - mean) / values.size
    groups = residuals.size
    return mean, math.sqrt(groups / max(groups - 1, 1) * np.square(residuals).sum()), groups


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
