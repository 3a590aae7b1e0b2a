"""Bouts: two completions of a task by different producers, with how often which of them was preferred.

A campaign's bouts are counted once; after a change those of the changed tasks are counted anew, and what was made of
them is corrected. Which completions a task shows never changes, so it is read once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from annotate.ledger.boards import Board, Sheet
from annotate.ledger.columns import Rows
from annotate.ledger.contents import Shown, contents, read
from annotate.quality.votes import stretches


class Table(Protocol):
    """Rows of tasks."""

    task: NDArray[np.int64]

    def take(self, chosen: NDArray) -> Self:
        """The rows that an index or a mask names."""


Rowed = TypeVar("Rowed", bound=Table)


@dataclass(frozen=True, eq=False)
class Told(Generic[Rowed]):
    """What a board tells, in the three parts of a board: no task is both in what stays of the base and in `now`."""

    base: Rowed
    """Of the base, sorted by task."""
    gone: Rowed
    """Those rows of the base whose tasks have changed."""
    now: Rowed
    """What is there of these tasks now."""

    @classmethod
    def of(cls, board: Board, base: Rowed, now: Rowed) -> Told[Rowed]:
        """Of the two sides of a board."""
        return cls(base, of_tasks(base, board.changed), now)


def of_tasks(table: Rowed, tasks: NDArray[np.int64]) -> Rowed:
    """The rows of some tasks, of a table that is sorted by task."""
    first, last = (np.searchsorted(table.task, tasks, side=side) for side in ("left", "right"))
    return table.take(stretches(first, last - first))


def sampled(tables: Sequence[tuple[Board, Told[Rowed]]], chosen: Callable[[Rowed], NDArray], most: int) -> list[Rowed]:
    """About so many of the rows that are chosen, or all of fewer: those of some tasks, evenly spread.

    Which tasks these are is up to their ids alone, so that one more changes little.
    """
    level = (sum(told.base.task.size for _board, told in tables) // max(most, 1)).bit_length()
    while True:
        found = []
        for board, told in tables:
            base = _thinned(board.base, told.base, level)
            found.append(base.take(np.flatnonzero(chosen(base) & ~np.isin(base.task, board.changed))))
            now = told.now.take(_among(told.now.task, level))
            found.append(now.take(np.flatnonzero(chosen(now))))
        places = np.sort(np.concatenate([np.zeros(0, np.uint64), *(_scattered(part.task) for part in found)]))
        if places.size > most:
            return [part.take(np.flatnonzero(_scattered(part.task) <= places[most - 1])) for part in found]
        if not level:
            return found
        level = max(0, level - 3)


def _thinned(sheet: Sheet, table: Rowed, level: int) -> Rowed:
    if not level:
        return table
    return sheet.once(("thinned", type(table), level), lambda: table.take(_among(table.task, level)))


def _among(tasks: NDArray[np.int64], level: int) -> NDArray[np.int64]:
    """The places of one task of 2^level."""
    return np.flatnonzero(_scattered(tasks) <= np.uint64(2 ** (64 - level) - 1))


def _scattered(tasks: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Each task's place between 0 and 2^64: ids in a row lie far apart."""
    return tasks.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Bouts:
    """Pairs of completions (n,) of one task; ids are those of the database."""

    task: NDArray[np.int64]
    domain: NDArray[np.int64]
    producer: NDArray[np.int64]
    opponent: NDArray[np.int64]
    completion: NDArray[np.int64]
    letters: NDArray[np.int64]
    other_letters: NDArray[np.int64]
    wins: NDArray[np.int64]
    """How many people preferred the producer's."""
    losses: NDArray[np.int64]
    ties: NDArray[np.int64]

    def __len__(self) -> int:
        return self.task.size

    @property
    def n(self) -> NDArray[np.int64]:
        """(n,) how many people compared the two."""
        return self.wins + self.losses + self.ties

    @property
    def won(self) -> NDArray[np.float64]:
        """(n,) what the producer won, a tie being half a win."""
        return self.wins + self.ties / 2

    def take(self, chosen: NDArray) -> Bouts:
        """The rows that an index or a mask names."""
        return Bouts(*(getattr(self, field.name)[chosen] for field in fields(self)))


def bouts_joined(parts: Sequence[Bouts]) -> Bouts:
    """The bouts of all parts, one after the other."""
    nothing = np.zeros(0, np.int64)
    return Bouts(*(np.concatenate([nothing, *(getattr(part, one.name) for part in parts)]) for one in fields(Bouts)))


def shown_in(campaign: int, board: Board) -> Told[Shown]:
    """What the judged tasks of a campaign show."""
    return board.once("shown", lambda: Told.of(board, _shown_of_base(campaign, board), _shown_now(campaign, board)))


def bouts_of(campaign: int, board: Board) -> Told[Bouts]:
    """All bouts of a campaign, each in both directions: every producer is once the first of the two."""
    return board.once("bouts", lambda: _bouts_of(campaign, board))


def _bouts_of(campaign: int, board: Board) -> Told[Bouts]:
    shown = shown_in(campaign, board)
    base = board.base.once("bouts", lambda: _counted(board.base.rows, shown.base))
    return Told.of(board, base, _counted(board.now.rows, shown.now))


def _shown_of_base(campaign: int, board: Board) -> Shown:
    return board.base.once("shown", lambda: contents(campaign, np.unique(board.base.rows.task)))


def _shown_now(campaign: int, board: Board) -> Shown:
    tasks = np.unique(board.now.rows.task)
    known = of_tasks(_shown_of_base(campaign, board), tasks)
    missing = np.setdiff1d(tasks, known.task)
    return known.plus(read(missing)) if missing.size else known


def _counted(rows: Rows, shown: Shown) -> Bouts:
    """The bouts in some judgements, of tasks that are all shown; sorted by task."""
    tasks, of = np.unique(rows.task, return_inverse=True)
    at = np.searchsorted(tasks, shown.task)
    width = int(shown.position.max(initial=-1)) + 1
    places = np.full((tasks.size, width), -1)
    places[at, shown.position] = np.arange(shown.task.size)
    domain = np.zeros(tasks.size, np.int64)
    domain[of] = rows.domain
    found = []
    for one, other in combinations(range(width), 2):
        first, second = rows.ranks[:, one], rows.ranks[:, other]
        both = (first > 0) & (second > 0)
        wins, losses, ties = (
            np.bincount(of[both & chosen], minlength=tasks.size)
            for chosen in (first < second, first > second, first == second)
        )
        there = np.flatnonzero(wins + losses + ties)
        left, right = places[there, one], places[there, other]
        differ = shown.producer[left] != shown.producer[right]
        there, left, right = there[differ], left[differ], right[differ]
        counts = wins[there], losses[there], ties[there]
        found.append(_bouts(tasks[there], domain[there], shown, left, right, counts))
        found.append(_turned(found[-1], shown, right))
    bouts = bouts_joined(found)
    return bouts.take(np.argsort(bouts.task, kind="stable"))


def _bouts(
    task: NDArray, domain: NDArray, shown: Shown, left: NDArray, right: NDArray, counts: tuple[NDArray, ...]
) -> Bouts:
    return Bouts(
        task,
        domain,
        shown.producer[left],
        shown.producer[right],
        shown.completion[left],
        shown.letters[left],
        shown.letters[right],
        *counts,
    )


def _turned(bouts: Bouts, shown: Shown, right: NDArray) -> Bouts:
    """The same from the opponents' side."""
    return replace(
        bouts,
        producer=bouts.opponent,
        opponent=bouts.producer,
        completion=shown.completion[right],
        letters=bouts.other_letters,
        other_letters=bouts.letters,
        wins=bouts.losses,
        losses=bouts.wins,
    )
