"""The ranking of each item that its annotators' rankings add up to, with ties kept and cycles reported.

Votes are counted pair by pair, each with its annotator's weight, so that rankings of different completions of one item
add up. "borda" gives a completion the share of its weighted comparisons that it wins, a tie counted half: with complete
rankings this is Borda's count over its maximum (Borda 1784; Young 1974, "An axiomatization of Borda's rule"), and with
partial ones nobody gains by being shown more often. "bradley_terry" fits strengths (Bradley and Terry 1952) by maximum
likelihood with a normal prior of variance 1/RIDGE (ties half a win each), and gives a completion the mean probability
to beat another of its item: it uses against whom a completion won, which matters when people saw different ones.

Ties: scores are equal when they differ by at most TOLERANCE from the best of their rank. With two completions the
difference is the weighted margin over the weight, so votes that all but balance make a tie: nothing in them says who
is better. A tie is broken only by `strict_order`, at random, because an index may be correlated with quality: breaking
ties by it cost up to 3 points of accuracy in real data.

Cycles: A beats B when the weighted votes for it outweigh those against it by more than TOLERANCE of their weight. Where
A beats B, B beats C and C beats A (Condorcet 1785), the scores still give a ranking, but it overrides a majority;
`in_cycle` says where. A judgement that says "cannot be ranked" gives no rows, and so no vote.

Which rule matters little next to the weights (simulated: a point against 3 to 4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotate.quality import consensus_kernels as kernels
from annotate.quality.table import RankingTable, TableError

TOLERANCE = 0.05
RIDGE = 0.5
Method = Literal["borda", "bradley_terry"]


@dataclass(frozen=True, eq=False)
class Ballots:
    """What `consensus` reads of a RankingTable, for whoever has the columns at hand: (rows,) sorted by item, then
    annotator, with completions counted within their item; labels are what the codes stand for."""

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    completion: NDArray[np.int64]
    rank: NDArray[np.int64]
    item_labels: NDArray
    annotator_labels: NDArray


@dataclass(frozen=True, eq=False)
class PairVotes:
    """One row for each two completions of an item, sorted by item, first, second; also those that nobody compared."""

    item: NDArray[np.int64]
    first: NDArray[np.int64]
    """Codes of completions within their item, as in the table; first < second."""
    second: NDArray[np.int64]
    votes: NDArray[np.int64]
    """(pairs, 3): who prefers the first, who ties them, who prefers the second; each person counts 1."""
    margin: NDArray[np.float64]
    """Weight for the first less weight for the second, in the unit of the weights that were given."""
    weight: NDArray[np.float64]
    """Weight of all votes, ties included."""

    @property
    def contest(self) -> NDArray[np.float64]:
        """(pairs,) twice the share of votes of the smaller side: 0 nobody dissents, 1 as many for each. Unweighted."""
        n = self.votes.sum(axis=1)
        smaller = np.minimum(self.votes[:, 0], self.votes[:, 2])
        return np.divide(2.0 * smaller, n, out=np.zeros(n.size), where=n > 0)


@dataclass(frozen=True, eq=False)
class Consensus:
    """One row for each completion of each item, sorted by item, then completion, coded as in the table."""

    item: NDArray[np.int64]
    completion: NDArray[np.int64]
    score: NDArray[np.float64]
    """0 to 1: the share of the others that it beats; 1/2 where nothing is known."""
    rank: NDArray[np.int64]
    """1 = best, 2, 3, ...; equal ranks are ties."""
    in_cycle: NDArray[np.bool_]
    pairs: PairVotes
    item_labels: NDArray
    """(items,)"""
    n_rankings: NDArray[np.int64]
    """(items,) rankings that were counted."""

    @cached_property
    def cyclic(self) -> NDArray[np.bool_]:
        """(items,) whether the majorities of an item contradict each other."""
        return np.bincount(self.item, self.in_cycle, minlength=self.item_labels.size) > 0

    @cached_property
    def contest(self) -> NDArray[np.float64]:
        """(items,) the mean over an item's pairs of how evenly its votes are split: 0 not at all, 1 all in halves."""
        n_pairs = np.bincount(self.pairs.item, minlength=self.item_labels.size)
        total = np.bincount(self.pairs.item, self.pairs.contest, minlength=self.item_labels.size)
        return total / np.maximum(n_pairs, 1)

    @cached_property
    def most_contested(self) -> NDArray[np.int64]:
        """(items,) the items, those of the highest contest first, equal ones in the order of the table."""
        return np.argsort(-np.round(self.contest, 9), kind="stable")


def consensus(
    table: RankingTable | Ballots,
    weights: ArrayLike | None = None,
    *,
    method: Method = "borda",
    tolerance: float = TOLERANCE,
    ridge: float = RIDGE,
) -> Consensus:
    """The consensus of each item of a table.

    `weights` (annotators,) >= 0 are what the annotators' votes weigh, in the order of `table.annotator_labels`; their
    unit does not matter. `ridge` is what Bradley-Terry's prior weighs, in votes of mean weight. An item whose votes all
    weigh 0 is one big tie. Raises TableError for weights that do not fit, ValueError for another method.
    """
    weight, unit = _unit_weights(table, weights)
    size = _sizes(table)
    first_row, first_pair = _firsts(size), _firsts(size * (size - 1) // 2)
    votes, margin, total = kernels.count_votes(
        table.item, table.annotator, table.completion, table.rank, weight, size, first_pair
    )
    shape = (size, first_row, first_pair, margin, total)
    if method == "borda":
        score = kernels.borda(*shape)
    elif method == "bradley_terry":
        score = kernels.bradley_terry(*shape, float(ridge))
    else:
        raise ValueError(f"There is no method {method!r}; there are borda and bradley_terry.")
    item = np.repeat(np.arange(size.size), size)
    first, second, of = _pairs(size, first_pair)
    starts = np.ones(table.item.size, np.bool_)
    starts[1:] = (table.item[1:] != table.item[:-1]) | (table.annotator[1:] != table.annotator[:-1])
    return Consensus(
        item=item,
        completion=np.arange(item.size) - first_row[item],
        score=score,
        rank=kernels.ranks_with_ties(size, first_row, score, float(tolerance)),
        in_cycle=kernels.in_cycle(*shape, float(tolerance)),
        pairs=PairVotes(of, first, second, votes, margin * unit, total * unit),
        item_labels=table.item_labels,
        n_rankings=np.bincount(table.item[starts], minlength=size.size),
    )


@dataclass(frozen=True, eq=False)
class Contests:
    """What a list of items shows of each one's consensus, (items,): see `Consensus`."""

    n_rankings: NDArray[np.int64]
    contest: NDArray[np.float64]
    cyclic: NDArray[np.bool_]


def contests(starts: NDArray, ranks: NDArray, weight: NDArray, *, tolerance: float = TOLERANCE) -> Contests:
    """How contested items are, for whoever has judgements (n,) as rows sorted by item; item i is from starts[i] on.

    `ranks` (n, K) hold the rank of each completion, 0 where it was not ranked; `weight` (n,) is what each judgement
    weighs, in any unit. `starts` is (items + 1,). A tenth of what `consensus` takes.
    """
    return Contests(*kernels.contests(starts, ranks, np.asarray(weight, float), float(tolerance)))


def strict_order(found: Consensus, *, seed: int = 0) -> NDArray[np.int64]:
    """(rows,) places 1, 2, 3, ... of each item without ties, which are broken at random.

    The chance rests on the seed, the item's label and the completion alone: the same on every machine, in any table.
    """
    keys = np.array([_key(label, seed) for label in found.item_labels.tolist()], np.uint64)
    chance = _scrambled(keys[found.item] + found.completion.astype(np.uint64))
    order = np.lexsort((chance, found.rank, found.item))
    place = np.empty(order.size, np.int64)
    firsts = np.searchsorted(found.item, found.item)
    place[order] = np.arange(order.size) - firsts[order] + 1
    return place


def _unit_weights(table: RankingTable | Ballots, weights: ArrayLike | None) -> tuple[NDArray[np.float64], float]:
    """(annotators,) weights over the mean of those that are not 0, and that mean."""
    n = table.annotator_labels.size
    if weights is None:
        return np.ones(n), 1.0
    weight = np.asarray(weights, dtype=float)
    if weight.shape != (n,) or not np.all(np.isfinite(weight) & (weight >= 0)):
        raise TableError(f"There are {n} annotators: give each a weight, a number from 0.")
    unit = float(weight[weight > 0].mean()) if weight.any() else 1.0
    return weight / unit, unit


def _sizes(table: RankingTable | Ballots) -> NDArray[np.int64]:
    """(items,) how many completions of each item were ranked by somebody."""
    size = np.zeros(table.item_labels.size, np.int64)
    np.maximum.at(size, table.item, table.completion + 1)
    return size


def _firsts(sizes: NDArray) -> NDArray[np.int64]:
    """(n + 1,) where each of n blocks begins, and the end."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _pairs(size: NDArray, first_pair: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """(pairs,) first, second and item of all pairs."""
    first, second = np.empty(first_pair[-1], np.int64), np.empty(first_pair[-1], np.int64)
    for k in np.unique(size[size > 1]):
        one, other = np.triu_indices(k, 1)
        at = first_pair[:-1][size == k][:, None] + np.arange(one.size)
        first[at], second[at] = one, other
    return first, second, np.repeat(np.arange(size.size), np.diff(first_pair))


def _key(label: Hashable, seed: int) -> int:
    """A number that stands for an item."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{label}".encode(), digest_size=8).digest(), "little")


def _scrambled(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of each key (splitmix64: Steele, Lea and Flood 2014)."""
    mixed = keys * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def strict_pairs(ranks: NDArray) -> NDArray[np.int64]:
    """(n,) how many pairs of completions each judgement puts in an order, ties left out; `ranks` as in `contests`."""
    found = np.zeros(ranks.shape[0], np.int64)
    columns = [np.ascontiguousarray(column) for column in ranks.T if column.any()]
    for one, other in combinations(columns, 2):
        found += (one != other) & (one > 0) & (other > 0)
    return found
