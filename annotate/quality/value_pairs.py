"""Who agrees with whom on values: each two annotators of a table on the items that both judged.

Items that belong together (the completions of one task) are one cluster: the intervals, t(clusters - 1), speak of other
such clusters judged by the same two people. Pure numpy.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality.intervals import Estimate
from annotate.quality.slices import ratios_by_group
from annotate.quality.value_agreement import NEVER_POSITIVE, NO_OVERLAP, code_of_positive
from annotate.quality.values import ValueTable


@dataclass(frozen=True, slots=True)
class ValuePair:
    """Two annotators on the items they share."""

    first: Hashable
    second: Hashable
    n_items: int
    percent_agreement: Estimate
    """How often both gave the same value; n counts items."""
    difference: Estimate
    """By how much the first one's values are higher on average; n counts items."""
    positive_agreement: Estimate
    """Having one yes, the chance that the other said yes, too; n counts items with a yes. Undefined where there are not
    two categories."""


def agreement_by_pair(table: ValueTable, clusters: ArrayLike, *, positive: Hashable = None) -> list[ValuePair]:
    """Each two annotators who share an item, those who share most first.

    `clusters` (rows,) names the cluster of each row's item, in the order of the rows that the table was made of;
    `positive` is the positive one of two categories, the last without it.
    Raises TableError when the lengths differ, or `positive` is no category.
    """
    code = code_of_positive(table, positive)
    cluster = np.unique(table.in_order("clusters", clusters), return_inverse=True)[1].astype(np.int64)
    left, right = _meetings(table)
    people, who = table.annotator_labels.size, table.annotator.astype(np.int64)
    keys, pair = np.unique(who[left] * people + who[right], return_inverse=True)
    one, other = table.code[left], table.code[right]
    yes = [(side == code).astype(float) for side in (one, other)]
    value = table.positions
    sums = [one == other, value[one] - value[other], np.ones(left.size), 2 * yes[0] * yes[1], yes[0] + yes[1]]
    # of one pair all items of one cluster are one row
    rows, row = np.unique(pair * (cluster.max(initial=0) + 1) + cluster[left], return_inverse=True)
    same, difference, n, agreed, said = (np.bincount(row, column, minlength=rows.size) for column in sums)
    group, reach = rows // (cluster.max(initial=0) + 1), float(np.ptp(value)) if value.size else 0.0
    found = (
        ratios_by_group(same, n, group, keys.size, (0.0, 1.0), NO_OVERLAP),
        ratios_by_group(difference, n, group, keys.size, (-reach, reach), NO_OVERLAP),
        ratios_by_group(agreed, said, group, keys.size, (0.0, 1.0), NEVER_POSITIVE),
    )
    some = np.bincount(pair, np.maximum(*yes), minlength=keys.size).astype(int).tolist()
    told = [replace(estimate, n=n) for estimate, n in zip(found[2], some, strict=True)]
    shared, names = np.bincount(pair, minlength=keys.size).tolist(), table.annotator_labels.tolist()
    pairs = [
        ValuePair(names[key // people], names[key % people], items, *estimates)
        for key, items, *estimates in zip(keys.tolist(), shared, *found[:2], told, strict=True)
    ]
    return sorted(pairs, key=lambda one: -one.n_items)


def _meetings(table: ValueTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The two rows of each two judgements of an item: rows of an item follow each other, annotators rising."""
    left, right = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    widest = int(np.diff(table.starts).max(initial=0))
    for apart in range(1, widest):
        met = np.flatnonzero(table.item[apart:] == table.item[:-apart])
        left.append(met)
        right.append(met + apart)
    return np.concatenate(left), np.concatenate(right)
