"""How often each annotator is right on gold, shrunk toward the pool: Beta-Binomial empirical Bayes.

Annotator a got right_a of n_a gold answers right: Binomial(n_a, p_a), with p_a ~ Beta(m s, (1 - m) s), where m is the
pool's mean and s, in gold answers, how alike its people are. Given (m, s) the posterior is Beta(m s + right_a,
(1 - m) s + n_a - right_a): with little gold an annotator is taken to be like the others, with much of it as seen.

(m, s) maximise the marginal likelihood times a weak prior (m uniform, log s ~ N(log 10, 1)), which keeps them
finite for nobody, one annotator, and a pool that is all right. Sources: Casella 1985, "An introduction to empirical
Bayes data analysis"; the beta-binomial likelihood of Griffiths 1973; Gelman et al., BDA3, section 5.3.

Departures:
- Plugging the maximum in, as empirical Bayes does, makes intervals too narrow where the pool is small. Here mean and
  variance are averaged over what (m, s) may be (adaptive Gauss-Hermite quadrature around the maximum, Naylor and Smith
  1982), and the interval is that of the Beta distribution with this mean and variance.
- Answers that are partly right count as so much of an answer; intervals are then wider than they need to be.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, betaln, expit

from annotate.quality.intervals import NOTHING_COUNTED, Estimate, undefined, wilson
from annotate.quality.table import TableError, coded
from annotate.translations import translatable

NO_GOLD = translatable("No gold answered yet: this is what the others would lead one to expect.")
NO_GOLD_AT_ALL = translatable("Nobody has answered gold yet.")
TYPICAL_STRENGTH = math.log(10)
STRENGTH_SD = 1.0
STEP = 1e-3
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(5)


def gold_accuracy(right: ArrayLike, n: ArrayLike) -> list[Estimate]:
    """An estimate for each annotator from `right` (A,), sums of shares, of `n` (A,) gold answers.

    Who answered none gets what the pool leads one to expect, and a reason. Raises TableError for lengths that differ,
    and, with its row, unless 0 <= right <= n and n is whole.
    """
    right, n = counts(right, n)
    if not n.any():
        return [Estimate(None, None, None, 0, NO_GOLD_AT_ALL)] * n.size
    mean, variance = _posterior(right, n)
    lo, hi = beta_interval(mean, variance)
    reasons = np.where(n > 0, "", NO_GOLD).tolist()
    columns = (mean.tolist(), lo.tolist(), hi.tolist(), n.astype(int).tolist(), reasons)
    return [Estimate(*row) for row in zip(*columns, strict=True)]


def counts(right: ArrayLike, n: ArrayLike) -> tuple[NDArray, NDArray]:
    """`right` and `n` as arrays of floats of the same shape, or TableError naming the first row that cannot be."""
    right, n = np.asarray(right, float), np.asarray(n, float)
    if right.shape != n.shape:
        raise TableError(f"Every n needs its right: got right of shape {right.shape} and n of shape {n.shape}.")
    wrong = np.argwhere(~((right >= 0) & (right <= n) & (n == np.floor(n)) & np.isfinite(n)))
    if wrong.size:
        place = tuple(wrong[0])
        at = ", column ".join(str(each + 1) for each in place)
        raise TableError(f"Row {at} has {right[place]:g} right of {n[place]:g}; it takes 0 <= right <= n, n whole.")
    return right, n


def beta_interval(mean: NDArray, variance: NDArray) -> tuple[NDArray, NDArray]:
    """The 2.5 % and 97.5 % quantiles of Beta distributions with these means and variances."""
    strength = np.maximum(mean * (1 - mean) / variance - 1, 1e-6)
    a, b = mean * strength, (1 - mean) * strength
    return np.minimum(betaincinv(a, b, 0.025), mean), np.maximum(betaincinv(a, b, 0.975), mean)


def _posterior(right: NDArray, n: NDArray) -> tuple[NDArray, NDArray]:
    """(A,) posterior means and variances."""
    kept = n > 0
    seen, times = np.unique(np.stack([right[kept], n[kept]]), axis=1, return_counts=True)
    mode, spread = _maximum(seen, times)
    grid = np.stack(np.meshgrid(NODES, NODES), axis=-1).reshape(-1, 2)
    points = mode + grid @ spread.T
    log_weights = _log_density(points, seen, times) + np.square(grid).sum(axis=1) / 2
    log_weights += np.log(np.outer(WEIGHTS, WEIGHTS)).ravel()
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    a, b = (each[:, None] for each in _shapes(points))
    strength = a + b + n
    mean = (a + right) / strength
    variance = mean * (1 - mean) / (strength + 1)
    average = weights @ mean
    return average, weights @ (variance + np.square(mean - average))


def _shapes(points: NDArray) -> tuple[NDArray, NDArray]:
    """The two shapes m s and (1 - m) s of points (P, 2) of (logit m, log s)."""
    strength = np.exp(points[:, 1])
    return expit(points[:, 0]) * strength, expit(-points[:, 0]) * strength


def _log_density(points: NDArray, seen: NDArray, times: NDArray) -> NDArray:
    """(P,) the log of marginal likelihood times prior at points (P, 2) of (logit m, log s), up to a constant."""
    a, b = (each[:, None] for each in _shapes(points))
    right, n = seen
    likelihood = (betaln(a + right, b + n - right) - betaln(a, b)) @ times
    uniform = -np.logaddexp(0, points[:, 0]) - np.logaddexp(0, -points[:, 0])
    return likelihood + uniform - np.square((points[:, 1] - TYPICAL_STRENGTH) / STRENGTH_SD) / 2


def _maximum(seen: NDArray, times: NDArray) -> tuple[NDArray, NDArray]:
    """The point (2,) of highest density, and S (2, 2) with S S' = the inverse of the curvature there.

    Newton's steps with numeric derivatives, shortened until they climb.
    """
    total = seen @ times
    start = (total[0] + 1) / (total[1] + 2)
    point = np.array([math.log(start / (1 - start)), TYPICAL_STRENGTH])
    for _ in range(50):
        height, slope, curvature = _derivatives(point, seen, times)
        step = np.linalg.solve(curvature, slope)
        lengths = 0.25 ** np.arange(4)
        tried = point + lengths[:, None] * np.clip(step, -2, 2)
        heights = _log_density(tried, seen, times)
        best = int(heights.argmax())
        if heights[best] <= height + 1e-9:
            break
        point = tried[best]
    inverse = np.linalg.inv(_derivatives(point, seen, times)[2])
    return point, np.linalg.cholesky((inverse + inverse.T) / 2)


def _derivatives(point: NDArray, seen: NDArray, times: NDArray) -> tuple[float, NDArray, NDArray]:
    """Height, slope (2,) and curvature (2, 2) of the log density, the last negated and made positive definite."""
    moves = STEP * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1]], float)
    at, right, left, up, down, more, less = _log_density(point + moves, seen, times)
    slope = np.array([right - left, up - down]) / (2 * STEP)
    across, along = right - 2 * at + left, up - 2 * at + down
    mixed = (more + less - right - left - up - down + 2 * at) / 2
    values, vectors = np.linalg.eigh(-np.array([[across, mixed], [mixed, along]]) / STEP**2)
    return at, slope, (vectors * np.maximum(values, 0.05)) @ vectors.T


@dataclass(frozen=True, eq=False)
class AccuracyAndF1:
    """How far estimated labels hit the true ones. `n` counts items."""

    accuracy: Estimate
    f1: Estimate
    """Macro: the mean over all classes that are true or estimated of some item."""
    by_class: dict[Hashable, Estimate]
    """F1 of each class; n counts the items that are of it or are estimated to be."""

    def as_dict(self) -> dict:
        """Everything as JSON-ready values."""
        classes = {label: one.as_dict() for label, one in self.by_class.items()}
        return {"accuracy": self.accuracy.as_dict(), "f1": self.f1.as_dict(), "by_class": classes}


def accuracy_and_f1(estimates: Sequence, truth: Sequence) -> AccuracyAndF1:
    """Accuracy and F1 of the labels `estimates` (n,) of items whose labels are `truth` (n,).

    F1 = 2 TP / (2 TP + FP + FN) of a class (van Rijsbergen 1979). The variance of F1 and of its mean is linearised over
    items, and the interval is Wilson's at the effective size f (1 - f)/variance, at 0 and 1 that of the rarest class.
    Raises TableError for lengths that differ.
    """
    if len(estimates) != len(truth):
        raise TableError(
            f"Every estimate needs a truth, but there are {len(estimates)} estimates and {len(truth)} truths."
        )
    if not len(truth):
        return AccuracyAndF1(undefined(NOTHING_COUNTED), undefined(NOTHING_COUNTED), {})
    labels, codes = coded("labels", np.concatenate([np.asarray(estimates), np.asarray(truth)]))
    said, true = np.split(codes, 2)
    hit = said == true
    named = np.bincount(codes, minlength=labels.size)
    right = np.bincount(true[hit], minlength=labels.size)
    f1, involved = 2 * right / named, named - right
    variance = (right * np.square(2 - 2 * f1) + (named - 2 * right) * np.square(f1)) / np.square(named)
    influence = (hit * 2 / named[true] - f1[true] / named[true] - f1[said] / named[said]) / labels.size
    of_class = [
        _f1(*row) for row in zip(f1.tolist(), variance.tolist(), involved.tolist(), involved.tolist(), strict=True)
    ]
    return AccuracyAndF1(
        accuracy=wilson(int(hit.sum()), hit.size),
        f1=_f1(float(f1.mean()), float(np.square(influence).sum()), hit.size, int(involved.min())),
        by_class=dict(zip(labels.tolist(), of_class, strict=True)),
    )


def _f1(value: float, variance: float, n: int, rarest: int) -> Estimate:
    """An F1 with Wilson's interval at its effective size."""
    inside = value * (1 - value)
    effective = inside / variance if inside > 0 and variance > 0 else rarest
    wide = wilson(value * effective, effective)
    return Estimate(value, wide.lo, wide.hi, n)
