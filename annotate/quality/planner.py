"""How many items, how much overlap and how many annotators an agreement needs to be known to +- a half-width.

The agreement is the share of pairs of annotators who say the same of two answers (ties left out). Two parts make it
uncertain, and they add up: half_width^2 = t^2 (V_m / items + 4 s^2 / annotators).

Items. With m annotators an item's agreement is a U-statistic of order 2, so that (Hoeffding 1948, "A class of
statistics with asymptotically normal distribution", eq. 5.13, plus the variance between items)

    V_m = E a^2 - p^2 + 2 / (m(m-1)) * (2 (m-2) z1 + z2),    z1 = E(1-a)(2a-1) / 2,    z2 = p - E a^2

where an item on which the first answer is chosen with chance q has agreement a = q^2 + (1-q)^2, and p = E a. V_2 =
p(1-p) and V_3 = (4p-1)/3 - p^2 whatever the items; more overlap needs E a^2, for which q is taken to be logistic-normal
around a half with the spread that gives p. This speaks of other items *for the same annotators*, with z = 1.96.

Annotators. Agreement with annotators who were not asked varies with who is asked: s is the standard deviation of
annotators' own mean agreement, and a mean over pairs of A annotators has the variance 4 s^2 / A (dyadic: every pair
holds two), with t(A-1). More items do not help here. s = .05 is what our simulation of annotators of different skill
showed.

Simulated intervals for comparison (agreement .66, +-3 points): m = 3, 4, 5, 8 needed 474, 326, 258, 174 items; these
formulas give 475, 329, 261, 179. 850 items x 2 with 20, 60, 200 annotators: +-5.7, 4.2, 3.6 points; here 5.8, 4.2, 3.5.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from annotate.quality.intervals import Z_95, student_t_quantile
from annotate.quality.table import TableError

ANNOTATOR_SPREAD = 0.05
"""Standard deviation of annotators' own agreement, as simulated."""
FEWEST, MOST = 2, 10
"""The overlaps that a plan compares."""
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(101)
_WIDEST = 200.0


@dataclass(frozen=True, slots=True)
class Option:
    """One overlap with what it takes."""

    overlap: int
    items: int
    """For the half-width with other items and the same annotators."""
    judgements: int
    """items x overlap"""
    items_for_new: int | None
    """For the half-width with other items and other annotators; None: no number is enough with these annotators."""
    judgements_for_new: int | None
    per_annotator: float | None
    """Judgements of each annotator: of `judgements_for_new`, or else of `judgements`; None: annotators not given."""

    def as_dict(self) -> dict:
        """Ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes to know an agreement to +- half_width, for each overlap."""

    half_width: float
    agreement: float
    annotators: int | None
    annotator_spread: float
    options: list[Option]
    cheapest: Option
    """The fewest judgements; for new annotators where their number is given and is enough."""
    fewest_annotators: int
    """Below this, no number of items gives the half-width for annotators who were not asked."""

    def as_dict(self) -> dict:
        """Ready for JSON."""
        return asdict(self)


def plan(
    half_width: float,
    agreement: float,
    annotators: int | None = None,
    overlap: int | None = None,
    annotator_spread: float = ANNOTATOR_SPREAD,
) -> Plan:
    """What +- `half_width` takes at a guessed agreement, for overlaps 2 to 10 or the given one.

    Raises TableError unless 0 < half_width < 0.5, 0.5 <= agreement < 1 (two who toss coins agree half of the time),
    the overlap is at least 2 and there are as many annotators as the overlap asks for.
    """
    _check(half_width, agreement, annotators, overlap, annotator_spread)
    overlaps = range(FEWEST, min(MOST, annotators or MOST) + 1) if overlap is None else [overlap]
    options = [_option(half_width, agreement, m, annotators, annotator_spread) for m in overlaps]
    reachable = [option for option in options if option.judgements_for_new is not None]
    return Plan(
        half_width=half_width,
        agreement=agreement,
        annotators=annotators,
        annotator_spread=annotator_spread,
        options=options,
        cheapest=min(reachable or options, key=lambda option: option.judgements_for_new or option.judgements),
        fewest_annotators=fewest_annotators(half_width, annotator_spread),
    )


def _check(half_width: float, agreement: float, annotators: int | None, overlap: int | None, spread: float) -> None:
    if not 0 < half_width < 0.5:
        raise TableError(f"The half-width is {half_width:g}; it must lie between 0 and 0.5.")
    if not 0.5 <= agreement < 1:
        raise TableError(f"The agreement is {agreement:g}; it must be at least 0.5, which is chance, and below 1.")
    if overlap is not None and overlap < FEWEST:
        raise TableError(f"The overlap is {overlap}; agreement needs 2 annotators on an item.")
    if annotators is not None and annotators < (overlap or FEWEST):
        raise TableError(f"There are {annotators} annotators, but an item needs {overlap or FEWEST}.")
    if not 0 <= spread < 0.5:
        raise TableError(f"The spread of the annotators is {spread:g}; it must be at least 0 and below 0.5.")


def _option(half_width: float, agreement: float, overlap: int, annotators: int | None, spread: float) -> Option:
    variance = item_variance(agreement, overlap)
    items = math.ceil(Z_95**2 * variance / half_width**2)
    if annotators is None:
        return Option(overlap, items, items * overlap, None, None, None)
    left = (half_width / student_t_quantile(annotators - 1)) ** 2 - 4 * spread**2 / annotators
    new = math.ceil(variance / left) if left > 0 else None
    judgements = (items if new is None else new) * overlap
    return Option(overlap, items, items * overlap, new, None if new is None else judgements, judgements / annotators)


def half_width_of(
    items: int, agreement: float, annotators: int, overlap: int = 2, annotator_spread: float = ANNOTATOR_SPREAD
) -> float:
    """The half-width that so many items give for items and annotators who were not asked."""
    variance = item_variance(agreement, overlap) / items + 4 * annotator_spread**2 / annotators
    return student_t_quantile(annotators - 1) * math.sqrt(variance)


def fewest_annotators(half_width: float, annotator_spread: float = ANNOTATOR_SPREAD) -> int:
    """The fewest annotators with which some number of items gives the half-width for others."""

    def too_few(annotators: int) -> bool:
        return 2 * annotator_spread * student_t_quantile(annotators - 1) / math.sqrt(annotators) >= half_width

    low, high = 1, 2
    while too_few(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if too_few(middle) else (low, middle)
    return high


def item_variance(agreement: float, overlap: int) -> float:
    """V_m, the variance of an item's agreement among `overlap` annotators."""
    square = _mean_square(round(agreement, 12))
    by_one = (3 * agreement - 2 * square - 1) / 2
    by_two = agreement - square
    return square - agreement**2 + 2 / (overlap * (overlap - 1)) * (2 * (overlap - 2) * by_one + by_two)


@lru_cache(maxsize=256)
def _mean_square(agreement: float) -> float:
    """E a^2 where the log-odds of an item are normal around 0, with the spread at which E a is the agreement."""

    def moment(spread: float, power: int) -> float:
        chance = expit(spread * _NODES)
        return float(_WEIGHTS @ (chance**2 + (1 - chance) ** 2) ** power / _WEIGHTS.sum())

    if agreement <= moment(0.0, 1):
        return agreement**2
    if agreement >= moment(_WIDEST, 1):
        return agreement
    return moment(brentq(lambda spread: moment(spread, 1) - agreement, 0.0, _WIDEST), 2)
