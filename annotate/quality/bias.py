"""Which way annotators lean: the weight that each of them, and the pool, gives to what a text looks like.

For a comparison of a left and a right text by annotator a,

    logit P(left preferred) = skill_a * (quality_l - quality_r) + sum_f coef_af * (f_l - f_r) + position_a * shown,

where `shown` is 1 when the left one was shown first, -1 when the right one was. The coefficients of a person are
drawn from N(pool, diag(spread^2)), and pool and spread are estimated from everybody (empirical Bayes): who has judged
little is taken for a typical annotator, who has judged much speaks for themselves.

**Without a quality difference these are associations**, and no more: longer answers may win because they are better.
With one (gold, the consensus of the others, a reward model that was not trained on these judgements) a coefficient is
what the look of a text adds to its quality, as far as that quality is right. Neither is a verdict on a person.

Ties are left out. In Davidson's model (1970, "On extending the Bradley-Terry model to accommodate ties"), where the
odds of a tie go with the geometric mean of the two, the logit of "left" among the untied is exactly the one above
however frequent ties are: what is left is a conditional likelihood for the same coefficients. Counted as half wins,
ties shrink a coefficient (.80 -> .65 measured).

The fit, on columns scaled so that a difference, where there is one, has a root mean square of 1:
1. one pass over the judgements gives each annotator's gradient g and information I, as expected under their posterior
   N(theta_a, V_a) so far (the Gaussian variational approximation of Ormerod and Wand 2012; taken at the mode instead,
   few judgements each pull the pool towards 0: .43 for .50 at 20 judgements each);
2. with the quadratic likelihoods, b = g + I theta_a, V_a = (I + D)^-1, D = 1 / spread^2: the pool is the generalised
   least squares mean, a person the posterior mean V_a (b + D pool), and
   spread^2 = mean((theta_a - pool)^2 + V_a) (Laird and Ware 1982), which is solved as
   spread^2 = sum((theta_a - pool)^2) / sum(1 - V_a / spread^2) (MacKay 1992, eq. 2.23) with `fixed_points.py`: the
   same solution as by EM, in some 20 rounds for 1,500;
3. again from 1 until no coefficient moves.
Separation is no trouble: the prior keeps coefficients finite. The pool itself has a weak prior N(0, 2.5^2), after
Gelman et al. 2008; the spread one that weighs as much as one annotator at 0.5, so that few have a spread, too.

Intervals: a person's is the posterior's, widened by what is not known of the pool (after Kass and Steffey 1989). The
pool's is cluster-robust over annotators (sandwich, CR1, t(A-1)): at the solution an annotator's score is their g.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality.bias_kernels import gradients, means, posteriors
from annotate.quality.columns import floats
from annotate.quality.fixed_points import fixed_point
from annotate.quality.intervals import Z_95, Estimate, student_t_quantile, undefined
from annotate.quality.table import TableError, coded
from annotate.translations import translatable

NOTHING_COMPARED = translatable("Nobody has preferred one text to another yet.")
ALL_ALIKE = translatable("The texts compared do not differ in this.")
NOT_SEPARABLE = translatable("In these comparisons this cannot be told apart from the other features.")
NEVER_MET = translatable("This person has not compared texts that differ in this.")
ONE_PERSON = translatable("One annotator: the interval covers other comparisons, not other annotators.")

QUALITY, POSITION = "quality", "position"
POOL_PRECISION = 1 / 2.5**2
PRIOR_WEIGHT, PRIOR_SPREAD = 1.0, 0.5
LEAST_SPREAD = 0.02
LEAST = 2 * math.log(LEAST_SPREAD)
LONGEST_STEP = 3.0
MOST_PASSES, MOST_ROUNDS = 30, 100
SETTLED = 1e-6
CLOSER = 0.1
"""While coefficients move, log variances are found to so much of that."""
DEPENDENT = 1e-8


@dataclass(frozen=True, eq=False)
class Bias:
    """Coefficients by name: "quality" (where it was given), the features in their order, "position".

    A coefficient is in log-odds for one unit of the feature's difference. n counts the comparisons in which the two
    texts differ in the feature, ties left out.
    """

    annotator_labels: NDArray
    n_judgements: int
    """Comparisons with a preference."""
    n_ties: int
    pool: dict[str, Estimate]
    """Of the typical annotator; intervals are over annotators."""
    spread: dict[str, float | None]
    """Standard deviation between annotators; None where the coefficient is undefined."""
    annotators: dict[str, list[Estimate]]
    """One for each of `annotator_labels`."""

    def as_dict(self) -> dict:
        """Everything as JSON-ready values; annotators by label (as text), each {coefficient: estimate}."""
        people = {
            str(label): {name: found[at].as_dict() for name, found in self.annotators.items()}
            for at, label in enumerate(self.annotator_labels)
        }
        return {
            "n_annotators": len(people),
            "n_judgements": self.n_judgements,
            "n_ties": self.n_ties,
            "pool": {name: found.as_dict() for name, found in self.pool.items()},
            "spread": dict(self.spread),
            "annotators": people,
        }


def annotator_bias(
    annotators: Sequence,
    left_preferred: ArrayLike,
    features: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    quality: ArrayLike | None = None,
    position: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Bias:
    """The coefficients of everybody and of the pool, from n comparisons.

    `annotators` (n,) ids; `left_preferred` (n,) 1 (or True) for the left text, 0 for the right one, 0.5 for a tie;
    `features` (n, F) left minus right, named by `names` (feature_1, ... without); `quality` (n,) left minus right.
    `position` (n,) is 1 where the left text was shown first, -1 where the right one was and 0 where nobody knows;
    without it the left one was always first. `weights` (n,) say how much a comparison counts (default 1): the
    comparisons of one ranking are dependent, see `ranking_weight`.

    Raises TableError, naming the row, for columns of different lengths, values that are not finite numbers, an outcome
    other than 0, 0.5 and 1, or weights that are not positive.
    """
    labels, annotator = coded("annotators", annotators)
    left = _outcomes(left_preferred, annotator.size)
    columns, names = _columns(annotator.size, features, names, quality, position)
    weight = floats("weight", np.ones(annotator.size) if weights is None else weights, annotator.size)
    _refuse("has weight {}; weights are above 0.", weight, weight <= 0)
    strict = left != 0.5
    annotator, left, columns, weight = annotator[strict], left[strict], columns[strict], weight[strict]
    ties = int(strict.size - annotator.size)
    reasons = _why_undefined(columns, names, weight)
    kept = [at for at, name in enumerate(names) if name not in reasons]
    differing = np.stack([np.bincount(annotator, column != 0, minlength=labels.size) for column in columns.T])
    fit = _fit(annotator, left, columns[:, kept], weight, labels.size) if kept else None
    pool, spread, people = {}, {}, {}
    for at, name in enumerate(names):
        counts = differing[at].astype(int)
        if name in reasons:
            pool[name] = undefined(reasons[name], counts.sum())
            people[name] = [undefined(reasons[name], n) for n in counts]
            spread[name] = None
        else:
            place = kept.index(at)
            pool[name] = fit.pool_estimate(place, n=int(counts.sum()))
            people[name] = fit.person_estimates(place, counts)
            spread[name] = float(fit.spread[place])
    return Bias(labels, int(annotator.size), ties, pool, spread, people)


def ranking_weight(k: ArrayLike) -> NDArray[np.float64]:
    """How much each of the K(K-1)/2 comparisons of a ranking of `k` (any shape) texts counts: 3 / (K + 1).

    Two comparisons with one text in common have differences that correlate by 1/2 and, where nobody has a preference,
    outcomes that correlate by 1/3; with 2(K-2) such neighbours the variance of a score is 1 + (K-2)/3 = (K+1)/3 times
    that of independent ones. Coverage of 95 % at K = 7: 80 % with weights of 1, 96 % with these.
    """
    return 3 / (np.asarray(k) + 1)


def _outcomes(left_preferred: ArrayLike, n: int) -> NDArray[np.float64]:
    left = floats("outcome", left_preferred, n)
    sentence = "has outcome {}; give 1 for the left text, 0 for the right one, 0.5 for a tie."
    _refuse(sentence, left, ~np.isin(left, (0, 0.5, 1)))
    return left


def _columns(
    n: int,
    features: ArrayLike,
    names: Sequence[str] | None,
    quality: ArrayLike | None,
    position: ArrayLike | None,
) -> tuple[NDArray[np.float64], list[str]]:
    """The (n, P) columns of the regression, and their names."""
    try:
        table = np.asarray(features, dtype=float)
    except (TypeError, ValueError) as error:
        raise TableError(f"The features hold something else than numbers ({error}).") from error
    table = table.reshape(n, -1) if table.ndim != 2 and table.size in (0, n) else table
    if table.ndim != 2 or table.shape[0] != n:
        raise TableError(f"Every row needs an annotator and its features, but there are {n} and {table.shape}.")
    names = [f"feature_{at + 1}" for at in range(table.shape[1])] if names is None else list(names)
    if len(names) != table.shape[1] or len({*names, QUALITY, POSITION}) != len(names) + 2:
        raise TableError(
            f'{table.shape[1]} features need as many different names, none of them "{QUALITY}" or "{POSITION}".'
        )
    columns = {name: floats(name, table[:, at], n) for at, name in enumerate(names)}
    if quality is not None:
        columns = {QUALITY: floats(QUALITY, quality, n), **columns}
    shown = floats(POSITION, np.ones(n) if position is None else position, n)
    _refuse("has position {}; give 1, -1 or 0.", shown, ~np.isin(shown, (-1, 0, 1)))
    columns[POSITION] = shown
    return np.ascontiguousarray(np.stack(list(columns.values()), axis=1)), list(columns)


def _refuse(sentence: str, column: NDArray, wrong: NDArray) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise TableError(f"Row {row + 1} " + sentence.format(f"{column[row]:g}"))


def _why_undefined(columns: NDArray, names: Sequence[str], weight: NDArray) -> dict[str, str]:
    """The coefficients that these comparisons do not determine, each with its reason."""
    if not columns.shape[0]:
        return dict.fromkeys(names, NOTHING_COMPARED)
    reasons = {name: ALL_ALIKE for name, column in zip(names, columns.T, strict=True) if not column.any()}
    varying = [at for at, name in enumerate(names) if name not in reasons]
    scaled = columns[:, varying] / _scale(columns[:, varying])
    values, vectors = np.linalg.eigh(scaled.T @ (scaled * weight[:, None]) / weight.sum())
    for vector in vectors.T[values < DEPENDENT * values[-1]] if varying else ():
        entangled = [at for at, share in zip(varying, vector, strict=True) if abs(share) > math.sqrt(DEPENDENT)]
        reasons |= {names[at]: NOT_SEPARABLE for at in entangled}
    return reasons


def _scale(columns: NDArray) -> NDArray[np.float64]:
    """(P,) root mean squares of the differences that there are, so that rare features are not scaled up.

    Not standard deviations: which text is the left one is arbitrary, so 0 stays 0.
    """
    return np.sqrt(np.square(columns).sum(axis=0) / np.count_nonzero(columns, axis=0))


@dataclass(frozen=True, eq=False)
class _Fit:
    """The fit in the features' own units; standard errors (P,) and (A, P)."""

    pool: NDArray
    pool_error: NDArray
    people: NDArray
    people_error: NDArray
    spread: NDArray
    judged: int
    """How many annotators have a preference."""

    def pool_estimate(self, at: int, *, n: int) -> Estimate:
        value, alone = float(self.pool[at]), self.judged < 2
        half = (Z_95 if alone else student_t_quantile(self.judged - 1)) * float(self.pool_error[at])
        return Estimate(value, value - half, value + half, n, ONE_PERSON if alone else "")

    def person_estimates(self, at: int, counts: NDArray) -> list[Estimate]:
        values = self.people[:, at]
        halves = Z_95 * self.people_error[:, at]
        return [
            Estimate(float(value), float(value - half), float(value + half), int(n)) if n else undefined(NEVER_MET)
            for value, half, n in zip(values, halves, counts, strict=True)
        ]


def _fit(annotator: NDArray, left: NDArray, columns: NDArray, weight: NDArray, people: int) -> _Fit:
    """The hierarchical fit; `people` counts annotators, those without a preference included."""
    scale = _scale(columns)
    columns = np.ascontiguousarray(columns / scale)
    present = np.flatnonzero(np.bincount(annotator, minlength=people))
    place = np.zeros(people, np.int64)
    place[present] = np.arange(present.size)
    codes = place[annotator]
    theta, covariance = np.zeros((present.size, scale.size)), np.zeros((present.size, scale.size, scale.size))
    prior = _Prior(np.zeros(scale.size), np.full(scale.size, PRIOR_SPREAD**2))
    moved = 1.0
    for _ in range(MOST_PASSES):
        slope, information = gradients(codes, left, columns, weight, theta, covariance)
        linear = slope + np.einsum("apq,aq->ap", information, theta)
        found = _empirical_bayes(information, linear, prior, max(SETTLED, CLOSER * moved))
        prior, covariance = found.prior, found.covariance
        step = np.clip(found.mean - theta, -LONGEST_STEP, LONGEST_STEP)
        theta, moved = theta + step, float(np.abs(step).max())
        if moved < SETTLED:
            break
    slope, _ = gradients(codes, left, columns, weight, theta, covariance)
    shrinkage = covariance / prior.variance  # V_a D: how much of the pool is in a person
    widening = np.einsum("apq,apq->ap", shrinkage @ found.bread, shrinkage)
    error = np.sqrt(np.einsum("app->ap", covariance) + widening)
    # Who has no preference at all is described by what is known of people: they are undefined in each coefficient.
    everybody, errors = np.tile(prior.mean, (people, 1)), np.zeros((people, scale.size))
    everybody[present], errors[present] = theta, error
    alone = present.size < 2  # then the pool is this person
    return _Fit(
        pool=(theta[0] if alone else prior.mean) / scale,
        pool_error=(error[0] if alone else _pool_error(slope, found.bread)) / scale,
        people=everybody / scale,
        people_error=errors / scale,
        spread=np.sqrt(prior.variance) / scale,
        judged=present.size,
    )


@dataclass(frozen=True, eq=False)
class _Prior:
    mean: NDArray
    variance: NDArray


@dataclass(frozen=True, eq=False)
class _Posterior:
    """What is known of everybody under a prior: means (A, P) and covariances (A, P, P)."""

    prior: _Prior
    mean: NDArray
    covariance: NDArray
    bread: NDArray
    """(P, P) the covariance of the pool's coefficients."""
    likelier: NDArray
    """(P,) the variances that this says people have: those of the prior, once it is the right one."""


def _empirical_bayes(information: NDArray, linear: NDArray, prior: _Prior, tolerance: float) -> _Posterior:
    """Pool and spread for quadratic likelihoods, to a tolerance of log variances, with what follows from them."""

    def updated(log_variance: NDArray) -> NDArray:
        found = _posterior(information, linear, np.exp(log_variance))
        return np.maximum(np.log(found.likelier), LEAST)

    start = np.log(prior.variance)
    variance = np.exp(fixed_point(updated, start, tolerance=tolerance, least=LEAST, most=MOST_ROUNDS))
    return _posterior(information, linear, variance)


def _posterior(information: NDArray, linear: NDArray, variance: NDArray) -> _Posterior:
    people, width = linear.shape
    precision = 1 / variance
    covariance, total, shifted = posteriors(information, linear, precision)
    within = people * np.diag(precision) - precision[:, None] * total * precision
    bread = np.linalg.inv(within + POOL_PRECISION * np.eye(width))
    pool = bread @ (precision * shifted)
    mean, apart = means(covariance, linear, precision, pool)
    known = people - np.diag(total) * precision  # how many people's worth of data speaks of each coefficient
    likelier = (apart + PRIOR_WEIGHT * PRIOR_SPREAD**2) / (known + PRIOR_WEIGHT)
    return _Posterior(_Prior(pool, variance), mean, covariance, bread, likelier)


def _pool_error(slope: NDArray, bread: NDArray) -> NDArray[np.float64]:
    """(P,) standard errors of the pool's coefficients: the sandwich over annotators."""
    people = len(slope)
    meat = slope.T @ slope * people / (people - 1)
    return np.sqrt(np.diag(bread @ meat @ bread))
