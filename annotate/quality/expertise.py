"""Who knows what: accuracy of each annotator in each domain, and beside it what they declare and what is verified.

Crossed empirical Bayes. Annotator a got right_ad of n_ad gold answers of domain d right, Binomial(n_ad, p_ad) of them:

    logit p_ad = mu + u_a + v_d + w_ad,    u ~ N(0, s_u^2),  v ~ N(0, s_v^2),  w ~ N(0, s_w^2)

An annotator good in seven domains is expected to be good in the eighth, a hard domain is hard for everybody, and what a
cell shows beyond that counts as far as its n bears it. The variances are moments: products of residuals that share an
annotator, a domain or only the cell (the ANOVA method: Searle, Casella and McCulloch 1992, chapter 5), with weights
n/(n + 10), taken of shares, where binomial noise is known, and divided by the square of the logit's slope. Given these,
the effects are best linear predictions of the working logits (Breslow and Clayton 1993, eq. 10-12), solved exactly:
annotators are eliminated, which leaves one equation a domain.

Departures:
- mu has the prior N(0, pi^2/3), the variance of a share of which nothing is known, and each variance counts as if
  a few more annotators, domains or cells had been seen, with sd .6, .4 and .4 of logits: a pool of two or three says
  next to nothing about its own spread, and a moment below zero would call them all the same.
- Variances are taken as known in the intervals.
- Answers that are partly right count as so much of an answer; intervals are then wider than they need to be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from annotate.quality.expertise_kernels import eliminated, moments, predicted, variances, working
from annotate.quality.gold_accuracy import NO_GOLD, NO_GOLD_AT_ALL, counts
from annotate.quality.intervals import Z_95, Estimate, undefined
from annotate.quality.table import TableError
from annotate.translations import translatable

NOT_MEASURED = translatable("No gold answered in this domain yet.")
PRIOR_VARIANCE = math.pi**2 / 3
PRIOR_SPREAD = np.array([0.36, 0.16, 0.16])
MOST_SPREAD = 9.0
PRIOR_CASES = np.array([3.0, 3.0, 6.0])
"""How many more annotators, domains and cells the prior of each variance counts for."""
TYPICAL_N = 10
LEAST = 1e-4
START = 5
"""Answers like the pool's that are added to a cell's for the first step."""
CLOSE = 0.2
"""Steps end when no logit moves further. They shrink quadratically: what is left is below .0005 of a share."""
MOST_STEPS = 20


@dataclass(frozen=True, eq=False)
class DomainAccuracy:
    """Accuracy of A annotators in D domains: arrays (A, D), also where n is 0 (what is expected there)."""

    logit: NDArray[np.float64]
    variance: NDArray[np.float64]
    """Of the logit."""
    n: NDArray[np.int64]
    sds: tuple[float, float, float]
    """Standard deviations between annotators, between domains and of cells beyond both, of logits."""

    @property
    def value(self) -> NDArray[np.float64]:
        """(A, D) the expected accuracies, 0 to 1: the mean over the logit's normal (MacKay 1992, eq. 10)."""
        return expit(self.logit / np.sqrt(1 + np.pi / 8 * self.variance))

    @property
    def interval(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(A, D) the lower and the upper bounds of the 95 % intervals."""
        reach = Z_95 * np.sqrt(self.variance)
        value = self.value
        return np.minimum(expit(self.logit - reach), value), np.maximum(expit(self.logit + reach), value)

    def estimates(self) -> list[list[Estimate]]:
        """[annotator][domain] of estimates; where no gold was answered the reason says what the value is."""
        if not self.n.any():
            return [[undefined(NO_GOLD_AT_ALL) for _ in row] for row in self.n]
        people, domains = self.n.shape
        cells = self.of_cells(*np.indices((people, domains)).reshape(2, -1))
        return [cells[first : first + domains] for first in range(0, people * domains, domains)]

    def of_cells(self, annotators: NDArray[np.int64], domains: NDArray[np.int64]) -> list[Estimate]:
        """The estimates of some cells, by row and column, where any gold was answered at all."""
        lo, hi = self.interval
        columns = (each[annotators, domains].tolist() for each in (self.value, lo, hi, self.n))
        return [Estimate(*cell, "" if cell[3] else NO_GOLD) for cell in zip(*columns, strict=True)]


def domain_accuracy(right: ArrayLike, n: ArrayLike) -> DomainAccuracy:
    """Everybody's accuracy in every domain, from `right` (A, D), sums of shares, of `n` (A, D) gold answers.

    Raises TableError unless both have two dimensions, and 0 <= right <= n with n whole in each cell.
    """
    right, n = counts(right, n)
    if right.ndim != 2:
        raise TableError(f"Accuracy by domain needs annotators x domains, but right has {right.ndim} dimensions.")
    if not n.any():
        return DomainAccuracy(np.zeros(n.shape), np.full(n.shape, PRIOR_VARIANCE), n.astype(int), (0.0, 0.0, 0.0))
    share = right / np.maximum(n, 1)
    pooled = (right.sum() + 1) / (n.sum() + 2)
    within = ((right * (1 - share)).sum() + pooled * (1 - pooled)) / (np.maximum(n - 1, 0).sum() + 1)
    spread = _spread(share, n, within)
    logit, variance = _predict(share, n, (right + START * pooled) / (n + START), spread)
    return DomainAccuracy(logit, variance, n.astype(int), tuple(np.sqrt(spread).tolist()))


def _spread(share: NDArray, n: NDArray, within: float) -> NDArray:
    """(3,) the variances of annotators, domains and cells, of logits; `share` and `n` are (A, D).

    `within` is the pool's mean of p (1 - p): the part of the noise that is binomial, and the mean slope of p in its
    logit, by whose square variances of p become variances of logits (Stein 1981, lemma 1).
    """
    of_domains, (own, of_annotators, weights, parts) = moments(share, n, TYPICAL_N)
    of_domains = of_domains[of_domains[:, 0] > 0]
    by_domain, weighted, squared, noise = of_domains.T
    noise = noise * within
    people, domains = int(n.any(axis=1).sum()), len(of_domains)
    centred = people / max(people - 1, 1)
    pairs = weights - squared.sum()
    annotator = max(centred * (of_annotators - own) / max(pairs, LEAST), 0)
    cell = max((centred * own - noise.sum()) / squared.sum() - annotator, 0)
    errors = ((noise + cell * squared) / np.square(by_domain)).sum() * (1 - 1 / domains)
    means = weighted / by_domain
    away = np.square(means - means.mean()).sum()
    domain = max((away - annotator * parts - errors) / max(domains - 1, 1), 0)
    cases = np.array([people - 1, domains - 1, (people - 1) * (domains - 1)])
    found = np.minimum(np.array([annotator, domain, cell]) / within**2, MOST_SPREAD)
    return (PRIOR_CASES * PRIOR_SPREAD + cases * found) / (PRIOR_CASES + cases)


def _predict(share: NDArray, n: NDArray, start: NDArray, spread: NDArray) -> tuple[NDArray, NDArray]:
    """(A, D) the predictions of mu + u + v + w on the logit scale, and their variances; `start` are probabilities."""
    logit, p = np.log(start / (1 - start)), start
    for _ in range(MOST_STEPS):
        before = logit
        logit, known = _linear(*working(before, p, share, n, LEAST), spread)
        if np.abs(logit - before).max() < CLOSE:
            break
        p = expit(logit)
    return logit, _variance(known, spread)


@dataclass(frozen=True, eq=False)
class _Known:
    """What the cells say of the effects, of A annotators and D domains."""

    kept: NDArray[np.float64]
    """(A, D) the weight of a cell's own data beside its main effects."""
    own: NDArray[np.float64]
    """(A,) the variance of u given b."""
    covariance: NDArray[np.float64]
    """(D, D) of b."""


def _linear(seen: NDArray, precision: NDArray, spread: NDArray) -> tuple[NDArray, _Known]:
    """(A, D) the best linear predictions from cells seen with these precisions (A, D), and what they rest on.

    b_d = mu + v_d has the prior covariance s_v^2 I + PRIOR_VARIANCE; u given b is a weighted mean of what b leaves.
    """
    kept, own, matrix, side = eliminated(seen, precision, spread)
    inverse = np.linalg.inv(spread[1] * np.eye(len(side)) + PRIOR_VARIANCE)
    covariance = np.linalg.inv(inverse + matrix)
    return predicted(seen, kept, own, covariance @ side, spread[2]), _Known(kept, own, covariance)


def _variance(known: _Known, spread: NDArray) -> NDArray:
    """(A, D) the variances of the predictions."""
    return variances(known.kept, known.own, known.covariance, spread[2])


@dataclass(frozen=True, slots=True)
class Expertise:
    """What an annotator says of a domain, whether somebody has checked it, and what gold measured."""

    annotator: Hashable
    domain: Hashable
    declared: bool
    verified: bool
    measured: Estimate


def expertise(
    *,
    declared: Collection[tuple[Hashable, Hashable]],
    verified: Collection[tuple[Hashable, Hashable]],
    gold: Mapping[tuple[Hashable, Hashable], tuple[float, int]],
    wanted: Callable[[tuple[Hashable, Hashable]], bool] = lambda place: True,
) -> list[Expertise]:
    """Declared, verified and measured side by side, one row for each (annotator, domain) that any of the three names.

    `gold` maps (annotator, domain) to (right, n): the accuracy is that of `domain_accuracy` over the whole pool. What
    was declared and never measured is undefined, and its reason says so: what the pool would lead one to expect is no
    measurement. Rows come in the order in which the pairs are first named, as far as they are `wanted`.
    """
    places = [place for place in dict.fromkeys([*declared, *verified, *gold]) if wanted(place)]
    rows = {annotator: row for row, annotator in enumerate(dict.fromkeys(annotator for annotator, _ in gold))}
    columns = {domain: column for column, domain in enumerate(dict.fromkeys(domain for _, domain in gold))}
    right, n = np.zeros((2, len(rows), len(columns)))
    for (annotator, domain), (share, count) in gold.items():
        right[rows[annotator], columns[domain]], n[rows[annotator], columns[domain]] = share, count
    measured = [place for place in places if gold.get(place, (0, 0))[1]]
    cells = np.array([(rows[annotator], columns[domain]) for annotator, domain in measured], int).reshape(-1, 2)
    found = dict(zip(measured, domain_accuracy(right, n).of_cells(*cells.T), strict=True))
    claimed, checked, unmeasured = set(declared), set(verified), undefined(NOT_MEASURED)
    return [Expertise(*place, place in claimed, place in checked, found.get(place, unmeasured)) for place in places]
