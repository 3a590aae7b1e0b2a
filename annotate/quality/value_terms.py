"""What each coefficient's error is made of, as factors of the features that `value_sum_kernels.py` sums.

A coefficient is 1 - D/E (see `value_agreement.py`). Linearised, a case adds -(d - D/M mass) / (M E) times its weight,
M the sum of all mass, and a judgement adds its value's slope through the margins: numbers that depend on what was said
how often in all, and on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from annotate.quality import value_kernels as kernels
from annotate.quality import value_sum_kernels as sum_kernels
from annotate.quality.values import Level, ValueTable

_CLASS = {
    kernels.PERCENT: sum_kernels.PLAIN,
    kernels.POSITIVE: sum_kernels.PLAIN,
    kernels.ALPHA: sum_kernels.MEETING,
}
"""The class of each coefficient; that of the others is ITEM."""


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One coefficient."""

    value: float
    """nan where it does not exist."""
    kind: int
    """The class of its features."""
    case: NDArray[np.float64]
    """(F,) what a case of each kind adds to the error, but for its weight."""
    judgement: NDArray[np.float64]
    """(K,) what a judgement of each value adds, but for its weight."""
    load: NDArray[np.float64]
    """(F,) what a case adds to the denominator."""
    n: int
    spread: float
    largest: float
    """The most that a case adds."""
    counted: int
    """Which of the kernel's counts are the clusters that it is about."""

    def of_each(self, people: NDArray[np.float64]) -> NDArray[np.float64]:
        """(A, 3) what the cases of each and the judgements add to the error, and their load, from (A, 3, F + K)."""
        cases, judgements = np.split(people[:, self.kind], [self.case.size], axis=1)
        return np.column_stack([cases @ self.case, judgements @ self.judgement, cases @ self.load])


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """All coefficients that were asked for."""

    measures: NDArray[np.int64]
    """(Q,) their codes."""
    of: list[Term]
    n_items: int

    @classmethod
    def of_counts(cls, cases: NDArray, judged: NDArray, scale: ValueTable, measures: NDArray) -> Terms:
        """Of (M, K, K) cases and (M, K) judgements, of which there are some, on a scale."""
        return _Margins(cases, judged, scale).terms(measures)


class _Margins:
    """How often what was said, and what follows of it."""

    def __init__(self, cases: NDArray, judged: NDArray, scale: ValueTable):
        self.cases, self.scale = cases, scale
        self.level = get_args(Level).index(scale.level)
        m = np.arange(len(judged))
        self.items = np.zeros(m.size)
        np.divide(judged.sum(axis=1), m, out=self.items, where=m > 0)
        self.met = judged[2:].sum(axis=0).astype(float)
        self.mean = (judged[1:] / m[1:, None]).sum(axis=0) / self.items.sum()
        self.scaled = kernels.scaled_to_one(scale.positions)
        self.places = kernels.midranks(self.met) if scale.level == "ordinal" else scale.positions
        self.yes = 1 if scale.categories.size == 2 else -1

    def terms(self, measures: NDArray) -> Terms:
        parts = [kernels.distances(one, self.level, self.places, self.scaled, self.yes) for one in measures]
        weights = [self._weights(class_of(one)) for one in measures]
        weighed = [np.tensordot(weight, self.cases, 1) for weight in weights]
        distance, mass = (
            np.array([(all_of * part[side]).sum() for all_of, part in zip(weighed, parts, strict=True)])
            for side in (0, 1)
        )
        value, expected, slope = kernels.slopes(
            measures, self.level, self.met, self.mean, self.places, self.scaled, distance, mass, self._pull()
        )
        found = []
        cells = np.tril_indices(self.scale.categories.size)
        for at, measure in enumerate(measures.tolist()):
            apart, load = parts[at]
            exists = not np.isnan(value[at])
            of_case = np.zeros_like(apart)
            if exists:
                of_case = -(apart - distance[at] / mass[at] * load) / (mass[at] * expected[at])
            shown = weights[at][:, None, None] * np.abs(of_case) * (self.cases > 0)
            met = measure == kernels.ALPHA
            found.append(
                Term(
                    value=float(value[at]),
                    kind=class_of(measure),
                    case=of_case[cells],
                    judgement=slope[at] / (self.met.sum() if met else self.items.sum()) if exists else slope[at] * 0,
                    load=load[cells],
                    n=self._n(measure, load),
                    spread=kernels.spread(measure, self.level, self.met, self.places, expected[at]) if exists else 0.0,
                    largest=float(shown.max(initial=0.0)),
                    counted=sum_kernels.WITH_POSITIVE if measure == kernels.POSITIVE else sum_kernels.WITH_CASE,
                )
            )
        return Terms(measures, found, int(self.items.sum()))

    def _weights(self, kind: int) -> NDArray[np.float64]:
        """(M,) of a case, by m."""
        return np.array([sum_kernels.weight(kind, m) if m > 1 else 0.0 for m in range(len(self.cases))])

    def _pull(self) -> NDArray[np.float64]:
        """(K,) how much ordinal distance each value's place answers for; see `value_kernels.observed`."""
        cases = np.tensordot(self._weights(sum_kernels.MEETING), self.cases, 1)
        both = cases + cases.T
        return both.sum(axis=1) * self.places - both @ self.places

    def _n(self, measure: int, mass: NDArray) -> int:
        """What the n of a coefficient counts."""
        if measure in (kernels.PERCENT, kernels.POSITIVE):
            return int(self.cases[:, mass > 0].sum())
        return int(self.met.sum() if measure == kernels.ALPHA else self.items[2:].sum())


def class_of(measure: int) -> int:
    """The class of a coefficient's features."""
    return _CLASS.get(measure, sum_kernels.ITEM)


def features_of(categories: int) -> int:
    """How many kinds of cases there are."""
    return categories * (categories + 1) // 2
