"""By how much agreement changed from some judgements to others, such as those under the next version of a guideline.

The same people and items may be in both parts, which makes the two figures dependent: intervals that overlap do not say
that nothing changed, and the width of the difference is not that of independent figures. So the difference d = after -
before is linearised as one estimate, in which a residual of `before` counts negatively, and its variance adds up all
pairs of residuals that share an annotator, an item or both, across the parts, too (`crossing.py` has the sources):
annotators and pairs of annotators by the sums of both parts, items by those that were judged in both. A judgement is in
one part only. t(A - 1), with the effective number of annotators of both parts together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotate.quality.agreement import NEVER_STRICT, TAU_UNDEFINED
from annotate.quality.counts import Sums, meet
from annotate.quality.crossing import dyadic_interval
from annotate.quality.intervals import NEGLIGIBLE, Estimate, undefined
from annotate.quality.ranking_kernels import CHANNELS, OF_MEETING, PRODUCTS
from annotate.quality.table import RankingTable, united
from annotate.translations import translatable

ONE_SIDE = translatable("Nothing was judged on one of the two sides, so there is nothing to compare.")


FAR = 1e3
"""A bound so far off that the interval is symmetric: agreement cannot exceed 1, but a difference has no such side."""


@dataclass(frozen=True, slots=True)
class _Ratio:
    """A measure as one channel over another."""

    name: str
    numerator: str
    denominator: str
    items: int
    """Which of `Sums.items` have a denominator."""
    reach: float
    """The difference lies in -reach to reach."""
    undefined: str


RATIOS = (
    _Ratio("strict_agreement", "agreeing", "strict", 1, 1.0, NEVER_STRICT),
    _Ratio("tie_rate", "ties", "judged", 4, 1.0, ONE_SIDE),
    _Ratio("tau_b", "tau_b", "has_tau_b", 3, 2.0, TAU_UNDEFINED),
)
MEASURES = tuple(ratio.name for ratio in RATIOS)


def agreement_change(before: Sums, after: Sums, *, in_both: tuple[RankingTable, RankingTable]) -> dict[str, Estimate]:
    """after - before of each of MEASURES, with its interval; n counts the cases of both.

    The sums must be additive. `in_both` holds the judgements before and after of all items that have both.
    """
    return {ratio.name: _change(ratio, before, after, in_both) for ratio in RATIOS}


@dataclass(frozen=True, slots=True)
class _Side:
    """One part's measure, linearised."""

    sums: Sums
    ratio: _Ratio
    value: float
    total: float

    def combined(self, columns: NDArray) -> NDArray[np.float64]:
        """What rows of channels (n, channels) add to the error of the value."""
        numerator, denominator = (columns[:, CHANNELS.index(name)] for name in _names(self.ratio))
        return (numerator - self.value * denominator) / self.total

    def squares(self, products: NDArray) -> float:
        """The sum of squares of what rows add, from the sums of their PRODUCTS."""
        one, other = (CHANNELS.index(name) for name in _names(self.ratio))
        found = {pair: products[place] for place, pair in enumerate(PRODUCTS[: products.size])}
        if (one, one) not in found:  # a channel of judgements alone has no meetings
            return 0.0
        cross = found[min(one, other), max(one, other)]
        square = found[one, one] - 2 * self.value * cross + self.value**2 * found[other, other]
        return max(0.0, float(square)) / self.total**2


def _names(ratio: _Ratio) -> tuple[str, str]:
    return ratio.numerator, ratio.denominator


def _side(sums: Sums, ratio: _Ratio) -> _Side | None:
    one, other = (CHANNELS.index(name) for name in _names(ratio))
    numerator, denominator = sums.of_annotators[:, one].sum(), sums.of_annotators[:, other].sum()
    if not denominator:
        return None
    halves = 2 if other < OF_MEETING else 1  # a meeting is in the sums of two annotators
    return _Side(sums, ratio, float(numerator / denominator), float(denominator / halves))


def _change(ratio: _Ratio, before: Sums, after: Sums, in_both: tuple[RankingTable, RankingTable]) -> Estimate:
    sides = _side(before, ratio), _side(after, ratio)
    if sides[0] is None or sides[1] is None:
        empty = not before.items[0] or not after.items[0]
        return undefined(ONE_SIDE if empty else ratio.undefined)
    old, new = sides
    labels, codes = united(before.annotator_labels, after.annotator_labels)
    annotators, loads = np.zeros((2, labels.size))
    denominator = CHANNELS.index(ratio.denominator)
    for side, places, sign in ((old, codes[0], -1.0), (new, codes[1], 1.0)):
        annotators[places] += sign * side.combined(side.sums.of_annotators)
        loads[places] += side.sums.of_annotators[:, denominator] / side.total
    of_items = old.squares(before.of_items) + new.squares(after.of_items)
    scale = sum(_products_of(side.sums.of_items, denominator) / side.total**2 for side in (old, new))
    crossed, items_in_both = _items_in_both(ratio, old, new, in_both)
    both = sum(side.squares(side.sums.of_judgements) - side.squares(side.sums.of_meetings) for side in (old, new))
    found = dyadic_interval(
        new.value - old.value,
        annotators=annotators,
        loads=np.where(loads > NEGLIGIBLE, loads, 0.0),
        item_squares=0.0 if of_items <= NEGLIGIBLE * scale else max(of_items - 2 * crossed, NEGLIGIBLE**2),
        dyad_squares=_dyad_squares(old, new, codes, labels.size) if denominator < OF_MEETING else 0.0,
        both_squares=both,
        items=int(before.items[ratio.items] + after.items[ratio.items]) - items_in_both,
        n=round(old.total + new.total),
        bounds=(-FAR, FAR),
        spread=2 * ratio.reach,
    )
    return replace(found, lo=max(found.lo, -ratio.reach), hi=min(found.hi, ratio.reach))


def _products_of(products: NDArray, channel: int) -> float:
    return float(products[PRODUCTS.index((channel, channel))])


def _dyad_squares(old: _Side, new: _Side, codes: tuple[NDArray, NDArray], people: int) -> float:
    """The sum over pairs of annotators of (what both sides' meetings of theirs add)^2."""
    dyads = [
        side.sums.dyads.recoded(places, side.sums.annotator_labels.size, people)
        for side, places in zip((old, new), codes, strict=True)
    ]
    residuals = [side.combined(pairs.sums) for side, pairs in zip((old, new), dyads, strict=True)]
    common, of_old, of_new = np.intersect1d(dyads[0].keys, dyads[1].keys, assume_unique=True, return_indices=True)
    crossed = (residuals[0][of_old] * residuals[1][of_new]).sum() if common.size else 0.0
    return float(sum(np.square(one).sum() for one in residuals) - 2 * crossed)


def _items_in_both(
    ratio: _Ratio, old: _Side, new: _Side, tables: tuple[RankingTable, RankingTable]
) -> tuple[float, int]:
    """The sum over items of what each side adds times what the other does, and how many items have both."""
    if not len(tables[0]) or not len(tables[1]):
        return 0.0, 0
    columns = [_by_item(table, ratio) for table in tables]
    labels, codes = united(tables[0].item_labels, tables[1].item_labels)
    residuals, there = np.zeros((2, labels.size)), np.zeros((2, labels.size), bool)
    for place, (side, (numerator, denominator)) in enumerate(zip((old, new), columns, strict=True)):
        residuals[place, codes[place]] = (numerator - side.value * denominator) / side.total
        there[place, codes[place]] = denominator > 0
    return float((residuals[0] * residuals[1]).sum()), int(there.all(axis=0).sum())


def _by_item(table: RankingTable, ratio: _Ratio) -> tuple[NDArray, NDArray]:
    """(items,) numerator and denominator of the measure in each item of a table."""
    items = table.item_labels.size
    if ratio.name == "tie_rate":
        sizes = np.diff(table.row_start)
        votes = table.votes
        words = np.repeat(np.arange(table.n_judgements), np.diff(votes.start))
        ties = np.bincount(words, _ones(votes.tied), minlength=table.n_judgements)
        judged = sizes * (sizes - 1) / 2
        return tuple(np.bincount(table.judgement_item, column, minlength=items) for column in (ties, judged))
    meetings = meet(table)
    item = table.judgement_item[meetings.left]
    if ratio.name == "tau_b":
        defined = np.isfinite(meetings.tau_b)
        pair = np.where(defined, meetings.tau_b, 0.0), defined.astype(float)
    else:
        pair = meetings.agreeing, meetings.strict
    return tuple(np.bincount(item, column, minlength=items) for column in pair)


def _ones(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """(n,) how many bits of each word are set."""
    return np.unpackbits(np.ascontiguousarray(words).view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1).astype(float)
