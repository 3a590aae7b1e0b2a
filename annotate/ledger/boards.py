"""One campaign's judgements that count, sorted as the measures want them. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from annotate.ledger.columns import Rows
from annotate.quality.table import RankingTable

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Board:
    """Judgements (n,) sorted by task, then annotator; one for each of the two. `rows` names everything by its id."""

    rows: Rows
    item_starts: NDArray[np.int64]
    """(items,): where each task begins."""
    item: NDArray[np.int64]
    """(n,): the task of each judgement, counted from 0."""
    annotators: NDArray[np.int64]
    """The ids of the annotators, sorted."""
    annotator: NDArray[np.int64]
    """(n,): the annotator of each judgement, as a place in `annotators`."""
    memo: dict[Hashable, object] = field(default_factory=dict)
    """What was computed from this board: it never changes."""

    @classmethod
    def of(cls, rows: Rows) -> Board:
        """The board of rows that count, in any order."""
        annotators, annotator = np.unique(rows.annotator, return_inverse=True)
        order = np.argsort(rows.task * max(annotators.size, 1) + annotator, kind="stable")
        rows = rows.take(order)
        begins = np.ones(len(rows), bool)
        begins[1:] = rows.task[1:] != rows.task[:-1]
        return cls(rows, np.flatnonzero(begins), np.cumsum(begins) - 1, annotators, annotator[order])

    def __len__(self) -> int:
        return len(self.rows)

    def once(self, name: Hashable, compute: Callable[[], Found]) -> Found:
        """What `compute` returns, computed once for this board."""
        if name not in self.memo:
            self.memo[name] = compute()
        return self.memo[name]

    @property
    def week(self) -> NDArray[np.int64]:
        """(n,) the week of each judgement."""
        return self.once("week", lambda: self.rows.week)

    @property
    def ranked(self) -> NDArray[np.bool_]:
        """(n,) whether a judgement ranks anything: a verdict alone does not."""
        return self.once("ranked", lambda: self.rows.ranks.any(axis=1))

    def table(self, keep: NDArray[np.bool_] | None = None) -> RankingTable:
        """The rankings of the chosen judgements (all, without `keep`); labels are ids."""
        rows = self.rows if keep is None else self.rows.take(np.flatnonzero(keep))
        judgement, completion = np.nonzero(rows.ranks)
        ranks = rows.ranks[judgement, completion]
        return RankingTable.from_arrays(rows.task[judgement], rows.annotator[judgement], completion, ranks)
