"""Which completions met in a campaign's rankings, and what was said of them: of a million, what changed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from annotate.audit_queries.bouts import shown_in
from annotate.ledger.boards import Board
from annotate.ledger.columns import MOST_COMPLETIONS, Rows
from annotate.ledger.contents import Shown
from annotate.quality.matches import Matches

_PAIRS = list(combinations(range(MOST_COMPLETIONS), 2))


@dataclass(frozen=True, eq=False)
class _Columns:
    """Matches of two completions of different producers (C,), and comparisons (R,); ids are those of the database."""

    task: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    """The producers."""
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    """The completions."""
    length: NDArray[np.float64]
    """ln of the length of the first, less that of the second."""
    counts: NDArray[np.float64]
    """(C, 3): how often the right one won, both tied, the left one won."""
    match: NDArray[np.int32]
    outcome: NDArray[np.int8]
    annotator: NDArray[np.int32]
    begins: NDArray[np.bool_]
    judgement: NDArray[np.int32]
    """(R,) which of the rows each comparison is of."""

    @classmethod
    def of(cls, rows: Rows, contents: Shown) -> _Columns:
        """Of judgements that are sorted by task, then annotator, and what their tasks show."""
        begins = np.diff(rows.task, prepend=-1) > 0
        shown = _Places.of(contents, rows.task[begins])
        of = np.cumsum(begins) - 1
        parts = []
        for pair, (one, other) in enumerate(_PAIRS):
            at = np.flatnonzero((rows.ranks[:, one] > 0) & (rows.ranks[:, other] > 0))
            at = at[shown.producer[of[at], one] != shown.producer[of[at], other]]
            outcome = 1 + np.sign(rows.ranks[at, other] - rows.ranks[at, one])
            parts.append((at, np.full(at.size, pair), outcome))
        at, pair, outcome = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(at, kind="stable")
        at, pair, outcome = at[order], pair[order], outcome[order]
        keys, match = np.unique(of[at] * len(_PAIRS) + pair, return_inverse=True)
        task, (one, other) = keys // len(_PAIRS), np.array(_PAIRS).T[:, keys % len(_PAIRS)]
        return cls(
            task=rows.task[begins][task],
            left=shown.producer[task, one],
            right=shown.producer[task, other],
            first=shown.completion[task, one],
            second=shown.completion[task, other],
            length=np.log(shown.letters[task, one]) - np.log(shown.letters[task, other]),
            counts=np.bincount(match * 3 + outcome, minlength=3 * keys.size).reshape(-1, 3).astype(float),
            match=match.astype(np.int32),
            outcome=outcome.astype(np.int8),
            annotator=rows.annotator[at].astype(np.int32),
            begins=np.diff(at, prepend=-1) > 0,
            judgement=at.astype(np.int32),
        )

    def changed(self, gone: NDArray[np.int64], more: _Columns) -> _Columns:
        """Without the judgements of rows `gone`, which leaves matches that nobody compared, and with more."""
        kept = np.ones(int(self.judgement.max(initial=-1)) + 1, bool)
        kept[gone[gone < kept.size]] = False
        keep = kept[self.judgement]
        lost = ~keep
        counts = self.counts.copy()
        np.subtract.at(counts, (self.match[lost], self.outcome[lost]), 1)
        parts = {name: (getattr(self, name), getattr(more, name)) for name in _OF_MATCH}
        parts["counts"] = (counts, more.counts)
        parts |= {name: (getattr(self, name)[keep], getattr(more, name)) for name in _OF_COMPARISON}
        parts["match"] = (parts["match"][0], more.match + np.int32(self.task.size))
        return _Columns(**{name: np.concatenate(part) for name, part in parts.items()})


_OF_MATCH = ("task", "left", "right", "first", "second", "length")
_OF_COMPARISON = ("match", "outcome", "annotator", "begins", "judgement")


@dataclass(frozen=True, eq=False)
class Met:
    """The matches of a board."""

    columns: _Columns

    @cached_property
    def producers(self) -> NDArray[np.int64]:
        """The ids of those that were compared, sorted."""
        was = self.columns.counts.any(axis=1)
        there = np.zeros(int(max(self.columns.left.max(initial=0), self.columns.right.max(initial=0))) + 1, bool)
        for side in (self.columns.left, self.columns.right):
            there[side[was]] = True
        return np.flatnonzero(there)

    @cached_property
    def matches(self) -> Matches:
        """As the scores want them."""
        columns = self.columns
        n = int(max(columns.left.max(initial=0), columns.right.max(initial=0))) + 1
        code = np.zeros(n, np.int32)
        code[self.producers] = np.arange(self.producers.size)
        judged = np.zeros(int(columns.annotator.max(initial=-1)) + 1, bool)
        judged[columns.annotator] = True
        person = (np.cumsum(judged) - 1).astype(np.int32)
        return Matches(
            left=code[columns.left],
            right=code[columns.right],
            item=columns.task,
            counts=columns.counts,
            match=columns.match,
            outcome=columns.outcome,
            annotator=person[columns.annotator],
            begins=columns.begins,
            models=self.producers.size,
            annotators=int(judged.sum()),
        )

    @property
    def length(self) -> NDArray[np.float64]:
        """(C,) ln of the length of the left one, less that of the right one."""
        return self.columns.length

    @property
    def first(self) -> NDArray[np.int64]:
        """(C,) the left completion."""
        return self.columns.first

    @property
    def second(self) -> NDArray[np.int64]:
        """(C,) the right completion."""
        return self.columns.second

    @property
    def n_tasks(self) -> int:
        """Tasks of which two completions were compared."""
        return self.matches.group_sizes[0] if self.columns.match.size else 0

    @property
    def n_annotators(self) -> int:
        """Those who compared any."""
        return self.matches.annotators

    def has_more_completions_than(self, most: int) -> bool:
        """Whether more completions than these were compared."""
        was = np.flatnonzero(self.matches.n)
        for chosen in (was[:: max(1, was.size // (2 * most))], was):  # some of many tell
            if np.unique(np.concatenate([self.first[chosen], self.second[chosen]])).size > most:
                return True
        return False


def met_of(campaign: int, board: Board) -> Met:
    """The matches of all judgements that count in a campaign."""
    shown = shown_in(campaign, board)
    base = board.base.once("met", lambda: _Columns.of(board.base.rows, shown.base))
    if not board.gone.size and not len(board.now.rows):
        return Met(base)
    return Met(base.changed(board.gone, _Columns.of(board.now.rows, shown.now)))


@dataclass(frozen=True, eq=False)
class _Places:
    """(tasks, 9): what a completion is, by its position in its task."""

    completion: NDArray[np.int64]
    producer: NDArray[np.int32]
    letters: NDArray[np.int64]

    @classmethod
    def of(cls, shown: Shown, tasks: NDArray[np.int64]) -> _Places:
        """Of sorted tasks, which are those that are shown."""
        shape = (tasks.size, MOST_COMPLETIONS)
        found = cls(np.zeros(shape, np.int64), np.zeros(shape, np.int32), np.ones(shape, np.int64))
        place = np.searchsorted(tasks, shown.task), shown.position
        for column in fields(cls):
            getattr(found, column.name)[place] = getattr(shown, column.name)
        return found
