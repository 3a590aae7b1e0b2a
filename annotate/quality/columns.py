"""Columns of any kind of id as codes, and of numbers as floats, checked: fast where ids are small whole numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality.column_kernels import look_up, mark
from annotate.quality.table import TableError, coded

_SPARSEST = 8
"""Whole numbers are counted instead of sorted while their range is at most so many times their number."""


def labelled_pair(left: Sequence, right: Sequence) -> tuple[NDArray, NDArray[np.int32], NDArray[np.int32]]:
    """The sorted labels of two columns of models, and (n,) codes of either. Raises TableError if lengths differ."""
    one, other = np.asarray(left), np.asarray(right)
    if one.shape != other.shape or one.ndim != 1:
        raise TableError(f"Every row needs a left and a right model, but there are {one.size} and {other.size}.")
    if found := counted(one, other):
        labels, (first, second) = found
        return labels, first, second
    labels, codes = coded("models", np.concatenate([one, other]))
    return labels, codes[: one.size].astype(np.int32), codes[one.size :].astype(np.int32)


def grouping(name: str, column: Sequence, n: int) -> tuple[NDArray, int]:
    """(n,) codes of a column, and how many groups there are. Raises TableError if it is not n long."""
    values = np.asarray(column)
    if values.shape != (n,):
        raise TableError(f"Every row needs one of the {name}, but there are {values.size} for {n} rows.")
    if found := counted(values):
        return found[1][0], found[0].size
    labels, codes = coded(name, values)
    return codes.astype(np.int32), labels.size


def floats(name: str, column: ArrayLike, n: int, *, low: float = -np.inf, high: float = np.inf) -> NDArray[np.float64]:
    """(n,) numbers, all finite and in [low, high]. Raises TableError naming the first row that is not."""
    try:
        values = np.ascontiguousarray(column, dtype=float)
    except (TypeError, ValueError) as error:
        raise TableError(f"The column {name} holds something that is no number ({error}).") from error
    if values.shape != (n,):
        raise TableError(f"The column {name} has {values.size} values for {n} rows.")
    least, most = (float(values.min()), float(values.max())) if n else (0.0, 0.0)  # nan if any is
    if np.isfinite(least) and np.isfinite(most) and low <= least and most <= high:
        return values
    row = int(np.flatnonzero(~(np.isfinite(values) & (values >= low) & (values <= high)))[0])
    said = "a number" if np.isinf(low) else f"at least {low:g}" if np.isinf(high) else f"from {low:g} to {high:g}"
    raise TableError(f"Row {row + 1} has {values[row]:g} as its {name}; that must be {said}.")


def counted(*columns: NDArray) -> tuple[NDArray, list[NDArray[np.int32]]] | None:
    """Labels and codes as table.coded gives them, without sorting, where labels are whole numbers close together."""
    n = sum(column.size for column in columns)
    if not n or any(column.dtype.kind not in "iu" for column in columns):
        return None
    low, high = min(int(column.min()) for column in columns), max(int(column.max()) for column in columns)
    if high - low > _SPARSEST * n + 1000 or high > np.iinfo(np.int64).max:
        return None
    present = np.zeros(high - low + 1, bool)
    wide = [column.astype(np.int64, copy=False) for column in columns]  # one kind of number: one compilation
    for column in wide:
        mark(column, low, present)
    place = (np.cumsum(present) - 1).astype(np.int32)
    return np.flatnonzero(present) + low, [look_up(column, low, place) for column in wide]
