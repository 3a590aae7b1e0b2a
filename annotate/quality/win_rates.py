"""Win rates of models against one baseline, as judged and at equal length.

The length-controlled win rate follows AlpacaEval 2 (Dubois et al. 2024, "Length-controlled AlpacaEval", eq. 2): a
logistic regression of the preference, from which the part of the length is then left out,

    logit P(model m is preferred on item x) = theta_m + gamma_x + beta . tanh(z)
    lc_win_rate of m = mean over its comparisons of logistic(theta_m + gamma_x)

where z is the difference of a covariate, model minus baseline, over its root mean square, and tanh keeps one enormous
answer from deciding the slope. Departures: the slope beta is shared by all models, with a normal prior (mean 0,
standard deviation 1), as a slope of each model's own cannot be told from theta_m where a model is always longer; z is
not centred, so that equal answers have z = 0; the difficulty gamma_x is normal around 0 with a variance that is
estimated (MacKay 1992, "Bayesian interpolation", eq. 4.9), instead of a slope per model times a difficulty, and is left
out where no item returns.
theta has a prior with standard deviation 10, which keeps a model finite that always won. Preferences between 0 and 1
count as so much of a win (cross-entropy).

Intervals: items are the clusters; sandwich with the items' difficulties profiled out, the choice of items included;
then Wilson's interval at the effective sample size, t(items - 1), which stays inside [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality import win_rate_kernels as kernels
from annotate.quality.columns import counted, floats
from annotate.quality.intervals import (
    NEGLIGIBLE,
    ONE_CLUSTER,
    Estimate,
    student_t_quantile,
    undefined,
    wilson,
)
from annotate.quality.table import TableError, coded
from annotate.translations import translatable

NO_COVARIATE = translatable("There is nothing to control for: no length or other covariate was given.")
SAME = translatable("No two answers that were compared differ in it.")
FINITE = 0.01
"""Precision of the prior of theta."""
_MOST_STEPS = 60
_LONGEST_STEP = 2.0
_CLOSE = 1e-6
"""Of a Newton step: the error after it is about its square."""
_NEAR, _NOTHING = 1e-4, 1e-7
"""A step below the first is close, too, where it changes intervals by less than the second: they are as long before it
as after, but for a share as large as the step."""
_CLOSE_VARIANCE = 1e-5
"""Of the logarithm of the variance: a rate changes by less than a tenth of that."""
_TELLING = 1e-3
"""Only two variances whose logarithms are this far apart tell the slope of the secant: nearer ones tell rounding."""
_FLATTEST = -0.05
"""The slope of the secant is no flatter: a step is at most so many times what MacKay's rule would do."""
_SMALLEST_VARIANCE = 1e-3


@dataclass(frozen=True, slots=True)
class ModelWinRate:
    """How often a model is preferred to the baseline; n counts items."""

    model: str
    n_comparisons: int
    win_rate: Estimate
    lc_win_rate: Estimate
    """At equal length (and whatever else was given), on the items that the model was judged on."""

    def as_dict(self) -> dict:
        """Ready for JSON."""
        rates = {"win_rate": self.win_rate.as_dict(), "lc_win_rate": self.lc_win_rate.as_dict()}
        return {"model": self.model, "n_comparisons": self.n_comparisons, **rates}


@dataclass(frozen=True, eq=False)
class End:
    """Where a fit ended, for a later one of nearly the same comparisons to begin."""

    labels: NDArray
    """Of the models."""
    parameters: NDArray[np.float64]
    items: NDArray
    """Sorted."""
    difficulty: NDArray[np.float64]
    variance: float
    secant: float
    """The slope of how far an assumed variance and the implied one are apart, by the assumed one, as logarithms."""

    def for_items(self, items: NDArray) -> NDArray[np.float64]:
        """The difficulties of these items, 0 where there was none."""
        place = np.minimum(np.searchsorted(self.items, items), self.items.size - 1)
        return np.where(self.items[place] == items, self.difficulty[place], 0.0)


@dataclass(frozen=True, slots=True)
class WinRates:
    """The win rates of all models, sorted by name, and how much style counts."""

    models: list[ModelWinRate]
    slopes: dict[str, Estimate]
    """By covariate: what one typical difference adds to the log-odds, by way of tanh; n counts items."""
    scales: dict[str, float]
    """By covariate: the root mean square of its differences."""
    end: End | None = None
    """Where the fit ended; None where nothing was controlled for."""

    def as_dict(self) -> dict:
        """Ready for JSON."""
        return {
            "models": {one.model: one.as_dict() for one in self.models},
            "slopes": {name: slope.as_dict() for name, slope in self.slopes.items()},
            "scales": self.scales,
        }


def win_rates(
    models: Sequence,
    items: Sequence,
    preference: ArrayLike,
    covariates: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    counts: ArrayLike | None = None,
    start: End | None = None,
) -> WinRates:
    """Win rates from one row per comparison of a model with the baseline on an item.

    `preference` (n,) is 1 where the model is preferred, 0 where the baseline is, 0.5 for a tie, or anything between;
    `covariates` are {name: ((n,) of the baseline's answers, (n,) of the model's)}. With `counts` (n,) > 0 a row stands
    for so many comparisons, whose mean preference it has. A fit may `start` where one of nearly the same rows ended.
    Raises TableError for preferences outside [0, 1], covariates that are no numbers, and columns of different lengths.
    """
    n = len(models)
    labels, model = _coded("models", models, n)
    names, item = _coded("items", items, n)
    said = floats("preference", preference, n, low=0.0, high=1.0)
    count = np.ones(n) if counts is None else floats("count", counts, n, low=0.0)
    gaps = {
        name: floats(f"{name} of the model", own, n) - floats(f"{name} of the baseline", base, n)
        for name, (base, own) in (covariates or {}).items()
    }
    if not n:
        return WinRates([], {}, {})
    scales = {name: float(np.sqrt(np.square(gap) @ count / count.sum())) or 1.0 for name, gap in gaps.items()}
    styles = np.stack([np.tanh(gaps[name] / scales[name]) for name in gaps]) if gaps else np.zeros((0, n))
    order = np.argsort(item, kind="stable")
    columns = (column[..., order] for column in (model.astype(np.int32), item, said, count, styles))
    rows = _Rows(*columns, labels.size, names.size)
    if start is not None and not np.array_equal(start.labels, labels):
        start = None
    begin = (start.parameters, start.for_items(names), start.variance, start.secant) if start else None
    controlled = _Controlled.fit(rows, begin) if gaps else None
    found = []
    for code, label in enumerate(labels.tolist()):
        own = np.flatnonzero(rows.model == code)
        lc = controlled.win_rate(code) if controlled else undefined(NO_COVARIATE)
        found.append(ModelWinRate(str(label), round(rows.count[own].sum()), _plain(rows, own), lc))
    slopes = {
        name: controlled.slope(at) if gaps[name].any() else undefined(SAME, names.size) for at, name in enumerate(gaps)
    }
    return WinRates(found, slopes, scales, controlled and controlled.end(labels, names))


def _coded(name: str, column: Sequence, n: int) -> tuple[NDArray, NDArray]:
    """The labels of a column, sorted, and (n,) their codes."""
    values = np.asarray(column)
    if values.shape != (n,):
        raise TableError(f"Every row needs one of the {name}, but there are {values.size} for {n} rows.")
    found = counted(values)
    return (found[0], found[1][0]) if found else coded(name, values)


def _plain(rows: _Rows, own: NDArray) -> Estimate:
    """The mean preference of some rows, clustered by item."""
    said, count = rows.said[own], rows.count[own]
    mean = float(said @ count / count.sum())
    items = np.cumsum(np.diff(rows.item[own], prepend=-1) > 0) - 1
    influence = np.bincount(items, count * (said - mean)) / count.sum()
    return _share(mean, influence, influence.size)


def _share(value: float, influence: NDArray, groups: int, unsure: float = 0.0) -> Estimate:
    """A share with Wilson's interval at its effective sample size, from what each cluster adds to its error.

    `unsure` is a variance besides.
    """
    if groups < 2:
        return Estimate(value, None, None, groups, ONE_CLUSTER)
    variance = groups / (groups - 1) * float(np.square(influence).sum()) + unsure
    effective = value * (1 - value) / variance if variance > NEGLIGIBLE**2 and 0 < value < 1 else groups
    wide = wilson(value * effective, effective, z=student_t_quantile(groups - 1))
    return Estimate(value, min(value, wide.lo), max(value, wide.hi), groups)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Comparisons with the baseline, sorted by item; parameters are theta (M,), then beta (F,)."""

    model: NDArray[np.int32]
    item: NDArray
    said: NDArray[np.float64]
    count: NDArray[np.float64]
    style: NDArray[np.float64]
    """(F, n)"""
    n_models: int
    n_items: int

    @property
    def precision(self) -> NDArray[np.float64]:
        """(P,) of the priors."""
        return np.concatenate([np.full(self.n_models, FINITE), np.ones(self.style.shape[0])])

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(items + 1,) where the rows of each item begin, and the end."""
        return np.append(np.flatnonzero(np.diff(self.item, prepend=-1)), self.item.size)

    def applied(self, parameters: NDArray) -> NDArray[np.float64]:
        """(n,) the log-odds of each row, without its difficulty."""
        return parameters[self.model] + parameters[self.n_models :] @ self.style

    def transposed(self, values: NDArray) -> NDArray[np.float64]:
        """(P,) sums of (n,) values by parameter."""
        return np.concatenate([np.bincount(self.model, values, minlength=self.n_models), self.style @ values])

    def over_items(self, values: NDArray) -> NDArray[np.float64]:
        """(items,) sums of (n,) values."""
        return np.bincount(self.item, values, minlength=self.n_items)

    def chances(self, parameters: NDArray, difficulty: NDArray) -> NDArray[np.float64]:
        """(n,) chances that the model is preferred."""
        return 1 / (1 + np.exp(-self.applied(parameters) - difficulty[self.item]))


def _is_last(step: float, information: NDArray) -> bool:
    """Whether a Newton step is the last: after it nothing that is shown would change."""
    if step >= _NEAR:
        return False
    return step < _CLOSE or step * math.sqrt(float(np.diag(np.linalg.inv(information)).max())) < _NOTHING


@dataclass(frozen=True, eq=False)
class _Controlled:
    """The fitted regression: parameters are theta (M,), then beta (F,)."""

    rows: _Rows
    parameters: NDArray[np.float64]
    difficulty: NDArray[np.float64]
    """(items,)"""
    variance: float
    """Of the difficulties; 0 where no item returns."""
    stiffness: NDArray[np.float64]
    """(items,): the information on the difficulty, which moves by -1/stiffness times what pushes it; inf: it is 0."""
    bread: NDArray[np.float64]
    """(P, P): inverse of the information on the parameters, the difficulties profiled out."""
    secant: float = -1.0
    """See `End`."""

    @classmethod
    def fit(cls, rows: _Rows, begin: tuple[NDArray, NDArray, float, float] | None = None) -> _Controlled:
        """The maximum for a variance of the difficulties, and the variance that this maximum implies, until they agree.

        The variance moves by the secant of how far the two are apart, as logarithms: MacKay's rule alone creeps.
        """
        returning = rows.count.sum() > rows.n_items
        begin = begin or (np.zeros(rows.precision.size), np.zeros(rows.n_items), 1.0, -1.0)
        parameters, difficulty, variance, slope = begin
        before: tuple[float, float] | None = None
        for _ in range(_MOST_STEPS):
            found = cls._at(rows, parameters, difficulty, variance if returning else 0.0)
            parameters, difficulty = found.parameters, found.difficulty
            if not returning:
                return found
            determined = rows.n_items - float((1 / found.stiffness).sum()) / variance
            implied = max(float(np.square(difficulty).sum()) / max(determined, 1e-9), _SMALLEST_VARIANCE)
            here, apart = math.log(variance), math.log(implied / variance)
            if before and abs(here - before[0]) > _TELLING:
                slope = min((apart - before[1]) / (here - before[0]), _FLATTEST)
            if abs(apart) < _CLOSE_VARIANCE:
                break
            step = -apart / slope
            before = (here, apart)
            step = min(max(step, -_LONGEST_STEP), _LONGEST_STEP)
            variance = max(math.exp(here + step), _SMALLEST_VARIANCE)
        return replace(found, secant=slope)

    @classmethod
    def _at(cls, rows: _Rows, parameters: NDArray, difficulty: NDArray, variance: float) -> _Controlled:
        """Newton's method in parameters and difficulties at once, for a variance of the difficulties."""
        starts, precision = rows.starts, rows.precision
        columns = rows.model, rows.said, rows.count, rows.style
        for _ in range(_MOST_STEPS):
            information, gradient, push, stiffness, weight, difficulty = kernels.difficulty_pass(
                starts, *columns, parameters, difficulty, variance, rows.n_models
            )
            information += np.diag(precision)
            step = np.linalg.solve(information, gradient - precision * parameters)
            size = max(1.0, float(np.abs(step).max()) / _LONGEST_STEP)
            parameters = parameters + step / size
            moved = 0.0
            if variance:
                difficulty, moved = kernels.moved(
                    starts, rows.model, rows.style, weight, push, stiffness, difficulty, step, size, rows.n_models
                )
            if _is_last(max(float(np.abs(step).max()), moved), information):
                break
        return cls(rows, parameters, difficulty, variance, stiffness, np.linalg.inv(information))

    def end(self, labels: NDArray, items: NDArray) -> End:
        """Where it ended; labels are those of the models and of the items."""
        return End(labels, self.parameters, items, self.difficulty, self.variance or 1.0, self.secant)

    @cached_property
    def fitted(self) -> NDArray[np.float64]:
        """(n,) the chance of each row that its model is preferred."""
        return self.rows.chances(self.parameters, self.difficulty)

    def win_rate(self, model: int) -> Estimate:
        """The mean chance of a model where nothing but quality differs, over its comparisons."""
        rows = self.rows
        own = np.flatnonzero(rows.model == model)
        item, counts = rows.item[own], rows.count[own]
        chance = 1 / (1 + np.exp(-self.parameters[model] - self.difficulty[item]))
        n = float(counts.sum())
        value = float(counts @ chance) / n
        slope = counts * chance * (1 - chance) / n
        weight = rows.count * self.fitted * (1 - self.fitted)
        by_item = np.bincount(item, slope, minlength=rows.n_items)
        # The difficulties answer to the parameters, too.
        direction = -rows.transposed(weight * (by_item / self.stiffness)[rows.item])
        direction[model] += slope.sum()
        chosen = np.bincount(item, counts * (chance - value), minlength=rows.n_items) / n
        items = int((np.diff(item, prepend=-1) > 0).sum())
        return _share(value, chosen + self._influence(direction), items, self._prior_variance(direction))

    def slope(self, feature: int) -> Estimate:
        """What one typical difference adds to the log-odds."""
        at = self.rows.n_models + feature
        direction = np.eye(self.parameters.size)[at]
        influence = self._influence(direction)
        value, groups = float(self.parameters[at]), influence.size
        if groups < 2:
            return Estimate(value, None, None, groups, ONE_CLUSTER)
        variance = groups / (groups - 1) * float(np.square(influence).sum()) + self._prior_variance(direction)
        half = student_t_quantile(groups - 1) * math.sqrt(variance)
        return Estimate(value, value - half, value + half, groups)

    def _prior_variance(self, direction: NDArray) -> float:
        """What the priors leave open of such a function: they count as the little evidence that they are."""
        return float(self.rows.precision @ np.square(self.bread @ direction))

    def _influence(self, direction: NDArray) -> NDArray[np.float64]:
        """(items,) what each item adds to the error of a function of the parameters with this slope (P,)."""
        rows = self.rows
        surprise = rows.count * (rows.said - self.fitted)
        return rows.over_items(surprise * rows.applied(self.bread @ direction))
