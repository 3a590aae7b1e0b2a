"""By how much agreement on values changed from some judgements to others, such as those under the next guideline.

As `change.py` for rankings: the difference d = after - before is linearised as one estimate, in which a residual of
`before` counts negatively, and its variance adds up all pairs of residuals that share an annotator, an item or both,
across the parts, too. A residual is what one case (two judgements of an item), or one judgement through the margins
from which chance agreement is computed, adds to the error (`value_agreement.py` has the coefficients, `crossing.py` the
sources). t(A - 1), with the effective number of annotators of both parts together.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality import value_change_kernels as kernels
from annotate.quality import value_kernels
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
    not_for,
    why_undefined,
)
from annotate.quality.value_kernels import ITEMS, LARGEST, OF_PAIRS, OVER_BOTH, OVER_ITEMS, SPREAD, VALUE, N
from annotate.quality.values import MOST_CATEGORIES, Level, ValueTable


@dataclass(frozen=True, slots=True)
class _Side:
    """One part of the table, measured."""

    rows: NDArray[np.int64]
    annotators: NDArray[np.int64]
    """(A,) the codes of those who judged, rising; the sums below are in their order."""
    found: NDArray[np.float64]
    sums: NDArray[np.float64]
    """(A, 3, measures): what the cases and the margins of each add to the error, and their loads."""
    chosen: NDArray[np.float64]
    """(A, K) how often each gave which value."""
    cases: int
    terms: tuple[NDArray[np.float64], ...]

    @classmethod
    def of(cls, table: ValueTable, rows: NDArray[np.int64], codes: NDArray[np.int64], positive: int) -> _Side:
        columns = value_kernels.take(rows, table.item, table.annotator, table.code, table.annotator_labels.size)
        level = get_args(Level).index(table.level)
        found, sums, _use, chosen, cases = value_kernels.measure(*columns, codes, level, table.positions, positive)
        starts, _annotator, code, people = columns
        terms = value_kernels.terms(starts, code, codes, level, table.positions, positive)
        sums = sums.reshape(people, 3, codes.size)
        return cls(rows, np.unique(table.annotator[rows]), found, sums, chosen, cases, terms)

    def missing(self, table: ValueTable, name: str, place: int) -> str:
        """Why a coefficient does not exist here, or nothing."""
        if not self.cases:
            return NO_OVERLAP if self.annotators.size > 1 else ALONE
        return why_undefined(table, name) if math.isnan(self.found[place, VALUE]) else ""


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
    Raises TableError when the two overlap or have another shape, or there are more categories than a scale has.
    """
    rows = [_rows(table, keep) for keep in (before, after)]
    if np.intersect1d(*rows, assume_unique=True).size:
        raise TableError("A judgement is before or after, not both.")
    if table.categories.size > MOST_CATEGORIES:
        raise TableError(f"A change is told for scales of up to {MOST_CATEGORIES} values.")
    names = [*measures, "prevalence"] if table.categories.size == 2 else list(measures)
    if not all(side.size for side in rows):
        return dict.fromkeys(names, undefined(ONE_SIDE))
    code = code_of_positive(table, positive)
    meant = [name for name in MEASURES if name in measures and not not_for(table, name)]
    codes = np.array([MEASURES.index(name) for name in meant], np.int64)
    old, new = (_Side.of(table, side, codes, code) for side in rows)
    found = {name: undefined(not_for(table, name)) for name in measures} | _changes(table, meant, old, new, code)
    return found | ({"prevalence": _prevalence(table, old, new, code)} if table.categories.size == 2 else {})


def _rows(table: ValueTable, keep: ArrayLike) -> NDArray[np.int64]:
    kept = table.in_order("rows to keep", keep)
    if kept.dtype != bool:
        raise TableError(f"Which rows to keep is said by true and false, not by {kept.dtype}.")
    return np.flatnonzero(kept)


def _changes(table: ValueTable, names: list[str], old: _Side, new: _Side, positive: int) -> dict[str, Estimate]:
    specific = np.array([name == "positive_agreement" for name in names])
    columns = table.item, table.code, old.rows, new.rows, old.terms, new.terms
    of_items, _shared, with_cases = kernels.items_in_both(*columns, positive, specific)
    of_pairs = kernels.pairs_in_both(table.item, table.annotator, table.code, table.annotator_labels.size, *columns[2:])
    return {
        name: _change(table, name, place, (old, new), float(of_items[place]), int(with_cases[place]), of_pairs[place])
        for place, name in enumerate(names)
    }


def _change(
    table: ValueTable,
    name: str,
    place: int,
    sides: tuple[_Side, _Side],
    of_items: float,
    with_cases: int,
    of_pairs: float,
) -> Estimate:
    if missing := next(filter(None, (side.missing(table, name, place) for side in sides)), ""):
        return undefined(missing)
    old, new = (side.found[place] for side in sides)
    both = old + new
    alike = max(old[LARGEST], new[LARGEST]) < NEGLIGIBLE
    return _told(
        float(new[VALUE] - old[VALUE]),
        2.0 if name in CORRECTED else 1.0,
        annotators=_joined(table, sides, [-sides[0].sums[:, 0, place], sides[1].sums[:, 0, place]]),
        margins=_joined(table, sides, [-sides[0].sums[:, 1, place], sides[1].sums[:, 1, place]]),
        loads=_joined(table, sides, [loads / loads.sum() for loads in (side.sums[:, 2, place] for side in sides)]),
        item_squares=0.0 if alike else max(float(both[OVER_ITEMS]) - 2 * of_items, NEGLIGIBLE**2),
        dyad_squares=max(0.0, float(both[OF_PAIRS]) - 2 * of_pairs),
        both_squares=float(both[OVER_BOTH]),
        items=int(both[ITEMS]) - with_cases,
        n=int(both[N]),
        spread=float(both[SPREAD]),
    )


def _prevalence(table: ValueTable, old: _Side, new: _Side, positive: int) -> Estimate:
    """How much oftener `positive` is said: a share over judgements, of which each is a term of its own."""
    terms, shares = np.zeros((2, table.item_labels.size)), []
    squares, sums, loads = 0.0, [], []
    for place, (side, sign) in enumerate(((old, -1.0), (new, 1.0))):
        said, n = (table.code[side.rows] == positive).astype(float), side.rows.size
        share = said.mean()
        terms[place] = np.bincount(table.item[side.rows], (said - share) / n, minlength=table.item_labels.size)
        squares += share * (1 - share) / n
        judged = side.chosen.sum(axis=1)
        sums.append(sign * (side.chosen[:, positive] - share * judged) / n)
        loads.append(judged / n)
        shares.append(share)
    judged = [np.bincount(table.item[side.rows], minlength=table.item_labels.size) > 0 for side in (old, new)]
    return _told(
        float(shares[1] - shares[0]),
        1.0,
        annotators=np.zeros(table.annotator_labels.size),
        margins=_joined(table, (old, new), sums),
        loads=_joined(table, (old, new), loads),
        item_squares=0.0 if squares < NEGLIGIBLE else max(float(np.square(terms[1] - terms[0]).sum()), NEGLIGIBLE**2),
        dyad_squares=0.0,
        both_squares=float(squares),
        items=int((judged[0] | judged[1]).sum()),
        n=old.rows.size + new.rows.size,
        spread=2.0,
    )


def _joined(table: ValueTable, sides: tuple[_Side, _Side], columns: list[NDArray]) -> NDArray[np.float64]:
    """(people,) the sums of both sides by annotator; 0 for who judged on neither."""
    found = np.zeros(table.annotator_labels.size)
    for side, column in zip(sides, columns, strict=True):
        found[side.annotators] += column
    return found


def _told(value: float, reach: float, **parts: Any) -> Estimate:
    """The difference, which lies in -reach to reach, with its interval."""
    found = dyadic_interval(value, bounds=(-FAR, FAR), **parts)
    return replace(found, lo=max(found.lo, -reach), hi=min(found.hi, reach))
