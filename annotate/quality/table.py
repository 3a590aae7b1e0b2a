"""The input of every agreement measure: rankings as flat, validated arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class TableError(ValueError):
    """Arrays that do not describe rankings; the message says what is wrong and in which row."""


@dataclass(frozen=True, eq=False)
class RankingTable:
    """Rows of (item, annotator, completion, rank), sorted by item, then annotator, then completion.

    All arrays have shape (rows,) and hold whole codes into the `*_labels`. `completion` is counted within its item, so
    a completion id needs to be unique only there. An annotator may have ranked only some of an item's completions.
    Build it with `from_arrays`.
    """

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    completion: NDArray[np.int64]
    rank: NDArray[np.int64]
    item_labels: NDArray
    annotator_labels: NDArray
    group: NDArray[np.int64] | None = None
    """(items,): the group (a domain, say) of each item."""
    group_labels: NDArray | None = None

    @classmethod
    def from_arrays(
        cls,
        items: Sequence,
        annotators: Sequence,
        completions: Sequence,
        ranks: Sequence,
        groups: Sequence | None = None,
    ) -> RankingTable:
        """A table from parallel columns, one row for each ranked completion: ids of any sortable kind, rank 1 = best.

        Ranks are compared only within one annotator's ranking of one item, so gaps in them are harmless.
        `groups` gives each row the group of its item.
        Raises TableError when the lengths differ, a rank is not a whole number >= 1, an annotator ranks a completion
        twice, or an item is in two groups.
        """
        columns = {"items": items, "annotators": annotators, "completions": completions, "ranks": ranks}
        lengths = {name: len(column) for name, column in columns.items()}
        if groups is not None:
            lengths["groups"] = len(groups)
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{length} {name}" for name, length in lengths.items())
            raise TableError(f"Every row needs an item, an annotator, a completion and a rank, but there are {said}.")
        rank = _whole_ranks(ranks)
        item_labels, item = coded("items", items)
        annotator_labels, annotator = coded("annotators", annotators)
        completion = _within_item(item, coded("completions", completions)[1])
        order = np.lexsort((completion, annotator, item))
        _refuse_duplicates(item, annotator, completion, order)
        group, group_labels = (None, None) if groups is None else _groups_of_items(groups, item, item_labels)
        return cls(
            item=item[order],
            annotator=annotator[order],
            completion=completion[order],
            rank=rank[order],
            item_labels=item_labels,
            annotator_labels=annotator_labels,
            group=group,
            group_labels=group_labels,
        )

    def __len__(self) -> int:
        return self.item.size


def _whole_ranks(ranks: Sequence) -> NDArray[np.int64]:
    """Ranks as int64, or TableError naming the first row that is not a whole number >= 1."""
    array = np.asarray(ranks)
    if not array.size:
        return np.zeros(0, np.int64)
    if array.dtype.kind not in "iuf":
        raise TableError("Ranks must be whole numbers from 1 (best); the column holds something else.")
    wrong = np.flatnonzero(~((array >= 1) & (array == np.floor(array))))
    if wrong.size:
        raise TableError(f"Row {wrong[0] + 1} has rank {array[wrong[0]]}; ranks are whole numbers from 1 (best).")
    return array.astype(np.int64)


def coded(name: str, values: Sequence) -> tuple[NDArray, NDArray[np.int64]]:
    """The sorted distinct labels of a column and (rows,) codes into them, or TableError when they have no order."""
    try:
        return np.unique(np.asarray(values), return_inverse=True)
    except TypeError as error:
        raise TableError(f"The {name} cannot be sorted ({error}); give them one kind of id, and no None.") from error


def _within_item(item: NDArray, completion: NDArray) -> NDArray[np.int64]:
    """Completion codes 0, 1, 2, ... counted anew in each item."""
    if not item.size:
        return np.zeros(0, np.int64)
    width = int(completion.max()) + 1
    keys, position = np.unique(item * width + completion, return_inverse=True)
    return position - np.searchsorted(keys, item * width)


def _refuse_duplicates(item: NDArray, annotator: NDArray, completion: NDArray, order: NDArray) -> None:
    """Raise TableError when an annotator ranks a completion of an item twice; `order` sorts the rows."""
    keys = np.stack([item[order], annotator[order], completion[order]])
    repeated = np.flatnonzero((keys[:, 1:] == keys[:, :-1]).all(axis=0))
    if repeated.size:
        first, second = sorted(int(row) + 1 for row in order[repeated[0] : repeated[0] + 2])
        raise TableError(
            f"Rows {first} and {second} rank the same completion of one item by one annotator; "
            "keep only the latest version of a judgement."
        )


def _groups_of_items(groups: Sequence, item: NDArray, item_labels: NDArray) -> tuple[NDArray, NDArray]:
    """(items,) group codes and the group labels, or TableError naming an item that is in two groups."""
    labels, codes = coded("groups", groups)
    group = np.zeros(item_labels.size, np.int64)
    group[item] = codes
    differing = np.flatnonzero(group[item] != codes)
    if differing.size:
        raise TableError(f"Item {item_labels[item[differing[0]]]} is in more than one group; give each item one group.")
    return group, labels
