"""How often producers won, against whom and in which domain: of a million judgements, what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotate.audit_queries.bouts import Bouts, bouts_of
from annotate.ledger.boards import Board
from annotate.quality.intervals import Estimate, undefined
from annotate.quality.ratios import SUMS, ratio_of, ratio_sums
from annotate.translations import translatable

NEVER_COMPARED = translatable("Nobody has compared it with another producer yet.")
_ROOM = 2**31
"""Two ids are one number: one * _ROOM + other."""
_HALVES = 2
"""A tie is half a win: what was won is counted in halves."""
_COLUMNS = len(SUMS) + 3


@dataclass(frozen=True, slots=True)
class WinRate:
    """How often the producer is preferred against somebody or somewhere, a tie being half a win; n counts tasks."""

    key: str
    """Of an opponent its id, of a domain its slug."""
    label: str
    win_rate: Estimate
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True, eq=False)
class Won:
    """What was won by each producer (g,) against each other, or in each domain; additive over tasks."""

    keys: NDArray[np.int64]
    """(g,) sorted: the producer, and the opponent or the domain."""
    sums: NDArray[np.int64]
    """(g, 9): those of the ratio of what was won, clustered by task, then wins, losses and ties."""

    @classmethod
    def of(cls, bouts: Bouts, other: NDArray[np.int64]) -> Won:
        """Of bouts, by producer and an `other` id of each bout."""
        if not len(bouts):
            return cls(np.zeros(0, np.int64), np.zeros((0, _COLUMNS), np.int64))
        keys, group = np.unique(bouts.producer * _ROOM + other, return_inverse=True)
        tasks, task = np.unique(bouts.task, return_inverse=True)
        cells, cell = np.unique(group * tasks.size + task, return_inverse=True)
        won, n = (np.bincount(cell, column).astype(np.int64) for column in (_HALVES * bouts.won, bouts.n))
        votes = [np.bincount(group, column).astype(np.int64) for column in (bouts.wins, bouts.losses, bouts.ties)]
        return cls(keys, np.column_stack([ratio_sums(won, n, cells // tasks.size, keys.size), *votes]))

    @classmethod
    def total(cls, parts: Sequence[tuple[Won, int]]) -> Won:
        """The sums of all parts, each times 1 or -1."""
        known = np.concatenate([np.zeros(0, np.int64), *(part.keys for part, _ in parts)])
        keys, place = np.unique(known, return_inverse=True)
        sums = np.zeros((keys.size, _COLUMNS), np.int64)
        np.add.at(sums, place, np.concatenate([sums[:0], *(factor * part.sums for part, factor in parts)]))
        there = sums[:, SUMS.index("G")] > 0
        return cls(keys[there], sums[there])

    @property
    def producers(self) -> NDArray[np.int64]:
        """(g,) the producer of each key."""
        return self.keys // _ROOM

    def rates(self, producer: int) -> dict[int, WinRate]:
        """The win rates of a producer, by the other's id."""
        mine = slice(*np.searchsorted(self.keys, [producer * _ROOM, (producer + 1) * _ROOM]))
        return {key % _ROOM: _rate(sums) for key, sums in zip(self.keys[mine].tolist(), self.sums[mine], strict=True)}

    def overall(self) -> dict[int, WinRate]:
        """The win rate of each producer, where the others are such that no task is under two of them."""
        ids, place = np.unique(self.producers, return_inverse=True)
        sums = np.zeros((ids.size, _COLUMNS), np.int64)
        np.add.at(sums, place, self.sums)
        return {key: _rate(one) for key, one in zip(ids.tolist(), sums, strict=True)}


NOTHING_WON = WinRate("", "", undefined(NEVER_COMPARED), 0, 0, 0)


def _rate(sums: NDArray[np.int64]) -> WinRate:
    wins, losses, ties = sums[len(SUMS) :].tolist()
    rate = ratio_of(sums[: len(SUMS)], n=int(sums[SUMS.index("G")]), unit=_HALVES)
    return WinRate("", "", rate, wins, losses, ties)


def against(campaign: int, board: Board) -> Won:
    """What was won in a campaign, by opponent."""
    return _won(campaign, board, "opponent")


def in_domains(campaign: int, board: Board) -> Won:
    """What was won in a campaign, by domain: 0 stands for none."""
    return _won(campaign, board, "domain")


def _won(campaign: int, board: Board, name: str) -> Won:
    told = bouts_of(campaign, board)

    def of(bouts: Bouts) -> Won:
        return Won.of(bouts, getattr(bouts, name))

    def corrected() -> Won:
        base = board.base.once(("won", name), lambda: of(told.base))
        return Won.total([(base, 1), (of(told.gone), -1), (of(told.now), 1)])

    return board.once(("won", name), corrected)
