"""95 % intervals for means over units that come in clusters, such as pairs of one prompt.

Pairs of one prompt rise and fall together: a model that misreads the prompt errs on all of them. Counting them as
independent makes the interval too narrow, so the variance is taken between prompts.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


def clustered_variance(values: Sequence[float], clusters: Sequence[Hashable]) -> tuple[float, float, int]:
    """Return mean, variance of the mean, and number of clusters.

    The linearised (sandwich) variance of a ratio of cluster sums: G/(G-1) * sum over clusters of
    (sum_g - mean * n_g)^2 / N^2 (the variance of a ratio estimate, Cochran 1977, chapter 6). The variance is nan
    for a single cluster. Raises ValueError for no values.
    """
    if not values or len(values) != len(clusters):
        raise ValueError("An interval needs at least one value, and one cluster for each value.")
    mean = sum(values) / len(values)
    residuals: dict[Hashable, float] = defaultdict(float)
    for value, cluster in zip(values, clusters, strict=True):
        residuals[cluster] += value - mean
    groups = len(residuals)
    if groups < 2:
        return mean, math.nan, groups
    variance = groups / (groups - 1) * sum(r * r for r in residuals.values()) / len(values) ** 2
    return mean, variance, groups


def mean_interval(
    values: Sequence[float], clusters: Sequence[Hashable]
) -> tuple[float, float | None, float | None, int]:
    """Return mean, lo, hi and the number of clusters; lo and hi are None for a single cluster."""
    mean, variance, groups = clustered_variance(values, clusters)
    if math.isnan(variance):
        return mean, None, None, groups
    half = Z * math.sqrt(variance)
    return mean, mean - half, mean + half, groups


def proportion_interval(
    values: Sequence[float], clusters: Sequence[Hashable]
) -> tuple[float, float | None, float | None, int]:
    """Return a proportion of values in [0, 1], lo, hi and the number of clusters.

    Wilson's interval at the effective sample size p(1-p)/variance, so that it stays inside [0, 1] and keeps a width
    at 0 and at 1, where the effective size is the number of clusters.
    """
    p, variance, groups = clustered_variance(values, clusters)
    if math.isnan(variance):
        return p, None, None, groups
    n = p * (1 - p) / variance if variance > 0 and 0 < p < 1 else groups
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    # Rounding may put an end past the share itself where that is 0 or 1.
    return p, max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half)), groups
