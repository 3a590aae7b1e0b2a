"""Rankings in the order in which their texts were shown, as the comparisons that `bias.py` takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from annotate.quality.bias import Bias, annotator_bias, ranking_weight
from annotate.quality.intervals import Estimate, clustered_proportion, undefined


@dataclass(frozen=True, eq=False)
class ShownRankings:
    """Rankings (n,) of up to `width` texts; the columns of `rank` and `text` are places in the order shown."""

    annotator: NDArray[np.int64]
    rank: NDArray[np.int64]
    """(n, width), 1 = best; 0 where nothing was shown or ranked."""
    text: NDArray[np.int64]
    """(n, width) rows of `features`; whatever where rank is 0."""
    features: NDArray[np.float64]
    """(texts, F)"""

    def __len__(self) -> int:
        return self.annotator.size

    @cached_property
    def k(self) -> NDArray[np.int64]:
        """(n,) how many texts a ranking ranks."""
        return (self.rank > 0).sum(axis=1)

    @cached_property
    def as_shown(self) -> NDArray[np.bool_]:
        """(n,) whether a ranking says strictly the order shown."""
        rising = (self.rank[:, 1:] > self.rank[:, :-1]) | (self.rank[:, 1:] == 0)
        return rising.all(axis=1) & (self.k > 1)

    def pairs(self) -> Pairs:
        """Every two texts of every ranking, the one shown earlier as the left one."""
        parts = []
        for left, right in combinations(range(self.rank.shape[1]), 2):
            both = np.flatnonzero((self.rank[:, left] > 0) & (self.rank[:, right] > 0))
            parts.append(np.stack([both, np.full(both.size, left), np.full(both.size, right)]))
        ranking, left, right = np.concatenate(parts, axis=1) if parts else np.zeros((3, 0), np.int64)
        return Pairs(self, ranking, left, right)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Comparisons (n,): of which ranking, and the places of the left and of the right text in it."""

    of: ShownRankings
    ranking: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]

    @property
    def outcome(self) -> NDArray[np.float64]:
        """(n,) 1 where the left text is preferred, 0 where the right one is, 0.5 for a tie."""
        return preferences(self.of.rank[self.ranking, self.left], self.of.rank[self.ranking, self.right])

    def bias(self, names: tuple[str, ...], quality: NDArray | None = None) -> Bias:
        """The coefficients of everybody; `quality` (n,) left minus right."""
        text, features = self.of.text, self.of.features
        difference = features[text[self.ranking, self.left]] - features[text[self.ranking, self.right]]
        return annotator_bias(
            self.of.annotator[self.ranking],
            self.outcome,
            difference,
            names=names,
            quality=quality,
            weights=ranking_weight(self.of.k[self.ranking]),
        )

    def take(self, chosen: NDArray) -> Pairs:
        """The comparisons that a mask names."""
        return Pairs(self.of, self.ranking[chosen], self.left[chosen], self.right[chosen])

    def right_share(self, outcome: NDArray, reason: str) -> Estimate:
        """How often the outcome is the known one (n,), a tie counting half; clustered by annotator, n comparisons."""
        if not self.ranking.size:
            return undefined(reason)
        share = 1 - np.abs(self.outcome - outcome)
        found = clustered_proportion(share, self.of.annotator[self.ranking].tolist())
        return Estimate(found.value, found.lo, found.hi, self.ranking.size, found.reason)


def preferences(left: NDArray, right: NDArray) -> NDArray[np.float64]:
    """Outcomes of ranks, 1 = best: 1 where the left one is better, 0 where the right one is, else 0.5."""
    return (1 + np.sign(right - left)) / 2
