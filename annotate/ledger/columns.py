"""The columns of judgements, one row each. Pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

MOST_COMPLETIONS = 9
DAY = 86_400
WEEK = 7 * DAY
MONDAY = 4 * DAY
"""Seconds from the epoch, a Thursday, to the first Monday."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Judgements as arrays (n,), in no order that means anything; ids are those of the database, 0 where there is none.

    `ranks` (n, 9) holds the rank of each completion by its position in the task, 0 where it was not ranked.
    """

    id: NDArray[np.int64]
    task: NDArray[np.int64]
    annotator: NDArray[np.int64]
    campaign: NDArray[np.int64]
    guideline: NDArray[np.int64]
    domain: NDArray[np.int64]
    supersedes: NDArray[np.int64]
    """The judgement that this one corrects."""
    created: NDArray[np.int64]
    """Seconds since the epoch."""
    seconds: NDArray[np.float64]
    """Active seconds that the annotator spent."""
    ranks: NDArray[np.int8]

    def __len__(self) -> int:
        return self.id.size

    def take(self, chosen: NDArray) -> Rows:
        """The rows that an index or a mask names."""
        return Rows(**{name: getattr(self, name)[chosen] for name in COLUMNS})

    @property
    def week(self) -> NDArray[np.int64]:
        """(n,) whole weeks, Monday to Sunday in UTC, since Monday 1970-01-05."""
        return week_of(self.created)


COLUMNS = tuple(field.name for field in fields(Rows))
TYPES = {name: np.dtype(np.int64) for name in COLUMNS} | {"seconds": np.dtype(float), "ranks": np.dtype(np.int8)}
WIDTHS = dict.fromkeys(COLUMNS, ()) | {"ranks": (MOST_COMPLETIONS,)}


def empty() -> Rows:
    """No rows."""
    return Rows(**{name: np.zeros((0, *WIDTHS[name]), TYPES[name]) for name in COLUMNS})


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, one after the other."""
    return Rows(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS})


def superseded(ids: NDArray[np.int64], supersedes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) whether another of these judgements corrects this one."""
    return np.isin(ids, supersedes[supersedes > 0])


def week_of(created: NDArray[np.int64]) -> NDArray[np.int64]:
    """The week of each time, in seconds since the epoch."""
    return (created - MONDAY) // WEEK
