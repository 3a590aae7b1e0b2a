"""Rankings as bits: one bit for each two completions of an item says which is better.

A *unit* is a pair of completions first < second of one item, numbered second (second - 1) / 2 + first, so that one more
completion renumbers nothing. Each judgement has its units as 64-bit words, and agreement of two judgements is a few
ANDs and bit counts. An item of up to 11 completions is one word; of a larger one only words with a bit are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

_ONE_WORD = 11
"""Completions whose 55 pairs fit into a word."""


@dataclass(frozen=True, eq=False)
class Votes:
    """The words of all judgements; those of judgement j are start[j] to start[j + 1], sorted by their number."""

    start: NDArray[np.int64]
    """(judgements + 1,)"""
    number: NDArray[np.int32]
    """(words,) which word of its item; numbers have no gaps in an item, so counters by number stay small."""
    better: NDArray[np.uint64]
    """(words,) units whose first completion is preferred."""
    worse: NDArray[np.uint64]
    """(words,) units whose second completion is preferred."""
    tied: NDArray[np.uint64]
    """(words,)"""
    net: NDArray[np.int32]
    """(rows,) completions ranked behind this one by the same judgement, less those ranked before it."""

    def merged(self, other: Votes, merge: Callable, of_item: tuple, of_row: tuple) -> Votes:
        """Spliced as the tables they belong to; `merge` does that for a column, `of_item` are the items' judgements."""
        of_word = self.start[of_item[0]], other.start[of_item[1]]
        sizes = merge(np.diff(self.start), np.diff(other.start), *of_item)
        return Votes(
            start=np.concatenate([[0], np.cumsum(sizes)]),
            net=merge(self.net, other.net, *of_row),
            **{
                name: merge(getattr(self, name), getattr(other, name), *of_word)
                for name in ("number", "better", "worse", "tied")
            },
        )


def encode(item: NDArray, row_start: NDArray, completion: NDArray, rank: NDArray) -> Votes:
    """The words of judgements (n,) of sorted items, whose rows (sorted by completion) begin at `row_start` (n + 1,)."""
    sizes = np.diff(row_start)
    narrow = completion[row_start[1:] - 1] < _ONE_WORD
    wide = np.flatnonzero(~narrow)
    net = np.zeros(rank.size, np.int32)
    number, owner, words = _wide_words(item, wide, row_start, completion, rank, net)
    counts = narrow.astype(np.int64)
    counts[wide] = np.bincount(np.searchsorted(wide, owner), minlength=wide.size)
    start = np.concatenate([[0], np.cumsum(counts)])
    columns = np.zeros((3, start[-1]), np.uint64)
    numbers = np.zeros(start[-1], np.int32)
    places = stretches(start[wide], counts[wide])
    columns[:, places], numbers[places] = words, number
    for size in np.unique(sizes[narrow & (sizes > 1)]).tolist():
        mine = np.flatnonzero(narrow & (sizes == size))
        columns[:, start[mine]] = _narrow_words(row_start[mine], size, completion, rank, net)
    better, worse, tied = columns
    return Votes(start=start, number=numbers, better=better, worse=worse, tied=tied, net=net)


def _narrow_words(first: NDArray, size: int, completion: NDArray, rank: NDArray, net: NDArray) -> NDArray[np.uint64]:
    """(3, n) one word each of the judgements whose `size` rows begin at `first` (n,); writes their `net`."""
    words = np.zeros((3, first.size), np.uint64)
    codes = [completion[first + place].astype(np.uint64) for place in range(size)]
    ranks = [rank[first + place] for place in range(size)]
    nets = np.zeros((size, first.size), np.int32)
    one = np.uint64(1)
    for left, right in combinations(range(size), 2):
        bit = one << (codes[right] * (codes[right] - one) // np.uint64(2) + codes[left])
        wins, loses = ranks[left] < ranks[right], ranks[left] > ranks[right]
        words[0] |= bit * wins
        words[1] |= bit * loses
        words[2] |= bit * ~(wins | loses)
        ahead = wins.astype(np.int32) - loses
        nets[left] += ahead
        nets[right] -= ahead
    for place in range(size):
        net[first + place] = nets[place]
    return words


def _wide_words(
    item: NDArray, wide: NDArray, row_start: NDArray, completion: NDArray, rank: NDArray, net: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Numbers (words,), judgements (words,) and words (3, words) of the judgements `wide`; writes their `net`."""
    if not wide.size:
        return np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros((3, 0), np.uint64)
    sizes = np.diff(row_start)[wide]
    first, second, judgement = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for size in np.unique(sizes[sizes > 1]).tolist():
        left, right = np.triu_indices(size, 1)
        mine = wide[sizes == size]
        base = row_start[mine][:, None]
        first.append((base + left).ravel())
        second.append((base + right).ravel())
        judgement.append(np.repeat(mine, left.size))
    one, other, owner = np.concatenate(first), np.concatenate(second), np.concatenate(judgement)
    sign = np.sign(rank[other] - rank[one])
    net += np.bincount(one, sign, minlength=net.size).astype(np.int32)
    net -= np.bincount(other, sign, minlength=net.size).astype(np.int32)
    unit = completion[other].astype(np.int64) * (completion[other] - 1) // 2 + completion[one]
    order = np.lexsort((unit, owner))
    owner, unit, sign = owner[order], unit[order], sign[order]
    starts = runs(owner, unit // 64)
    if not starts.size:
        return np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros((3, 0), np.uint64)
    bit = np.uint64(1) << (unit % 64).astype(np.uint64)
    words = np.stack([np.bitwise_or.reduceat(bit * (sign == said), starts) for said in (1, -1, 0)])
    return _numbered(item[owner[starts]], unit[starts] // 64), owner[starts], words


def _numbered(item: NDArray, word: NDArray) -> NDArray[np.int32]:
    """Words counted 0, 1, 2, ... anew in each item, word 0 being 0 as it is for narrow judgements of the same item."""
    width = int(word.max(initial=0)) + 1
    items = np.unique(item).astype(np.int64)
    keys = np.unique(np.concatenate([item * np.int64(width) + word, items * width]))
    of_item = np.searchsorted(keys, item * np.int64(width))
    return (np.searchsorted(keys, item * np.int64(width) + word) - of_item).astype(np.int32)


def runs(*columns: NDArray) -> NDArray[np.int64]:
    """Where each run of equal rows begins in columns (n,) that are sorted together."""
    if not columns[0].size:
        return np.zeros(0, np.int64)
    changed = np.zeros(columns[0].size, bool)
    changed[0] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(changed)


def stretches(first: NDArray, sizes: NDArray) -> NDArray[np.int64]:
    """first[0], first[0] + 1, ... (sizes[0] of them), then first[1], ...: the places of runs laid end to end."""
    ends = np.cumsum(sizes)
    return np.repeat(first - (ends - sizes), sizes) + np.arange(ends[-1] if ends.size else 0)
