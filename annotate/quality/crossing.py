"""How far a number averaged over pairs of annotators may be off: the dyadic standard error and its interval.

Agreement is a mean over meetings of two annotators on an item, and two meetings are dependent when they share an
annotator or an item. Resampling items alone ignores the annotators: its nominal 95 % covers 40-80 % with
up to 60 of them. The variance here adds up every dependent pair of terms (annotators: Aronow, Samii and Assenova
2015, "Cluster-robust variance estimation for dyadic data"; items joined by inclusion and exclusion as in Cameron,
Gelbach and Miller 2011, "Robust inference with multiway clustering"), and the interval uses t(A-1). It speaks of
annotators and items like those seen.

Departures, each measured by simulation (skills that differ widely, 2-4 annotators on an item; coverage of 95 %):
- The annotators' part is multiplied by A(A-1)/((A-2)(A-3)), which makes it unbiased when meeting ab deviates by
  u_a + u_b in a complete design (residuals sum to 0, so sums over an annotator's meetings shrink): 81 -> 88 % at A = 6.
- A is the effective number of annotators, (sum of loads)^2 / sum of squared loads, which is the plain number when all
  do the same amount of work: 80 -> 91 % where eight annotators share the work very unequally.
- With three annotators the annotators' part is 0 by algebra; 6 times the sum of squared pair residuals is used, which
  has the right mean in the same model: 75 -> 95 %. With two, t(1) = 12.7 times the error over items stands in.
- The variance is never below the one over items.
Measured coverage: 2 to 4 annotators 95-100 %, 5 to 12 87-91 %, 20 and more 90-97 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.quality.counts import Meetings, Preferences
from annotate.quality.intervals import NEGLIGIBLE, Estimate, bounded, student_t_quantile, unseen_share
from annotate.translations import translatable

ONE_ANNOTATOR = translatable("One annotator: the interval covers other items, not other annotators.")
_FEWEST_FOR_DYADIC = 4
_TRIPLE_CORRECTION = 6.0


@dataclass(frozen=True, eq=False)
class Crossing:
    """Who met whom on what: (judgements,) items and annotators, and (meetings,) the two judgements of each meeting."""

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]

    @classmethod
    def of(cls, preferences: Preferences, meetings: Meetings) -> Crossing:
        """The crossing of a table's meetings."""
        return cls(preferences.judgement_item, preferences.judgement_annotator, meetings.left, meetings.right)

    def estimate(
        self,
        value: float,
        *,
        influence: NDArray,
        weight: NDArray,
        n: int,
        bounds: tuple[float, float],
        spread: float,
        judgement_influence: NDArray | None = None,
    ) -> Estimate:
        """`value` with its interval, from what each meeting (and each judgement) adds to its linearised error.

        `weight` (meetings,) >= 0 is each meeting's share of the denominator; meetings of weight 0 do not count.
        `spread` is how far the value could move if all cases had been otherwise: where the influences are all 0 (only
        one item, or perfect agreement) their size says nothing, and the interval is spread times what Wilson's bound at
        t(A-1) leaves open for items that are all alike.
        """
        loads = self._over_annotators(weight, weight)
        loads = loads[loads > 0]
        effective = float(loads.sum() ** 2 / np.square(loads).sum())
        quantile = student_t_quantile(max(effective - 1, 1.0))
        items = np.unique(self.item[self.left[weight > 0]]).size
        if items < 2 or np.abs(influence).max() < NEGLIGIBLE:
            return bounded(value, spread * unseen_share(items, z=quantile), n=n, bounds=bounds)
        judgement = np.zeros(self.item.size) if judgement_influence is None else judgement_influence
        variance = self._variance(influence, judgement, annotators=loads.size, effective=effective, items=items)
        return bounded(value, quantile * math.sqrt(variance), n=n, bounds=bounds)

    def _over_annotators(self, left: NDArray, right: NDArray) -> NDArray[np.float64]:
        """Sums of (meetings,) values over the annotators at either side."""
        people = self.annotator.max(initial=-1) + 1
        return np.bincount(self.annotator[self.left], left, minlength=people) + np.bincount(
            self.annotator[self.right], right, minlength=people
        )

    def _variance(
        self, influence: NDArray, judgement: NDArray, *, annotators: int, effective: float, items: int
    ) -> float:
        """Sum of products of influences over all pairs that share an annotator or an item, corrected as above."""
        people = self.annotator.max() + 1
        pair = np.unique(self.annotator[self.left] * people + self.annotator[self.right], return_inverse=True)[1]
        of_pair = np.square(np.bincount(pair, influence)).sum()
        of_annotator = self._over_annotators(influence, influence) + np.bincount(
            self.annotator, judgement, minlength=people
        )
        share_annotator = np.square(of_annotator).sum() - of_pair
        of_judgement = judgement + _bincount2(self.left, self.right, influence, judgement.size)
        share_both = np.square(of_judgement).sum() - np.square(influence).sum()
        of_item = np.bincount(self.item[self.left], influence, minlength=self.item.max() + 1)
        of_item = of_item + np.bincount(self.item, judgement, minlength=of_item.size)
        share_item = np.square(of_item).sum()
        over_items = share_item * items / (items - 1)
        if annotators < _FEWEST_FOR_DYADIC:
            return max(over_items, _TRIPLE_CORRECTION * of_pair if annotators == 3 else 0.0)
        a = max(effective, float(_FEWEST_FOR_DYADIC))
        correction = a * (a - 1) / ((a - 2) * (a - 3))
        return max(over_items, correction * share_annotator + share_item - share_both)


def _bincount2(first: NDArray, second: NDArray, values: NDArray, length: int) -> NDArray[np.float64]:
    """Sums of `values` by code, each value counted under both of its codes."""
    return np.bincount(first, values, minlength=length) + np.bincount(second, values, minlength=length)


def share_over_judgements(
    numerators: NDArray, denominators: NDArray, *, item: NDArray, annotator: NDArray, n: int
) -> Estimate:
    """sum(numerators) / sum(denominators) over judgements (n,), clustered by annotator and by item, t(A-1).

    With one annotator the interval speaks of that annotator only and is clustered by item.
    """
    value = numerators.sum() / denominators.sum()
    influence = (numerators - value * denominators) / denominators.sum()
    loads = np.bincount(annotator, denominators)
    loads = loads[loads > 0]
    items = np.unique(item[denominators > 0]).size
    effective = float(loads.sum() ** 2 / np.square(loads).sum())
    alone = loads.size == 1
    reason = ONE_ANNOTATOR if alone else ""
    quantile = student_t_quantile(max((items if alone else effective) - 1, 1.0))
    bounds = (0.0, 1.0)
    if items < 2 or np.abs(influence).max() < NEGLIGIBLE:
        return bounded(value, unseen_share(items, z=quantile), n=n, bounds=bounds, reason=reason)
    over_items = np.square(np.bincount(item, influence)).sum() * items / (items - 1)
    if alone:
        return bounded(value, quantile * math.sqrt(over_items), n=n, bounds=bounds, reason=reason)
    over_annotators = np.square(np.bincount(annotator, influence)).sum() * loads.size / (loads.size - 1)
    variance = over_annotators + over_items - np.square(influence).sum()
    return bounded(value, quantile * math.sqrt(max(variance, over_items)), n=n, bounds=bounds, reason=reason)
