"""Bouts: two completions of a task by different producers, with how often which of them was preferred.

A campaign's bouts are counted once; after a change those of the changed tasks are counted anew. Which completions a
task shows never changes, so it is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations

import numpy as np
from django.db.models import Q
from django.db.models.functions import Length
from numpy.typing import NDArray

from annotate.ledger.boards import Board
from annotate.ledger.columns import Rows
from annotate.models import TaskCompletion


@dataclass(frozen=True, eq=False)
class Shown:
    """The completions of tasks (n,), sorted by task, then position."""

    task: NDArray[np.int64]
    position: NDArray[np.int64]
    completion: NDArray[np.int64]
    producer: NDArray[np.int64]
    letters: NDArray[np.int64]
    """How long the text is."""

    def take(self, chosen: NDArray) -> Shown:
        """The rows that an index or a mask names."""
        return Shown(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def plus(self, other: Shown) -> Shown:
        """These, then the others."""
        return Shown(*(np.append(getattr(self, one.name), getattr(other, one.name)) for one in fields(self)))


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


def shown_in(campaign: int, board: Board) -> Shown:
    """What the judged tasks of a campaign show."""
    old, missing = _shown_of_base(campaign, board), _not_in_base(board)
    return board.once("shown", lambda: old.plus(_read(Q(task__in=missing.tolist()))) if missing.size else old)


def bouts_of(campaign: int, board: Board) -> Bouts:
    """All bouts of a campaign, each in both directions: every producer is once the first of the two."""
    return board.once("bouts", lambda: _bouts_of(campaign, board))


def _bouts_of(campaign: int, board: Board) -> Bouts:
    old = board.base.once("bouts", lambda: _counted(board.base.rows, _shown_of_base(campaign, board)))
    changed = np.union1d(board.base.rows.task[board.gone], board.now.rows.task)
    if not changed.size:
        return old
    shown = shown_in(campaign, board)
    new = _counted(board.now.rows, shown.take(np.isin(shown.task, board.now.rows.task)))
    return bouts_joined([old.take(np.flatnonzero(~np.isin(old.task, changed))), new])


def _shown_of_base(campaign: int, board: Board) -> Shown:
    if not len(board.base.rows):
        return _read(Q(pk__in=[]))
    return board.base.once("shown", lambda: _judged(_read(Q(task__campaign=campaign)), board.base.rows))


def _judged(shown: Shown, rows: Rows) -> Shown:
    return shown.take(np.isin(shown.task, rows.task))


def _not_in_base(board: Board) -> NDArray[np.int64]:
    return np.setdiff1d(board.now.rows.task, board.base.rows.task[board.gone])


def _read(where: Q) -> Shown:
    found = TaskCompletion.objects.filter(where).order_by()
    said = ("task_id", "position", "completion_id", "completion__producer_id", Length("completion__text"))
    table = np.array(list(found.values_list(*said)), np.int64).reshape(-1, 5)
    return Shown(*table[np.lexsort((table[:, 1], table[:, 0]))].T)


def _counted(rows: Rows, shown: Shown) -> Bouts:
    """The bouts in some judgements, of tasks that are all shown."""
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
    return bouts_joined(found)


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
