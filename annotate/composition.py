"""Who is in a pool of annotators, by group, beside the share of judgements that is theirs. Pure.

Two ways. `open_groups` is for what admins see of each person anyway: exact. `protected_groups` is for what people said
in confidence; who knows how many judgements everybody made must not learn from it who is in which group:

- Groups of 1 to 4 are folded, with the next larger one where a subtraction would give them away (`safe_counts`), into
  "others", which are five or more. A question of which fewer than two groups are left is not shown at all.
- The number of people is rounded to a multiple of 5, shares of judgements and half-widths to whole 5 %.
- Shares of judgements are shown only where they fit to other groupings just as well: each person could change places
  with somebody of another group, and every rounded figure would be the same. So nobody whose many or few judgements
  would stand out is found by them.

The share of judgements is a ratio over annotators, as is its difference to the share of people: both linearised and
clustered by annotator with t(A-1), as `clustered_ratio` of annotate/quality/intervals.py does; n counts judgements for
the share, people for the difference. Of rounded figures the intervals are widened by what rounding may have taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.demographics import SMALLEST_CELL, safe_counts
from annotate.quality.intervals import ONE_CLUSTER, Estimate, student_t_quantile, undefined
from annotate.translations import translatable

OTHERS = "others"
"""The value of all groups that are too small to be named, together."""
STEPS = 20
"""Shares of protected groups are rounded to so many parts of the whole."""
STEP = 1 / STEPS
PEOPLE_STEP = 5
NEGLIGIBLE = 1e-12
EVERYBODY = translatable("Everybody who judged is in this group.")
ALL_EQUAL = translatable("Everybody judged equally often, so there is no interval.")
TELLING = translatable("Not shown: it would tell in which group somebody is.")


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the people who judged: `value` is "" for those who said nothing, OTHERS for all small ones."""

    value: str
    people: int
    people_share: float
    """A count over a count, and no estimate."""
    judgements: Estimate
    """The share of the judgements; n counts all judgements."""
    difference: Estimate
    """The share of judgements less the share of people; n counts all people."""


@dataclass(frozen=True, slots=True)
class _Pool:
    """How many people judged, the sum of their judgements and of its squares."""

    people: int
    judgements: float
    squares: float

    @classmethod
    def of(cls, counts: NDArray[np.float64]) -> _Pool:
        return cls(counts.size, float(counts.sum()), float(np.square(counts).sum()))

    def halves(self, k: int, total: ArrayLike, squares: ArrayLike) -> tuple[NDArray, NDArray]:
        """Half-widths for groups of k people with these sums: of the share of judgements and of the difference.

        A member with c of N judgements has the residual (1 - p) c / N, another -p c / N; for the difference (1 - q) / A
        is taken off, or q / A added, with q = k / A. The sums of their squares need the sums of c and c^2 only.
        """
        people, n = self.people, self.judgements
        total, squares = np.asarray(total, float), np.asarray(squares, float)
        p, q = total / n, k / people
        of_share = ((1 - p) ** 2 * squares + p**2 * (self.squares - squares)) / n**2
        crossed = ((1 - p) * (1 - q) * total + p * q * (n - total)) / (n * people)
        of_difference = of_share - 2 * crossed + q * (1 - q) / people
        wide = student_t_quantile(people - 1) * math.sqrt(people / (people - 1))
        return wide * np.sqrt(of_share), wide * np.sqrt(np.maximum(of_difference, 0.0))


def open_groups(groups: Sequence[str], judgements: ArrayLike, values: Sequence[str]) -> list[Group]:
    """The groups of people by `groups` (A,) and how often each judged (A,), in the order of `values`; exact."""
    named, counts = _checked(groups, judgements)
    pool = _Pool.of(counts)
    found = []
    for value in values:
        mine = counts[named == value]
        if mine.size:
            found.append(_open(value, pool, mine))
    return found


def _open(value: str, pool: _Pool, mine: NDArray[np.float64]) -> Group:
    p, q = float(mine.sum()) / pool.judgements, mine.size / pool.people
    n = int(pool.judgements)
    if pool.people < 2 or mine.size == pool.people:
        reason = ONE_CLUSTER if pool.people < 2 else EVERYBODY
        share, difference = Estimate(p, None, None, n, reason), Estimate(p - q, None, None, pool.people, reason)
        return Group(value, mine.size, q, share, difference)
    half, of_difference = (float(one) for one in pool.halves(mine.size, mine.sum(), np.square(mine).sum()))
    share = Estimate(p, max(0.0, p - half), min(1.0, p + half), n)
    difference = _between(p - q, of_difference, pool.people)
    return Group(value, mine.size, q, share, difference)


def _between(value: float, half: float, n: int) -> Estimate:
    if half < NEGLIGIBLE**0.5:
        return Estimate(value, None, None, n, ALL_EQUAL)
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half), n)


def protected_groups(groups: Sequence[str], judgements: ArrayLike, values: Sequence[str]) -> list[Group]:
    """The same of what people said in confidence: rounded, and nothing where fewer than two groups can be shown."""
    named, counts = _checked(groups, judgements)
    cells = safe_counts(named.tolist(), values)
    small = {cell.value for cell in cells if cell.n is None}
    folded = np.array([OTHERS if value in small else value for value in named.tolist()], dtype=object)
    shown = [cell.value for cell in cells if cell.n] + ([OTHERS] if small else [])
    members = [counts[folded == value] for value in shown]
    if len(shown) < 2 or min(mine.size for mine in members) < SMALLEST_CELL:
        return []
    pool = _Pool.of(counts)
    telling = not _could_be_others(pool, members)
    return [_protected(value, pool, mine, telling) for value, mine in zip(shown, members, strict=True)]


def _protected(value: str, pool: _Pool, mine: NDArray[np.float64], telling: bool) -> Group:
    people = PEOPLE_STEP * round(mine.size / PEOPLE_STEP)
    q, n = people / pool.people, int(pool.judgements)
    if telling:
        return Group(value, people, q, undefined(TELLING, n), undefined(TELLING, pool.people))
    steps = _rounded(pool, mine.size, mine.sum(), np.square(mine).sum())
    p, half, of_difference = (int(one) / STEPS for one in steps)
    share = Estimate(p, max(0.0, p - half), min(1.0, p + half), n)
    value_of = round((p - q) * STEPS) / STEPS
    lo, hi = max(-1.0, value_of - of_difference), min(1.0, value_of + of_difference)
    return Group(value, people, q, share, Estimate(value_of, lo, hi, pool.people))


def _rounded(pool: _Pool, k: int, total: ArrayLike, squares: ArrayLike) -> NDArray[np.int64]:
    """(3, ...) what is published of a group, in steps: its share of judgements and the two half-widths.

    Each half-width is wide enough for what rounding moves: the share by half a step, the people by two.
    """
    half, of_difference = pool.halves(k, total, squares)
    share = np.floor(np.asarray(total, float) / pool.judgements / STEP + 0.5)
    wide = np.ceil((half + STEP / 2) / STEP - 1e-9)
    wider = np.ceil((of_difference + STEP + PEOPLE_STEP / 2 / pool.people) / STEP - 1e-9)
    return np.stack([share, wide, wider]).astype(np.int64)


def _could_be_others(pool: _Pool, members: Sequence[NDArray[np.float64]]) -> bool:
    """Whether each person could change places with somebody of another group, and nobody would see it.

    Only those who judged nearly as often are tried: where they do not fit, no other is looked for.
    """
    sums = [(float(mine.sum()), float(np.square(mine).sum())) for mine in members]
    published = [_rounded(pool, mine.size, *sums[place]) for place, mine in enumerate(members)]
    for place, mine in enumerate(members):
        safe = np.zeros(mine.size, bool)
        for other, theirs in enumerate(members):
            if other == place:
                continue
            ordered = np.sort(theirs)
            after = np.searchsorted(ordered, mine)
            for at in (np.maximum(after - 1, 0), np.minimum(after, ordered.size - 1)):
                more, squares = ordered[at] - mine, np.square(ordered[at]) - np.square(mine)
                here = _rounded(pool, mine.size, sums[place][0] + more, sums[place][1] + squares)
                there = _rounded(pool, theirs.size, sums[other][0] - more, sums[other][1] - squares)
                safe |= (published[place] == here.T).all(axis=1) & (published[other] == there.T).all(axis=1)
        if not safe.all():
            return False
    return True


def _checked(groups: Sequence[str], judgements: ArrayLike) -> tuple[NDArray, NDArray[np.float64]]:
    named, counts = np.array(list(groups), dtype=object), np.asarray(judgements, dtype=float)
    if named.shape != counts.shape or (counts <= 0).any():
        raise ValueError("Everybody who judged needs a group and a number of judgements above 0.")
    return named, counts
