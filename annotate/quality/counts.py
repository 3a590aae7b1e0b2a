"""From rankings to counts: every agreement measure is a sum over the records made here.

A ranking of K completions expands to K(K-1)/2 preferences in {-1, 0, 1}: which of two completions is better, or a tie.
A *unit* is one pair of completions of one item; a *meeting* is two annotators who both ranked an item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.quality.table import RankingTable


@dataclass(frozen=True, eq=False)
class Preferences:
    """One row for each unit an annotator judged, sorted by unit, then judgement.

    A judgement is one annotator's ranking of one item; judgements are numbered in the order of the table.
    """

    unit: NDArray[np.int64]
    judgement: NDArray[np.int64]
    sign: NDArray[np.int64]
    """1: the first completion is preferred, -1: the second, 0: a tie."""
    unit_item: NDArray[np.int64]
    """(units,)"""
    judgement_item: NDArray[np.int64]
    """(judgements,)"""
    judgement_annotator: NDArray[np.int64]
    """(judgements,)"""


@dataclass(frozen=True, eq=False)
class Meetings:
    """One row for each two annotators who judged at least one same unit of an item; sums over the units they share.

    `left` and `right` index judgements. `weighted` sums carry Krippendorff's weight 2/(m-1) of a unit with m judges.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    shared: NDArray[np.float64]
    """Units both judged."""
    strict: NDArray[np.float64]
    """Units on which both preferred one completion."""
    agreeing: NDArray[np.float64]
    """Units on which both preferred the same completion."""
    exact: NDArray[np.float64]
    """Units on which both said the same, a tie included."""
    distance: NDArray[np.float64]
    """Sum of |difference of signs| / 2: 0 same, 1/2 a tie against a preference, 1 opposite."""
    weighted: NDArray[np.float64]
    weighted_unequal: NDArray[np.float64]
    tau_b: NDArray[np.float64]
    """Kendall's tau-b over the shared completions; nan where one of the two tied them all."""


def expand_preferences(table: RankingTable) -> Preferences:
    """All preferences the rankings of a table imply."""
    starts = _starts(table.item, table.annotator)
    judgement_of_row = np.repeat(np.arange(starts.size), np.diff(np.append(starts, len(table))))
    first, second = _pairs_within(starts, len(table))
    width = int(table.completion.max(initial=0)) + 1
    key = (table.item[first] * width + table.completion[first]) * width + table.completion[second]
    keys, unit = np.unique(key, return_inverse=True)
    judgement = judgement_of_row[first]
    order = np.lexsort((judgement, unit))
    return Preferences(
        unit=unit[order],
        judgement=judgement[order],
        sign=np.sign(table.rank[second] - table.rank[first])[order],
        unit_item=keys // (width * width),
        judgement_item=table.item[starts],
        judgement_annotator=table.annotator[starts],
    )


def count_units(preferences: Preferences) -> NDArray[np.int64]:
    """(units, 3): how many annotators preferred the second completion, tied the two, preferred the first."""
    units = preferences.unit_item.size
    return np.bincount(preferences.unit * 3 + preferences.sign + 1, minlength=units * 3).reshape(units, 3)


def meet(preferences: Preferences) -> Meetings:
    """All meetings of annotators, summed over the units they share."""
    first, second = _pairs_within(_starts(preferences.unit), preferences.unit.size)
    one, other = preferences.sign[first], preferences.sign[second]
    judges = count_units(preferences).sum(axis=1)
    weight = 2.0 / (judges[preferences.unit[first]] - 1)
    total = preferences.judgement_item.size
    keys, meeting = np.unique(preferences.judgement[first] * total + preferences.judgement[second], return_inverse=True)

    def summed(values: NDArray) -> NDArray[np.float64]:
        return np.bincount(meeting, values, minlength=keys.size)

    untied = summed(one != 0) * summed(other != 0)
    concordance = summed(one * other)
    return Meetings(
        left=keys // max(total, 1),
        right=keys % max(total, 1),
        shared=summed(np.ones(meeting.size)),
        strict=summed(one * other != 0),
        agreeing=summed(one * other > 0),
        exact=summed(one == other),
        distance=summed(np.abs(one - other) / 2),
        weighted=summed(weight),
        weighted_unequal=summed(weight * (one != other)),
        tau_b=np.divide(concordance, np.sqrt(untied), out=np.full(keys.size, np.nan), where=untied > 0),
    )


def _starts(*columns: NDArray) -> NDArray[np.int64]:
    """Where each run of equal rows begins in columns (n,) that are sorted together."""
    if not columns[0].size:
        return np.zeros(0, np.int64)
    changed = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.flatnonzero(np.concatenate([[True], changed]))


def _pairs_within(starts: NDArray, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of positions first < second that lie in the same run; runs begin at `starts` and fill 0..length."""
    sizes = np.diff(np.append(starts, length))
    firsts, seconds = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for size in np.unique(sizes[sizes > 1]):
        first, second = np.triu_indices(size, 1)
        base = starts[sizes == size][:, None]
        firsts.append((base + first).ravel())
        seconds.append((base + second).ravel())
    return np.concatenate(firsts), np.concatenate(seconds)
