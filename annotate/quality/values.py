"""The input of agreement on values: what each annotator said of each item, as flat, validated arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality.columns import counted
from annotate.quality.table import TableError, coded

Level = Literal["nominal", "ordinal", "interval"]
"""What the values mean: names; an order; measurements whose differences count."""

MOST_CATEGORIES = 64
"""Up to so many different values are a scale that people choose from; more are measurements."""


@dataclass(frozen=True, eq=False)
class ValueTable:
    """Rows of (item, annotator, value), sorted by item, then annotator. Missing data are rows that are not there.

    Build it with `from_arrays`. Arrays of shape (rows,) hold whole codes into the labels.
    """

    item: NDArray[np.int32]
    annotator: NDArray[np.int32]
    code: NDArray[np.int32]
    """Into `categories`."""
    starts: NDArray[np.int64]
    """(items + 1,): where the rows of each item begin, and the end."""
    item_labels: NDArray
    annotator_labels: NDArray
    categories: NDArray
    """(K,) the values there can be, in their order."""
    positions: NDArray[np.float64]
    """(K,) where each category lies: its value, or its number in the order where the values are no numbers."""
    level: Level
    order: NDArray[np.int64] | None = None
    """(rows,): which row of the caller's each row was; None where they came sorted."""
    group: NDArray[np.int32] | None = None
    """(rows,): the group of each row, in the order of this table."""
    group_labels: NDArray | None = None
    cluster: NDArray[np.int32] | None = None
    """(rows,): which items depend on each other, in the order of this table; None where each stands for itself."""

    @classmethod
    def from_arrays(
        cls,
        items: Sequence,
        annotators: Sequence,
        values: Sequence,
        level: Level = "nominal",
        groups: Sequence | None = None,
        *,
        categories: Sequence | None = None,
        clusters: Sequence | None = None,
    ) -> ValueTable:
        """A table from parallel columns, one row for each judgement: ids and values of any sortable kind.

        `categories` names the scale in its order, values that nobody chose included: AC1 and AC2 depend on how many
        there are, and ordinal values that are not numbers have no other order. Without it they are the values seen.
        `groups` gives each row the group that `agreement_by_slice` compares. `clusters` names what each row's item
        belongs to, such as the task of a completion: intervals then take the items of one cluster for dependent.
        Raises TableError when the lengths differ, a value is missing or none of the categories, ordinal or interval
        values are no finite numbers, an annotator has judged an item twice, an item is in two clusters, or there are
        clusters of measurements.
        """
        columns = {"items": items, "annotators": annotators, "values": values}
        lengths = {name: len(column) for name, column in columns.items()}
        if groups is not None:
            lengths["groups"] = len(groups)
        if clusters is not None:
            lengths["clusters"] = len(clusters)
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{length} {name}" for name, length in lengths.items())
            raise TableError(f"Every row needs an item, an annotator and a value, but there are {said}.")
        if level not in get_args(Level):
            raise TableError(f"The level is one of {', '.join(get_args(Level))}, not {level!r}.")
        item_labels, item = coded_fast("items", items)
        annotator_labels, annotator = coded_fast("annotators", annotators)
        known, code = _categories(values, level, categories)
        order = _order(item, annotator, annotator_labels.size)
        item, annotator, code = (column if order is None else column[order] for column in (item, annotator, code))
        _refuse_duplicates(item, annotator, order)
        group_labels, group = (None, None) if groups is None else coded_fast("groups", groups)
        cluster = None if clusters is None else coded_fast("clusters", clusters)[1]
        cluster = cluster if cluster is None or order is None else cluster[order]
        _refuse_bad_clusters(item, cluster, known)
        return cls(
            item=item,
            annotator=annotator,
            code=code,
            starts=_starts(item),
            item_labels=item_labels,
            annotator_labels=annotator_labels,
            categories=known,
            positions=known.astype(float) if known.dtype.kind in "biuf" else np.arange(float(known.size)),
            level=level,
            order=order,
            group=group if group is None or order is None else group[order],
            group_labels=group_labels,
            cluster=cluster,
        )

    def __len__(self) -> int:
        return self.item.size

    def in_order(self, name: str, column: ArrayLike) -> NDArray:
        """A column (rows,) of the caller's in the order of this table, or TableError where its length differs."""
        array = np.asarray(column)
        if array.shape != self.item.shape:
            raise TableError(f"The {name} need one entry for each of the {len(self)} rows, not shape {array.shape}.")
        return array if self.order is None else array[self.order]


def coded_fast(name: str, values: Sequence) -> tuple[NDArray, NDArray[np.int32]]:
    """What `coded` gives; whole numbers close together are coded by a table of them, without sorting."""
    array = np.asarray(values)
    if array.ndim == 1 and (found := counted(array)):
        labels, [codes] = found
        return labels.astype(array.dtype), codes
    _refuse_missing(name, array)
    labels, codes = coded(name, values)
    return labels, codes.astype(np.int32)


def _refuse_missing(name: str, array: NDArray) -> None:
    """Raise TableError naming the first row that holds None or not-a-number."""
    missing = np.zeros(array.shape, bool)
    if array.dtype.kind == "f":
        missing = np.isnan(array)
    elif array.dtype.kind == "O":
        missing = np.array([cell is None or cell != cell for cell in array.ravel()], bool).reshape(array.shape)
    rows = np.flatnonzero(missing)
    if rows.size:
        raise TableError(f"Row {rows[0] + 1} is empty among the {name}; leave out rows where something is missing.")


def _categories(values: Sequence, level: Level, categories: Sequence | None) -> tuple[NDArray, NDArray[np.int32]]:
    """The scale in its order, and the code of each value."""
    ordered_numbers = level == "interval" or (level == "ordinal" and categories is None)
    array = np.asarray(values)
    if ordered_numbers and array.size:
        _refuse_missing("values", array)
        if array.dtype.kind not in "biuf":
            raise TableError(
                f"Values of level {level} must be numbers; name their order as categories where they are not."
            )
        endless = np.flatnonzero(~np.isfinite(array))
        if endless.size:
            raise TableError(f"Row {endless[0] + 1} has the value {array[endless[0]]}; values must be finite.")
    seen, code = coded_fast("values", array)
    if categories is None:
        return seen, code
    known = np.asarray(categories)
    if level == "interval" and known.dtype.kind not in "biuf":
        raise TableError("Categories of level interval must be numbers.")
    place = {category: number for number, category in enumerate(known.tolist())}
    if len(place) < known.size:
        raise TableError("A category is named twice; name each once, in the order of the scale.")
    found = np.array([place.get(value, -1) for value in seen.tolist()], np.int32)
    strange = np.flatnonzero(found[code] < 0) if code.size else code
    if strange.size:
        raise TableError(f"Row {strange[0] + 1} has the value {array[strange[0]]}, which is not among the categories.")
    return known, found[code] if code.size else code


def _order(item: NDArray, annotator: NDArray, people: int) -> NDArray[np.int64] | None:
    """(rows,) which row comes when, sorted by item, then annotator; None where they are already."""
    key = item.astype(np.int64) * people + annotator
    return None if (key[1:] >= key[:-1]).all() else np.argsort(key, kind="stable")


def _refuse_duplicates(item: NDArray, annotator: NDArray, order: NDArray | None) -> None:
    """Raise TableError when an annotator judges an item twice; the columns are sorted, and `order` says from where."""
    repeated = np.flatnonzero((item[1:] == item[:-1]) & (annotator[1:] == annotator[:-1]))
    if repeated.size:
        rows = np.arange(repeated[0], repeated[0] + 2) if order is None else order[repeated[0] : repeated[0] + 2]
        first, second = sorted(int(row) + 1 for row in rows)
        raise TableError(
            f"Rows {first} and {second} judge the same item by one annotator; "
            "keep only the latest version of a judgement."
        )


def _refuse_bad_clusters(item: NDArray, cluster: NDArray | None, categories: NDArray) -> None:
    """Raise TableError when an item (rows,), which are sorted, is in two clusters, or there are too many categories."""
    if cluster is None:
        return
    if categories.size > MOST_CATEGORIES:
        raise TableError(f"Clusters are meant for scales of up to {MOST_CATEGORIES} values.")
    torn = np.flatnonzero((item[1:] == item[:-1]) & (cluster[1:] != cluster[:-1]))
    if torn.size:
        raise TableError(f"Item number {item[torn[0]] + 1} is in two clusters; an item belongs to one.")


def _starts(item: NDArray) -> NDArray[np.int64]:
    """(items + 1,) where each run of equal codes begins, and the end."""
    begins = np.flatnonzero(np.diff(item, prepend=np.int32(-1)))
    return np.append(begins, item.size).astype(np.int64)
