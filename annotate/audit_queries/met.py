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
from annotate.quality.davidson import Cells
from annotate.quality.matches import Matches, added

_PAIRS = list(combinations(range(MOST_COMPLETIONS), 2))


@dataclass(frozen=True, eq=False)
class Columns:
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

    @classmethod
    def of(cls, rows: Rows, contents: Shown) -> Columns:
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
        )

    @cached_property
    def n(self) -> NDArray[np.float64]:
        """(C,) comparisons."""
        return self.counts.sum(axis=1)

    @cached_property
    def by_producer(self) -> NDArray[np.int64]:
        """How often completions of each producer were compared, up to the highest id."""
        sides = np.concatenate([self.left, self.right])
        return np.bincount(sides, np.tile(self.n, 2)).astype(np.int64)

    @cached_property
    def people(self) -> NDArray[np.int32]:
        """The ids of those who compared, sorted."""
        return np.flatnonzero(np.bincount(self.annotator)).astype(np.int32)

    @cached_property
    def completions(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The ids of those that were compared, sorted, and in how many matches."""
        return np.unique(np.concatenate([self.first, self.second]), return_counts=True)

    def between(self, producers: NDArray[np.int64]) -> Columns:
        """The matches of these producers alone."""
        chosen = np.isin(self.left, producers) & np.isin(self.right, producers)
        if chosen.all():
            return self
        said, place = chosen[self.match], np.cumsum(chosen, dtype=np.int32) - 1
        parts = {name: getattr(self, name)[chosen] for name in _OF_MATCH}
        parts |= {"outcome": self.outcome[said], "annotator": self.annotator[said]}
        act = np.cumsum(self.begins)[said]
        return Columns(**parts, match=place[self.match[said]], begins=np.diff(act, prepend=0) > 0)

    def against(self, baseline: int, opponents: NDArray[np.int64]) -> tuple[NDArray, ...]:
        """Of the matches of a producer with these (n,): the place of the other one among these, the task, how far it
        was preferred, from 0 to 1, how often they were compared, and (1, n) its length less the baseline's.
        """
        turned = self.left == baseline
        at = np.flatnonzero(turned | (self.right == baseline))
        other = np.where(turned, self.right, self.left)[at]
        there = np.isin(other, opponents)
        at, other = at[there], other[there]
        lost, tied, won = self.counts[at].T
        preference = (np.where(turned[at], lost, won) + tied / 2) / self.n[at]
        gap = np.where(turned[at], -self.length[at], self.length[at])
        return _coded(other, opponents), self.task[at], preference, self.n[at], gap[None]

    def matches(self, producers: NDArray[np.int64], people: NDArray[np.int32]) -> Matches:
        """As the scores want them; the codes are the places of producers and people."""
        return Matches(
            left=_coded(self.left, producers),
            right=_coded(self.right, producers),
            item=self.task,
            counts=self.counts,
            match=self.match,
            outcome=self.outcome,
            annotator=_coded(self.annotator, people),
            begins=self.begins,
            models=producers.size,
            annotators=people.size,
        )


_OF_MATCH = ("task", "left", "right", "first", "second", "length", "counts")


def _coded(ids: NDArray, known: NDArray) -> NDArray[np.int32]:
    """The place of each id in those that are known, in any order."""
    code = np.zeros(int(known.max(initial=-1)) + 1, np.int32)
    code[known] = np.arange(known.size)
    return code[ids]


@dataclass(frozen=True, eq=False)
class Side:
    """One of the parts of what a board tells."""

    columns: Columns
    matches: Matches


@dataclass(frozen=True, eq=False)
class Met:
    """The matches of a board: those of its base, without those of tasks that have changed, and what is there now.

    Codes of producers are places in `producers`.
    """

    producers: NDArray[np.int64]
    """The ids of those that were compared, sorted."""
    base: Side
    gone: Side
    now: Side

    @property
    def sides(self) -> tuple[Side, Side, Side]:
        """What is there is the first without the second and with the third."""
        return self.base, self.gone, self.now

    @property
    def _signed(self) -> list[tuple[Side, int]]:
        return list(zip(self.sides, (1, -1, 1), strict=True))

    @cached_property
    def cells(self) -> Cells:
        """Who was preferred to whom how often."""
        return Cells.of_signs(added([(side.matches.by_outcome, sign) for side, sign in self._signed]))

    @property
    def n_tasks(self) -> int:
        """Tasks of which two completions were compared."""
        return sum(sign * side.matches.n_items for side, sign in self._signed)

    @property
    def n_annotators(self) -> int:
        """Those who compared any."""
        return int((added([(side.matches.by_annotator, sign) for side, sign in self._signed]) > 0).sum())

    def has_more_completions_than(self, most: int) -> bool:
        """Whether more completions than these were compared."""
        (base, _), (gone, _) = (side.columns.completions for side in (self.base, self.gone))
        if base.size - gone.size > most:
            return True
        found = [(side.columns.completions, sign) for side, sign in self._signed]
        known = np.unique(np.concatenate([ids for (ids, _n), _ in found]))
        matches = np.zeros(known.size, np.int64)
        for (ids, n), sign in found:
            matches[np.searchsorted(known, ids)] += sign * n
        return int((matches > 0).sum()) > most


def met_of(campaign: int, board: Board) -> Met:
    """The matches of all judgements that count in a campaign."""
    shown = shown_in(campaign, board)
    base = board.base.once("met", lambda: Columns.of(board.base.rows, shown.base))
    gone = Columns.of(board.base.rows.take(board.gone), shown.gone)
    now = Columns.of(board.now.rows, shown.now)
    compared = np.zeros(max(part.by_producer.size for part in (base, gone, now)), np.int64)
    for part, sign in ((base, 1), (gone, -1), (now, 1)):
        compared[: part.by_producer.size] += sign * part.by_producer
    producers = np.flatnonzero(compared)
    people = np.concatenate([base.people, np.setdiff1d(now.people, base.people)])

    def of_base() -> Side:
        columns = base.between(producers)
        return Side(columns, columns.matches(producers, base.people))

    sides = [Side(each, each.matches(producers, people)) for each in (gone.between(producers), now)]
    return Met(producers, board.base.latest("met", producers.tobytes(), of_base), *sides)


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
