"""Which tasks of a board are the most contested, and where majorities run in a circle: of a million, what changed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.ledger.boards import Board, Sheet
from annotate.ledger.columns import Rows
from annotate.quality.consensus import contests, strict_pairs

PARTS = 10**9
"""Contests are compared by so many parts of 1; what differs by less is rounding."""
_TASK_BITS = 33
_TASK = (1 << _TASK_BITS) - 1


@dataclass(frozen=True, eq=False)
class Contested:
    """Tasks that somebody ranked. A key holds a task and how contested it is, so that sorting keys sorts tasks."""

    keys: NDArray[np.int64]
    """(tasks,) sorted: the most contested first, equal ones by their id."""
    cyclic: NDArray[np.int64]
    """The keys of tasks whose majorities contradict each other, sorted."""

    @classmethod
    def of(cls, sheet: Sheet, weight: NDArray[np.float64]) -> "Contested":
        """Of all tasks of a sheet; `weight` is that of each annotator's votes, by id."""
        rows = sheet.rows
        begins = np.ones(len(rows) + 1, bool)
        begins[1:-1] = rows.task[1:] != rows.task[:-1]
        starts = np.flatnonzero(begins)
        found = contests(starts, rows.ranks, weight[rows.annotator])
        tasks = rows.task[starts[:-1]]
        keys = (PARTS - np.rint(found.contest * PARTS).astype(np.int64)) << _TASK_BITS | tasks
        return cls(np.sort(keys[found.n_rankings > 0]), np.sort(keys[found.cyclic]))

    @property
    def tasks(self) -> NDArray[np.int64]:
        """(tasks,) the most contested first."""
        return self.keys & _TASK

    @property
    def n_cyclic(self) -> int:
        """How many tasks have majorities that contradict each other."""
        return self.cyclic.size

    def changed(self, less: "Contested", more: "Contested") -> "Contested":
        """Without the tasks of one, and with those of the other."""
        return Contested(_changed(self.keys, less.keys, more.keys), _changed(self.cyclic, less.cyclic, more.cyclic))


def _changed(keys: NDArray, less: NDArray, more: NDArray) -> NDArray:
    kept = np.delete(keys, np.searchsorted(keys, less))
    return np.insert(kept, np.searchsorted(kept, more), more)


def contested(board: Board, weight: NDArray[np.float64]) -> Contested:
    """The tasks of a board; `weight` (people,) is that of the votes of `board.annotators`, in any unit."""
    highest = board.base.once("highest annotator", lambda: int(board.base.rows.annotator.max(initial=0)))
    by_id = np.zeros(int(max(board.annotators.max(initial=0), highest)) + 1)
    by_id[board.annotators] = weight
    key = by_id[: highest + 1].tobytes()
    newest: dict[bytes, Contested] = board.base.once("contested", dict)
    base = newest.get(key)
    if base is None:
        base = Contested.of(board.base, by_id)
        newest.clear()
        newest[key] = base
    if not board.gone.size and not len(board.now.rows):
        return base
    less = Contested.of(Sheet(board.base.rows.take(board.gone)), by_id)
    return base.changed(less, Contested.of(board.now, by_id))


def strict_pairs_of(board: Board) -> NDArray[np.int64]:
    """How many pairs of completions each annotator puts in an order, by id, up to the highest id."""

    def counted(rows: Rows) -> NDArray[np.int64]:
        counts = np.zeros(length, np.int64)
        found = np.bincount(rows.annotator, strict_pairs(rows.ranks)).astype(np.int64)
        counts[: found.size] = found
        return counts

    length = board.counts("annotator").size
    base = board.base.once(("strict pairs", length), lambda: counted(board.base.rows))
    return base - counted(board.base.rows.take(board.gone)) + counted(board.now.rows)
