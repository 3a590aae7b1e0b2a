"""Agreement on values as a function of sums over clusters of items, so that a change costs what its clusters cost.

`value_agreement` needs all rows again when one is added, since chance, and the ranks of ordinal values, move with
every judgement. They enter each coefficient's error linearly, as factors of what does not move: which two values were
given how often, by whom and where. So the sums of these features over annotators, and the sums of their products over
clusters, over annotators within clusters and over pairs of annotators, give the same estimates and intervals for any
margins. Measures, sources and meaning of each: the table of `value_agreement.py`; both are equal to 1e-9.

All is additive over clusters but the products over pairs of annotators: what a pair shares in one cluster multiplies
what it shares in others. These are put right for the pairs that met in what changed (`Pairs`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annotate.quality import value_kernels as kernels
from annotate.quality import value_sum_kernels as sum_kernels
from annotate.quality.changes import square
from annotate.quality.table import united
from annotate.quality.value_agreement import (
    MEASURES,
    Counts,
    Shares,
    Summed,
    ValueAgreement,
    code_of_positive,
    measures_for,
    told,
)
from annotate.quality.value_terms import Terms, features_of
from annotate.quality.values import Level, ValueTable

_ROOM = 2**31
"""Two ids of annotators are one number: one * _ROOM + other."""
_ADDED = ("products", "counts")


@dataclass(frozen=True, eq=False)
class Answers:
    """Rows (n,) sorted by cluster, item and annotator."""

    cluster: NDArray[np.int64]
    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    """Ids below 2^31."""
    code: NDArray[np.int64]
    """From 0: the place of the value in the scale."""

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(items + 1,) where each item begins, and the end."""
        return np.append(np.flatnonzero(np.diff(self.item, prepend=self.item[:1] - 1)), self.item.size)

    @cached_property
    def people(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(A,) the ids, sorted, and (n,) which of them each row is of."""
        if not self.annotator.size:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        there = np.zeros(int(self.annotator.max()) + 1, bool)
        there[self.annotator] = True
        return np.flatnonzero(there), (np.cumsum(there) - 1)[self.annotator]

    def take(self, chosen: NDArray) -> Answers:
        """The rows that a mask, or rising numbers, name."""
        return Answers(self.cluster[chosen], self.item[chosen], self.annotator[chosen], self.code[chosen])

    def cases(self) -> tuple[NDArray[np.int64], NDArray[np.int16], NDArray[np.int32]]:
        """Of each case: its pair of annotators as a number, its feature, and the number of judgements of its item."""
        labels, who = self.people
        pair, of, size = sum_kernels.list_cases(self.starts, who, self.code, labels.size)
        return _numbers(labels, pair), of, size


@dataclass(frozen=True, eq=False)
class Pairs:
    """What the cases of some pairs of annotators add up to: `number` (n,), sorted, and `sums` (n, 3, F)."""

    number: NDArray[np.int64]
    sums: NDArray[np.float64]

    @classmethod
    def of(cls, answers: Answers, wanted: NDArray[np.int64], categories: int) -> Pairs:
        """Of the wanted pairs, sorted, in these answers."""
        return cls(wanted, sum_kernels.add_to_pairs(*answers.cases(), wanted, features_of(categories)))

    @property
    def products(self) -> NDArray[np.float64]:
        """(3, F, F) over pairs."""
        by_class = np.ascontiguousarray(self.sums.transpose(1, 0, 2))
        return by_class.transpose(0, 2, 1) @ by_class


@dataclass(frozen=True, eq=False)
class ValueSums:
    """The sums; K values, F = K(K+1)/2 kinds of cases, m the number of judgements of an item; see `add_up`."""

    annotators: NDArray[np.int64]
    """(A,) ids, sorted."""
    by_annotator: NDArray[np.float64]
    """(A, 3, F + K) features by class."""
    cases: NDArray[np.int64]
    """(M, K, K) cases by m and by their values, the larger first."""
    judged: NDArray[np.int64]
    """(M, K) judgements by m and value."""
    products: NDArray[np.float64]
    """(2, 3, F + K, F + K) over clusters, and over annotators in them less pairs of these in them."""
    by_pairs: NDArray[np.float64]
    """(3, F, F) over pairs of annotators."""
    counts: NDArray[np.int64]
    """(3,)"""

    @classmethod
    def of(cls, answers: Answers, positive: NDArray[np.bool_], *, pairs: bool = True) -> ValueSums:
        """The sums of answers; `positive` (K,) says which values are a yes (`yes_of`). Without `pairs` of annotators
        these are left out.
        """
        labels, who = answers.people
        starts, features = answers.starts, features_of(positive.size)
        widest = int(np.diff(starts).max(initial=0))
        clusters = answers.cluster[starts[:-1]]
        found = sum_kernels.add_up(starts, who, answers.code, clusters, labels.size, positive, widest)
        cases, judged, by_annotator, products, counts = found
        by_pairs = np.zeros((sum_kernels.CLASSES, features, features))
        if pairs:
            pair, of, size = sum_kernels.list_cases(starts, who, answers.code, labels.size)
            listed = np.sort((pair * features + of) * (widest + 1) + size)
            by_pairs = sum_kernels.square_pairs(listed, features, widest + 1)
        return cls(labels, by_annotator, cases, judged, products, by_pairs, counts)

    def changed(self, gone: ValueSums, there: ValueSums, before: Pairs, after: Pairs) -> ValueSums:
        """With whole clusters gone and others there, and the pairs of annotators in either before and after that."""
        labels = united(united(self.annotators, gone.annotators)[0], there.annotators)[0]
        by_annotator = np.zeros((labels.size, *self.by_annotator.shape[1:]))
        most = max(len(part.judged) for part in (self, gone, there))
        cases = np.zeros((most, *self.cases.shape[1:]), np.int64)
        judged = np.zeros((most, *self.judged.shape[1:]), np.int64)
        for part, factor in ((self, 1), (gone, -1), (there, 1)):
            by_annotator[np.searchsorted(labels, part.annotators)] += factor * part.by_annotator
            cases[: len(part.cases)] += factor * part.cases
            judged[: len(part.judged)] += factor * part.judged
        summed = {name: getattr(self, name) - getattr(gone, name) + getattr(there, name) for name in _ADDED}
        by_pairs = self.by_pairs - before.products + after.products
        return ValueSums(labels, by_annotator, cases, judged, by_pairs=by_pairs, **summed)

    def chosen(self) -> NDArray[np.float64]:
        """(A, K) how often each annotator gave each value."""
        return self.by_annotator[:, sum_kernels.PLAIN, -self.judged.shape[1] :]

    def squares(self, kind: int, case: NDArray, judgement: NDArray) -> tuple[float, float, float]:
        """Of an error that is linear in the features of a class: the sums of its squares over clusters, over annotators
        in them less pairs of these in them, and, of its cases, over pairs of annotators.
        """
        both = np.concatenate([case, judgement])
        over_clusters, over_both = (square(both, products) for products in self.products[:, kind])
        return over_clusters, over_both, square(case, self.by_pairs[kind])

    def agreement(self, scale: ValueTable, measures: Collection[str] = MEASURES) -> ValueAgreement:
        """The agreement on a scale: a table of which only level and categories count, `scale_of` makes one."""
        chosen = self.chosen()
        there = chosen.sum(axis=1) > 0
        code = code_of_positive(scale, None)
        if not there.any():
            return told(scale, code, measures, None)
        terms = Terms.of_counts(self.cases, self.judged, scale, measures_for(scale, measures))
        people, total = self.by_annotator[there], len(terms.of)
        found, of_people = np.zeros((total, kernels.COLUMNS)), np.zeros((len(people), 3, total))
        for at, one in enumerate(terms.of):
            found[at, kernels.VALUE], found[at, kernels.N] = one.value, one.n
            if np.isnan(one.value):
                continue
            of_people[:, :, at] = one.of_each(people)
            squares = self.squares(one.kind, one.case, one.judgement)
            found[at, [kernels.OVER_ITEMS, kernels.OVER_BOTH, kernels.OF_PAIRS]] = squares
            found[at, kernels.SPREAD], found[at, kernels.LARGEST] = one.spread, one.largest
            found[at, kernels.ITEMS] = self.counts[one.counted]
        n, clusters = int(self.judged.sum()), int(self.counts[sum_kernels.CLUSTERS])
        counts = Counts(terms.n_items, len(people), n, int(self.cases.sum()), clusters)
        return told(
            scale, code, measures, Summed(counts, terms.measures, found, of_people, self._shares(n), chosen[there])
        )

    def _shares(self, n: int) -> Shares:
        """Of each value: its share, and the squares of the share's error over clusters, and over annotators in them."""
        found, nothing = [], np.zeros(self.by_pairs.shape[-1])
        for k, chosen in enumerate(self.judged.sum(axis=0).tolist()):
            error = (np.eye(self.judged.shape[1])[k] - chosen / n) / n
            found.append((chosen / n, *self.squares(sum_kernels.PLAIN, nothing, error)[:2]))
        return found


def yes_of(categories: int) -> NDArray[np.bool_]:
    """(K,) which values are a yes: the last of two."""
    return np.arange(categories) == (1 if categories == 2 else -1)


def scale_of(categories: Collection, level: Level) -> ValueTable:
    """A scale without any answers."""
    return ValueTable.from_arrays([], [], [], level, categories=categories)


def in_pairs(answers: Answers) -> NDArray[np.int64]:
    """The pairs of annotators who met, as numbers, sorted."""
    return np.unique(answers.cases()[0])


def annotators_of(pairs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ids of both annotators of each pair."""
    return np.divmod(pairs, _ROOM)


def _numbers(labels: NDArray[np.int64], pair: NDArray[np.int64]) -> NDArray[np.int64]:
    one, other = np.divmod(pair, max(labels.size, 1))
    return labels[one] * _ROOM + labels[other]
