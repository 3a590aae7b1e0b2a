"""The input of every agreement measure: rankings as flat, validated, sorted arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from annotate.quality.votes import Votes, encode, runs, stretches

_DENSE = 4
"""Whole numbers spread over at most this many times as many values as there are rows are coded without sorting."""


class TableError(ValueError):
    """Arrays that do not describe rankings; the message says what is wrong and in which row."""


@dataclass(frozen=True, eq=False)
class RankingTable:
    """Judgements (one annotator's ranking of one item), sorted by item, then annotator; each has a run of rows.

    A row is a ranked completion; the rows of a judgement are sorted by completion. Codes are whole and point into the
    `*_labels`. A completion is counted within its item, so its id needs to be unique only there. An annotator may have
    ranked only some of an item's completions. Build it with `from_arrays`.
    """

    judgement_item: NDArray[np.int32]
    """(judgements,)"""
    judgement_annotator: NDArray[np.int32]
    """(judgements,)"""
    row_start: NDArray[np.int64]
    """(judgements + 1,): the rows of judgement j are row_start[j] to row_start[j + 1]."""
    completion: NDArray[np.int32]
    """(rows,)"""
    rank: NDArray[np.int32]
    """(rows,) 1 = best"""
    votes: Votes
    """The same rankings as bits, which is what the measures read."""
    item_labels: NDArray
    annotator_labels: NDArray
    choice: NDArray
    """Labels of the completions that anybody ranked, item by item."""
    choice_start: NDArray[np.int64]
    """(items + 1,): where the completions of an item begin in `choice`."""
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
        completion_labels, code = coded("completions", completions)
        completion, choice, choice_start = _within_item(item, code, items=item_labels.size)
        order = np.lexsort((completion, item * max(annotator_labels.size, 1) + annotator))
        _refuse_duplicates(item, annotator, completion, order)
        group, group_labels = (None, None) if groups is None else _groups_of_items(groups, item, item_labels)
        item, annotator = item[order].astype(np.int32), annotator[order].astype(np.int32)
        completion, rank = completion[order].astype(np.int32), rank[order]
        starts = runs(item, annotator)
        row_start = np.append(starts, item.size)
        return cls(
            judgement_item=item[starts],
            judgement_annotator=annotator[starts],
            row_start=row_start,
            completion=completion,
            rank=rank,
            votes=encode(item[starts], row_start, completion, rank),
            item_labels=item_labels,
            annotator_labels=annotator_labels,
            choice=completion_labels[choice],
            choice_start=choice_start,
            group=group,
            group_labels=group_labels,
        )

    @classmethod
    def from_matrix(cls, items: NDArray, annotators: NDArray, ranks: NDArray) -> RankingTable:
        """What `from_arrays` makes of the same rankings, in a third of the time: one row for each, in order.

        `items` and `annotators` (n,) are whole ids, sorted by item, then annotator; `ranks` (n, K) are the ranks of the
        completions 0 to K - 1, 0 where one was not ranked, and of each row at least one was.
        Raises TableError when the rows are not in this order, or a row ranks nothing.
        """
        given = ranks > 0
        if (items[1:] < items[:-1]).any() or ((items[1:] == items[:-1]) & (annotators[1:] <= annotators[:-1])).any():
            raise TableError("Rankings must be sorted by item, then annotator, and each annotator ranks an item once.")
        if not given.any(axis=1).all():
            raise TableError("Every ranking needs at least one completion with a rank.")
        starts = runs(items)
        seen = np.logical_or.reduceat(given, starts) if starts.size else given[:0]
        sizes = np.diff(np.append(starts, items.size))
        item = np.repeat(np.arange(starts.size, dtype=np.int32), sizes)
        annotator_labels, annotator = coded("annotators", annotators)
        judgement, column = np.nonzero(given)
        position = np.cumsum(seen, axis=1, dtype=np.int32) - 1
        completion = position[item[judgement], column]
        rank, row_start = ranks[judgement, column].astype(np.int32), _offsets(given.sum(axis=1))
        return cls(
            judgement_item=item,
            judgement_annotator=annotator.astype(np.int32),
            row_start=row_start,
            completion=completion,
            rank=rank,
            votes=encode(item, row_start, completion, rank),
            item_labels=items[starts],
            annotator_labels=annotator_labels,
            choice=np.nonzero(seen)[1],
            choice_start=_offsets(seen.sum(axis=1)),
        )

    def __len__(self) -> int:
        return self.rank.size

    @property
    def item(self) -> NDArray[np.int32]:
        """(rows,) the item of each row."""
        return np.repeat(self.judgement_item, np.diff(self.row_start))

    @property
    def annotator(self) -> NDArray[np.int32]:
        """(rows,) the annotator of each row."""
        return np.repeat(self.judgement_annotator, np.diff(self.row_start))

    @property
    def n_judgements(self) -> int:
        """Rankings, each of one item by one annotator."""
        return self.judgement_item.size

    @property
    def item_start(self) -> NDArray[np.int64]:
        """(items + 1,): where the judgements of an item begin."""
        return np.searchsorted(self.judgement_item, np.arange(self.item_labels.size + 1))

    def find(self, items: Sequence, annotators: Sequence) -> NDArray[np.int64]:
        """(n,) the numbers of the judgements of these items by these annotators, parallel columns; -1 where none is."""
        item, annotator = _places(self.item_labels, items), _places(self.annotator_labels, annotators)
        people = max(self.annotator_labels.size, 1)
        keys = self.judgement_item.astype(np.int64) * people + self.judgement_annotator
        found = _places(keys, item * people + annotator)
        return np.where((item >= 0) & (annotator >= 0), found, -1)

    def only_items(self, items: Sequence) -> RankingTable:
        """The table of these items alone, as far as it has them; annotators keep their codes."""
        codes = np.unique(_places(self.item_labels, np.unique(np.asarray(items))))
        codes = codes[codes >= 0]
        first, last = (np.searchsorted(self.judgement_item, codes, side=side) for side in ("left", "right"))
        judgements = stretches(first, last - first)
        sizes = np.diff(self.row_start)[judgements]
        rows = stretches(self.row_start[judgements], sizes)
        n_choices = np.diff(self.choice_start)[codes]
        item = np.repeat(np.arange(codes.size, dtype=np.int32), last - first)
        row_start = _offsets(sizes)
        completion, rank = self.completion[rows], self.rank[rows]
        return replace(
            self,
            judgement_item=item,
            judgement_annotator=self.judgement_annotator[judgements],
            row_start=row_start,
            completion=completion,
            rank=rank,
            votes=encode(item, row_start, completion, rank),
            item_labels=self.item_labels[codes],
            choice=self.choice[stretches(self.choice_start[codes], n_choices)],
            choice_start=_offsets(n_choices),
            group=None if self.group is None else self.group[codes],
        )

    def with_judgements(
        self,
        items: Sequence,
        annotators: Sequence,
        completions: Sequence,
        ranks: Sequence,
        groups: Sequence | None = None,
    ) -> RankingTable:
        """The table with these rankings added, given as in `from_arrays`; one that an annotator has replaces that.

        Only the items of the new rows are sorted and coded anew; everything else is copied in stretches.
        Raises TableError as `from_arrays` does, and when only one of the two has groups.
        """
        fresh = RankingTable.from_arrays(items, annotators, completions, ranks, groups)
        if not len(fresh):
            return self
        if not len(self):
            return fresh
        if (self.group is None) != (fresh.group is None):
            raise TableError("Give groups for the new rows if the table has groups, and only then.")
        known = self.only_items(fresh.item_labels)
        kept = fresh.find(known.item_labels[known.judgement_item], known.annotator_labels[known.judgement_annotator])
        old = known.columns()
        stays = np.repeat(kept < 0, np.diff(known.row_start))
        renewed = RankingTable.from_arrays(
            *(np.concatenate([column[stays], new]) for column, new in zip(old, fresh.columns(), strict=True))
        )
        return _spliced(self, renewed)

    def columns(self) -> list[NDArray]:
        """The labelled columns that `from_arrays` would make this table from, with groups if there are any."""
        item = self.item
        columns = [
            self.item_labels[item],
            self.annotator_labels[self.annotator],
            self.choice[self.choice_start[item] + self.completion],
            self.rank,
        ]
        if self.group is not None and self.group_labels is not None:
            columns.append(self.group_labels[self.group[item]])
        return columns


def _spliced(base: RankingTable, renewed: RankingTable) -> RankingTable:
    """`base` with the items of `renewed` in place of its own of the same name, by copying what lies between them."""
    annotator_labels, annotators = united(base.annotator_labels, renewed.annotator_labels)
    at = np.searchsorted(base.item_labels, renewed.item_labels)
    gone = (_places(base.item_labels, renewed.item_labels) >= 0).astype(np.int64)

    def merged(old: NDArray, new: NDArray, old_start: NDArray | None = None, new_start: NDArray | None = None):
        """Columns of items, or of what `*_start` says the items hold, in the order of the new table."""
        pieces, done = [], 0
        for place, (cut, skip) in enumerate(zip(at.tolist(), gone.tolist(), strict=True)):
            first, last = (cut, cut + skip) if old_start is None else old_start[[cut, cut + skip]].tolist()
            own = slice(place, place + 1) if new_start is None else slice(*new_start[[place, place + 1]].tolist())
            pieces += [old[done:first], new[own]]
            done = last
        return np.concatenate([*pieces, old[done:]])

    of_item = base.item_start, renewed.item_start
    of_row = base.row_start[of_item[0]], renewed.row_start[of_item[1]]
    sizes = merged(np.diff(of_item[0]), np.diff(of_item[1]))
    group, group_labels = None, None
    if base.group is not None and base.group_labels is not None:
        group_labels, groups = united(base.group_labels, renewed.group_labels)
        group = merged(groups[0][base.group], groups[1][renewed.group])
    return RankingTable(
        judgement_item=np.repeat(np.arange(sizes.size, dtype=np.int32), sizes),
        judgement_annotator=merged(
            annotators[0][base.judgement_annotator], annotators[1][renewed.judgement_annotator], *of_item
        ),
        row_start=_offsets(merged(np.diff(base.row_start), np.diff(renewed.row_start), *of_item)),
        completion=merged(base.completion, renewed.completion, *of_row),
        rank=merged(base.rank, renewed.rank, *of_row),
        votes=base.votes.merged(renewed.votes, merged, of_item, of_row),
        item_labels=merged(base.item_labels, renewed.item_labels),
        annotator_labels=annotator_labels,
        choice=merged(base.choice, renewed.choice, base.choice_start, renewed.choice_start),
        choice_start=_offsets(merged(np.diff(base.choice_start), np.diff(renewed.choice_start))),
        group=group,
        group_labels=group_labels,
    )


def _whole_ranks(ranks: Sequence) -> NDArray[np.int32]:
    """Ranks as int32, or TableError naming the first row that is not a whole number >= 1."""
    array = np.asarray(ranks)
    if not array.size:
        return np.zeros(0, np.int32)
    if array.dtype.kind not in "iuf":
        raise TableError("Ranks must be whole numbers from 1 (best); the column holds something else.")
    wrong = np.flatnonzero(~((array >= 1) & (array == np.floor(array))))
    if wrong.size:
        raise TableError(f"Row {wrong[0] + 1} has rank {array[wrong[0]]}; ranks are whole numbers from 1 (best).")
    if array.max() > np.iinfo(np.int32).max:
        array = np.unique(array, return_inverse=True)[1] + 1  # only their order counts
    return array.astype(np.int32)


def coded(name: str, values: Sequence) -> tuple[NDArray, NDArray[np.int64]]:
    """The sorted distinct labels of a column and (rows,) codes into them, or TableError when they have no order."""
    array = np.asarray(values)
    if array.dtype.kind in "iu" and array.size:
        low, high = int(array.min()), int(array.max())
        if high - low < _DENSE * array.size and high <= np.iinfo(np.int64).max:
            offset = array.astype(np.int64) - low
            seen = np.zeros(high - low + 1, bool)
            seen[offset] = True
            return (np.flatnonzero(seen) + low).astype(array.dtype), (np.cumsum(seen) - 1)[offset]
    try:
        return np.unique(array, return_inverse=True)
    except TypeError as error:
        raise TableError(f"The {name} cannot be sorted ({error}); give them one kind of id, and no None.") from error


def united(one: NDArray, other: NDArray) -> tuple[NDArray, tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """The sorted distinct labels of both, and where the labels of each are among them.

    Raises TableError when they cannot be sorted together.
    """
    if one.size and other.size and (one.dtype.kind in "US") != (other.dtype.kind in "US"):
        raise TableError("Some ids are text and some are numbers; give each column one kind of id.")
    labels = np.union1d(one, other) if one.size and other.size else (one if one.size else other)
    return labels, (np.searchsorted(labels, one).astype(np.int32), np.searchsorted(labels, other).astype(np.int32))


def _places(labels: NDArray, wanted: Sequence) -> NDArray[np.int64]:
    """Where each of `wanted` (n,) is in the sorted `labels`, -1 where it is not."""
    wanted = np.asarray(wanted)
    if not labels.size or not wanted.size:
        return np.full(wanted.size, -1)
    place = np.minimum(np.searchsorted(labels, wanted), labels.size - 1)
    return np.where(labels[place] == wanted, place, -1)


def _offsets(sizes: NDArray) -> NDArray[np.int64]:
    """(n + 1,) where runs of these sizes (n,) begin, and the end of the last."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def _within_item(item: NDArray, code: NDArray, *, items: int) -> tuple[NDArray, NDArray, NDArray]:
    """Completions counted 0, 1, 2, ... anew in each item; the codes they have, item by item, and where items begin."""
    width = int(code.max(initial=0)) + 1
    keys, position = np.unique(item * width + code, return_inverse=True)
    start = np.searchsorted(keys, np.arange(items + 1) * width)
    return position - start[item], keys % width, start


def _refuse_duplicates(item: NDArray, annotator: NDArray, completion: NDArray, order: NDArray) -> None:
    """Raise TableError when an annotator ranks a completion of an item twice; `order` sorts the rows."""
    same = np.ones(max(order.size - 1, 0), bool)
    for column in (item, annotator, completion):
        ordered = column[order]
        same &= ordered[1:] == ordered[:-1]
    repeated = np.flatnonzero(same)
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
