"""How far a number averaged over pairs of annotators may be off: the dyadic standard error and its interval.

Agreement is a mean over meetings of two annotators on an item, and two meetings are dependent when they share an
annotator or an item. Resampling items alone ignores the annotators: its nominal 95 % covers 40-80 % with
up to 60 of them. The variance here adds up every dependent pair of terms (annotators: Aronow, Samii and Assenova
2015, "Cluster-robust variance estimation for dyadic data"; items joined by inclusion and exclusion as in Cameron,
Gelbach and Miller 2011, "Robust inference with multiway clustering"). The interval speaks of annotators and items like
those seen.

Departures, each measured by simulation (skills that differ widely, 2-4 annotators on an item; coverage of 95 %):
- The annotators' part is made unbiased for meetings ab that deviate by u_a + u_b + e_ab in a complete design, where
  what a judges adds m_a by itself, through the margins that chance is made of. With Q_a the sum over the meetings of
  a, M_a that over the judgements, P_ab that over the meetings of a and b: A(A-1) (sum of (Q_a/(A-2) + M_a/(A-1))^2 -
  (sum of P_ab^2 - sum of Q_a^2/(A-2)) / ((A-2)(A-3))). Without margins that is A(A-1)/((A-2)(A-3)) times the plain
  one: 81 -> 88 % at A = 6. In alpha of a rare flag u and m nearly cancel (who says yes often differs often, and is
  expected to), and the plain one takes off u^2 that was never in it: 91 -> 95 % at A = 20.
- A is the effective number of annotators, (sum of loads)^2 / sum of squared loads, which is the plain number when all
  do the same amount of work: 80 -> 91 % where eight annotators share the work very unequally.
- With three annotators the annotators' part is 0 by algebra; 6 times the sum of squared pair residuals is used, which
  has the right mean in the same model: 75 -> 95 %. With two, t(1) = 12.7 times the error over items stands in.
- The annotators' part is multiplied by (1 - q/4) / (1 + q/4 - r/q), q and r the sums of squares and of cubes of
  annotators' shares of all meetings, each of which has two people. It is 1 where all do the same amount of work;
  where they do not, residuals of who does much are shrunk more than A alone says: 92 -> 93 % at A = 20 with lognormal
  loads (sd .7).
- The variance is never below the one over items.
- t has not A - 1 degrees of freedom but (sum of s)^2 / sum of s^2, s the square of what an annotator's terms sum to:
  the number of annotators that the error comes from (at least 4, at most A - 1). A few who lean or guess make most of
  the error, so its size is known less well than A suggests. It is about A/3 where sums are normal, a third of what
  Satterthwaite 1946 takes: 92 -> 95 % at A = 20.
- Where 16 annotators or more add nothing to the variance over items, t has as many degrees of freedom as there are
  items but one: 99 -> 96 % where all annotators are alike. Of fewer ones that is no evidence that they are alike.
- The interval is symmetric in the logarithm of 1 - value, a distance over the one expected: estimates that come out
  too good come with errors that come out too small. With a rare flag at A = 20, the truth lay below the interval of AC1
  in 10 % of studies, and with both changes does in 4 %: 89 -> 95 %.
Measured coverage (`./run bench coverage`): from 20 annotators up 93-97 %, with 8 of them 73-95 %, with 4 down to 77 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.quality.intervals import NEGLIGIBLE, Estimate, bounded, student_t_quantile, unseen_share
from annotate.translations import translatable

ONE_ANNOTATOR = translatable("One annotator: the interval covers other items, not other annotators.")
_FEWEST_FOR_DYADIC = 4
_TRIPLE_CORRECTION = 6.0
_LEAST_FREEDOM = 4.0
_ENOUGH_TO_BE_ALIKE = 16.0
_FARTHEST = 5.0
_TINY = 1e-300


def dyadic_interval(
    value: float,
    *,
    annotators: NDArray,
    margins: NDArray | float = 0.0,
    loads: NDArray,
    item_squares: float,
    dyad_squares: float,
    both_squares: float,
    items: int,
    n: int,
    bounds: tuple[float, float],
    spread: float,
) -> Estimate:
    """`value` with its interval, from what annotators, items and pairs of annotators add to its linearised error.

    A *residual* is what one meeting of two annotators (or one judgement) adds to the error of `value`; they sum to 0.
    `annotators` (A,): sums of the residuals of the meetings that each annotator is part of; `margins` (A,): those of
    their judgements. `loads` (A,) >= 0: the denominators they are part of; annotators of load 0 do not count.
    `item_squares`: sum over items of (sum of its residuals)^2.
    `dyad_squares`: sum over pairs of annotators of (sum over their meetings)^2. `both_squares`: what shares an
    annotator *and* an item, sum over judgements of (sum of its residuals)^2 - sum over meetings of residual^2.
    `items`: how many have a denominator. `spread` is how far the value could move if all cases had been otherwise.
    With one item or residuals that are all 0 (perfect agreement), `item_squares` and all others being 0, their size
    says nothing, and the interval is spread times what Wilson's bound at t leaves open for items that are all alike.
    """
    effective, quantile = _effective(loads)
    if items < 2 or item_squares < NEGLIGIBLE**2:  # what rounding leaves of nothing is no evidence either
        return bounded(value, spread * unseen_share(items, z=quantile), n=n, bounds=bounds)
    over_items = item_squares * items / (items - 1)
    people = int((loads > 0).sum())
    if people < _FEWEST_FOR_DYADIC:
        variance = max(over_items, _TRIPLE_CORRECTION * dyad_squares if people == 3 else 0.0)
        return bounded(value, quantile * math.sqrt(variance), n=n, bounds=bounds)
    squares, over_annotators = variance_over_annotators(annotators, margins, loads, dyad_squares, effective)
    variance = over_annotators + item_squares - both_squares
    origins = float(squares.sum() ** 2 / max(np.square(squares).sum(), _TINY))
    freedom = min(max(effective - 1, 1.0), max(_LEAST_FREEDOM, origins))
    if variance <= over_items:
        variance = over_items
        freedom = items - 1.0 if effective >= _ENOUGH_TO_BE_ALIKE else freedom
    return _below(value, student_t_quantile(freedom) * math.sqrt(variance), n=n, bounds=bounds)


def variance_over_annotators(
    annotators: NDArray, margins: NDArray | float, loads: NDArray, dyad_squares: float, effective: float
) -> tuple[NDArray, float]:
    """(A,) squares of what annotators add, and the annotators' part of the variance, as the module says."""
    a = max(effective, float(_FEWEST_FOR_DYADIC))
    squares = np.square(annotators / (a - 2) + margins / (a - 1))
    by_pairs = dyad_squares - float(np.square(annotators).sum()) / (a - 2)
    shares = 2 * loads / loads.sum()
    q, r = float(np.square(shares).sum()), float((shares**3).sum())
    uneven = (1 - q / 4) / (1 + q / 4 - r / q)
    return squares, uneven * a * (a - 1) * (float(squares.sum()) - by_pairs / ((a - 2) * (a - 3)))


def _below(value: float, half: float, *, n: int, bounds: tuple[float, float]) -> Estimate:
    """`value` +- `half`, symmetric in the logarithm of what it lacks to the upper bound."""
    distance = bounds[1] - value
    if distance < NEGLIGIBLE:
        return bounded(value, half, n=n, bounds=bounds)
    factor = math.exp(min(half / distance, _FARTHEST))
    return Estimate(float(value), max(bounds[0], bounds[1] - distance * factor), bounds[1] - distance / factor, int(n))


def _effective(loads: NDArray) -> tuple[float, float]:
    """The effective number of annotators with these loads (A,), and the quantile of t for it."""
    effective = float(loads.sum() ** 2 / np.square(loads).sum())
    return effective, student_t_quantile(max(effective - 1, 1.0))


@dataclass(frozen=True, eq=False)
class Crossing:
    """Who met whom on what: (judgements,) items and annotators, and (meetings,) the two judgements of each meeting."""

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]

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
        `spread` is that of `dyadic_interval`.
        """
        people = int(self.annotator.max(initial=-1)) + 1
        judgement = np.zeros(self.item.size) if judgement_influence is None else judgement_influence
        of_meetings = _bincount2(self.left, self.right, influence, judgement.size)
        of_judgement = judgement + of_meetings
        of_item = np.bincount(self.item[self.left], influence, minlength=int(self.item.max()) + 1)
        of_item = of_item + np.bincount(self.item, judgement, minlength=of_item.size)
        dyad = np.unique(self.annotator[self.left] * people + self.annotator[self.right], return_inverse=True)[1]
        alike = np.abs(influence).max() < NEGLIGIBLE
        return dyadic_interval(
            value,
            annotators=np.bincount(self.annotator, of_meetings, minlength=people),
            margins=np.bincount(self.annotator, judgement, minlength=people),
            loads=_bincount2(self.annotator[self.left], self.annotator[self.right], weight, people),
            item_squares=0.0 if alike else float(np.square(of_item).sum()),
            dyad_squares=float(np.square(np.bincount(dyad, influence)).sum()),
            both_squares=float(np.square(of_judgement).sum() - np.square(influence).sum()),
            items=np.unique(self.item[self.left[weight > 0]]).size,
            n=n,
            bounds=bounds,
            spread=spread,
        )


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
    alike = np.abs(influence).max() < NEGLIGIBLE
    return share_interval(
        value,
        annotators=np.bincount(annotator, influence),
        loads=np.bincount(annotator, denominators),
        item_squares=0.0 if alike else float(np.square(np.bincount(item, influence)).sum()),
        judgement_squares=float(np.square(influence).sum()),
        items=np.unique(item[denominators > 0]).size,
        n=n,
    )


def share_interval(
    value: float,
    *,
    annotators: NDArray,
    loads: NDArray,
    item_squares: float,
    judgement_squares: float,
    items: int,
    n: int,
) -> Estimate:
    """A share over judgements with its interval, from sums of residuals (one a judgement) as in `dyadic_interval`."""
    people = int((loads > 0).sum())
    reason = ONE_ANNOTATOR if people == 1 else ""
    quantile = student_t_quantile(max(items - 1, 1.0)) if people == 1 else _effective(loads)[1]
    bounds = (0.0, 1.0)
    if items < 2 or item_squares <= 0:
        return bounded(value, unseen_share(items, z=quantile), n=n, bounds=bounds, reason=reason)
    variance = over_items = item_squares * items / (items - 1)
    if people > 1:
        over_annotators = float(np.square(annotators).sum()) * people / (people - 1)
        variance = max(over_items, over_annotators + over_items - judgement_squares)
    return bounded(value, quantile * math.sqrt(variance), n=n, bounds=bounds, reason=reason)
