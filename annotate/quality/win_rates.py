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
from annotate.quality.changes import added, left, square
from annotate.quality.columns import counted, floats
from annotate.quality.davidson import is_last
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
_FAR = 0.3
"""While the parameters are so far off, the variance stays."""
_SAME_SCALE = 3e-5
"""Scales whose logarithms differ by less move no rate by a millionth."""
_FLATTEST = -0.003
"""How fast an implied variance meets an assumed one: a step is at most so many times what MacKay's rule would do."""
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
    counts: ArrayLike | None = None,
) -> WinRates:
    """Win rates from one row per comparison of a model with the baseline on an item.

    `preference` (n,) is 1 where the model is preferred, 0 where the baseline is, 0.5 for a tie, or anything between;
    `covariates` are {name: ((n,) of the baseline's answers, (n,) of the model's)}. With `counts` (n,) > 0 a row stands
    for so many comparisons, whose mean preference it has. Raises TableError for preferences outside [0, 1], covariates
    that are no numbers, and columns of different lengths.
    """
    n = len(models)
    labels, model = _coded("models", models, n)
    _names, item = _coded("items", items, n)
    said = floats("preference", preference, n, low=0.0, high=1.0)
    count = np.ones(n) if counts is None else floats("count", counts, n, low=0.0)
    gaps = {
        name: floats(f"{name} of the model", own, n) - floats(f"{name} of the baseline", base, n)
        for name, (base, own) in (covariates or {}).items()
    }
    if not n:
        return WinRates([], {}, {})
    columns = np.array(list(gaps.values())).reshape(len(gaps), n)
    return RateBase(Against.of(model, item, said, count, columns, labels.size)).rates(labels, list(gaps))


def _coded(name: str, column: Sequence, n: int) -> tuple[NDArray, NDArray]:
    """The labels of a column, sorted, and (n,) their codes."""
    values = np.asarray(column)
    if values.shape != (n,):
        raise TableError(f"Every row needs one of the {name}, but there are {values.size} for {n} rows.")
    found = counted(values)
    return (found[0], found[1][0]) if found else coded(name, values)


@dataclass(frozen=True, eq=False)
class Against:
    """Comparisons with the baseline (n,), sorted by item."""

    model: NDArray[np.int32]
    """Codes."""
    starts: NDArray[np.int64]
    """(items + 1,) where the rows of each item begin, and the end."""
    said: NDArray[np.float64]
    """How far the model is preferred, from 0 to 1."""
    count: NDArray[np.float64]
    gaps: NDArray[np.float64]
    """(F, n) of the covariates, the model's less the baseline's."""
    n_models: int

    @classmethod
    def of(cls, model: NDArray, item: NDArray, said: NDArray, count: NDArray, gaps: NDArray, n_models: int) -> Against:
        """Of rows in any order."""
        order = np.argsort(item, kind="stable")
        model, item, said, count, gaps = (column[..., order] for column in (model, item, said, count, gaps))
        starts = np.append(np.flatnonzero(np.diff(item, prepend=item[:1] - 1)), item.size)
        return cls(model.astype(np.int32), starts, said, count, gaps, n_models)

    @cached_property
    def size(self) -> NDArray[np.float64]:
        """(2,) how many items, and how many comparisons."""
        return np.array([self.starts.size - 1, self.count.sum()])

    @cached_property
    def squares(self) -> NDArray[np.float64]:
        """(F,) sums over comparisons of the squared differences."""
        return np.square(self.gaps) @ self.count


@dataclass(frozen=True, eq=False)
class _Place:
    """Where a regression is looked at."""

    parameters: NDArray[np.float64]
    """(P,) theta (M,), then beta (F,)."""
    variance: float
    """Of the items' difficulties; 0 where no item returns."""
    scales: NDArray[np.float64]
    """(F,) what the covariates are divided by."""

    @property
    def precision(self) -> NDArray[np.float64]:
        """(P,) of the priors."""
        width = self.scales.size
        return np.append(np.full(self.parameters.size - width, FINITE), np.ones(width))

    def serves(self, scales: NDArray[np.float64], *, returning: bool) -> bool:
        """Whether it is as good as one with these scales, where items return or not."""
        moved = np.abs(np.log(self.scales / scales)).max(initial=0.0)
        return moved < _SAME_SCALE and (self.variance > 0) == returning

    def after(self, step: NDArray[np.float64]) -> _Place:
        """The place after a step (P + 1,), the last being that of the logarithm of the variance."""
        return replace(self, parameters=self.parameters + step[:-1], variance=self.variance * math.exp(float(step[-1])))


@dataclass(frozen=True, eq=False)
class _At:
    """What comparisons add up to at some place, each item having its most likely difficulty."""

    rows: Against
    place: _Place
    near: NDArray[np.float64]
    """(items,) difficulties to begin at."""

    @cached_property
    def _columns(self) -> tuple:
        rows, place = self.rows, self.place
        style = np.tanh(rows.gaps / place.scales[:, None])
        return rows.starts, rows.model, rows.said, rows.count, style, place.parameters, place.variance

    @cached_property
    def _settled(self) -> tuple[NDArray, ...]:
        return kernels.settle(*self._columns, self.near, self.rows.n_models)

    @property
    def difficulty(self) -> NDArray[np.float64]:
        """(items,)"""
        return self._settled[0]

    @property
    def step(self) -> tuple[NDArray, ...]:
        """As `kernels.settle` has it."""
        return self._settled[1:]

    @cached_property
    def told(self) -> tuple[NDArray, ...]:
        """As `kernels.tell` has it."""
        return kernels.tell(*self._columns, self.difficulty, self.rows.n_models)


Change = tuple[Against, int]
"""Whole items: -1 they went, 1 they came."""


@dataclass(eq=False)
class RateBase:
    """Comparisons of which the rates are asked for again and again, while a few of their items change.

    For given parameters, variance and scales everything is a sum over items. So these sums are kept where the last fit
    ended; those of items that changed are taken off and added, and Newton's step leads to the new maximum.
    """

    rows: Against
    last: _At | None = None
    """Where the last fit ended."""

    def rates(self, labels: NDArray, names: list[str], changes: Sequence[Change] = ()) -> WinRates:
        """The rates with these changes; labels are those of the models (M,), names those of the covariates."""
        parts = [(self.rows, 1), *changes]
        n_items, n = added([(part.size, sign) for part, sign in parts])
        scales = np.sqrt(left([(part.squares, sign) for part, sign in parts]) / n)
        here, step, information = self._fitted(changes, np.where(scales > 0, scales, 1.0), n_items, n > n_items)
        squares, totals, products, crossing, slopes = self._sums(here, changes, "told")
        told = _Told(here.place, step, information, squares, int(n_items))
        models = []
        for m, label in enumerate(labels.tolist()):
            sums = totals[m], products[m], crossing[m], slopes[m]
            controlled = told.win_rate(*sums) if names else undefined(NO_COVARIATE)
            models.append(ModelWinRate(str(label), round(totals[m, kernels.COMPARED]), _plain(*sums[:2]), controlled))
        found = {
            name: told.slope(labels.size + at) if scales[at] else undefined(SAME, int(n_items))
            for at, name in enumerate(names)
        }
        return WinRates(models, found, dict(zip(names, here.place.scales.tolist(), strict=True)))

    def _fitted(
        self, changes: Sequence[Change], scales: NDArray, n_items: float, returning: bool
    ) -> tuple[_At, NDArray, NDArray]:
        """A place near the maximum, the step from there (P + 1,), the last being that of the logarithm of the variance,
        and the information there (P, P).
        """
        here = self._begin(scales, returning=returning and scales.size > 0)
        for _ in range(_MOST_STEPS):
            step, information = _newton(self._sums(here, changes, "step"), here.place, n_items)
            if not scales.size or is_last(float(np.abs(step).max()), information):
                break
            here = _At(self.rows, here.place.after(step), here.difficulty)
        self.last = here
        return here, step, information

    def _begin(self, scales: NDArray, *, returning: bool) -> _At:
        """Where the last fit ended, or near there."""
        last = self.last
        if last and last.place.serves(scales, returning=returning):
            return last
        parameters = last.place.parameters if last else np.zeros(self.rows.n_models + scales.size)
        if not returning:
            return _At(self.rows, _Place(parameters, 0.0, scales), np.zeros(self.rows.starts.size - 1))
        near = last.difficulty if last else np.zeros(self.rows.starts.size - 1)
        return _At(self.rows, _Place(parameters, (last and last.place.variance) or 1.0, scales), near)

    def _sums(self, here: _At, changes: Sequence[Change], name: str) -> list[NDArray]:
        """Sums of the base at some place, and of the changes there."""
        found = list(getattr(here, name))
        for part, sign in changes:
            more = getattr(_At(part, here.place, np.zeros(part.starts.size - 1)), name)
            found = [was + sign * change for was, change in zip(found, more, strict=True)]
        return found


def _newton(sums: Sequence[NDArray], place: _Place, n_items: float) -> tuple[NDArray, NDArray]:
    """The step (P + 1,) to the maximum, and the information (P, P), the prior included.

    The variance is to be the one that the difficulties imply (MacKay), which moves the parameters and is moved by them.
    """
    gradient, information, by_variance, spread, slopes = sums
    precision, variance = place.precision, place.variance
    information = information + np.diag(precision)
    step = np.linalg.solve(information, gradient - precision * place.parameters)
    if not variance or np.abs(step).max() > _FAR:
        return np.append(step, 0.0) / max(1.0, float(np.abs(step).max()) / _LONGEST_STEP), information
    determined = max(n_items - spread[1] / variance, 1e-9)
    implied = spread[0] / determined
    # How far the logarithm of the implied variance is above that of the assumed one, and how that changes.
    if implied > _SMALLEST_VARIANCE:
        apart = math.log(implied / variance)
        bend = slopes[0] / spread[0] + slopes[1] / variance / determined
        bend[-1] -= spread[1] / variance / determined + 1.0
    else:
        apart, bend = math.log(_SMALLEST_VARIANCE / variance), np.append(np.zeros(step.size), -1.0)
    along = -np.linalg.solve(information, by_variance)
    move = -(apart + bend[:-1] @ step) / min(bend[-1] + bend[:-1] @ along, _FLATTEST)
    move = max(min(max(move, -_LONGEST_STEP), _LONGEST_STEP), math.log(_SMALLEST_VARIANCE / variance))
    return np.append(step + along * move, move), information


def _plain(totals: NDArray, products: NDArray) -> Estimate:
    """The mean preference, clustered by item."""
    n = totals[kernels.COMPARED]
    mean = float(totals[kernels.SAID] / n)
    factors = np.zeros(3)
    factors[[kernels.SAID, kernels.COMPARED]] = 1.0, -mean
    return _share(mean, square(factors / n, products), int(totals[kernels.ITEMS]))


def _share(value: float, squares: float, groups: int, unsure: float = 0.0) -> Estimate:
    """A share with Wilson's interval at its effective sample size, from the sum of squares of what clusters add to its
    error; `unsure` is a variance besides.
    """
    if groups < 2:
        return Estimate(value, None, None, groups, ONE_CLUSTER)
    variance = groups / (groups - 1) * squares + unsure
    effective = value * (1 - value) / variance if variance > NEGLIGIBLE**2 and 0 < value < 1 else groups
    wide = wilson(value * effective, effective, z=student_t_quantile(groups - 1))
    return Estimate(value, min(value, wide.lo), max(value, wide.hi), groups)


@dataclass(frozen=True, eq=False)
class _Told:
    """The fitted regression."""

    place: _Place
    step: NDArray[np.float64]
    """(P + 1,) from there to the maximum."""
    information: NDArray[np.float64]
    squares: NDArray[np.float64]
    """(P, P) of the items' scores."""
    n_items: int

    @cached_property
    def bread(self) -> NDArray[np.float64]:
        """(P, P): inverse of the information on the parameters, the difficulties profiled out."""
        return np.linalg.inv(self.information)

    def win_rate(self, totals: NDArray, products: NDArray, crossing: NDArray, slopes: NDArray) -> Estimate:
        """The mean chance of a model where nothing but quality differs, over its comparisons."""
        n = totals[kernels.COMPARED]
        chance, slopes = float(totals[kernels.CHANCE] / n), slopes / n
        value = min(max(chance + float(slopes @ self.step), 0.0), 1.0)
        moves = self.bread @ slopes[:-1]
        # An item adds to the error by being chosen, and by its score, which moves the parameters.
        factors = np.concatenate([[-chance / n, 1 / n, 0.0], moves])
        squares = square(factors, np.block([[products, crossing], [crossing.T, self.squares]]))
        return _share(value, squares, int(totals[kernels.ITEMS]), self._prior_variance(moves))

    def slope(self, at: int) -> Estimate:
        """What one typical difference adds to the log-odds; `at` is its place among the parameters."""
        value = float(self.place.parameters[at] + self.step[at])
        if self.n_items < 2:
            return Estimate(value, None, None, self.n_items, ONE_CLUSTER)
        moves = self.bread[at]
        squares = square(moves, self.squares)
        variance = self.n_items / (self.n_items - 1) * squares + self._prior_variance(moves)
        half = student_t_quantile(self.n_items - 1) * math.sqrt(variance)
        return Estimate(value, value - half, value + half, self.n_items)

    def _prior_variance(self, moves: NDArray) -> float:
        """What the priors leave open of a function of the parameters: they count as the little evidence they are."""
        return float(self.place.precision @ np.square(moves))
