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
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality.columns import floats, grouping
from annotate.quality.intervals import (
    NEGLIGIBLE,
    ONE_CLUSTER,
    Estimate,
    student_t_quantile,
    undefined,
    wilson,
)
from annotate.quality.score_kernels import group_rows, scatter
from annotate.quality.table import coded
from annotate.translations import translatable

NO_COVARIATE = translatable("There is nothing to control for: no length or other covariate was given.")
SAME = translatable("No two answers that were compared differ in it.")
FINITE = 0.01
"""Precision of the prior of theta."""
_MOST_STEPS = 60
_LONGEST_STEP = 2.0
_CLOSE = 1e-7
_CLOSE_VARIANCE = 1e-4
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


@dataclass(frozen=True, slots=True)
class WinRates:
    """The win rates of all models, sorted by name, and how much style counts."""

    models: list[ModelWinRate]
    slopes: dict[str, Estimate]
    """By covariate: what one typical difference adds to the log-odds, by way of tanh; n counts items."""
    scales: dict[str, float]
    """By covariate: the root mean square of its differences."""

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
) -> WinRates:
    """Win rates from one row per comparison of a model with the baseline on an item.

    `preference` (n,) is 1 where the model is preferred, 0 where the baseline is, 0.5 for a tie, or anything between;
    `covariates` are {name: ((n,) of the baseline's answers, (n,) of the model's)}. Raises TableError for preferences
    outside [0, 1], covariates that are no numbers, and columns of different lengths.
    """
    n = len(models)
    labels, model = coded("models", models)
    model = model.astype(np.int32)  # as `scores.py` gives it to the same kernel
    item, n_items = grouping("items", items, n)
    said = floats("preference", preference, n, low=0.0, high=1.0)
    gaps = {
        name: floats(f"{name} of the model", own, n) - floats(f"{name} of the baseline", base, n)
        for name, (base, own) in (covariates or {}).items()
    }
    if not n:
        return WinRates([], {}, {})
    scales = {name: float(np.sqrt(np.square(gap).mean())) or 1.0 for name, gap in gaps.items()}
    styles = [np.tanh(gaps[name] / scales[name]) for name in gaps]
    rows = _Rows(model, item, said, np.stack(styles, axis=1) if styles else np.zeros((n, 0)), labels.size, n_items)
    controlled = _Controlled.fit(rows) if gaps else None
    found = []
    for code, label in enumerate(labels.tolist()):
        own = np.flatnonzero(model == code)
        lc = controlled.win_rate(code) if controlled else undefined(NO_COVARIATE)
        found.append(ModelWinRate(str(label), own.size, _plain(said[own], item[own]), lc))
    slopes = {
        name: controlled.slope(at) if gaps[name].any() else undefined(SAME, n_items) for at, name in enumerate(gaps)
    }
    return WinRates(found, slopes, scales)


def _plain(said: NDArray, item: NDArray) -> Estimate:
    """The mean preference, clustered by item."""
    mean = float(said.mean())
    influence = np.bincount(np.unique(item, return_inverse=True)[1], said - mean) / said.size
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
    """Comparisons with the baseline; parameters are theta (M,), then beta (F,)."""

    model: NDArray[np.int32]
    item: NDArray[np.int32]
    said: NDArray[np.float64]
    style: NDArray[np.float64]
    """(n, F)"""
    n_models: int
    n_items: int

    @property
    def precision(self) -> NDArray[np.float64]:
        """(P,) of the priors."""
        return np.concatenate([np.full(self.n_models, FINITE), np.ones(self.style.shape[1])])

    def applied(self, parameters: NDArray) -> NDArray[np.float64]:
        """(n,) the log-odds of each row, without its difficulty."""
        return parameters[self.model] + self.style @ parameters[self.n_models :]

    def transposed(self, values: NDArray) -> NDArray[np.float64]:
        """(P,) sums of (n,) values by parameter."""
        return np.concatenate([np.bincount(self.model, values, minlength=self.n_models), values @ self.style])

    def over_items(self, values: NDArray) -> NDArray[np.float64]:
        """(items,) sums of (n,) values."""
        return np.bincount(self.item, values, minlength=self.n_items)

    def chances(self, parameters: NDArray, difficulty: NDArray) -> tuple[NDArray, NDArray]:
        """(n,) chances that the model is preferred, and their variances."""
        chance = 1 / (1 + np.exp(-self.applied(parameters) - difficulty[self.item]))
        return chance, chance * (1 - chance)

    def information(self, weight: NDArray, stiffness: NDArray) -> NDArray[np.float64]:
        """(P, P): sum of weight a a' less what the difficulties explain, sum over items of C C' / stiffness."""
        m = self.n_models
        whole = np.diag(self.precision)
        whole[np.arange(m), np.arange(m)] += np.bincount(self.model, weight, minlength=m)
        weighted = self.style * weight[:, None]
        for feature in range(self.style.shape[1]):
            across = np.bincount(self.model, weighted[:, feature], minlength=m)
            whole[:m, m + feature] += across
            whole[m + feature, :m] += across
        whole[m:, m:] += weighted.T @ self.style
        return whole - self._explained(weight / np.sqrt(stiffness)[self.item])

    def _explained(self, share: NDArray) -> NDArray[np.float64]:
        """(P, P) sum over items of the outer product of its summed rows; the baseline is a model more, and cut out."""
        if not share.any():
            return np.zeros((self.precision.size, self.precision.size))
        order, starts = group_rows(self.item, self.n_items)
        baseline = np.full(self.model.size, self.n_models, np.int32)
        style = np.ascontiguousarray(self.style.T)
        summed = scatter(order, starts, self.model, baseline, share, np.zeros(share.size), style, self.n_models + 1)
        kept = np.delete(np.arange(summed.shape[0] - 1), self.n_models)
        return summed[np.ix_(kept, kept)]


@dataclass(frozen=True, eq=False)
class _Controlled:
    """The fitted regression: parameters are theta (M,), then beta (F,)."""

    rows: _Rows
    parameters: NDArray[np.float64]
    difficulty: NDArray[np.float64]
    """(items,)"""
    stiffness: NDArray[np.float64]
    """(items,): the information on the difficulty, which moves by -1/stiffness times what pushes it; inf: it is 0."""
    bread: NDArray[np.float64]
    """(P, P): inverse of the information on the parameters, the difficulties profiled out."""

    @classmethod
    def fit(cls, rows: _Rows) -> _Controlled:
        """Newton's method in parameters and difficulties at once; the variance of the difficulties moves along."""
        returning = rows.said.size > rows.n_items
        variance = 1.0 if returning else 0.0
        parameters, difficulty = np.zeros(rows.precision.size), np.zeros(rows.n_items)
        for _ in range(_MOST_STEPS):
            chance, weight = rows.chances(parameters, difficulty)
            stiffness = rows.over_items(weight) + 1 / variance if returning else np.full(rows.n_items, np.inf)
            information = rows.information(weight, stiffness)
            surprise = rows.said - chance
            push = rows.over_items(surprise) - (difficulty / variance if returning else 0.0)
            gradient = rows.transposed(surprise - weight * (push / stiffness)[rows.item]) - rows.precision * parameters
            step = np.linalg.solve(information, gradient)
            move = (push - rows.over_items(weight * rows.applied(step))) / stiffness
            size = max(1.0, float(np.abs(step).max()) / _LONGEST_STEP)
            parameters, difficulty = parameters + step / size, difficulty + move / size
            before = variance
            if returning:
                determined = rows.n_items - float((1 / stiffness).sum()) / variance
                variance = max(float(np.square(difficulty).sum()) / max(determined, 1e-9), _SMALLEST_VARIANCE)
                variance = min(variance, 4 * before)
            if np.abs(step).max() < _CLOSE and abs(variance - before) < _CLOSE_VARIANCE * before:
                break
        return cls(rows, parameters, difficulty, stiffness, np.linalg.inv(information))

    def win_rate(self, model: int) -> Estimate:
        """The mean chance of a model where nothing but quality differs, over its comparisons."""
        rows = self.rows
        own = rows.model == model
        chance = np.where(own, 1 / (1 + np.exp(-self.parameters[model] - self.difficulty[rows.item])), 0.0)
        n = int(own.sum())
        value = float(chance.sum()) / n
        slope = chance * (1 - chance) / n
        weight = rows.chances(self.parameters, self.difficulty)[1]
        # The difficulties answer to the parameters, too.
        direction = -rows.transposed(weight * (rows.over_items(slope) / self.stiffness)[rows.item])
        direction[model] += slope.sum()
        chosen = rows.over_items(np.where(own, chance - value, 0.0)) / n
        items = np.unique(rows.item[own]).size
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
        surprise = rows.said - rows.chances(self.parameters, self.difficulty)[0]
        return rows.over_items(surprise * rows.applied(self.bread @ direction))
