"""Intransitive triads: A mostly beats B, B beats C, and C beats A. Are there more than chance makes?

Three models that were all compared with one another, each two with a majority, are a triad; it is intransitive if the
majorities run in a circle (Kendall and Babington Smith 1940, "On the method of paired comparisons": of d with n models,
n(n-1)(n-2)/24 are expected where every majority is a toss, a quarter of all triads).

Chance makes circles where strengths are close and comparisons are few, although one scale explains them. So the test
is a parametric bootstrap: fit Davidson's model (Bradley-Terry without ties), draw every pair's comparisons anew from
it, and count. p_value = (1 + simulations with at least as large a share of circles) / (1 + simulations), as in Davison
and Hinkley 1997 (eq. 4.11). The draws are independent; judgements are not quite: comparisons from one ranking of K > 2
cannot contradict each other, which makes p_value too large; items and annotators with tastes of their own make
majorities less sure than drawn, which makes it too small.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality.davidson import Cells
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.table import TableError
from annotate.translations import translatable

NO_TRIAD = translatable("No three producers were all compared with one another with a majority each.")
ONE_DRAW = 2_000_000
"""Numbers drawn at a time, which bounds the memory."""


@dataclass(frozen=True, slots=True)
class Triads:
    """How many triads run in a circle, and how many would by chance."""

    n_triads: int
    n_intransitive: int
    expected: float | None
    """Intransitive triads under the fitted model, the mean of the simulations; None where there is no triad."""
    expected_at_random: float
    """A quarter of the triads: where all models are alike and every majority is a toss."""
    p_value: float | None
    """Chance of so many or more under the fitted model."""
    n_comparisons: int
    n_simulations: int
    reason: str = ""

    @property
    def share(self) -> Estimate:
        """Intransitive of all triads. Triads share models, so there is no interval: p_value tells of chance."""
        if not self.n_triads:
            return undefined(self.reason)
        return Estimate(self.n_intransitive / self.n_triads, None, None, self.n_triads)

    def as_dict(self) -> dict:
        """Ready for JSON."""
        return asdict(self)


def intransitive_triads(
    wins: ArrayLike, ties: ArrayLike | None = None, *, n_simulations: int = 999, seed: int = 0
) -> Triads:
    """Count and test the circles of wins[a, b], how often a beat b (M, M); ties (M, M) are symmetric or one-sided.

    Symmetric ties count each tie twice, once at either place, as a matrix does; one-sided ones hold each once.
    Raises TableError for matrices that are not square, of different sizes, or hold anything but whole numbers >= 0.
    """
    won = _matrix("wins", wins)
    tied = np.zeros_like(won) if ties is None else _matrix("ties", ties)
    if tied.shape != won.shape:
        raise TableError(f"Wins are of {won.shape[0]} models and ties of {tied.shape[0]}.")
    symmetric = np.array_equal(tied, tied.T)
    cells = Cells(won, np.triu(tied if symmetric else tied + tied.T, 1))
    first, second = cells.pairs
    n_comparisons = int(cells.compared.sum()) // 2
    n_triads, n_intransitive = (int(count[0]) for count in _count(cells.models, first, second, _margins(cells)[None]))
    if not n_triads:
        return Triads(0, 0, None, 0.0, None, n_comparisons, 0, NO_TRIAD)
    parameters, reason = cells.fit()
    chances = np.stack(cells.chances(parameters), axis=1)
    if not cells.has_ties:
        chances[:, 1] = 0.0
    n = np.rint(sum(cells.outcomes)).astype(np.int64)
    rng = np.random.default_rng(seed)
    at_once = max(1, ONE_DRAW // max(cells.models**2, 1))
    shares = []
    for start in range(0, n_simulations, at_once):
        size = min(at_once, n_simulations - start)
        drawn = rng.multinomial(n, chances, size=(size, n.size))
        triads, intransitive = _count(cells.models, first, second, drawn[..., 0] - drawn[..., 2])
        shares.append(intransitive / np.maximum(triads, 1))
    simulated = np.concatenate(shares)
    return Triads(
        n_triads=n_triads,
        n_intransitive=n_intransitive,
        expected=float(simulated.mean()) * n_triads,
        expected_at_random=n_triads / 4,
        p_value=float((1 + (simulated >= n_intransitive / n_triads).sum()) / (1 + n_simulations)),
        n_comparisons=n_comparisons,
        n_simulations=n_simulations,
        reason=reason,
    )


def _matrix(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.array(values, dtype=float)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise TableError(f"The {name} are a square matrix, one row and one column for each model.")
    wrong = np.argwhere(~((array >= 0) & (array == np.floor(array))))
    if wrong.size:
        row, column = wrong[0]
        raise TableError(f"Row {row + 1}, column {column + 1} of the {name} is {array[row, column]:g}, not a count.")
    np.fill_diagonal(array, 0.0)
    return array


def _margins(cells: Cells) -> NDArray[np.float64]:
    """(pairs,) wins of the first less those of the second."""
    won, _, lost = cells.outcomes
    return won - lost


def _count(models: int, first: NDArray, second: NDArray, margins: NDArray) -> tuple[NDArray, NDArray]:
    """(S,) triads and (S,) intransitive ones of each set of margins (S, pairs).

    With B the matrix of majorities, a circle is a closed way of three steps: trace(B^3) counts each three times.
    """
    beats = np.zeros((margins.shape[0], models, models), np.float32)
    beats[:, first, second] = margins > 0
    beats[:, second, first] = margins < 0
    decided = beats + beats.transpose(0, 2, 1)
    circles = np.rint(((beats @ beats) * beats.transpose(0, 2, 1)).sum(axis=(1, 2), dtype=float) / 3)
    triads = np.rint(((decided @ decided) * decided).sum(axis=(1, 2), dtype=float) / 6)
    return triads, circles
