"""Scores of producers from comparisons: Bradley-Terry with Davidson's ties, and style control.

A comparison of models i and j has the *gap* d = theta_i - theta_j + beta . x and the chances (Davidson 1970)

    i wins: e^(d/2) / Z      tie: nu / Z      j wins: e^(-d/2) / Z      Z = e^(d/2) + e^(-d/2) + nu

so that e^d are the odds of winning where there is no tie. Without ties nu is 0, and this is plain Bradley-Terry.
Scores sum to 0. `x` are the differences of the style of the two answers (length, lists, ...; left minus right), each
divided by its root mean square: not centred, because which answer is the left one is arbitrary. beta has a normal prior
(mean 0, standard deviation 1 on that scale). This is the style control of Chatbot Arena (Li et al. 2024, "Does style
matter?"), except that a tie counts there as half a win for each, which pulls beta towards 0 (.80 -> .65 as simulated).

Fit: Newton's method; the log-likelihood is concave in (theta, beta, log nu). Without covariates it runs over cells (who
beat whom how often); with covariates over the rows, starting from the fit of the cells and then of every k-th row, so
that two or three passes over all rows are enough.

Intervals: sandwich, H^-1 S H^-1, with t(G-1) and the factor G/(G-1). S adds up the scores within each of the G
clusters. `clusters` is one column (items, say) or a tuple of two (items, annotators): then
S = S_items + S_annotators - S_both (Cameron, Gelbach and Miller 2011), G is the smaller number, and no variance is
below the one over the first column alone. Choose both where people judge more than once and items are judged more than
once. The K(K-1)/2 comparisons of a ranking are one act, so rankings need at least the items. Without clusters each
comparison counts as independent.

Where the comparisons do not determine the scores (groups never compared; a model that never lost), a weak normal prior
(standard deviation 10 on theta and log nu) gives defined answers, `reason` says so, and the prior counts in the
intervals as the little evidence that it is, as that of beta does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality import score_kernels as kernels
from annotate.quality.columns import floats, grouping, labelled_pair
from annotate.quality.davidson import WEAK, Cells, Evaluated, centred, maximise
from annotate.quality.intervals import ONE_CLUSTER, Estimate, student_t_quantile, undefined
from annotate.quality.table import TableError
from annotate.quality.win_rates import SAME, ModelWinRate, WinRates, win_rates
from annotate.translations import translatable

__all__ = [
    "Fit",
    "ModelWinRate",
    "Scores",
    "WinRates",
    "bradley_terry",
    "no_scores",
    "raw_parameters",
    "sandwich",
    "win_rates",
]

NOTHING = translatable("There are no comparisons between two producers yet.")
NO_TIES = translatable("There are no ties.")
WARM_ROWS = 50_000
"""So many rows, evenly spread, give the start for the passes over all of them."""
WARM_CLOSE, ROWS_CLOSE = 0.02, 2e-4
"""The last Newton step over these rows, and over all of them, which leaves an error of 1e-8: each pass costs."""
_Groups = tuple[NDArray, NDArray]
"""Rows in the order of their groups, and where each group starts (groups + 1,)."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of models in log-odds, with what they were estimated from."""

    models: NDArray
    """(M,) labels, sorted."""
    scores: list[Estimate]
    """(M,) theta, which sum to 0; n counts the comparisons of the model."""
    nu: Estimate
    """Davidson's tie parameter: between equals the chance of a tie is nu / (2 + nu). n counts comparisons."""
    coefficients: dict[str, Estimate]
    """By covariate: how much one typical difference (its root mean square) adds to the gap, in log-odds."""
    scales: dict[str, float]
    """By covariate: that root mean square of its differences."""
    n_comparisons: int
    n_clusters: int
    reason: str
    """Why a prior was needed; empty where the comparisons determine the scores."""
    covariances: list[NDArray[np.float64]]
    """(M, M) of the scores, over the first column of clusters and, if there are two, over both: the larger counts."""
    counts: NDArray[np.int64]
    """(M, M) comparisons of each two models."""

    def difference(self, first: int, second: int) -> Estimate:
        """How much higher the score of model `first` (its place) is; n counts the comparisons of either."""
        one, other = self.scores[first], self.scores[second]
        variance = max(v[first, first] + v[second, second] - 2 * v[first, second] for v in self.covariances)
        n = one.n + other.n - int(self.counts[first, second])
        return _estimate(one.value - other.value, variance, self.n_clusters, n, self.reason)

    def as_dict(self) -> dict:
        """Ready for JSON."""
        named = zip(self.models.tolist(), self.scores, strict=True)
        return {
            "n_models": len(self.scores),
            "n_comparisons": self.n_comparisons,
            "n_clusters": self.n_clusters,
            "reason": self.reason,
            "nu": self.nu.as_dict(),
            "scores": {str(model): score.as_dict() for model, score in named},
            "coefficients": {name: found.as_dict() for name, found in self.coefficients.items()},
            "scales": self.scales,
        }


def bradley_terry(
    left: Sequence,
    right: Sequence,
    outcome: ArrayLike,
    weights: ArrayLike | None = None,
    covariates: Mapping[str, ArrayLike] | None = None,
    clusters: Sequence | tuple[Sequence, Sequence] | None = None,
) -> Scores:
    """Scores from comparisons, one row each: who was left and right; 1: left won, 0: right won, 0.5: a tie.

    `weights` (n,) >= 0 say how often a row counts; `covariates` are {name: (n,) differences left - right}; `clusters`
    is a column (n,), or a tuple of two. Raises TableError for other outcomes, a model against itself, covariates or
    weights that are no numbers, and columns of different lengths.
    """
    models, one, other = labelled_pair(left, right)
    said = floats("outcome", outcome, one.size)
    sign, fine = kernels.read_outcomes(said, one, other)
    if not fine:
        _refuse(models, one, other, said)
    weight = np.zeros(0) if weights is None else floats("weight", weights, one.size, low=0.0)
    named = {name: floats(name, column, one.size) for name, column in (covariates or {}).items()}
    features = np.stack(list(named.values())) if named else np.zeros((0, one.size))
    rows = _Rows(one, other, sign, weight, features, models.size, _groupings(clusters, one.size))
    if not one.size:
        return no_scores(models, list(named))
    return Fit.of(rows).scores(models, list(named))


def _refuse(models: NDArray, left: NDArray, right: NDArray, outcome: NDArray) -> NoReturn:
    """Say in which row an outcome is none, or a model is compared with itself."""
    wrong = np.flatnonzero(~np.isin(outcome, [0.0, 0.5, 1.0]))
    if wrong.size:
        said = f"{outcome[wrong[0]]:g}"
        raise TableError(f"Row {wrong[0] + 1} has outcome {said}; an outcome is 1 (left won), 0.5 (a tie) or 0.")
    alone = np.flatnonzero(left == right)[0]
    raise TableError(f"Row {alone + 1} compares {models[left[alone]]} with itself.")


@dataclass(frozen=True, eq=False)
class _Rows:
    """Comparisons as the kernels take them."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    sign: NDArray[np.int8]
    weight: NDArray[np.float64]
    features: NDArray[np.float64]
    """(F, n)"""
    models: int
    groups: list[_Groups]

    @property
    def group_sizes(self) -> list[int]:
        """How many groups there are by each grouping; without any each row is one."""
        return [starts.size - 1 for _, starts in self.groups] or [self.left.size]

    @property
    def spread(self) -> NDArray[np.float64]:
        """(F,) root mean squares of the covariates."""
        return np.array([math.sqrt(column @ column / column.size) for column in self.features])

    def compared(self, cells: Cells) -> NDArray[np.float64]:
        """(M, M) rows of each two models, whatever they weigh."""
        return self.cells(0).compared if self.weight.size else cells.compared

    def cells(self, power: int = 1) -> Cells:
        """The rows added up, each as weight**power."""
        counts = kernels.count_cells(self.left, self.right, self.sign, self.weight, power, self.models)
        return Cells.of_signs(counts)

    def thinned(self, stride: int) -> _Rows:
        """Every `stride`-th row."""
        columns = (self.left, self.right, self.sign, self.weight, self.features)
        return _Rows(*(np.ascontiguousarray(column[..., ::stride]) for column in columns), self.models, [])

    def evaluate(self, parameters: NDArray, scale: NDArray, *, squared: bool = False) -> Evaluated:
        """One pass over the rows; `parameters` count typical differences, and have no log nu if there are no ties.

        With `squared` the last is the sum of outer products of the rows' scores.
        """
        used = parameters.size
        columns = self.left, self.right, self.sign, self.weight, self.features
        raw = raw_parameters(parameters, scale)
        value, gradient, information = kernels.style_pass(*columns, raw, self.models, squared)
        information = information / np.outer(scale, scale)
        return value, (gradient / scale)[:used], information[:used, :used]

    def scatter(self, parameters: NDArray, scale: NDArray) -> list[NDArray]:
        """(P, P) sums over each of the groupings of the outer products of the groups' summed scores."""
        used, width = parameters.size, self.features.shape[0]
        if not self.groups and width:
            return [self.evaluate(parameters, scale, squared=True)[2]]
        if not self.groups:
            return [self.cells().scatter(parameters, self.cells(2) if self.weight.size else self.cells())]
        columns = self.left, self.right, self.sign, self.weight, self.features
        scores = kernels.residuals(*columns, raw_parameters(parameters, scale), self.models)
        sums = [
            kernels.scatter(order, starts, self.left, self.right, *scores, self.features, self.models)
            for order, starts in self.groups
        ]
        return [(summed / np.outer(scale, scale))[:used, :used] for summed in sums]

    def maximum(self, start: NDArray, precision: NDArray, scale: NDArray) -> tuple[NDArray, NDArray]:
        """Newton's method over rows, from its result on every k-th row where there are many."""
        stride = self.left.size // WARM_ROWS
        if stride > 1:
            weak = np.maximum(precision, WEAK)  # a model may be missing from these rows
            some = self.thinned(stride)
            start = maximise(lambda at: some.evaluate(at, scale), start, weak, self.models, WARM_CLOSE)[0]
        return maximise(lambda at: self.evaluate(at, scale), start, precision, self.models, ROWS_CLOSE)


def raw_parameters(parameters: NDArray, scale: NDArray) -> NDArray[np.float64]:
    """Parameters by the covariates' own units, with a log nu of -inf where there are no ties."""
    return np.append(parameters / scale[: parameters.size], [-math.inf] * (scale.size - parameters.size))


@dataclass(frozen=True, eq=False)
class Fit:
    """The most likely parameters: theta, beta per typical difference, log nu if there are ties."""

    parameters: NDArray[np.float64]
    covariances: list[NDArray[np.float64]]
    clusters: int
    scale: NDArray[np.float64]
    """(F,) root mean squares."""
    counts: NDArray[np.int64]
    reason: str

    @classmethod
    def of(cls, rows: _Rows) -> Fit:
        """Fit, and measure how sure it is."""
        cells = rows.cells()
        reason = cells.why_undetermined()
        m, scale = rows.models, rows.spread
        width = scale.size
        used = m + width + cells.has_ties
        precision = np.full(used, WEAK if reason else 0.0)
        parameters, information = maximise(
            cells.evaluate, np.zeros(used - width), np.delete(precision, np.arange(m, m + width)), m
        )
        whole = np.concatenate([np.ones(m), np.where(scale > 0, scale, 1.0), [1.0]])
        if width:
            precision[m : m + width] = 1.0
            parameters, information = rows.maximum(np.insert(parameters, m, np.zeros(width)), precision, whole)
        bread = np.linalg.inv(centred(information, m))
        sizes = rows.group_sizes
        meats = list(zip(rows.scatter(parameters, whole), sizes, strict=True))
        counts = rows.compared(cells).astype(np.int64)
        return cls(parameters, sandwich(bread, meats, np.diag(precision)), min(sizes), scale, counts, reason)

    def scores(self, models: NDArray, names: list[str]) -> Scores:
        """What is shown of it."""
        m = models.size
        n = int(self.counts.sum() // 2)
        spread = np.maximum.reduce([np.diag(each) for each in self.covariances])
        theta, beta = self.parameters[:m], self.parameters[m : m + len(names)]
        return Scores(
            models=models,
            scores=[
                _estimate(theta[i], spread[i], self.clusters, int(self.counts[i].sum()), self.reason) for i in range(m)
            ],
            nu=self._tie_parameter(m, spread, n),
            coefficients={
                name: _estimate(beta[f], spread[m + f], self.clusters, n, "") if self.scale[f] else undefined(SAME, n)
                for f, name in enumerate(names)
            },
            scales=dict(zip(names, self.scale.tolist(), strict=True)),
            n_comparisons=n,
            n_clusters=self.clusters,
            reason=self.reason,
            covariances=[each[:m, :m] for each in self.covariances],
            counts=self.counts,
        )

    def _tie_parameter(self, models: int, spread: NDArray, n: int) -> Estimate:
        """nu, whose interval is that of its logarithm."""
        if self.parameters.size == models + self.scale.size:
            return Estimate(0.0, None, None, n, NO_TIES)
        log = _estimate(self.parameters[-1], spread[-1], self.clusters, n, self.reason)
        lo, hi = (None if end is None else math.exp(end) for end in (log.lo, log.hi))
        return Estimate(math.exp(log.value), lo, hi, n, log.reason)


def _groupings(clusters: Sequence | tuple | None, n: int) -> list[_Groups]:
    """Groups of rows by: nothing; the column; or the first, the second, and both."""
    if clusters is None:
        return []
    if not isinstance(clusters, tuple):
        return [kernels.group_rows(*grouping("clusters", clusters, n))]
    if len(clusters) != 2:
        raise TableError(f"Clusters are one column or two, not {len(clusters)}.")
    first, second = (grouping("clusters", column, n) for column in clusters)
    groups = kernels.group_rows(*first)
    return [groups, kernels.group_rows(*second), kernels.split_groups(*groups, *second)]


def sandwich(bread: NDArray, meats: list[tuple[NDArray, int]], prior: NDArray) -> list[NDArray]:
    """Covariances (P, P) of the parameters over the first grouping and, if there are three, over two that cross.

    A contrast has the larger of the two variances, as the crossed one may by chance be too small, or negative.
    """
    corrected = [meat * (groups / max(groups - 1, 1)) for meat, groups in meats]
    sums = [corrected[0]] if len(meats) < 3 else [corrected[0], corrected[0] + corrected[1] - corrected[2]]
    return [bread @ (summed + prior) @ bread for summed in sums]


def no_scores(models: NDArray, names: list[str]) -> Scores:
    """What there is to say without comparisons."""
    nothing = undefined(NOTHING)
    empty = np.zeros((0, 0))
    return Scores(
        models, [], nothing, dict.fromkeys(names, nothing), {}, 0, 0, NOTHING, [empty], empty.astype(np.int64)
    )


def _estimate(value: float, variance: float, clusters: int, n: int, reason: str) -> Estimate:
    """A parameter with its interval, t(G-1)."""
    if clusters < 2:
        return Estimate(float(value), None, None, n, reason or ONE_CLUSTER)
    half = student_t_quantile(clusters - 1) * math.sqrt(max(float(variance), 0.0))
    return Estimate(float(value), float(value) - half, float(value) + half, n, reason)
