"""What each ranking weighs in a snapshot, and how sure all votes together make each of its pairs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from annotate.quality.weights import Weights, equal_weights, export_weights, soft_posterior
from training.exporting import DIGITS, Sureness


@dataclass(frozen=True, eq=False)
class Votes:
    """Everybody's votes on the pairs of completions of each task, one row for a pair, sorted by task, first, second."""

    task: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    """Ids of completions; first < second."""
    margin: NDArray[np.float64]
    """Weights of the votes for the first, less those for the second."""
    n: NDArray[np.int64]
    """Votes, ties included."""
    annotators: NDArray[np.int64]
    """(annotators,) ids, sorted."""
    n_pairs: NDArray[np.int64]
    """(annotators,) strict pairs: the comparisons that they give."""
    weights: Weights

    @classmethod
    def of(cls, rows: NDArray[np.int64], accuracy: Mapping[int, float] | None) -> Votes:
        """Votes from `rows` (n, 5): judgement, annotator, task, completion and rank, of judgements that count.

        `accuracy` has a number in [0, 1) for each annotator; None where nothing is known of anybody.
        """
        rows = rows[np.lexsort((rows[:, 3], rows[:, 0]))]
        one, other = _pairs(rows[:, 0])
        sign = np.sign(rows[other, 4] - rows[one, 4])
        annotators, who = np.unique(rows[:, 1], return_inverse=True)
        n_pairs = np.bincount(who[one][sign != 0], minlength=annotators.size)
        if accuracy is None:
            weights = equal_weights(annotators.size)
        else:
            weights = export_weights([accuracy[annotator] for annotator in annotators.tolist()], n_pairs)
        order = np.lexsort((rows[other, 3], rows[one, 3], rows[one, 2]))
        one, other, sign = one[order], other[order], sign[order]
        task, first, second = rows[one, 2], rows[one, 3], rows[other, 3]
        starts = _starts(task, first, second)
        margin = sign * weights.weight[who[one]]
        return cls(
            task=task[starts],
            first=first[starts],
            second=second[starts],
            margin=np.add.reduceat(margin, starts) if starts.size else margin,
            n=np.diff(np.append(starts, task.size)),
            annotators=annotators,
            n_pairs=n_pairs,
            weights=weights,
        )

    def weight(self, annotator: int) -> float:
        """What a ranking of an annotator weighs."""
        place = np.searchsorted(self.annotators, annotator)
        return round(float(self.weights.weight[place]), DIGITS)

    def sureness(self, task: int, completions: Sequence[int]) -> tuple[Sureness, ...]:
        """How sure each pair of these completions of a task is, in the order of `combinations`; ids are ascending."""
        start, end = np.searchsorted(self.task, [task, task + 1])
        chances = soft_posterior(self.margin[start:end], self.weights.scale).tolist()
        pairs = zip(self.first[start:end].tolist(), self.second[start:end].tolist(), strict=True)
        found = dict(zip(pairs, zip(chances, self.n[start:end].tolist(), strict=True), strict=True))
        return tuple(Sureness(*found[pair]) for pair in combinations(completions, 2))

    def together(self, annotators: Sequence[int]) -> float:
        """What the rankings of these annotators weigh together, but not less than one vote."""
        return round(max(1.0, sum(map(self.weight, annotators))), DIGITS)

    def decided(self, weight: float, ranks: Sequence[int], n_votes: int) -> tuple[Sureness, ...]:
        """How sure a decision for these ranks makes each pair, in the order of `combinations`, if it weighs so much.

        Where nobody is better than chance on gold, the expert is taken for what annotators are without any gold.
        """
        margin = weight * np.array([np.sign(other - one) for one, other in combinations(ranks, 2)])
        scale = self.weights.scale or equal_weights(0).scale
        return tuple(Sureness(chance, n_votes) for chance in soft_posterior(margin, scale).tolist())

    @property
    def of_one(self) -> Sureness:
        """How sure a single vote of weight 1 makes a pair."""
        return Sureness(float(soft_posterior(1.0, self.weights.scale)), 1)


def _pairs(judgement: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of rows one < other of the same judgement; `judgement` (n,) is sorted."""
    starts = _starts(judgement)
    sizes = np.diff(np.append(starts, judgement.size))
    ones, others = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for size in np.unique(sizes):
        one, other = np.triu_indices(size, 1)
        base = starts[sizes == size][:, None]
        ones.append((base + one).ravel())
        others.append((base + other).ravel())
    return np.concatenate(ones), np.concatenate(others)


def _starts(*columns: NDArray) -> NDArray[np.int64]:
    """Where each run of equal rows begins, in columns (n,) that are sorted together."""
    if not columns[0].size:
        return np.zeros(0, np.int64)
    changed = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.flatnonzero(np.concatenate([[True], changed]))
