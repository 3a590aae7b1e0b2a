"""Scores of producers from matches: comparisons of the same two answers are one row that says how often each won.

Where several people judge an item, there are fewer matches than comparisons, and Davidson's likelihood knows only how
often each outcome came: a pass costs what the matches cost. The sandwich needs what each annotator said, too: that is
one pass over the comparisons. The same numbers as `scores.bradley_terry` with clusters (items, annotators).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annotate.quality import match_kernels as kernels
from annotate.quality.davidson import CLOSE, Cells, Evaluated, maximise
from annotate.quality.score_kernels import scatter
from annotate.quality.scores import Fit, Scores, no_scores, raw_parameters


@dataclass(frozen=True, eq=False)
class Matches:
    """Who met whom (C,), those of an item together, and what was said of it (R,), what is of one act together."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    """Codes of models."""
    item: NDArray[np.int64]
    counts: NDArray[np.float64]
    """(C, 3): how often the right one won, both tied, the left one won. A match may have been compared by nobody."""
    match: NDArray[np.int32]
    """(R,) which match each comparison is of."""
    outcome: NDArray[np.int8]
    """(R,) 0, 1, 2 as in `counts`."""
    annotator: NDArray[np.int32]
    """(R,) codes."""
    begins: NDArray[np.bool_]
    """(R,) whether an act begins: all that one annotator said of one item."""
    models: int
    annotators: int

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(items + 1,) where the matches of each item begin, and the end."""
        begins = np.ones(self.item.size + 1, bool)
        begins[1:-1] = self.item[1:] != self.item[:-1]
        return np.flatnonzero(begins)

    @cached_property
    def n(self) -> NDArray[np.float64]:
        """(C,) comparisons."""
        lost, tied, won = self.counts.T
        return lost + tied + won  # four times as fast as a sum over so short an axis

    @cached_property
    def group_sizes(self) -> list[int]:
        """How many items, annotators and acts were compared; items alone where there is one annotator."""
        items = int((np.add.reduceat(self.n, self.starts[:-1]) > 0).sum())
        there = np.zeros(self.annotators, bool)
        there[self.annotator] = True
        people = int(there.sum())
        return [items, people, int(self.begins.sum())] if people > 1 else [items]

    @cached_property
    def cells(self) -> Cells:
        """The matches added up by the two models."""
        return Cells.of_signs(kernels.count_matches(self.left, self.right, self.counts, self.models))


@dataclass(frozen=True, eq=False)
class _Styled:
    """Matches with features (F, C), differences of style, left less right: what `Fit` asks of comparisons."""

    matches: Matches
    features: NDArray[np.float64]

    @property
    def models(self) -> int:
        return self.matches.models

    @property
    def group_sizes(self) -> list[int]:
        return self.matches.group_sizes

    @property
    def spread(self) -> NDArray[np.float64]:
        """(F,) root mean squares of the differences of style."""
        n = self.matches.n
        return np.array([math.sqrt(n @ np.square(column) / n.sum()) for column in self.features])

    def cells(self) -> Cells:
        return self.matches.cells

    def compared(self, cells: Cells) -> NDArray[np.float64]:
        """(M, M) comparisons of each two models."""
        return cells.compared

    def maximum(self, start: NDArray, precision: NDArray, scale: NDArray) -> tuple[NDArray, NDArray]:
        """The most likely parameters with covariates, and the information near them."""
        return maximise(lambda at: self._evaluate(at, scale), start, precision, self.models, CLOSE)

    def _evaluate(self, parameters: NDArray, scale: NDArray) -> Evaluated:
        used, raw, met = parameters.size, raw_parameters(parameters, scale), self.matches
        columns = met.left, met.right, met.counts, self.features
        value, gradient, information = kernels.match_pass(*columns, raw, self.models)
        return value, (gradient / scale)[:used], (information / np.outer(scale, scale))[:used, :used]

    def scatter(self, parameters: NDArray, scale: NDArray) -> list[NDArray]:
        """(P, P) sums over items, annotators and acts of the outer products of their summed scores."""
        used, raw, met = parameters.size, raw_parameters(parameters, scale), self.matches
        columns = met.left, met.right, met.counts, self.features
        by_gap, by_tie, gaps, ties = kernels.match_residuals(*columns, raw, self.models)
        columns = met.left, met.right, gaps, ties, self.features
        sums = [scatter(np.arange(met.left.size), met.starts, *columns, self.models)]
        if len(self.group_sizes) > 1:
            said = met.match, met.outcome, met.annotator, met.begins
            columns = met.left, met.right, by_gap, by_tie, self.features
            of_annotators, of_acts = kernels.scatter_of_acts(*said, *columns, self.models, met.annotators)
            sums += [of_annotators.T @ of_annotators, of_acts]
        return [(summed / np.outer(scale, scale))[:used, :used] for summed in sums]


def matched_scores(
    matches: Matches,
    models: NDArray,
    features: Mapping[str, NDArray[np.float64]] | None = None,
    start: NDArray | None = None,
) -> tuple[Scores, NDArray]:
    """Scores, and the parameters that were found; `models` (M,) are the labels.

    With `features`, {name: (C,) left less right}, style is controlled for; Newton's method begins at `start` then, the
    parameters of a time before, where they fit.
    """
    names = list(features or {})
    if not matches.match.size:
        return no_scores(models, names), np.zeros(0)
    columns = np.stack(list(features.values())) if features else np.zeros((0, matches.left.size))
    found = Fit.of(_Styled(matches, columns), start)
    return found.scores(models, names), found.parameters
