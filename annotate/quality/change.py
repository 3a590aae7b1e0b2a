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
from annotate.quality.counts import Keep, Sums, kept, meet
from annotate.quality.crossing import dyadic_interval
from annotate.quality.intervals import NEGLIGIBLE, Estimate, undefined
from annotate.quality.ranking_kernels import CHANNELS, OF_MEETING, PRODUCTS
from annotate.quality.table import RankingTable, united
from annotate.quality.votes import stretches
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


@dataclass(frozen=True, eq=False)
class InBoth:
    """What the items that were judged in both parts sum to; additive over items."""

    items: int
    with_cases: NDArray[np.int64]
    """(measures,) those of them that have a denominator in both."""
    products: NDArray[np.float64]
    """(measures, 2, 2): sums over items of (numerator, denominator) before times those after."""

    @classmethod
    def of(cls, before: tuple[RankingTable, Keep], after: tuple[RankingTable, Keep]) -> InBoth:
        """Of the judgements that count, before and after; items are matched by their labels."""
        sides = [(table, kept(table, keep)) for table, keep in (before, after)]
        items = [table.item_labels[np.unique(table.judgement_item[chosen])] for table, chosen in sides]
        common = np.intersect1d(*items, assume_unique=True)
        one, other = (_by_item(table, chosen, common) for table, chosen in sides)
        with_cases = ((one[..., 1] > 0) & (other[..., 1] > 0)).sum(axis=0)
        return cls(common.size, with_cases, np.einsum("irx,iry->rxy", one, other))

    def __add__(self, other: InBoth) -> InBoth:
        return InBoth(self.items + other.items, self.with_cases + other.with_cases, self.products + other.products)

    def __sub__(self, other: InBoth) -> InBoth:
        return InBoth(self.items - other.items, self.with_cases - other.with_cases, self.products - other.products)


def dyads_in_both(before: Sums, after: Sums) -> NDArray[np.float64]:
    """(10, 10) sums over pairs of annotators of the channels of their meetings before times those after.

    The sums must be additive.
    """
    labels, codes = united(before.annotator_labels, after.annotator_labels)
    one, other = (
        part.additive_dyads.recoded(places, part.annotator_labels.size, labels.size)
        for part, places in zip((before, after), codes, strict=True)
    )
    if not one.keys.size or not other.keys.size:
        return np.zeros((OF_MEETING, OF_MEETING))
    place = np.minimum(np.searchsorted(one.keys, other.keys), one.keys.size - 1)
    met = one.keys[place] == other.keys
    return one.sums[place[met]].T @ other.sums[met]


def agreement_change(before: Sums, after: Sums, *, items: InBoth, dyads: NDArray) -> dict[str, Estimate]:
    """after - before of each of MEASURES, with its interval; n counts the cases of both.

    `items` and `dyads` (10, 10) are what `InBoth.of` and `dyads_in_both` say of the same judgements.
    """
    return {ratio.name: _change(place, before, after, items, dyads) for place, ratio in enumerate(RATIOS)}


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


def _change(place: int, before: Sums, after: Sums, in_both: InBoth, of_dyads: NDArray) -> Estimate:
    ratio = RATIOS[place]
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
    linear = [np.array([1.0, -side.value]) / side.total for side in (old, new)]
    crossed = float(linear[0] @ in_both.products[place] @ linear[1])
    both = sum(side.squares(side.sums.of_judgements) - side.squares(side.sums.of_meetings) for side in (old, new))
    of_meetings = denominator < OF_MEETING
    found = dyadic_interval(
        new.value - old.value,
        annotators=annotators if of_meetings else np.zeros(labels.size),
        margins=0.0 if of_meetings else annotators,
        loads=np.where(loads > NEGLIGIBLE, loads, 0.0),
        item_squares=0.0 if of_items <= NEGLIGIBLE * scale else max(of_items - 2 * crossed, NEGLIGIBLE**2),
        dyad_squares=_dyad_squares(old, new, of_dyads) if of_meetings else 0.0,
        both_squares=both,
        items=int(before.items[ratio.items] + after.items[ratio.items] - in_both.with_cases[place]),
        n=round(old.total + new.total),
        bounds=(-FAR, FAR),
        spread=2 * ratio.reach,
    )
    return replace(found, lo=max(found.lo, -ratio.reach), hi=min(found.hi, ratio.reach))


def _products_of(products: NDArray, channel: int) -> float:
    return float(products[PRODUCTS.index((channel, channel))])


def _dyad_squares(old: _Side, new: _Side, of_dyads: NDArray) -> float:
    """The sum over pairs of annotators of (what both sides' meetings of theirs add)^2."""
    slopes = [side.combined(np.eye(OF_MEETING)) for side in (old, new)]
    crossed = float(slopes[0] @ of_dyads @ slopes[1])
    return max(0.0, old.squares(old.sums.of_dyads) + new.squares(new.sums.of_dyads) - 2 * crossed)


def _by_item(table: RankingTable, chosen: NDArray, items: NDArray) -> NDArray[np.float64]:
    """(items, measures, 2) numerator and denominator of each measure in each of some items, of `chosen` judgements."""
    if not items.size:
        return np.zeros((0, len(RATIOS), 2))
    place = np.full(table.item_labels.size, -1)
    place[np.searchsorted(table.item_labels, items)] = np.arange(items.size)
    chosen = chosen[place[table.judgement_item[chosen]] >= 0]
    meetings = meet(table, chosen)
    met, judged = place[table.judgement_item[meetings.left]], place[table.judgement_item[chosen]]
    defined = np.isfinite(meetings.tau_b)
    sizes = table.row_start[chosen + 1] - table.row_start[chosen]
    columns = {
        "strict_agreement": (met, meetings.agreeing, meetings.strict),
        "tie_rate": (judged, _ties(table, chosen), sizes * (sizes - 1) / 2),
        "tau_b": (met, np.where(defined, meetings.tau_b, 0.0), defined.astype(float)),
    }
    found = np.empty((items.size, len(RATIOS), 2))
    for measure, name in enumerate(MEASURES):
        item, *pair = columns[name]
        for side, column in enumerate(pair):
            found[:, measure, side] = np.bincount(item, column, minlength=items.size)
    return found


def _ties(table: RankingTable, chosen: NDArray) -> NDArray[np.float64]:
    """(chosen,) pairs of completions that each of some judgements calls equally good."""
    first, sizes = table.votes.start[chosen], table.votes.start[chosen + 1] - table.votes.start[chosen]
    words = np.ascontiguousarray(table.votes.tied[stretches(first, sizes)])
    ties = np.unpackbits(words.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1)
    return np.bincount(np.repeat(np.arange(chosen.size), sizes), ties, minlength=chosen.size)
