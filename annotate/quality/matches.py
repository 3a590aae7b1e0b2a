"""Scores of producers from matches: comparisons of the same two answers are one row that says how often each won.

Where several people judge an item, there are fewer matches than comparisons, and Davidson's likelihood knows only how
often each outcome came: a pass costs what the matches cost. The sandwich needs what each annotator said, too: that is
one pass over the comparisons. The same numbers as `scores.bradley_terry` with clusters (items, annotators).

At fixed parameters the likelihood, its derivatives and the sandwich are sums over items. So a `ScoreBase` keeps those
of its matches where its last fit ended, and items that went or came since cost what they cost: taken off and added,
their sums give Newton's step to the new maximum. They serve while it is small, see `davidson.is_last`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annotate.quality import match_kernels as kernels
from annotate.quality.changes import added, left
from annotate.quality.davidson import UNSEEN, WEAK, Cells, Evaluated, centred, maximise
from annotate.quality.score_kernels import scatter
from annotate.quality.scores import Fit, Scores, no_scores, raw_parameters, sandwich

SAME_PLACE = 1e-12
"""Parameters that differ by less do so by rounding."""


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
    def n_items(self) -> int:
        """Items of which two answers were compared."""
        return int(np.logical_or.reduceat(self.n > 0, self.starts[:-1]).sum()) if self.item.size else 0

    @cached_property
    def n_acts(self) -> int:
        """How often an annotator compared answers of an item."""
        return int(self.begins.sum())

    @cached_property
    def by_annotator(self) -> NDArray[np.int64]:
        """(annotators,) comparisons."""
        return np.bincount(self.annotator, minlength=self.annotators)

    @cached_property
    def by_outcome(self) -> NDArray[np.float64]:
        """(3, M, M) comparisons by outcome, left and right model."""
        return kernels.count_matches(self.left, self.right, self.counts, self.models)


@dataclass(frozen=True, eq=False)
class Styled:
    """Matches with features (F, C), differences of style, left less right."""

    matches: Matches
    features: NDArray[np.float64]

    @classmethod
    def of(cls, matches: Matches, features: Mapping[str, NDArray[np.float64]]) -> Styled:
        """With features (C,) by name."""
        return cls(matches, np.array(list(features.values())).reshape(len(features), matches.left.size))

    @cached_property
    def squares(self) -> NDArray[np.float64]:
        """(F,) sums over comparisons of the squared differences."""
        return np.array([self.matches.n @ np.square(column) for column in self.features])


@dataclass(frozen=True, eq=False)
class _At:
    """What matches add up to at some parameters, these in the features' own units: sums over items."""

    styled: Styled
    parameters: NDArray[np.float64]

    @cached_property
    def likelihood(self) -> tuple[NDArray, NDArray, NDArray]:
        """(1,) the log-likelihood, (P,) its gradient and (P, P) the information."""
        met = self.styled.matches
        columns = met.left, met.right, met.counts, self.styled.features
        value, gradient, information = kernels.match_pass(*columns, self.parameters, met.models)
        return np.array([value]), gradient, information

    @cached_property
    def scatter(self) -> tuple[NDArray, NDArray, NDArray]:
        """(P, P) the sum over items of the outer products of their scores, (annotators, P) the annotators' scores, and
        (P, P) the sum over acts.
        """
        met, features = self.styled.matches, self.styled.features
        columns = met.left, met.right, met.counts, features
        by_gap, by_tie, gaps, ties = kernels.match_residuals(*columns, self.parameters, met.models)
        columns = met.left, met.right, gaps, ties, features
        of_items = scatter(np.arange(met.left.size), met.starts, *columns, met.models)
        said = met.match, met.outcome, met.annotator, met.begins
        columns = met.left, met.right, by_gap, by_tie, features
        return of_items, *kernels.scatter_of_acts(*said, *columns, met.models, met.annotators)


Change = tuple[Styled, int]
"""Whole items, of the same models, features and annotators (or of more annotators): -1 they went, 1 they came."""


@dataclass(eq=False)
class ScoreBase:
    """Matches of which the scores are asked for again and again, while a few of their items change."""

    styled: Styled
    last: _At | None = None
    """Where the last fit ended."""

    def scores(self, models: NDArray, names: list[str], changes: Sequence[Change] = ()) -> Scores:
        """The scores with these changes; `models` (M,) are the labels, `names` those of the features."""
        if not added([(part.matches.by_annotator, sign) for part, sign in self._parts(changes)]).any():
            return no_scores(models, names)
        return self._fit(changes).scores(models, names)

    def _parts(self, changes: Sequence[Change]) -> list[Change]:
        return [(self.styled, 1), *changes]

    def _fit(self, changes: Sequence[Change]) -> Fit:
        parts = self._parts(changes)
        cells = Cells.of_signs(added([(part.matches.by_outcome, sign) for part, sign in parts]))
        m, width = cells.models, len(self.styled.features)
        scale = np.sqrt(left([(part.squares, sign) for part, sign in parts]) / (cells.compared.sum() / 2))
        whole = np.concatenate([np.ones(m), np.where(scale > 0, scale, 1.0), [1.0]])
        used, reason = m + width + cells.has_ties, cells.why_undetermined()
        precision = np.full(used, WEAK if reason else 0.0)
        precision[m : m + width] = 1.0
        here = self.last

        def evaluate(at: NDArray) -> Evaluated:
            nonlocal here
            raw = raw_parameters(at, whole)
            if here is None or not np.allclose(here.parameters, raw, rtol=0, atol=SAME_PLACE):
                here = _At(self.styled, raw)
            value, gradient, information = self._corrected(here, changes, "likelihood")
            return float(value[0]), (gradient / whole)[:used], (information / np.outer(whole, whole))[:used, :used]

        if here is not None and np.isfinite(here.parameters[-1]) == cells.has_ties:
            start = (here.parameters * whole)[:used]
        else:
            start = np.insert(cells.fit()[0], m, np.zeros(width))
        parameters, information = maximise(evaluate, start, precision, m, unseen=UNSEEN)
        self.last = here
        of_items, scores, of_acts = self._corrected(here, changes, "scatter")
        judged = added([(part.matches.by_annotator, sign) for part, sign in parts])
        items, acts = (
            sum(sign * getattr(part.matches, name) for part, sign in parts) for name in ("n_items", "n_acts")
        )
        meats = [(of_items, items), (scores.T @ scores, int((judged > 0).sum())), (of_acts, acts)]
        meats = [((meat / np.outer(whole, whole))[:used, :used], groups) for meat, groups in meats]
        if meats[1][1] == 1:
            del meats[1:]
        covariances = sandwich(np.linalg.inv(centred(information, m)), meats, np.diag(precision))
        clusters = min(groups for _, groups in meats)
        return Fit(parameters, covariances, clusters, scale, cells.compared.astype(np.int64), reason)

    def _corrected(self, here: _At, changes: Sequence[Change], name: str) -> list[NDArray]:
        """Sums of the base at some parameters, and of the changes there."""
        found = getattr(here, name)
        for part, sign in changes:
            more = getattr(_At(part, here.parameters), name)
            found = [added([(was, 1), (change, sign)]) for was, change in zip(found, more, strict=True)]
        return found


def matched_scores(
    matches: Matches, models: NDArray, features: Mapping[str, NDArray[np.float64]] | None = None
) -> Scores:
    """Scores; `models` (M,) are the labels. With `features`, {name: (C,) left less right}, style is controlled for."""
    return ScoreBase(Styled.of(matches, features or {})).scores(models, list(features or {}))
