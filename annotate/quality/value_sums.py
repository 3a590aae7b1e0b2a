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
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from annotate.quality import value_kernels as kernels
from annotate.quality import value_sum_kernels as sum_kernels
from annotate.quality.table import united
from annotate.quality.value_agreement import (
    MEASURES,
    Counts,
    Shares,
    Summed,
    ValueAgreement,
    measures_for,
    told,
)
from annotate.quality.values import Level, ValueTable

ROUNDED = 1e-13
_ROOM = 2**31
"""Two ids of annotators are one number: one * _ROOM + other."""
_CLASS = {
    kernels.PERCENT: sum_kernels.PLAIN,
    kernels.POSITIVE: sum_kernels.PLAIN,
    kernels.ALPHA: sum_kernels.MEETING,
}
"""The class of each coefficient; that of the others is ITEM."""


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
        return cls(wanted, sum_kernels.add_to_pairs(*answers.cases(), wanted, _features(categories)))

    @property
    def products(self) -> NDArray[np.float64]:
        """(3, F, F) over pairs."""
        by_class = np.ascontiguousarray(self.sums.transpose(1, 0, 2))
        return by_class.transpose(0, 2, 1) @ by_class


@dataclass(frozen=True, eq=False)
class ValueSums:
    """The sums; K values, F = K(K+1)/2 kinds of cases, m the number of judgements of an item."""

    annotators: NDArray[np.int64]
    """(A,) ids, sorted."""
    by_annotator: NDArray[np.float64]
    """(A, 3F + 3K) see `add_up`."""
    cases: NDArray[np.int64]
    """(M, K, K) cases by m and by their values, the larger first."""
    judged: NDArray[np.int64]
    """(M, K) judgements by m and value."""
    products: NDArray[np.float64]
    """(2, 3, F + K, F + K) over clusters, and over annotators in them less pairs of these in them."""
    by_pairs: NDArray[np.float64]
    """(3, F, F) over pairs of annotators."""
    use: NDArray[np.float64]
    """(2, K, 3)"""
    counts: NDArray[np.int64]
    """(4,)"""

    @classmethod
    def of(cls, answers: Answers, categories: int, *, pairs: bool = True) -> ValueSums:
        """The sums of answers; without `pairs` those over pairs of annotators are 0. Of two values 1 is yes."""
        labels, who = answers.people
        starts = answers.starts
        widest, yes = int(np.diff(starts).max(initial=0)), _yes(categories)
        clusters = answers.cluster[starts[:-1]]
        found = sum_kernels.add_up(starts, who, answers.code, clusters, labels.size, categories, yes, widest)
        cases, judged, by_annotator, products, use, counts = found
        by_pairs = np.zeros((sum_kernels.CLASSES, *[_features(categories)] * 2))
        if pairs:
            listed = sum_kernels.list_cases(starts, who, answers.code, labels.size)
            by_pairs = sum_kernels.square_pairs(*listed, np.argsort(listed[0]), _features(categories))
        return cls(labels, by_annotator, cases, judged, products, by_pairs, use, counts)

    def changed(self, gone: ValueSums, there: ValueSums, before: Pairs, after: Pairs) -> ValueSums:
        """With whole clusters gone and others there, and the pairs of annotators in either before and after that."""
        labels = united(united(self.annotators, gone.annotators)[0], there.annotators)[0]
        by_annotator = np.zeros((labels.size, self.by_annotator.shape[1]))
        most = max(len(part.judged) for part in (self, gone, there))
        cases = np.zeros((most, *self.cases.shape[1:]), np.int64)
        judged = np.zeros((most, *self.judged.shape[1:]), np.int64)
        for part, factor in ((self, 1), (gone, -1), (there, 1)):
            by_annotator[np.searchsorted(labels, part.annotators)] += factor * part.by_annotator
            cases[: len(part.cases)] += factor * part.cases
            judged[: len(part.judged)] += factor * part.judged
        summed = {
            name: getattr(self, name) - getattr(gone, name) + getattr(there, name)
            for name in ("products", "use", "counts")
        }
        by_pairs = self.by_pairs - before.products + after.products
        return ValueSums(labels, by_annotator, cases, judged, by_pairs=by_pairs, **summed)

    def agreement(self, scale: ValueTable, measures: Collection[str] = MEASURES) -> ValueAgreement:
        """The agreement on a scale: a table of which only level and categories count, `scale_of` makes one."""
        code = _yes(scale.categories.size)
        chosen = self.by_annotator[:, -scale.categories.size :]
        there = chosen.sum(axis=1) > 0
        if not there.any():
            return told(scale, code, measures, None)
        summed = _Finished(self, scale, measures_for(scale, measures), there).summed()
        return told(scale, code, measures, summed)


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


def _yes(categories: int) -> int:
    """The code of the positive one of two values; -1 where there are not two."""
    return 1 if categories == 2 else -1


def _features(categories: int) -> int:
    return categories * (categories + 1) // 2


@dataclass(frozen=True, eq=False)
class _Finished:
    """From sums to what estimates are made of."""

    sums: ValueSums
    scale: ValueTable
    measures: NDArray[np.int64]
    there: NDArray[np.bool_]
    """(A,) who has judgements left."""

    @property
    def level(self) -> int:
        return get_args(Level).index(self.scale.level)

    def summed(self) -> Summed:
        sums, total, categories = self.sums, self.measures.size, self.scale.categories.size
        features, m = _features(categories), np.arange(len(sums.judged))
        judgements, items = sums.judged.sum(axis=1), np.zeros(m.size)
        np.divide(judgements, m, out=items, where=m > 0)
        met = sums.judged[2:].sum(axis=0).astype(float)
        mean = (sums.judged[1:] / m[1:, None]).sum(axis=0) / items.sum()
        scaled = kernels.scaled_to_one(self.scale.positions)
        places = kernels.midranks(met) if self.scale.level == "ordinal" else self.scale.positions
        found = np.zeros((total, kernels.COLUMNS))
        found[:, kernels.VALUE] = np.nan
        of_people = np.zeros((int(self.there.sum()), 3, total))
        people = sums.by_annotator[self.there]
        apart, mass, weights, distance, heavy = [], [], [], np.zeros(total), np.zeros(total)
        for at, measure in enumerate(self.measures):
            one, other = kernels.distances(measure, self.level, places, scaled, _yes(categories))
            weight = np.array([sum_kernels.weight(_class(measure), n) if n > 1 else 0.0 for n in m.tolist()])
            weighed = np.tensordot(weight, sums.cases, 1)
            distance[at], heavy[at] = (weighed * one).sum(), (weighed * other).sum()
            apart.append(one), mass.append(other), weights.append(weight)
        value, expected, slope = kernels.slopes(
            self.measures, self.level, met, mean, places, scaled, distance, heavy, self._pull(places)
        )
        cells = np.tril_indices(categories)
        for at, measure in enumerate(self.measures):
            found[at, kernels.N] = self._n(measure, met, items, mass[at])
            if np.isnan(value[at]):
                continue
            kind, ratio = _class(measure), distance[at] / heavy[at]
            of_case = -(apart[at] - ratio * mass[at]) / (heavy[at] * expected[at])
            case, load = of_case[cells], mass[at][cells]
            margin = slope[at] / (met.sum() if measure == kernels.ALPHA else items.sum())
            own = people[:, kind * features : (kind + 1) * features]
            joined = people[:, -(3 if measure == kernels.ALPHA else 2) * categories :][:, :categories]
            of_people[:, :, at] = np.column_stack([own @ case, joined @ margin, own @ load])
            both = np.concatenate([case, margin])
            shown = weights[at][:, None, None] * np.abs(of_case) * (sums.cases > 0)
            found[at, kernels.VALUE] = value[at]
            found[at, kernels.SPREAD] = kernels.spread(measure, self.level, met, places, expected[at])
            found[at, kernels.OF_PAIRS] = _square(case, sums.by_pairs[kind])
            found[at, kernels.OVER_ITEMS] = _square(both, sums.products[0, kind])
            found[at, kernels.OVER_BOTH] = _square(both, sums.products[1, kind])
            found[at, kernels.LARGEST] = shown.max(initial=0.0)
            specific = measure == kernels.POSITIVE
            found[at, kernels.ITEMS] = sums.counts[sum_kernels.WITH_POSITIVE if specific else sum_kernels.WITH_CASE]
        n, clusters = int(judgements.sum()), int(sums.counts[sum_kernels.CLUSTERS])
        counts = Counts(int(items.sum()), len(people), n, int(sums.cases.sum()), clusters)
        return Summed(counts, self.measures, found, of_people, self._shares(n), people[:, -categories:])

    def _pull(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """(K,) how much ordinal distance each value's place answers for; see `value_kernels.observed`."""
        weights = [0.0, 0.0, *(sum_kernels.weight(sum_kernels.MEETING, m) for m in range(2, len(self.sums.cases)))]
        cases = np.tensordot(np.array(weights[: len(self.sums.cases)]), self.sums.cases, 1)
        both = cases + cases.T
        return both.sum(axis=1) * places - both @ places

    def _n(self, measure: int, met: NDArray, items: NDArray, mass: NDArray) -> int:
        """What the n of a coefficient counts."""
        if measure in (kernels.PERCENT, kernels.POSITIVE):
            return int(self.sums.cases[:, mass > 0].sum())
        return int(met.sum() if measure == kernels.ALPHA else items[2:].sum())

    def _shares(self, n: int) -> Shares:
        """Of each value: its share, and the squares of the share's error over clusters, and over annotators in them."""
        found = []
        for k, chosen in enumerate(self.sums.judged.sum(axis=0).tolist()):
            share = chosen / n
            errors = self.sums.use[:, k] @ [1.0, -2 * share, share * share] / n**2
            found.append((share, *np.maximum(errors, 0.0).tolist()))
        return found


def _square(factors: NDArray[np.float64], products: NDArray[np.float64]) -> float:
    """A sum of squares from products of features; 0 where only what rounding left is there."""
    found = factors @ products @ factors
    return float(found) if abs(found) > ROUNDED * (np.abs(factors) @ np.abs(products) @ np.abs(factors)) else 0.0


def _class(measure: int) -> int:
    return _CLASS.get(measure, sum_kernels.ITEM)
