"""By how much agreement on values changed from some judgements to others, such as those under the next guideline.

As `change.py` for rankings: the difference d = after - before is linearised as one estimate, in which a residual of
`before` counts negatively, and its variance adds up all pairs of residuals that share an annotator, an item (or a
cluster of items) or both, across the parts, too. A residual is what one case (two judgements of an item), or one
judgement through the margins from which chance agreement is computed, adds to the error (`value_agreement.py` has the
coefficients, `crossing.py` the sources). t(A - 1), with the effective number of annotators of both parts together.

Both parts are one set of answers on a scale twice as long: the values before, and the same values after. What is said
before and after of an item are two items of one cluster. So the sums of `value_sums.py` have all products across the
parts.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality import value_sum_kernels as sum_kernels
from annotate.quality.change import FAR, ONE_SIDE
from annotate.quality.crossing import dyadic_interval
from annotate.quality.intervals import NEGLIGIBLE, Estimate, undefined
from annotate.quality.table import TableError
from annotate.quality.value_agreement import (
    ALONE,
    CORRECTED,
    MEASURES,
    NO_OVERLAP,
    code_of_positive,
    measures_for,
    not_for,
    why_undefined,
)
from annotate.quality.value_sums import Answers, ValueSums, yes_of
from annotate.quality.value_terms import Term, Terms, features_of
from annotate.quality.values import ValueTable

MOST_LEVELS = 10
"""Values of a scale: the sums have a feature for each two values before and after."""


def value_change(
    table: ValueTable,
    before: ArrayLike,
    after: ArrayLike,
    *,
    positive: Hashable = None,
    measures: Collection[str] = MEASURES,
) -> dict[str, Estimate]:
    """after - before of coefficients, with intervals; n counts the cases, judgements or items of both.

    `before` and `after` (rows,) of booleans, in the order of the rows that the table was made of, choose two parts that
    have no row in common. Of two categories there is the change of `prevalence`, too: how often `positive` was said.
    Raises TableError when the two overlap or have another shape, there are more than ten categories, or `positive` is
    not the last of two.
    """
    old, new = (_kept(table, keep) for keep in (before, after))
    if (old & new).any():
        raise TableError("A judgement is before or after, not both.")
    if table.categories.size > MOST_LEVELS:
        raise TableError(f"A change is told for scales of up to {MOST_LEVELS} values.")
    if table.categories.size == 2 and code_of_positive(table, positive) != 1:
        raise TableError("The positive answer is the last of the two categories.")
    rows = np.flatnonzero(old | new)
    cluster = table.item if table.cluster is None else table.cluster
    columns = (column[rows].astype(np.int64) for column in (cluster, table.item, table.annotator, table.code))
    sums = sums_of_both(Answers(*columns), new[rows], table.categories.size)
    return change_of(sums, table, measures)


def _kept(table: ValueTable, keep: ArrayLike) -> NDArray[np.bool_]:
    kept = table.in_order("rows to keep", keep)
    if kept.dtype != bool:
        raise TableError(f"Which rows to keep is said by true and false, not by {kept.dtype}.")
    return kept


def both_parts(answers: Answers, after: NDArray[np.bool_], categories: int) -> Answers:
    """The answers before and `after` (n,) as one set on twice the scale, sorted as sums want it."""
    item, code = 2 * answers.item + after, answers.code + categories * after
    order = np.lexsort((item, answers.cluster))
    return Answers(answers.cluster[order], item[order], answers.annotator[order], code[order])


def n_in_both(answers: Answers) -> int:
    """How many items of both parts as one set have answers in each."""
    items = answers.item[answers.starts[:-1]] // 2
    return int((items[1:] == items[:-1]).sum())


def yes_of_both(categories: int) -> NDArray[np.bool_]:
    """(2K,) which of the values before and after are a yes."""
    return np.tile(yes_of(categories), 2)


def sums_of_both(answers: Answers, after: NDArray[np.bool_], categories: int) -> ValueSums:
    """The sums of both parts."""
    return ValueSums.of(both_parts(answers, after, categories), yes_of_both(categories))


def change_of(sums: ValueSums, scale: ValueTable, measures: Collection[str] = MEASURES) -> dict[str, Estimate]:
    """The change from the sums of both parts, on a scale of which only level and categories count."""
    named = [*measures, "prevalence"] if scale.categories.size == 2 else list(measures)
    if not all(part.any() for part in np.split(sums.judged.sum(axis=0), 2)):
        return dict.fromkeys(named, undefined(ONE_SIDE))
    codes = measures_for(scale, measures)
    sides = [_Side.of(sums, scale, codes, number) for number in (0, 1)]
    found = {name: undefined(not_for(scale, name)) for name in measures}
    for at, measure in enumerate(codes.tolist()):
        found[MEASURES[measure]] = _change(sums, scale, MEASURES[measure], sides, [side.terms.of[at] for side in sides])
    return found | ({"prevalence": _prevalence(sums, sides)} if scale.categories.size == 2 else {})


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """One part: where its features are among those of both, and what its coefficients are made of."""

    cells: NDArray[np.int64]
    """(F,) its kinds of cases."""
    values: NDArray[np.int64]
    """(K,) its values."""
    people: NDArray[np.float64]
    """(A, 3, F + K) its features by annotator."""
    judged: NDArray[np.float64]
    """(A,) judgements."""
    cases: int
    terms: Terms

    @classmethod
    def of(cls, sums: ValueSums, scale: ValueTable, measures: NDArray[np.int64], number: int) -> _Side:
        categories = scale.categories.size
        values = np.arange(categories) + number * categories
        larger, smaller = (one + number * categories for one in np.tril_indices(categories))
        cells = larger * (larger + 1) // 2 + smaller
        cases, judged = sums.cases[:, values][:, :, values], sums.judged[:, values]
        people = sums.by_annotator[:, :, np.concatenate([cells, features_of(2 * categories) + values])]
        terms = Terms.of_counts(cases, judged, scale, measures)
        own = people[:, sum_kernels.PLAIN, cells.size :].sum(axis=1)
        return cls(cells, values, people, own, int(cases.sum()), terms)

    def missing(self, scale: ValueTable, name: str, term: Term) -> str:
        """Why a coefficient does not exist here, or nothing."""
        if not self.cases:
            return NO_OVERLAP if np.count_nonzero(self.judged) > 1 else ALONE
        return why_undefined(scale, name) if np.isnan(term.value) else ""


def _change(sums: ValueSums, scale: ValueTable, name: str, sides: list[_Side], terms: list[Term]) -> Estimate:
    parts = list(zip((-1.0, 1.0), sides, terms, strict=True))
    if missing := next(filter(None, (side.missing(scale, name, one) for _sign, side, one in parts)), ""):
        return undefined(missing)
    case, judgement = np.zeros(sums.by_pairs.shape[-1]), np.zeros(sums.judged.shape[1])
    annotators, margins, loads = np.zeros((3, sums.annotators.size))
    for sign, side, one in parts:
        case[side.cells], judgement[side.values] = sign * one.case, sign * one.judgement
        own = one.of_each(side.people)
        annotators, margins, loads = (
            annotators + sign * own[:, 0],
            margins + sign * own[:, 1],
            loads + _parted(own[:, 2]),
        )
    old, new = terms
    squares = sums.squares(new.kind, case, judgement)
    return _told(
        new.value - old.value,
        2.0 if name in CORRECTED else 1.0,
        annotators=annotators,
        margins=margins,
        loads=loads,
        item_squares=0.0 if max(old.largest, new.largest) < NEGLIGIBLE else max(squares[0], NEGLIGIBLE**2),
        both_squares=squares[1],
        dyad_squares=max(0.0, squares[2]),
        items=int(sums.counts[new.counted]),
        n=old.n + new.n,
        spread=old.spread + new.spread,
    )


def _parted(loads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Loads as shares of all."""
    return loads / loads.sum()


def _prevalence(sums: ValueSums, sides: list[_Side]) -> Estimate:
    """How much oftener the positive value is said: a share over judgements, of which each is a term of its own."""
    judgement, margins, loads = np.zeros(sums.judged.shape[1]), *np.zeros((2, sums.annotators.size))
    value, squares = 0.0, 0.0
    for sign, side in zip((-1.0, 1.0), sides, strict=True):
        own, n = side.people[:, sum_kernels.PLAIN, side.cells.size :], side.judged.sum()
        share = float(own[:, 1].sum() / n)
        error = (np.array([0.0, 1.0]) - share) / n
        judgement[side.values] = sign * error
        margins, loads = margins + sign * (own @ error), loads + side.judged / n
        value, squares = value + sign * share, squares + share * (1 - share) / n
    over_clusters, over_both, _pairs = sums.squares(sum_kernels.PLAIN, np.zeros(sums.by_pairs.shape[-1]), judgement)
    return _told(
        value,
        1.0,
        annotators=np.zeros(sums.annotators.size),
        margins=margins,
        loads=loads,
        item_squares=0.0 if squares < NEGLIGIBLE else max(over_clusters, NEGLIGIBLE**2),
        both_squares=over_both,
        dyad_squares=0.0,
        items=int(sums.counts[sum_kernels.CLUSTERS]),
        n=int(sum(side.judged.sum() for side in sides)),
        spread=2.0,
    )


def _told(value: float, reach: float, **parts: Any) -> Estimate:
    """The difference, which lies in -reach to reach, with its interval."""
    found = dyadic_interval(value, bounds=(-FAR, FAR), **parts)
    return replace(found, lo=max(found.lo, -reach), hi=min(found.hi, reach))
